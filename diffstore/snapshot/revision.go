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
	body    []byte // of a record
	records []byte // as the journal has them
}

// loaded is a state as it was found, which the draft changes.
type loaded struct {
	hash    diffstore.KeyHash
	inBase  bool // and the record in the base, ord, is the newest
	ord     uint64
	known   bool
	counted bool // in the size
	stored  *stored
	held    *held  // which stored belongs to
	listed  string // an identifier that memory has the key under
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
		r.discard()
		return 0, nil, err
	}
	return r.record(doing)
}

// reset lets go of the states. Those that are not held serve again.
func (r *revision) reset() {
	r.Reset()
	clear(r.loaded)
	r.loaded = r.loaded[:0]
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
	r.records = r.records[:0]
	for key, state := range r.Changed() {
		place, _ := r.Place(key)
		l := &r.loaded[place]
		rec := newRecord(key, l.stored, s.session, &r.body)
		if rec.kind == tombstone && !l.known {
			continue
		}
		if len(r.records) == 0 {
			if err := s.start(); err != nil {
				return 0, nil, s.spoil(doing, err)
			}
			s.version++
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
	if s.overlay.memory() > s.overlayLimit() {
		if err := s.rewrite(rewriting{previous: true}); err != nil {
			return 0, nil, s.spoil(doing, err)
		}
	}
	return ticket, out, nil
}

// note notes one record.
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

func (s *session) overlayLimit() int { return min(s.budget/4, maxArena/4) }

// maxArena is where offsets end.
const maxArena = 1<<32 - 1

// load puts the state of a key into the draft, unless it is there, and returns its place.
func (r *revision) load(key string) (place int, err error) {
	if place, ok := r.Place(key); ok {
		return place, nil
	}
	hash := r.session.inner.HashKey(textOf(key))
	p, h, err := r.session.newest(hash, textOf(key))
	if err != nil {
		return 0, r.session.failure("read", err)
	}
	l := loaded{hash: p.hash, inBase: p.inBase, ord: p.ord, known: p.known, held: h}
	switch {
	case h != nil && h.stored != nil:
		l.stored, l.listed = h.stored, h.listed
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

// loadHolders loads the keys that have an identifier.
func (r *revision) loadHolders(id string) error {
	if id == "" {
		return nil
	}
	candidates, err := r.session.candidates(id)
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
		for i := range attempts {
			if _, err := r.load(attempts[i].Entry.Key); err != nil {
				return err
			}
		}
		for i := range attempts {
			if err := r.loadHolders(attempts[i].Entry.ID); err != nil {
				return err
			}
		}
		if tokens, err = r.Intend(attempts, s.token); err != nil {
			return err
		}
		for i := range attempts {
			if a := &attempts[i]; !a.Removal {
				place, _ := r.Place(a.Entry.Key)
				r.loaded[place].stored.coming = a.Entry.Source & sourceMask
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tokens, nil
}

// Settle records fates.
func (s *session) Settle(ctx context.Context, fates []diffstore.Fate) error {
	return s.revise(ctx, "record an outcome in", func(r *revision) error {
		for i := range fates {
			if _, err := r.load(fates[i].Key); err != nil {
				return err
			}
		}
		for i := range fates {
			if id, ok := r.Attempted(fates[i]); ok {
				if err := r.loadHolders(id); err != nil {
					return err
				}
			}
		}
		if err := r.Settle(fates); err != nil {
			return err
		}
		for i := range fates {
			if fates[i].Outcome == diffstore.Taken {
				place, _ := r.Place(fates[i].Key)
				st := r.loaded[place].stored
				st.source, st.coming = st.coming, 0
			}
		}
		return nil
	})
}
