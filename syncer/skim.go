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

	*arena // that is at hand
	probes []diffstore.Probe
	same   []bool
	key    []byte
	twins  twins

	row    int   // the packed row whose key is being read
	due    []int // the rows of the arena that are handed on
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
	k := &skim{
		stager: st, rows: packer, skimmer: skimmer,
		probes: make([]diffstore.Probe, 0, chunkRows), same: make([]bool, chunkRows),
		due: make([]int, 0, chunkRows),
	}
	var err error
	if k.render, err = newRenderer(st, packer, skimmer); err != nil {
		return nil, ofState(err)
	}
	fingerprint := m.Fingerprint()
	sum := sha256.Sum256(append(fingerprint[:], packer.Pack(m.Columns())...))
	copy(k.prefix[:], sum[:])
	return k, nil
}

// read reads the model to its proven end. While many rows are rendered, the next ones are read; to hand them from one
// processor to another costs more than it brings where few are.
func (k *skim) read(ctx context.Context) error {
	parts, err := k.skimmer.Parts(ctx)
	if err != nil {
		return ofState(fmt.Errorf("open the snapshot: %w", err))
	}
	if parts > 1 {
		return k.readParts(ctx, parts)
	}
	reading, cancel := context.WithCancel(ctx)
	ahead := newAhead(k.rows, k.prefix[:])
	defer ahead.wait()
	defer cancel()
	k.arena = newArena()
	for {
		k.arena = ahead.next(reading, k.arena)
		if k.err != nil && !errors.Is(k.err, io.EOF) {
			return k.stager.sourceError(k.err)
		}
		if k.err == nil && len(k.due) > chunkRows/8 {
			ahead.begin(reading)
		}
		if failed := k.empty(ctx); failed != nil {
			return failed
		}
		if k.err != nil {
			return nil
		}
	}
}

// probe makes the probes of the rows whose key has a text.
func (k *skim) probe() {
	k.probes = k.probes[:0]
	k.twins.clear()
	mapping := k.stager.route.mapping
	for n := range k.packed {
		k.row = n
		p := &k.packed[n]
		var ok bool
		if k.key, ok = mapping.AppendKey(k.key[:0], k); !ok {
			continue
		}
		p.source, p.probe = k.skimmer.SumSource(k.bytes[p.from-len(k.prefix):p.to]), len(k.probes)
		p.key = k.skimmer.HashKey(k.key)
		k.probes = append(k.probes, diffstore.Probe{Key: p.key, Source: p.source})
	}
}

// AppendKeyText implements mappings.KeyTexts for the row at hand. The key's columns come first among those that were
// chosen.
func (k *skim) AppendKeyText(dst []byte, n int) ([]byte, bool) {
	p := &k.packed[k.row]
	return k.rows.Text(dst, k.bytes[p.from:p.to], n)
}

// empty counts the rows of the arena that are the same, and hands the others on.
func (k *skim) empty(ctx context.Context) error {
	k.probe()
	k.withdrawTwins()
	same := k.same[:len(k.probes)]
	if err := k.skimmer.Skim(ctx, k.probes, same); err != nil {
		return fmt.Errorf("compare with the snapshot: %w", err)
	}
	k.due = k.due[:0]
	for i := range k.packed {
		if p := &k.packed[i]; p.probe < 0 || !same[p.probe] {
			k.due = append(k.due, i)
		}
	}
	known := int64(len(k.packed) - len(k.due))
	k.stager.tally.counts.Source += known
	k.stager.tally.counts.Same += known
	if err := k.hand(ctx); err != nil {
		return err
	}
	return k.stager.compare(ctx)
}

// hand hands on the rows that are due.
func (k *skim) hand(ctx context.Context) error {
	rendered := k.render.all(len(k.due), func(i int) []byte {
		p := &k.packed[k.due[i]]
		return k.bytes[p.from:p.to]
	})
	for i, at := range k.due {
		p, r := &k.packed[at], &rendered[i]
		if r.unread != nil {
			return k.stager.sourceError(fmt.Errorf("row %d, %w", p.number, r.unread))
		}
		if err := k.stager.take(ctx, r, diffstore.Entry{Hash: p.key, Source: p.source}, p.number); err != nil {
			return err
		}
		if r.failed != nil {
			r.record.Shrink()
		}
	}
	return nil
}

// withdrawTwins takes back the probes of keys that stand twice in the arena. They are compared in their order, for what
// becomes of the second depends on the first.
func (k *skim) withdrawTwins() {
	if !k.twins.any(k.probes) {
		return
	}
	kept := k.probes[:0]
	for i := range k.packed {
		p := &k.packed[i]
		if p.probe < 0 {
			continue
		}
		probe := k.probes[p.probe]
		if p.probe = -1; !k.twins.has(probe.Key) {
			p.probe = len(kept)
			kept = append(kept, probe)
		}
	}
	k.probes = kept
}
