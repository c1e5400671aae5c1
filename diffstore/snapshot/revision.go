package snapshot

import (
	"context"

	"spillway/diffstore"
)

// revision is a draft of the states that one call changes. There is one at a time, and the memory of one serves the
// next.
type revision struct {
	*diffstore.Draft
	session *session
	loaded  []loaded // by their places in the draft
	spare   []*stored
	named   []named
	touched uint64 // of no use, but that what is looked at is not left out
	body    []byte // of a record
	records []byte // as the journal has them
	begun   bool   // the journal is ready for them
	simple  simple
}

// loaded is a state as it was found, which the draft changes.
type loaded struct {
	key     string
	hash    diffstore.KeyHash
	inBase  bool // and the record in the base, ord, is the newest
	ord     uint64
	known   bool
	counted bool // in the size
	stored  *stored
	held    *held  // which stored belongs to
	listed  string // an identifier that memory has the key under
	alone   uint64 // the sum of the attempt under way if nothing else is to say but what was accepted before
	taken   bool
}

// mostSpare is how many states are kept for those to come.
const mostSpare = 1 << 12

func counts(s *diffstore.State) bool { return s.Delivered() && !s.Left }

// revise lets change load keys and alter them by the rules of package diffstore, and records what changed, durably.
func (s *session) revise(ctx context.Context, doing string, change func(*revision) error) error {
	ticket, out, err := s.recordRevision(ctx, doing, change)
	if err != nil || out == nil {
		return err
	}
	if err := out.wait(ticket); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.spoil(doing, err)
	}
	return nil
}

// recordRevision returns what to wait for, and no journal if nothing changed.
func (s *session) recordRevision(ctx context.Context, doing string, change func(*revision) error) (uint64, *journal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return 0, nil, err
	}
	r := &s.revision
	defer r.reset()
	if err := change(r); err != nil {
		r.untake()
		r.discard()
		if r.begun { // what was noted is in memory alone
			err = s.spoil(doing, err)
		}
		return 0, nil, err
	}
	return r.record(doing)
}

// reset lets go of the states. Those that are not held serve again.
func (r *revision) reset() {
	r.Reset()
	clear(r.loaded)
	r.loaded, r.records, r.begun = r.loaded[:0], r.records[:0], false
	r.simple.reset()
}

// discard forgets what a change that failed has made of states that are held.
func (r *revision) discard() {
	for i := range r.loaded {
		if h := r.loaded[i].held; h != nil {
			h.stored = nil
		}
	}
}

// record notes what the draft changed in the journal and in memory.
func (r *revision) record(doing string) (uint64, *journal, error) {
	s := r.session
	if err := r.noteTaken(); err != nil {
		return 0, nil, s.spoil(doing, err)
	}
	for _, place := range r.ChangedPlaces() {
		l := &r.loaded[place]
		key, state := l.key, &l.stored.state
		rec := newRecord(key, l.stored, s.session, &r.body)
		if rec.kind == tombstone && !l.known {
			continue
		}
		if err := r.begin(); err != nil {
			return 0, nil, s.spoil(doing, err)
		}
		if err := r.note(key, l, &rec); err != nil {
			return 0, nil, s.spoil(doing, err)
		}
		s.count(l.counted, counts(state) && rec.kind != tombstone)
	}
	if len(r.records) == 0 {
		return 0, nil, nil
	}
	ticket, out := s.out.record(r.records, s.progress), s.out
	if s.overlay.memory() > s.budget/8*5 || s.overlay.bytes() > maxArena {
		if err := s.rewrite(rewriting{previous: true}); err != nil {
			return 0, nil, s.spoil(doing, err)
		}
	}
	return ticket, out, nil
}

// begin makes the journal ready for the first record.
func (r *revision) begin() error {
	if r.begun {
		return nil
	}
	if err := r.session.start(); err != nil {
		return err
	}
	r.begun = true
	r.session.version++
	return nil
}

// note notes one record. Of one that was taken as it was intended in this very journal, the journal has no more than
// that.
func (r *revision) note(key string, l *loaded, rec *record) error {
	s := r.session
	from := len(r.records)
	r.records = appendRecord(r.records, rec)
	if l.inBase {
		s.over[l.ord/64] |= 1 << (l.ord % 64)
	}
	if rec.kind == whole && l.stored.underWay() {
		return s.overlay.hold(l.hash, key, l.stored, r.records[from:])
	}
	if err := s.overlay.put(l.hash, rec, r.records[from:], l.listed); err != nil {
		return err
	}
	if l.taken && rec.kind == plain && rec.sum == l.alone {
		r.records = appendRecord(r.records[:from], &record{kind: taken, key: rec.key})
	}
	if len(r.spare) < mostSpare {
		r.spare = append(r.spare, l.stored)
	}
	return nil
}

// count notes that a key counts in the size, or does not any more.
func (s *session) count(was, is bool) {
	if is && !was {
		s.size++
	} else if was && !is {
		s.size--
	}
}

// maxArena is how many bytes of records are kept in memory at most. An arena has room for several times as many.
const maxArena = 1 << 29

// load puts the state of a key into the draft, unless it is there, and returns its place.
func (r *revision) load(key string) (place int, err error) {
	if place, ok := r.Place(key); ok {
		return place, nil
	}
	return r.loadNew(key, r.session.inner.HashKey(textOf(key)))
}

func (r *revision) loadNew(key string, hash diffstore.KeyHash) (place int, err error) {
	p, h, err := r.session.newest(hash, textOf(key))
	if err != nil {
		return 0, r.session.failure("read", err)
	}
	l := loaded{key: key, hash: p.hash, inBase: p.inBase, ord: p.ord, known: p.known, held: h}
	switch {
	case h != nil && h.stored != nil:
		l.stored, l.listed, l.alone = h.stored, h.listed, h.stored.alone()
	case p.known:
		if l.stored, err = p.rec.stored(r.session.session); err != nil {
			return 0, r.session.failure("read", err)
		}
	default:
		l.stored = r.fresh()
	}
	if h != nil {
		h.stored = l.stored
	}
	l.counted = p.known && counts(&l.stored.state)
	r.loaded = append(r.loaded, l)
	return r.Put(key, &l.stored.state), nil
}

// fresh returns a state of which nothing is known.
func (r *revision) fresh() *stored {
	n := len(r.spare)
	if n == 0 {
		return &stored{}
	}
	s := r.spare[n-1]
	r.spare = r.spare[:n-1]
	claims := s.state.Claims
	clear(claims)
	*s = stored{state: diffstore.State{Claims: claims[:0]}}
	return s
}

// loadHolders loads the keys that have an identifier, but for the one in the base whose record has the number except,
// which is loaded.
func (r *revision) loadHolders(id string, hash uint64, except loadedOrd) error {
	candidates, err := r.session.candidates(id, hash, except)
	if err != nil {
		return r.session.failure("read", err)
	}
	for _, key := range candidates {
		if _, err := r.load(key); err != nil {
			return err
		}
	}
	return nil
}

// token makes a new token.
func (s *session) token() (t diffstore.Token) {
	if len(s.tokens) == 0 {
		s.tokens = make([]byte, 128*len(t))
		s.random(s.tokens)
	}
	s.tokens = s.tokens[copy(t[:], s.tokens):]
	return t
}

// Intend records attempts.
func (s *session) Intend(ctx context.Context, attempts []diffstore.Attempt) (tokens []diffstore.Token, err error) {
	err = s.revise(ctx, "record an intent in", func(r *revision) error {
		r.hashNames(len(attempts), func(i int) (string, string) { return attempts[i].Entry.Key, attempts[i].Entry.ID })
		tokens = make([]diffstore.Token, len(attempts))
		others, err := r.intendSimple(attempts, tokens)
		if err != nil || len(others) == 0 {
			return err
		}
		return r.intend(attempts, others, tokens)
	})
	if err != nil {
		return nil, err
	}
	return tokens, nil
}

// intend drafts the others of the attempts, and puts their tokens among those of all.
func (r *revision) intend(attempts []diffstore.Attempt, others []other, tokens []diffstore.Token) error {
	for _, o := range others {
		if err := r.loadNamed(o.at, attempts[o.at].Entry.Key); err != nil {
			return err
		}
	}
	for _, o := range others {
		if id := attempts[o.at].Entry.ID; id != "" {
			if err := r.loadHolders(id, r.named[o.at].id, r.ordOf(r.named[o.at].place)); err != nil {
				return err
			}
		}
	}
	for _, o := range others {
		var err error
		if tokens[o.at], err = r.IntendOne(&attempts[o.at], tokens[o.first], r.session.token); err != nil {
			return err
		}
	}
	for _, o := range others {
		if a := &attempts[o.at]; !a.Removal {
			r.loaded[r.named[o.at].place].stored.coming = a.Entry.Source & sourceMask
		}
	}
	return nil
}

// Settle records fates.
func (s *session) Settle(ctx context.Context, fates []diffstore.Fate) error {
	return s.revise(ctx, "record an outcome in", func(r *revision) error {
		return r.settle(r.pickTaken(fates))
	})
}

// settle drafts fates, of which named has the names.
func (r *revision) settle(fates []diffstore.Fate) error {
	for i := range fates {
		if err := r.loadNamed(i, fates[i].Key); err != nil {
			return err
		}
	}
	for i := range fates {
		if id, ok := r.Attempted(fates[i]); ok {
			if err := r.loadHolders(id, prefix(r.session.inner.HashKey(textOf(id))), r.ordOf(r.named[i].place)); err != nil {
				return err
			}
		}
	}
	if err := r.Settle(fates); err != nil {
		return err
	}
	for i := range fates {
		if fates[i].Outcome == diffstore.Taken {
			l := &r.loaded[r.named[i].place]
			l.taken = true
			st := l.stored
			st.source, st.coming = st.coming, 0
		}
	}
	return nil
}

// named is what one attempt or fate names: the hashes of its key and its identifier, and the place of the key.
type named struct {
	key   diffstore.KeyHash
	id    uint64
	place int
}

// hashNames hashes what n attempts or fates name.
func (r *revision) hashNames(n int, name func(int) (key, id string)) {
	h := r.session.inner
	r.named = r.named[:0]
	for i := range n {
		key, id := name(i)
		hashes := named{key: h.HashKey(textOf(key))}
		if id != "" {
			hashes.id = prefix(h.HashKey(textOf(id)))
		}
		r.named = append(r.named, hashes)
	}
}

// lookAhead is how many names are looked for at a time: what is looked at has room near the processor until it is used.
const lookAhead = 128

// look looks at all places in memory where names may be found: the processor waits for many of them at once, and finds
// them near when they are looked up one by one.
func (r *revision) look(names []named) {
	s := r.session
	for i := range names {
		r.touched += s.touch(prefix(names[i].key)) + s.overlay.ids.touch(tagOf(names[i].id))
	}
	if s.base != nil {
		for i := range names {
			r.touched += s.base.touch(prefix(names[i].key))
		}
	}
}

// loadNamed loads the key that attempt or fate i names.
func (r *revision) loadNamed(i int, key string) (err error) {
	place, ok := r.Place(key)
	if !ok {
		place, err = r.loadNew(key, r.named[i].key)
	}
	r.named[i].place = place
	return err
}

// loadedOrd is the number of a record of the base that is loaded, plus 1; 0 for none.
type loadedOrd uint64

func (r *revision) ordOf(place int) loadedOrd {
	if l := &r.loaded[place]; l.inBase {
		return loadedOrd(l.ord + 1)
	}
	return 0
}
