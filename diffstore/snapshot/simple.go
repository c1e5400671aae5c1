package snapshot

import (
	"math/bits"

	"spillway/diffstore"
)

// simple is the part of a revision that needs no draft. Most attempts are at a record of which nothing was known, or
// that was accepted under the very identifier that it is sent to again, and no other key has or had that identifier.
// What becomes of such a key when the attempt is intended, and when it is taken, follows from it alone.
type simple struct {
	call    uint64           // counts revisions that settle
	others  []other          // attempts that need a draft
	fates   []diffstore.Fate // likewise
	taken   []*held
	names   nameSet
	scratch stored
	claim   [1]diffstore.Claim
}

// other is an attempt by its number, with that of the first of its batch.
type other struct{ at, first int }

func (s *simple) reset() {
	clear(s.fates)
	clear(s.taken)
	s.others, s.fates, s.taken = s.others[:0], s.fates[:0], s.taken[:0]
	s.scratch, s.claim[0] = stored{}, diffstore.Claim{}
}

// intendSimple notes the simple ones of the attempts, of which named has the names, in the journal and in memory, puts
// their tokens among those of all and returns the others. As what was noted cannot be taken back, it leaves
// all attempts to the draft where one may turn out to be wrong, or where they concern each other.
func (r *revision) intendSimple(attempts []diffstore.Attempt, tokens []diffstore.Token) (others []other, err error) {
	p := &r.simple
	all := r.session.out == nil || p.names.repeated(r.named)
	for i := range attempts {
		all = all || attempts[i].Removal
	}
	first := 0 // of the present batch
	for from := 0; from < len(attempts); from += lookAhead {
		to := min(from+lookAhead, len(attempts))
		r.look(r.named[from:to])
		for i := from; i < to; i++ {
			if attempts[i].Batch != attempts[first].Batch {
				first = i
			}
			ok := false
			if !all && (i == first || tokens[first] != diffstore.Token{}) {
				if ok, err = r.noteIntended(&attempts[i].Entry, &r.named[i], &tokens[i], &tokens[first]); err != nil {
					return nil, r.session.failure("read", err)
				}
			}
			if !ok {
				p.others = append(p.others, other{i, first})
			}
		}
	}
	return p.others, nil
}

// noteIntended notes an attempt if it is simple. What it makes of the state is what Draft.Intend does. The first token
// of a batch is that of the attempts behind it too, whoever notes that.
func (r *revision) noteIntended(e *diffstore.Entry, n *named, token, batch *diffstore.Token) (bool, error) {
	s := r.session
	sum, narrow := fromSum(e.Sum)
	if !narrow {
		return false, nil
	}
	p, ok, err := s.atRest(n.key, textOf(e.Key))
	if err != nil || !ok || p.known && (p.rec.kind != plain || string(p.rec.id) != e.ID) {
		return false, err
	}
	if e.ID != "" {
		if only, err := s.onlyHolder(e.Key, e.ID, n.id, &p); err != nil || !only {
			return false, err
		}
	}
	if err := r.begin(); err != nil {
		return false, err
	}
	*token = s.token()
	key := textOf(e.Key)
	r.body = appendStored(r.body[:0], r.intended(e, &p, *token, *batch), s.session)
	from := len(r.records)
	r.records = appendRecord(r.records, &record{kind: whole, key: key, body: r.body})
	next := record{kind: plain, key: key, id: textOf(e.ID), sum: sum, source: e.Source & sourceMask, detail: e.Detail}
	if p.inBase {
		s.over[p.ord/64] |= 1 << (p.ord % 64)
	}
	s.count(p.known, true)
	return true, s.overlay.holdSimple(n, e, r.records[from:], &next)
}

// intended returns the state of a key at p once the attempt at e is intended, until the next one is asked for.
func (r *revision) intended(e *diffstore.Entry, p *place, token, batch diffstore.Token) *stored {
	st, accepted := &r.simple.scratch, p.known
	*st = stored{coming: e.Source & sourceMask, state: diffstore.State{
		Accepted: accepted, TriedID: e.ID,
		Tried:   diffstore.Tried{Sum: e.Value(accepted), Doubt: true, Token: token, Batch: batch},
		Pending: diffstore.Pending{Open: true, Sum: e.Sum, Detail: e.Detail, Claimed: accepted && e.ID != ""},
	}}
	if accepted {
		st.source, st.state.Sum, st.state.Detail, st.state.ID = p.rec.source, toSum(p.rec.sum), p.rec.detail, e.ID
	}
	if e.ID != "" {
		r.simple.claim[0] = diffstore.Claim{ID: e.ID}
		st.state.Claims = r.simple.claim[:]
	}
	return st
}

// holdSimple adds a record with a simple attempt under way, whose encoding is b and which becomes next if it is taken.
func (o *overlay) holdSimple(n *named, e *diffstore.Entry, b []byte, next *record) error {
	h, err := o.heldOf(n.key, e.Key)
	if err != nil {
		return err
	}
	h.stored, h.encoded, h.next = nil, append(h.encoded[:0], b...), appendRecord(h.next[:0], next)
	if e.ID != "" {
		o.list(n.id, n.key)
		h.listed = e.ID
	}
	return nil
}

// atRest finds the newest record of a key with which nothing is under way, and returns false for another. Where it is in
// memory, the place in the base is left out.
func (v *view) atRest(hash diffstore.KeyHash, key []byte) (p place, ok bool, err error) {
	r, h, ok := v.overlay.get(prefix(hash), key)
	switch {
	case h != nil:
		return place{}, false, nil
	case ok:
		return place{hash: hash, rec: r, traced: true, known: r.kind != tombstone}, true, nil
	case v.base == nil && !v.inSegments(prefix(hash)):
		return place{hash: hash}, true, nil
	}
	p, err = v.locateHash(hash, key)
	return p, true, err
}

// onlyHolder reports whether no other key than the one at p has an identifier, or had it, as far as memory tells.
func (v *view) onlyHolder(key, id string, h uint64, p *place) (bool, error) {
	only := true
	other := func(holder []byte) {
		if string(holder) != key {
			only = false
		}
	}
	v.overlay.holders(h, other)
	if only && v.inSegments(h) {
		for _, g := range v.segments {
			if err := g.holdersOf(h, id, 0, other); err != nil {
				return false, err
			}
		}
	}
	if only && v.base != nil {
		except := loadedOrd(0)
		if p.inBase {
			except = loadedOrd(p.ord + 1)
		}
		if err := v.base.holdersOf(h, id, except, other); err != nil {
			return false, err
		}
	}
	return only, nil
}

// pickTaken takes note of the simple attempts that were taken, and returns all other fates, of which named has the names
// from then on. The others may turn out to be wrong: nothing is noted before they were drafted.
func (r *revision) pickTaken(fates []diffstore.Fate) []diffstore.Fate {
	p, o := &r.simple, r.session.overlay
	p.call++
	left := r.named[:0]
	for i := range fates {
		if i%lookAhead == 0 {
			r.look(r.named[i:min(i+lookAhead, len(fates))])
		}
		f := &fates[i]
		var h *held
		if slot := o.slotOf(prefix(r.named[i].key), textOf(f.Key)); slot != nil {
			h = o.heldAt(slot.value)
		}
		if h != nil && len(h.next) > 0 {
			if h.call == p.call { // twice in one call
				r.hashNames(len(fates), func(i int) (string, string) { return fates[i].Key, "" })
				p.taken, p.fates = p.taken[:0], p.fates[:0]
				return fates
			}
			h.call = p.call
			if f.Outcome == diffstore.Taken {
				p.taken = append(p.taken, h)
				continue
			}
		}
		p.fates, left = append(p.fates, *f), append(left, r.named[i])
	}
	r.named = left
	return p.fates
}

// noteTaken notes the simple attempts that were taken in the journal and in memory, before any other fate is: that may
// move what is held.
func (r *revision) noteTaken() error {
	o := r.session.overlay
	for _, h := range r.simple.taken {
		if err := r.begin(); err != nil {
			return err
		}
		offset, err := o.add(h.next)
		if err != nil {
			return err
		}
		key := textOf(h.key)
		r.records = appendRecord(r.records, &record{kind: taken, key: key})
		o.set(prefix(h.hash), key, uint64(offset)+1)
	}
	return nil
}

// nameSet finds whether hashes repeat.
type nameSet struct{ slots []uint64 }

// repeated reports whether two attempts have the same key or the same identifier.
func (s *nameSet) repeated(all []named) bool {
	size := 1 << bits.Len(uint(8*len(all)))
	if len(s.slots) < size {
		s.slots = make([]uint64, size)
	}
	clear(s.slots)
	for i := range all {
		if s.has(prefix(all[i].key)) || all[i].id != 0 && s.has(^all[i].id) {
			return true
		}
	}
	return false
}

// has reports whether a hash is there already, and adds it.
func (s *nameSet) has(hash uint64) bool {
	hash = max(hash, 1)
	last := len(s.slots) - 1
	at := int(hash) & last
	for ; s.slots[at] != 0; at = (at + 1) & last {
		if s.slots[at] == hash {
			return true
		}
	}
	s.slots[at] = hash
	return false
}
