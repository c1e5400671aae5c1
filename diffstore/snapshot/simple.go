package snapshot

import (
	"math/bits"

	"spillway/diffstore"
)

// simple is the part of a revision that needs no draft. Most attempts are at a record of which nothing was known, or
// that was accepted under the very identifier that it is sent to again, and no other key has or had that identifier.
// What becomes of such a key when the attempt is intended, and when it is taken, follows from it alone.
type simple struct {
	call     uint64 // counts revisions that settle
	intended []simpleAttempt
	others   []diffstore.Attempt // those that need a draft
	fates    []diffstore.Fate    // likewise
	taken    []*held
	names    nameSet
	scratch  stored
	claim    [1]diffstore.Claim
}

// simpleAttempt is an attempt with what was found of its key.
type simpleAttempt struct {
	at    int // among the attempts
	entry *diffstore.Entry
	named named
	place place
	batch diffstore.Token
	token diffstore.Token
}

func (s *simple) reset() {
	clear(s.intended)
	clear(s.others)
	clear(s.fates)
	clear(s.taken)
	s.intended, s.others, s.fates, s.taken = s.intended[:0], s.others[:0], s.fates[:0], s.taken[:0]
	s.scratch, s.claim[0] = stored{}, diffstore.Claim{}
}

// pickSimple takes note of the batches all of whose attempts are simple, and returns the attempts of the others, of
// which named has the names from then on.
func (r *revision) pickSimple(attempts []diffstore.Attempt) (others []diffstore.Attempt, err error) {
	p := &r.simple
	if r.session.out == nil || p.names.repeated(r.named) {
		return attempts, nil
	}
	left := r.named[:0]
	for from := 0; from < len(attempts); {
		to := from + 1
		for to < len(attempts) && attempts[to].Batch == attempts[from].Batch {
			to++
		}
		before := len(p.intended)
		for i := from; i < to; i++ {
			ok, err := r.addSimple(i, &attempts[i], r.named[i])
			if err != nil {
				return nil, err
			}
			if !ok {
				p.intended = p.intended[:before]
				p.others, left = append(p.others, attempts[from:to]...), append(left, r.named[from:to]...)
				break
			}
		}
		from = to
	}
	r.named = left
	return p.others, nil
}

// addSimple takes note of an attempt that is simple, and returns false for another.
func (r *revision) addSimple(i int, a *diffstore.Attempt, n named) (bool, error) {
	e := &a.Entry
	if _, narrow := fromSum(e.Sum); a.Removal || !narrow {
		return false, nil
	}
	p, ok, err := r.session.atRest(n.key, textOf(e.Key))
	if err != nil || !ok || p.known && (p.rec.kind != plain || string(p.rec.id) != e.ID) {
		return false, err
	}
	if e.ID != "" {
		only, err := r.session.onlyHolder(e.Key, e.ID, n.id, &p)
		if err != nil || !only {
			return false, err
		}
	}
	r.simple.intended = append(r.simple.intended, simpleAttempt{at: i, entry: e, named: n, place: p})
	return true, nil
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

// intendSimple gives the simple attempts their tokens, and returns those of all attempts, of which others has the rest.
func (r *revision) intendSimple(attempts []diffstore.Attempt, others []diffstore.Token) []diffstore.Token {
	p := &r.simple
	if len(p.intended) == 0 {
		return others
	}
	tokens := make([]diffstore.Token, len(attempts))
	next, first := 0, 0
	for i := range attempts {
		if attempts[i].Batch != attempts[first].Batch {
			first = i
		}
		if next == len(p.intended) || p.intended[next].at != i {
			tokens[i], others = others[0], others[1:]
			continue
		}
		tokens[i] = r.session.token()
		p.intended[next].token, p.intended[next].batch = tokens[i], tokens[first]
		next++
	}
	return tokens
}

// pickTaken takes note of the simple attempts that were taken, and returns all other fates, of which named has the names
// from then on.
func (r *revision) pickTaken(fates []diffstore.Fate) []diffstore.Fate {
	p, o := &r.simple, r.session.overlay
	p.call++
	left := r.named[:0]
	for i := range fates {
		f := &fates[i]
		var h *held
		if slot := o.slotOf(prefix(r.named[i].key), textOf(f.Key)); slot != nil {
			h = o.heldAt(slot.value)
		}
		if h != nil && len(h.next) > 0 {
			if h.call == p.call { // twice in one call
				r.lookAhead(len(fates), func(i int) (string, string) { return fates[i].Key, "" })
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

// noteSimple notes what is simple in the journal and in memory, before anything else is: that may move what is held.
func (r *revision) noteSimple() error {
	p := &r.simple
	if len(p.intended) == 0 && len(p.taken) == 0 {
		return nil
	}
	if err := r.begin(); err != nil {
		return err
	}
	for i := range p.intended {
		if err := r.noteIntended(&p.intended[i]); err != nil {
			return err
		}
	}
	o := r.session.overlay
	for _, h := range p.taken {
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

// noteIntended notes an attempt. What it makes of the state is what Draft.Intend does.
func (r *revision) noteIntended(a *simpleAttempt) error {
	s, e, st := r.session, a.entry, &r.simple.scratch
	accepted := a.place.known
	*st = stored{coming: e.Source & sourceMask, state: diffstore.State{
		Accepted: accepted, TriedID: e.ID,
		Tried:   diffstore.Tried{Sum: e.Value(accepted), Doubt: true, Token: a.token, Batch: a.batch},
		Pending: diffstore.Pending{Open: true, Sum: e.Sum, Detail: e.Detail, Claimed: accepted && e.ID != ""},
	}}
	if accepted {
		rec := &a.place.rec
		st.source, st.state.Sum, st.state.Detail, st.state.ID = rec.source, toSum(rec.sum), rec.detail, e.ID
	}
	if e.ID != "" {
		r.simple.claim[0] = diffstore.Claim{ID: e.ID}
		st.state.Claims = r.simple.claim[:]
	}
	key := textOf(e.Key)
	r.body = appendStored(r.body[:0], st, s.session)
	from := len(r.records)
	r.records = appendRecord(r.records, &record{kind: whole, key: key, body: r.body})
	if a.place.inBase {
		s.over[a.place.ord/64] |= 1 << (a.place.ord % 64)
	}
	h, err := s.overlay.heldOf(a.named.key, e.Key)
	if err != nil {
		return err
	}
	sum, _ := fromSum(e.Sum)
	h.stored, h.encoded = nil, append(h.encoded[:0], r.records[from:]...)
	h.next = appendRecord(h.next[:0], &record{kind: plain, key: key, id: textOf(e.ID), sum: sum, source: st.coming, detail: e.Detail})
	if e.ID != "" {
		s.overlay.list(a.named.id, a.named.key)
		h.listed = e.ID
	}
	s.count(accepted, true)
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
