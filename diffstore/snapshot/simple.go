package snapshot

import (
	"math/bits"

	"spillway/diffstore"
)

// simple is the part of a revision that needs no draft: attempts of which an intent is all that is to say, and those of
// them that are taken.
type simple struct {
	batch  uint32           // the number of the latest batch with intents
	others []other          // attempts that need a draft
	fates  []diffstore.Fate // likewise
	taken  []takenIntent
	places []uint32
	names  nameSet
}

// other is an attempt by its number, with that of the first of its batch.
type other struct{ at, first int }

// takenIntent is an intent that is taken in this call.
type takenIntent struct {
	batch  *intentBatch
	place  uint32
	offset uint32
}

func (s *simple) reset() {
	clear(s.fates)
	clear(s.taken)
	s.others, s.fates, s.taken = s.others[:0], s.fates[:0], s.taken[:0]
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
	var batch *intentBatch
	for from := 0; from < len(attempts); from += lookAhead {
		to := min(from+lookAhead, len(attempts))
		r.look(r.named[from:to])
		for i := from; i < to; i++ {
			if attempts[i].Batch != attempts[first].Batch {
				first, batch = i, nil
			}
			if !all && i == first {
				p.batch++
				batch = r.session.overlay.batch(newIntentToken(r.session.session, p.batch, 0).batch())
			}
			ok := false
			if batch != nil && i-first < mostPlaces {
				token := newIntentToken(r.session.session, p.batch, uint32(i-first))
				if ok, err = r.noteIntent(&attempts[i].Entry, &r.named[i], token, batch); err != nil {
					return nil, r.session.failure("read", err)
				}
				tokens[i] = diffstore.Token(token)
			}
			if !ok {
				tokens[i] = diffstore.Token{}
				p.others = append(p.others, other{i, first})
				if i == first { // its token is not known yet, and is that of the batch
					r.session.overlay.drop(batch)
					batch = nil
				}
			}
		}
	}
	return p.others, nil
}

// noteIntent notes an attempt if it is simple. What it makes of the state is what Draft.Intend does.
func (r *revision) noteIntent(e *diffstore.Entry, n *named, token intentToken, batch *intentBatch) (bool, error) {
	s := r.session
	sum, narrow := fromSum(e.Sum)
	if !narrow {
		return false, nil
	}
	p, slot, ok, err := s.atRest(n.key, textOf(e.Key))
	if err != nil || !ok || p.known && (p.rec.kind != plain || string(p.rec.id) != e.ID) {
		return false, err
	}
	listed := e.ID == ""
	if !listed {
		var only bool
		if only, listed, err = s.onlyHolder(e.Key, e.ID, n.id, &p); err != nil || !only {
			return false, err
		}
	}
	if err := r.begin(); err != nil {
		return false, err
	}
	before := record{}
	if p.known {
		before = p.rec
	}
	r.body = appendIntent(r.body[:0], e, &before, diffstore.Token(token))
	from := len(r.records)
	r.records = appendRecord(r.records, &record{
		kind: intent, key: textOf(e.Key), id: textOf(e.ID), sum: sum, source: e.Source & sourceMask, detail: e.Detail, body: r.body,
	})
	if p.inBase {
		s.over[p.ord/64] |= 1 << (p.ord % 64)
	}
	s.count(p.known, true)
	offset, err := s.overlay.add(prefix(n.key), r.records[from:])
	if err != nil {
		return false, err
	}
	batch.add(token.place(), offset)
	if slot >= 0 {
		s.overlay.keys.set(slot, offset+1)
	} else if err := s.overlay.keys.add(tagOf(prefix(n.key)), offset+1); err != nil {
		return false, err
	}
	if listed {
		return true, nil
	}
	return true, s.overlay.ids.add(tagOf(n.id), holderOf(n.key))
}

// atRest finds the newest record of a key with which nothing is under way, and returns false for another. Where it is in
// memory, its slot is returned, and the place in the base is left out.
func (v *view) atRest(hash diffstore.KeyHash, key []byte) (p place, slot int, ok bool, err error) {
	if slot = v.overlay.slotOf(prefix(hash), key); slot >= 0 {
		r, h := v.overlay.at(valueIn(v.overlay.keys.slots[slot]))
		return place{hash: hash, rec: r, traced: true, known: r.kind != tombstone}, slot, h == nil, nil
	}
	if v.base == nil && !v.inSegments(prefix(hash)) {
		return place{hash: hash}, slot, true, nil
	}
	p, err = v.locateHash(hash, key)
	return p, slot, true, err
}

// onlyHolder reports whether no other key than the one at p has an identifier, or had it, as far as memory tells, and
// whether this one is listed under it in memory.
func (v *view) onlyHolder(key, id string, h uint64, p *place) (only, listed bool, err error) {
	only = true
	other := func(holder []byte) {
		if string(holder) != key {
			only = false
		}
	}
	v.overlay.holders(h, func(holder []byte) {
		listed = true
		other(holder)
	})
	if only && v.inSegments(h) {
		for _, g := range v.segments {
			if err := g.holdersOf(h, id, 0, other); err != nil {
				return false, false, err
			}
		}
	}
	if only && v.base != nil {
		except := loadedOrd(0)
		if p.inBase {
			except = loadedOrd(p.ord + 1)
		}
		if err := v.base.holdersOf(h, id, except, other); err != nil {
			return false, false, err
		}
	}
	return only, listed, nil
}

// pickTaken takes the intents among the fates that were taken, and returns all other fates, of which named has the names
// from then on. The others may turn out to be wrong: nothing is noted before they were drafted, and see untake.
func (r *revision) pickTaken(fates []diffstore.Fate) []diffstore.Fate {
	p := &r.simple
	for i := range fates {
		f := &fates[i]
		if f.Outcome != diffstore.Taken || !r.take(intentToken(f.Token), f.Key) {
			p.fates = append(p.fates, *f)
		}
	}
	if len(p.taken) > 0 && r.concernEachOther(p.fates, fates) {
		r.untake()
		p.fates = append(p.fates[:0], fates...)
	}
	r.hashNames(len(p.fates), func(i int) (string, string) { return p.fates[i].Key, "" })
	return p.fates
}

// take makes an intent the record that was accepted, if that is what has the token.
func (r *revision) take(token intentToken, key string) bool {
	o := r.session.overlay
	b, offset, ok := o.intentOf(token, key)
	if ok {
		o.turn(offset, plain)
		r.simple.taken = append(r.simple.taken, takenIntent{b, token.place(), offset})
	}
	return ok
}

// untake takes back what take did.
func (r *revision) untake() {
	for _, t := range r.simple.taken {
		r.session.overlay.turn(t.offset, intent)
	}
	r.simple.taken = r.simple.taken[:0]
}

// concernEachOther reports whether some of the fates, besides those that were taken, are of the same key as one of these.
func (r *revision) concernEachOther(others, all []diffstore.Fate) bool {
	if len(others) == 0 {
		return false
	}
	times := make(map[string]int, len(others))
	for i := range others {
		times[others[i].Key]++
	}
	for i := range all {
		if n, ok := times[all[i].Key]; ok {
			if n == 0 {
				return true
			}
			times[all[i].Key] = n - 1
		}
	}
	return false
}

// noteTaken notes the intents that were taken in the journal.
func (r *revision) noteTaken() error {
	p := &r.simple
	for from := 0; from < len(p.taken); {
		if err := r.begin(); err != nil {
			return err
		}
		b := p.taken[from].batch
		name := b.name
		p.places = p.places[:0]
		to := from
		for ; to < len(p.taken) && p.taken[to].batch == b; to++ {
			p.places = append(p.places, p.taken[to].place)
		}
		for _, place := range p.places {
			r.session.overlay.end(b, place)
		}
		r.body = appendRanges(r.body[:0], p.places)
		r.records = appendRecord(r.records, &record{kind: answered, key: name[:], body: r.body})
		from = to
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
