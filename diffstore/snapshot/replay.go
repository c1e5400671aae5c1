package snapshot

import (
	"fmt"

	"spillway/diffstore"
)

// replay puts the records of a journal into an overlay.
type replay struct {
	overlay *overlay
	draft   *diffstore.Draft
	bytes   []byte
	body    []byte
}

func (p *replay) put(r record) error {
	hash := p.overlay.hash.HashKey(r.key)
	if r.kind == taken {
		var err error
		if r, err = p.taken(prefix(hash), r.key); err != nil {
			return err
		}
	}
	p.bytes = appendRecord(p.bytes[:0], &r)
	return p.overlay.put(hash, &r, p.bytes, "")
}

// taken returns what becomes of the record of a key when the attempt that is under way is taken.
func (p *replay) taken(hash uint64, key []byte) (record, error) {
	r, _, ok := p.overlay.get(hash, key)
	if !ok || r.kind != whole {
		return record{}, damage("a record was taken that was not intended")
	}
	s, err := readStored(r.body, sessionOf(r.body))
	if err != nil {
		return record{}, err
	}
	name := string(key)
	p.draft.Reset()
	p.draft.Put(name, &s.state)
	if err := p.draft.Settle([]diffstore.Fate{{Key: name, Outcome: diffstore.Taken}}); err != nil {
		return record{}, fmt.Errorf("%w: %w", diffstore.ErrCorrupt, err)
	}
	s.source, s.coming = s.coming, 0
	return newRecord(name, s, 0, &p.body), nil
}
