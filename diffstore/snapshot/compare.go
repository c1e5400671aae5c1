package snapshot

import (
	"context"
	"unsafe"

	"spillway/diffstore"
)

// comparison is what Compare needs for a batch of entries. Each step is taken for many of them before the next, so that
// the processor waits for many places in memory at once.
type comparison struct {
	*batch
	keys   [batchSize]diffstore.Probe
	sought [batchSize]diffstore.Probe // the keys of which it is not known where they are
	rest   []int                      // their entries
	aimed  batch                      // where they may be
	count  [batchSize]uint32          // of the records of the base whose keys have the hash of an entry, of which the first is at
	reads  [nearby]bool               // of the entries at hand, whose record is read
	loads  uint64                     // is written, so that what only brings memory near is not left out
	knowns
}

// nearby is of how many entries the records are brought near at a time: as many as find room in a fast cache.
const nearby = 64

// Compare compares entries with the snapshot.
func (v *view) Compare(ctx context.Context, entries []diffstore.Entry) ([]diffstore.Change, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return nil, err
	}
	if v.batch == nil {
		v.batch = &batch{}
	}
	if v.comparison == nil {
		v.comparison = &comparison{batch: v.batch}
	}
	changes := make([]diffstore.Change, len(entries))
	for from := 0; from < len(entries); from += batchSize {
		to := min(from+batchSize, len(entries))
		if err := v.compareBatch(entries[from:to], changes[from:to]); err != nil {
			return nil, v.failure("read", err)
		}
	}
	return changes, nil
}

// textOf returns the bytes of a string, which must not be changed.
func textOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func (v *view) compareBatch(entries []diffstore.Entry, changes []diffstore.Change) error {
	c := v.comparison
	for i := range entries {
		e := &entries[i]
		if c.keys[i].Key = e.Hash; e.Hash == (diffstore.KeyHash{}) {
			c.keys[i].Key = v.inner.HashKey(textOf(e.Key))
		}
	}
	v.aimAll(entries)
	for from := 0; from < len(entries); from += nearby {
		to := min(from+nearby, len(entries))
		v.approach(entries[from:to], from)
		for i := from; i < to; i++ {
			if err := v.compare(&entries[i], i, &changes[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// aimAll finds which records of the base have the hashes of the keys.
func (v *view) aimAll(entries []diffstore.Entry) {
	c := v.comparison
	if v.base == nil {
		clear(c.count[:len(entries)])
		return
	}
	c.rest = c.rest[:0]
	keys := &c.sought
	for i := range entries {
		h := prefix(c.keys[i].Key)
		if at := uint64(entries[i].Near) - 1; v.base.firstOf(h, at) {
			_, count := v.base.settle(at, at, v.base.rows, h)
			c.at[i], c.count[i] = uint32(at), uint32(count)
			continue
		}
		keys[len(c.rest)].Key = c.keys[i].Key
		c.rest = append(c.rest, i)
	}
	v.base.aim(keys[:len(c.rest)], &c.aimed)
	v.base.refine(keys[:len(c.rest)], &c.aimed)
	for n, i := range c.rest {
		at, count := v.base.settle(uint64(c.aimed.at[n]), uint64(c.aimed.lo[n]), uint64(c.aimed.hi[n]), prefix(keys[n].Key))
		c.at[i], c.count[i] = uint32(at), uint32(count)
	}
}

// firstOf reports whether the record with a number is the first that has a hash. The number may be any.
func (g *generation) firstOf(h, at uint64) bool {
	want := h & hashMask
	return at < g.rows && g.hashAt(at) == want && (at == 0 || g.hashAt(at-1) != want)
}

// approach brings near what comparing some entries, the first of which has a number in the batch, looks at.
func (v *view) approach(entries []diffstore.Entry, first int) {
	c := v.comparison
	for i := range entries {
		n := first + i
		c.reads[i] = false
		if c.count[n] == 0 {
			c.loads += v.seen.strangers.touch(c.keys[n].Key)
			continue
		}
		ord := uint64(c.at[n])
		c.loads += v.seen.touch(ord) + v.over[ord/64]
		if c.reads[i] = !v.glance(&entries[i], n); c.reads[i] {
			c.loads += v.base.touchGroup(ord)
		}
	}
	for i := range entries {
		if c.reads[i] {
			c.loads += v.base.touchRecord(uint64(c.at[first+i]))
		}
	}
}

// compare finds the change of the n-th entry of the batch.
func (v *view) compare(e *diffstore.Entry, n int, change *diffstore.Change) error {
	c := v.comparison
	if ord := uint64(c.at[n]); v.glance(e, n) && !v.seen.has(ord) {
		v.seen.visit(ord, diffstore.Same)
		change.Verdict = diffstore.Same
		if source := e.Source & sourceMask; source != 0 && source != v.base.sourceAt(ord) {
			return v.sources.set(ord, source)
		}
		return nil
	}
	p, err := v.locateFrom(c.keys[n].Key, textOf(e.Key), uint64(c.at[n]), uint64(c.count[n]))
	if err != nil {
		return err
	}
	var k *diffstore.Known
	if p.known {
		if k, err = c.known(&p.rec, e.Key, v.session); err != nil {
			return err
		}
	}
	*change = diffstore.Judge(*e, k)
	var was diffstore.Verdict
	if p.inBase {
		was = v.seen.visit(p.ord, change.Verdict)
	} else if was, err = v.seen.strangers.visit(p.hash, change.Verdict); err != nil {
		return err
	}
	if was != 0 {
		change.Verdict, change.First, change.Contested = diffstore.Duplicate, was, false
	}
	return nil
}

// glance finds whether the index of the base alone tells that the n-th entry of the batch is the Same. It does not look
// at the text of the key: that another key has its hash of 64 bits, and the same record, does not happen.
func (v *view) glance(e *diffstore.Entry, n int) bool {
	c := v.comparison
	if c.count[n] != 1 || e.Unmapped {
		return false
	}
	sum, narrow := fromSum(e.Sum)
	ord := uint64(c.at[n])
	return narrow && v.base.markAt(ord) == sum && v.over[ord/64]>>(ord%64)&1 == 0
}
