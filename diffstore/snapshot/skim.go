package snapshot

import (
	"context"
	"encoding/binary"

	"spillway/diffstore"
)

// batch is as many probes as are under way at a time. Each step is taken for all of them before the next, so that the
// processor waits for many places in memory at once.
type batch struct {
	lo, hi [batchSize]uint32
	at     [batchSize]uint32
}

const batchSize = 1024

// Skim implements diffstore.Skimmer.
func (v *view) Skim(ctx context.Context, probes []diffstore.Probe, same []bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return err
	}
	if v.base == nil {
		clear(same)
		return nil
	}
	if v.batch == nil {
		v.batch = &batch{}
	}
	for len(probes) > 0 {
		n := min(len(probes), batchSize)
		v.skim(probes[:n], same[:n])
		probes, same = probes[n:], same[n:]
	}
	return nil
}

func (v *view) skim(probes []diffstore.Probe, same []bool) {
	g, b := v.base, v.batch
	dir, shift, keyBits := g.keyDir, g.keyShift&63, g.keyBits&63
	for i := range probes {
		h := prefix(probes[i].Key)
		pair := binary.LittleEndian.Uint64(dir[4*(h>>shift):])
		b.hi[i] = uint32(min(pair>>32, g.rows))
		b.lo[i] = min(uint32(pair), b.hi[i])
	}
	for i := range probes {
		h := prefix(probes[i].Key)
		lo, hi := uint64(b.lo[i]), uint64(b.hi[i])
		at := lo + (h<<keyBits>>32)*(hi-lo)>>32
		b.at[i] = uint32(at)
		if at < hi && g.hashAt(at) > h&hashMask {
			b.at[i] = uint32(max(at, lo+1) - 1)
		}
	}
	for i := range probes {
		same[i] = v.skimOne(&probes[i], uint64(b.lo[i]), uint64(b.hi[i]), uint64(b.at[i]))
	}
}

func (v *view) skimOne(p *diffstore.Probe, lo, hi, at uint64) bool {
	g := v.base
	want := prefix(p.Key) & hashMask
	for at > lo && g.hashAt(at) > want {
		at--
	}
	for at < hi && g.hashAt(at) < want {
		at++
	}
	source := p.Source & sourceMask
	if at >= hi || g.hashAt(at) != want || source == 0 || g.sourceAt(at) != source || g.markAt(at)&1 != 0 {
		return false
	}
	word, bit := at/64, uint64(1)<<(at%64)
	if (v.over[word]|v.seen.marks[word])&bit != 0 {
		return false
	}
	v.seen.marks[word] |= bit // a verdict page has Same here
	return true
}
