package syncer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"spillway/diffstore"
	"spillway/warehouse"
)

// skim recognises rows that are as they were when their record was accepted by a sum over what was read, so that an
// unchanged row costs a hash and a look-up and is neither decoded nor rendered. It stands between the rows and the
// stager, and hands on whatever it does not recognise, in the order in which it came: what comes out of a run is the
// same with it and without it.
//
// The sum is over the mapping's fingerprint, the layout of the packed rows and the values, so that none of an earlier
// mapping or model is ever taken for one of the present.
type skim struct {
	stager  *stager
	rows    warehouse.Packer
	skimmer diffstore.Skimmer
	prefix  [16]byte // stands before each row of an arena

	same   []bool
	ahead  *ahead
	render *renderer
}

// newSkim returns nil where warehouse, snapshot or key cannot do it.
func newSkim(st *stager, rows warehouse.Rows) (*skim, error) {
	packer, packs := rows.(warehouse.Packer)
	skimmer, skims := st.view.(diffstore.Skimmer)
	m := st.route.mapping
	if !packs || !skims || !m.HasTextKey() {
		return nil, nil //nolint:nilnil // to go without is meant
	}
	hash, err := skimmer.Hasher()
	if err != nil {
		return nil, ofState(err)
	}
	k := &skim{stager: st, rows: packer, skimmer: skimmer, same: make([]bool, chunkRows)}
	if k.render, err = newRenderer(st, packer, skimmer); err != nil {
		return nil, ofState(err)
	}
	fingerprint := m.Fingerprint()
	sum := sha256.Sum256(append(fingerprint[:], packer.Pack(m.Columns())...))
	copy(k.prefix[:], sum[:])
	k.ahead = newAhead(packer, k.prefix[:], m, hash)
	return k, nil
}

// read reads the model to its proven end.
func (k *skim) read(ctx context.Context) error {
	parts, err := k.skimmer.Parts(ctx)
	if err != nil {
		return ofState(fmt.Errorf("open the snapshot: %w", err))
	}
	defer k.render.stop()
	if parts > 1 {
		return k.readParts(ctx, parts)
	}
	return k.readOn(ctx)
}

// readOn takes the rows as they come. While many of them are rendered, the next ones are read, and those before are
// compared and staged; to hand them from one processor to another costs more than it brings where few are.
func (k *skim) readOn(ctx context.Context) error {
	reading, cancel := context.WithCancel(ctx)
	defer k.ahead.wait()
	defer cancel()
	var before *arena // of which many rows are due, and not compared yet
	for {
		a := k.ahead.next(reading)
		last := errors.Is(a.err, io.EOF)
		if a.err != nil && !last {
			return k.stager.sourceError(a.err)
		}
		if before != nil && !last {
			k.ahead.begin(reading)
		}
		if err := k.sift(ctx, a, before); err != nil {
			return err
		}
		k.render.begin(a)
		if before != nil {
			if err := k.finish(ctx, before); err != nil {
				return err
			}
			before = nil
		}
		if !last && len(a.due) >= manyRows {
			before = a
		} else if err := k.finish(ctx, a); err != nil || last {
			return err
		}
	}
}

// sift finds the rows of an arena that are not known to be the same. Those of the arena before, if there is one, are not
// compared yet.
func (k *skim) sift(ctx context.Context, a, before *arena) error {
	a.withdrawTwins(before)
	same := k.same[:len(a.probes)]
	if err := k.skimmer.Skim(ctx, a.probes, same); err != nil {
		return fmt.Errorf("compare with the snapshot: %w", err)
	}
	for i := range a.packed {
		if p := &a.packed[i]; p.probe < 0 || !same[p.probe] {
			a.due = append(a.due, i)
		}
	}
	return nil
}

// finish counts the rows of an arena that are the same, hands the others on, and gives the arena back.
func (k *skim) finish(ctx context.Context, a *arena) error {
	known := int64(len(a.packed) - len(a.due))
	k.stager.tally.counts.Source += known
	k.stager.tally.counts.Same += known
	k.render.finish(a)
	for i, at := range a.due {
		p, r := &a.packed[at], &a.out[i]
		e := diffstore.Entry{Hash: p.key, Source: p.source}
		if p.probe >= 0 {
			e.Near = a.probes[p.probe].Near
		}
		if r.unread != nil {
			return k.stager.sourceError(fmt.Errorf("row %d, %w", p.number, r.unread))
		}
		if err := k.stager.take(ctx, r, e, p.number); err != nil {
			return err
		}
		if r.failed != nil {
			r.shrink()
		}
	}
	if err := k.stager.compare(ctx); err != nil {
		return err
	}
	k.ahead.give(a)
	return nil
}

// takeAll sifts the rows of an arena and finishes them.
func (k *skim) takeAll(ctx context.Context, a *arena) error {
	if err := k.sift(ctx, a, nil); err != nil {
		return err
	}
	k.render.begin(a)
	return k.finish(ctx, a)
}
