package snapshot

import (
	"context"
	"slices"

	"spillway/diffstore"
)

// Owners returns who stands under the identifiers.
func (v *view) Owners(ctx context.Context, ids []string) (map[string][]string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return nil, err
	}
	owners := map[string][]string{}
	for _, id := range ids {
		if id == "" || owners[id] != nil {
			continue
		}
		err := v.holders(id, func(key string, p *place, s *stored) {
			verdict := v.verdict(p)
			unsure := verdict == diffstore.Kept || verdict == diffstore.Duplicate
			if verdict != 0 && s.state.Holds(id, unsure) {
				owners[id] = append(owners[id], key)
			}
		})
		if err != nil {
			return nil, v.failure("read", err)
		}
		slices.Sort(owners[id])
	}
	return owners, nil
}

// holders calls yield once with each key that has an identifier.
func (v *view) holders(id string, yield func(key string, p *place, s *stored)) error {
	candidates, err := v.candidates(id, prefix(v.inner.HashKey(textOf(id))), 0)
	if err != nil {
		return err
	}
	for _, key := range candidates {
		p, err := v.locate(textOf(key))
		if err != nil {
			return err
		}
		if !p.known {
			continue
		}
		s, err := p.rec.stored(v.session)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(s.state.Claims, func(c diffstore.Claim) bool { return c.ID == id }) {
			yield(key, &p, s)
		}
	}
	return nil
}

// candidates returns the keys that have an identifier, and perhaps some that had it, each once. One whose record in the
// base is excepted may be left out.
func (v *view) candidates(id string, h uint64, except loadedOrd) (keys []string, err error) {
	add := func(key []byte) {
		if !slices.ContainsFunc(keys, func(k string) bool { return k == string(key) }) {
			keys = append(keys, string(key))
		}
	}
	v.overlay.holders(h, add)
	if v.inSegments(h) {
		for _, g := range v.segments {
			if err := g.holdersOf(h, id, 0, add); err != nil {
				return nil, err
			}
		}
	}
	if v.base != nil {
		if err := v.base.holdersOf(h, id, except, add); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// holdersOf calls yield with the keys that have an identifier in this generation.
func (g *generation) holdersOf(h uint64, id string, except loadedOrd, yield func(key []byte)) error {
	add := func(r *record) error {
		return r.claims(func(claimed []byte) {
			if string(claimed) == id {
				yield(r.key)
			}
		})
	}
	_, r, ok, err := g.lookup(h, textOf(id)) // the key that equals the identifier is not listed
	if err != nil {
		return err
	}
	if ok {
		if err := add(&r); err != nil {
			return err
		}
	}
	return g.holders(h, func(ord uint64) error {
		if loadedOrd(ord+1) == except {
			return nil
		}
		r, err := g.record(ord)
		if err != nil {
			return err
		}
		return add(&r)
	})
}
