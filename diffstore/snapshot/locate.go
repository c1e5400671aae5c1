package snapshot

import (
	"slices"

	"spillway/diffstore"
)

// place is where a key was found.
type place struct {
	hash   diffstore.KeyHash
	inBase bool
	ord    uint64 // in the base, whether or not the base has the newest record
	known  bool   // rec is what is known of the key
	traced bool   // there is a record, if only one that says that nothing is known
	rec    record
}

// locate finds the newest record of a key.
func (v *view) locate(key []byte) (place, error) { return v.locateHash(v.inner.HashKey(key), key) }

func (v *view) locateHash(hash diffstore.KeyHash, key []byte) (place, error) {
	var first, count uint64
	if v.base != nil {
		first, count = v.base.find(prefix(hash))
	}
	return v.locateFrom(hash, key, first, count)
}

// locateFrom is locate where it is known that as many records of the base as count have the hash, from first on.
func (v *view) locateFrom(hash diffstore.KeyHash, key []byte, first, count uint64) (p place, err error) {
	p.hash = hash
	if count > 0 {
		if p.ord, p.rec, p.inBase, err = v.base.among(first, count, key); err != nil {
			return p, err
		}
		p.traced = p.inBase
		if p.inBase && v.over[p.ord/64]>>(p.ord%64)&1 == 0 {
			p.known = true
			return p, nil
		}
	}
	if r, _, ok := v.overlay.get(prefix(hash), key); ok {
		p.rec, p.traced = r, true
	} else if err := v.locateInSegments(&p, key); err != nil {
		return p, err
	}
	p.known = p.traced && p.rec.kind != tombstone
	return p, nil
}

func (v *view) locateInSegments(p *place, key []byte) error {
	h := prefix(p.hash)
	if !v.inSegments(h) {
		return nil
	}
	for _, g := range slices.Backward(v.segments) {
		_, r, ok, err := g.lookup(h, key)
		if err != nil {
			return err
		}
		if ok {
			p.rec, p.traced = r, true
			return nil
		}
	}
	return nil
}

// inSegments returns false if no segment has a key or an identifier with this hash.
func (v *view) inSegments(hash uint64) bool {
	return len(v.segments) > 0 && (v.filter == nil || v.filter.has(hash))
}

// touch looks at the places where a hash is looked up first.
func (v *view) touch(hash uint64) uint64 {
	sum := v.overlay.keys.touch(tagOf(hash))
	if v.filter != nil {
		sum += v.filter.touch(hash)
	}
	if v.base != nil {
		sum += uint64(v.base.keyDir[4*(hash>>v.base.keyShift)])
	}
	return sum
}

// newest finds the newest record of a key, and what is held of it. Where it is in memory, the place in the base is left
// out.
func (v *view) newest(hash diffstore.KeyHash, key []byte) (place, *held, error) {
	if r, h, ok := v.overlay.get(prefix(hash), key); ok {
		return place{hash: hash, rec: r, traced: true, known: r.kind != tombstone}, h, nil
	}
	p, err := v.locateHash(hash, key)
	return p, nil, err
}

// verdict returns what a key got, 0 if it was not seen.
func (v *view) verdict(p *place) diffstore.Verdict {
	if p.inBase {
		return v.seen.verdict(p.ord)
	}
	return v.seen.strangers.verdict(p.hash)
}

func (v *view) findSuperseded() error {
	if v.base == nil {
		return nil
	}
	cursors, err := v.cursors(v.segments)
	if err != nil {
		return err
	}
	m := newMerge(cursors)
	for {
		c, err := m.next()
		if err != nil || c == nil {
			return err
		}
		if _, count := v.base.find(c.hash); count == 0 {
			continue
		}
		r, err := c.record()
		if err != nil {
			return err
		}
		if ord, _, ok, err := v.base.lookup(c.hash, r.key); err != nil {
			return err
		} else if ok {
			v.over[ord/64] |= 1 << (ord % 64)
		}
	}
}

// cursors returns cursors through the overlay and the given generations, the newest first.
func (v *view) cursors(generations []*generation) ([]*cursor, error) {
	c, err := v.overlay.cursor()
	if err != nil {
		return nil, err
	}
	cs := []*cursor{c}
	for _, g := range slices.Backward(generations) {
		cs = append(cs, &cursor{g: g})
	}
	return cs, nil
}

// allCursors returns cursors through everything, the newest first.
func (v *view) allCursors() ([]*cursor, error) {
	cs, err := v.cursors(v.segments)
	if err == nil && v.base != nil {
		cs = append(cs, &cursor{g: v.base})
	}
	return cs, err
}
