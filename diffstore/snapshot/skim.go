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
	b := v.batch
	v.base.aim(probes, b)
	v.base.refine(probes, b)
	for i := range probes {
		p := &probes[i]
		p.Near = v.base.nearest(p, uint64(b.lo[i]), uint64(b.hi[i]), uint64(b.at[i]))
		same[i] = p.Near > 0 && v.skimOne(p)
	}
}

// aim finds the records among which each probe's is, by the directory, and guesses which it is.
func (g *generation) aim(probes []diffstore.Probe, b *batch) {
	dir, shift, keyBits := g.keyDir, g.keyShift&63, g.keyBits&63
	for i := range probes {
		h := prefix(probes[i].Key)
		pair := binary.LittleEndian.Uint64(dir[4*(h>>shift):])
		hi := min(pair>>32, g.rows)
		lo := min(pair&(1<<32-1), hi)
		b.lo[i], b.hi[i] = uint32(lo), uint32(hi)
		b.at[i] = uint32(min(lo+(h<<keyBits>>32)*(hi-lo)>>32, max(g.rows, 1)-1))
	}
}

// refine looks at each guess, and makes a better one of how far off its hash is: hashes are spread evenly. Then it looks
// there too, and goes one further where that is near. What a guess ends at need not be within its bounds.
func (g *generation) refine(probes []diffstore.Probe, b *batch) {
	if g.rows == 0 {
		return
	}
	last := int64(g.rows) - 1
	for i := range probes {
		off := int64(prefix(probes[i].Key)&hashMask) - int64(g.hashAt(uint64(b.at[i])))
		at := int64(b.at[i]) + ((off>>16)*int64(g.rows)+1<<47)>>48
		b.at[i] = uint32(min(max(at, int64(b.lo[i])), int64(max(b.hi[i], b.lo[i]+1))-1, last))
	}
	for i := range probes {
		off := int64(prefix(probes[i].Key)&hashMask) - int64(g.hashAt(uint64(b.at[i])))
		b.at[i] += uint32((-off)>>63) & 1    // 1 where the probe is behind
		b.at[i] -= uint32(uint64(off) >> 63) // 1 where it is before
	}
}

// nearest returns one more than the number of a record that has the hash of a probe, or 0 if there is none.
func (g *generation) nearest(p *diffstore.Probe, lo, hi, at uint64) uint32 {
	want := prefix(p.Key) & hashMask
	if lo >= hi {
		return 0
	}
	at = max(min(at, hi-1), lo)
	have := g.hashAt(at)
	for have > want && at > lo {
		at--
		have = g.hashAt(at)
	}
	for have < want && at+1 < hi {
		at++
		have = g.hashAt(at)
	}
	if have != want {
		return 0
	}
	return uint32(at) + 1
}

func (v *view) skimOne(p *diffstore.Probe) bool {
	g, at := v.base, uint64(p.Near)-1
	source := p.Source & sourceMask
	// Of keys that share a hash none is plain, so that any of them will do.
	if source == 0 || g.sourceAt(at) != source || g.markAt(at)&1 != 0 {
		return false
	}
	word, bit := at/64, uint64(1)<<(at%64)
	if (v.over[word]|v.seen.marks[word])&bit != 0 {
		return false
	}
	v.seen.marks[word] |= bit // a verdict page has Same here
	return true
}
