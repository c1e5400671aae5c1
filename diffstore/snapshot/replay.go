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
	if r.kind == answered {
		return p.answered(&r)
	}
	hash := p.overlay.hash.HashKey(r.key)
	if r.kind == taken {
		var err error
		if r, err = p.taken(prefix(hash), r.key); err != nil {
			return err
		}
	}
	if r.kind == intent && r.token().place() >= mostPlaces {
		return damage("an intent has no place in a batch")
	}
	p.bytes = appendRecord(p.bytes[:0], &r)
	return p.overlay.put(hash, &r, p.bytes, "")
}

// answered makes the intents of a batch that were taken the records that they become.
func (p *replay) answered(r *record) error {
	var name batchName
	copy(name[:], r.key)
	b := p.overlay.known(name)
	return eachPlace(r.body, func(place uint32) error {
		offset, ok := b.find(place)
		if !ok {
			return errNotIntended
		}
		p.overlay.turn(offset, plain)
		p.overlay.end(b, place)
		return nil
	})
}

var errNotIntended = damage("a record was taken that was not intended")

// taken returns what becomes of the record of a key when the attempt that is under way is taken.
func (p *replay) taken(hash uint64, key []byte) (record, error) {
	r, _, ok := p.overlay.get(hash, key)
	if !ok || r.kind != whole {
		return record{}, errNotIntended
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
