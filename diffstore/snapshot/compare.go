package snapshot

import (
	"context"
	"unsafe"

	"spillway/diffstore"
)

// Compare compares entries with the snapshot.
func (v *view) Compare(ctx context.Context, entries []diffstore.Entry) ([]diffstore.Change, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return nil, err
	}
	changes := make([]diffstore.Change, len(entries))
	for i := range entries {
		var err error
		if changes[i], err = v.compare(&entries[i]); err != nil {
			return nil, v.failure("read", err)
		}
	}
	return changes, nil
}

// textOf returns the bytes of a string, which must not be changed.
func textOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func (v *view) compare(e *diffstore.Entry) (diffstore.Change, error) {
	key := textOf(e.Key)
	if ord, ok := v.glance(e, key); ok && !v.seen.has(ord) {
		v.seen.visit(ord, diffstore.Same)
		c := diffstore.Change{Verdict: diffstore.Same}
		if source := e.Source & sourceMask; source != 0 && source != v.base.sourceAt(ord) {
			return c, v.sources.set(ord, source)
		}
		return c, nil
	}
	p, err := v.locate(key)
	if err != nil {
		return diffstore.Change{}, err
	}
	var k *diffstore.Known
	if p.known {
		if k, err = p.rec.known(e.Key, v.session); err != nil {
			return diffstore.Change{}, err
		}
	}
	c := diffstore.Judge(*e, k)
	var was diffstore.Verdict
	if p.inBase {
		was = v.seen.visit(p.ord, c.Verdict)
	} else if was, err = v.seen.strangers.visit(p.hash, c.Verdict); err != nil {
		return diffstore.Change{}, err
	}
	if was != 0 {
		c.Verdict, c.First, c.Contested = diffstore.Duplicate, was, false
	}
	return c, nil
}

// glance finds whether the index of the base alone tells that an entry is the Same. It does not look at the text of the
// key: that another key has its hash of 64 bits, and the same record, does not happen.
func (v *view) glance(e *diffstore.Entry, key []byte) (ord uint64, ok bool) {
	if v.base == nil || e.Unmapped {
		return 0, false
	}
	sum, narrow := fromSum(e.Sum)
	if !narrow {
		return 0, false
	}
	ord, count := v.base.find(prefix(v.inner.HashKey(key)))
	return ord, count == 1 && v.base.markAt(ord) == sum && v.over[ord/64]>>(ord%64)&1 == 0
}
