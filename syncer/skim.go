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
	prefix  [16]byte // stands before each row of the arena

	arena  []byte
	packed []packedRow
	probes []diffstore.Probe
	same   []bool
	key    []byte
	twins  twins

	row int // the packed row whose key is being read
}

// packedRow is one row of the arena.
type packedRow struct {
	from, to int    // its packed form
	probe    int    // its place among the probes, or -1 where its key is not known
	source   uint64 // its sum, 0 where it is not known
}

// newSkim returns nil where warehouse, snapshot or key cannot do it.
func newSkim(st *stager, rows warehouse.Rows) *skim {
	packer, packs := rows.(warehouse.Packer)
	skimmer, skims := st.view.(diffstore.Skimmer)
	m := st.route.mapping
	if !packs || !skims || !m.HasTextKey() {
		return nil
	}
	k := &skim{
		stager: st, rows: packer, skimmer: skimmer,
		packed: make([]packedRow, 0, chunkRows), probes: make([]diffstore.Probe, 0, chunkRows), same: make([]bool, chunkRows),
	}
	fingerprint := m.Fingerprint()
	sum := sha256.Sum256(append(fingerprint[:], packer.Pack(m.Columns())...))
	copy(k.prefix[:], sum[:])
	return k
}

// read reads the model to its proven end.
func (k *skim) read(ctx context.Context) error {
	for {
		err := k.fill(ctx)
		if err != nil && !errors.Is(err, io.EOF) {
			return k.stager.sourceError(err)
		}
		if failed := k.empty(ctx); failed != nil {
			return failed
		}
		if err != nil {
			return k.stager.compare(ctx)
		}
	}
}

// fill reads a chunk of rows into the arena.
func (k *skim) fill(ctx context.Context) (err error) {
	k.arena, k.packed, k.probes = k.arena[:0], k.packed[:0], k.probes[:0]
	k.twins.clear()
	for len(k.packed) < chunkRows && err == nil {
		start := len(k.arena)
		k.arena = append(k.arena, k.prefix[:]...)
		from := len(k.arena)
		if k.arena, err = k.rows.NextPacked(ctx, k.arena); err != nil {
			break
		}
		k.packed = append(k.packed, packedRow{from: from, to: len(k.arena), probe: -1})
		k.probe(len(k.packed)-1, k.arena[start:])
	}
	return err
}

// probe makes the probe of a row, if its key has a text. Summed is the row behind its prefix.
func (k *skim) probe(row int, summed []byte) {
	k.row = row
	var ok bool
	if k.key, ok = k.stager.route.mapping.AppendKey(k.key[:0], k); !ok {
		return
	}
	p := &k.packed[row]
	p.source, p.probe = k.skimmer.SumSource(summed), len(k.probes)
	k.probes = append(k.probes, diffstore.Probe{Key: k.skimmer.HashKey(k.key), Source: p.source})
}

// AppendKeyText implements mappings.KeyTexts for the row at hand. The key's columns come first among those that were
// chosen.
func (k *skim) AppendKeyText(dst []byte, n int) ([]byte, bool) {
	p := &k.packed[k.row]
	return k.rows.Text(dst, k.arena[p.from:p.to], n)
}

// empty counts the rows of the arena that are the same, and hands the others on.
func (k *skim) empty(ctx context.Context) error {
	k.withdrawTwins()
	same := k.same[:len(k.probes)]
	if err := k.skimmer.Skim(ctx, k.probes, same); err != nil {
		return fmt.Errorf("compare with the snapshot: %w", err)
	}
	for i := range k.packed {
		p := &k.packed[i]
		if p.probe >= 0 && same[p.probe] {
			k.stager.tally.counts.Source++
			k.stager.tally.counts.Same++
			continue
		}
		row, err := k.rows.Unpack(k.arena[p.from:p.to])
		if err != nil {
			return k.stager.sourceError(fmt.Errorf("row %d, %w", k.stager.tally.counts.Source+1, err))
		}
		if err := k.stager.take(ctx, row, p.source); err != nil {
			return err
		}
	}
	return k.stager.compare(ctx)
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
