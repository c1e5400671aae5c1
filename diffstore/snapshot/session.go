package snapshot

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"

	"spillway/diffstore"
)

// session is a view that also writes.
type session struct {
	*view
	free func()
	fail func(error) // of the store, which is of no use after a write that failed

	out     *journal // nil before the first write
	unclean bool     // an earlier session was not closed
}

var (
	_ diffstore.Session = (*session)(nil)
	_ diffstore.Skimmer = (*session)(nil)
)

// newSession opens a session for which the sync was reserved.
func newSession(f *files, fail func(error), free func()) (*session, error) {
	if _, err := f.fs.Stat(f.path(forgottenEnding)); err == nil {
		if err := f.finishForgetting(); err != nil {
			return nil, fmt.Errorf("forget the snapshot of sync %s: %w", f.sync, err)
		}
	}
	v, err := newView(f)
	if err != nil {
		return nil, err
	}
	if err := v.load(); err != nil {
		return nil, v.failure("open", err)
	}
	s := &session{view: v, fail: fail, free: free}
	var id [8]byte
	f.random(id[:])
	s.session = max(binary.LittleEndian.Uint64(id[:]), 1)
	if err := s.tidy(); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return s, nil
}

// tidy removes what a crash left, and encrypts what was written before there was a key to encrypt it with.
func (s *session) tidy() error {
	if err := s.sweep(s.manifest); err != nil {
		return s.failure("open", err)
	}
	if s.manifest == nil {
		return nil
	}
	s.unclean = s.journal.torn || s.journal.length > s.manifest.Sealed
	if s.encryptionKey == nil || s.manifest.EncryptionProof != "" {
		return nil
	}
	if err := s.ready(context.Background()); err != nil {
		return err
	}
	return s.failure("encrypt", s.rewrite(rewriting{full: true}))
}

// spoil ends the use of the session and of the store after a write that failed: what the disk holds is not known, and
// a second attempt would be told that all is well. It returns the error.
func (s *session) spoil(doing string, err error) error {
	err = s.failure(doing, err)
	s.broken = fmt.Errorf("nothing more can be recorded: %w", err)
	s.fail(err)
	return err
}

// start makes the journal ready for the first record.
func (s *session) start() error {
	switch {
	case s.out != nil:
		return nil
	case s.manifest == nil:
		m := &manifest{
			Sync: s.sync, Nonce: s.newNonce().String(), Epoch: 1,
			SumProof: proof(s.sumKey, "sums"), EncryptionProof: proof(s.encryptionKey, "encryption"),
		}
		out, err := s.createJournal(m)
		if err != nil {
			return err
		}
		s.out, s.manifest = out, m
		return s.publish(m)
	case s.unclean:
		// What was found behind the last sync may be in memory alone. It is written anew before it is built upon.
		return s.rewrite(rewriting{previous: true})
	}
	f, err := s.fs.Append(filepath.Join(s.dir, s.manifest.Journal))
	if err != nil {
		return err
	}
	if s.out, err = newJournal(f, s.journal.header, s.encryptionKey); err != nil {
		return errors.Join(err, f.Close())
	}
	s.out.length, s.out.frame = s.journal.length, s.journal.frames
	return nil
}

// createJournal makes the journal of the epoch of m, and names it there.
func (s *session) createJournal(m *manifest) (*journal, error) {
	h := header{magic: journalMagic, encrypted: s.encryptionKey != nil, epoch: m.Epoch, sync: parseNonce(m.Nonce), file: s.newNonce()}
	m.Journal, m.Sealed = numbered(s.name, m.Epoch, journalEnding), headerSize
	f, err := s.fs.Create(filepath.Join(s.dir, m.Journal))
	if err != nil {
		return nil, err
	}
	j, err := newJournal(f, h, s.encryptionKey)
	if err == nil {
		_, err = f.Write(h.bytes())
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, nil
}

// revision is a draft of the states that one call changes.
type revision struct {
	*diffstore.Draft
	s      *session
	loaded map[string]*loaded
}

// loaded is a state as it was found, which the draft changes.
type loaded struct {
	place   place
	stored  *stored
	counted bool // in the size
}

func counts(s *diffstore.State) bool { return s.Delivered() && !s.Left }

// revise loads the keys, lets change alter them by the rules of package diffstore, and records what changed, durably.
func (s *session) revise(ctx context.Context, doing string, keys []string, change func(*revision) error) error {
	ticket, out, err := s.recordRevision(ctx, doing, keys, change)
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
func (s *session) recordRevision(ctx context.Context, doing string, keys []string, change func(*revision) error) (uint64, *journal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return 0, nil, err
	}
	r := &revision{Draft: diffstore.NewDraft(), s: s, loaded: map[string]*loaded{}}
	for _, key := range keys {
		if err := r.load(key); err != nil {
			return 0, nil, s.failure("read", err)
		}
	}
	if err := change(r); err != nil {
		return 0, nil, err
	}
	records := r.records()
	if len(records) == 0 {
		return 0, nil, nil
	}
	return s.record(doing, r, records)
}

// record notes the records of a revision in the journal and in memory.
func (s *session) record(doing string, r *revision, records []record) (uint64, *journal, error) {
	if err := s.start(); err != nil {
		return 0, nil, s.spoil(doing, err)
	}
	s.version++
	var b []byte
	for i := range records {
		from := len(b)
		b = appendRecord(b, &records[i])
		p := &r.loaded[string(records[i].key)].place
		if p.inBase {
			s.over[p.ord/64] |= 1 << (p.ord % 64)
		}
		if err := s.overlay.put(p.hash, &records[i], b[from:]); err != nil {
			return 0, nil, s.spoil(doing, err)
		}
	}
	ticket, out := s.out.record(b, s.progress), s.out
	if s.overlay.memory() > s.overlayLimit() {
		if err := s.rewrite(rewriting{previous: true}); err != nil {
			return 0, nil, s.spoil(doing, err)
		}
	}
	return ticket, out, nil
}

func (s *session) overlayLimit() int { return min(s.budget/4, maxArena/4) }

// load puts the state of a key into the draft, if there is one.
func (r *revision) load(key string) error {
	if r.loaded[key] != nil {
		return nil
	}
	p, err := r.s.locate(textOf(key))
	if err != nil {
		return err
	}
	l := &loaded{place: p, stored: &stored{}}
	if p.known {
		if l.stored, err = p.rec.stored(r.s.session); err != nil {
			return err
		}
	}
	r.put(key, l)
	return nil
}

func (r *revision) put(key string, l *loaded) {
	r.loaded[key] = l
	if l.place.known {
		l.counted = counts(&l.stored.state)
		r.Put(key, &l.stored.state)
	}
}

// loadHolders loads the keys that have one of the identifiers.
func (r *revision) loadHolders(ids []string) error {
	for _, id := range ids {
		if id == "" {
			continue
		}
		err := r.s.holders(id, func(key string, p *place, st *stored) {
			if r.loaded[key] == nil {
				r.put(key, &loaded{place: *p, stored: st})
			}
		})
		if err != nil {
			return r.s.failure("read", err)
		}
	}
	return nil
}

// records returns what the draft changed, and counts it.
func (r *revision) records() (records []record) {
	for key, state := range r.Changed() {
		l := r.loaded[key]
		l.stored.state = *state
		rec := newRecord(key, l.stored, r.s.session)
		if rec.kind == tombstone && !l.place.known {
			continue
		}
		if is := counts(state) && rec.kind != tombstone; is != l.counted {
			if is {
				r.s.size++
			} else {
				r.s.size--
			}
		}
		records = append(records, rec)
	}
	return records
}

// Intend records attempts.
func (s *session) Intend(ctx context.Context, attempts []diffstore.Attempt) (tokens []diffstore.Token, err error) {
	keys, ids := make([]string, len(attempts)), make([]string, len(attempts))
	for i := range attempts {
		keys[i], ids[i] = attempts[i].Entry.Key, attempts[i].Entry.ID
	}
	err = s.revise(ctx, "record an intent in", keys, func(r *revision) error {
		if err := r.loadHolders(ids); err != nil {
			return err
		}
		tokens, err = r.Intend(attempts, func() (t diffstore.Token) {
			s.random(t[:])
			return t
		})
		if err != nil {
			return err
		}
		for i := range attempts {
			if a := &attempts[i]; !a.Removal {
				r.loaded[a.Entry.Key].stored.coming = a.Entry.Source & sourceMask
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
	keys := make([]string, len(fates))
	for i := range fates {
		keys[i] = fates[i].Key
	}
	return s.revise(ctx, "record an outcome in", keys, func(r *revision) error {
		var ids []string
		for i := range fates {
			if id, ok := r.Attempted(fates[i]); ok {
				ids = append(ids, id)
			}
		}
		if err := r.loadHolders(ids); err != nil {
			return err
		}
		if err := r.Settle(fates); err != nil {
			return err
		}
		for i := range fates {
			if st := r.loaded[fates[i].Key].stored; fates[i].Outcome == diffstore.Taken {
				st.source, st.coming = st.coming, 0
			}
		}
		return nil
	})
}

// Close closes the session. What is not settled is in doubt from now on.
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.free()
	var err error
	if s.broken == nil {
		if err = s.leave(); err != nil {
			err = s.spoil("close", err)
		}
	}
	if s.out != nil {
		err = errors.Join(err, s.out.file.Close())
	}
	return errors.Join(err, s.close())
}

// leave writes what is worth to be written at the end. A journal that is short beside the base is left as it is: the
// next session reads it in a moment.
func (s *session) leave() error {
	wrote := s.out != nil
	if !wrote && !s.unclean {
		if s.isReady && s.base != nil && s.sources.count > 0 && s.sources.count*refreshed >= s.base.rows {
			return s.rewrite(rewriting{full: true, previous: true})
		}
		return nil
	}
	length := s.journal.length
	if wrote {
		var err error
		if length, err = s.out.flush(); err != nil {
			return err
		}
	}
	if s.unclean || s.base == nil || len(s.segments) > 0 || length*journalShare >= s.manifest.Base.Bytes {
		if err := s.ready(context.Background()); err != nil {
			return err
		}
		return s.rewrite(rewriting{full: true, previous: true})
	}
	m := *s.manifest
	m.Sealed = length
	return s.publish(&m)
}

const (
	journalShare = 16 // a journal is merged into the base once it has this part of its size
	refreshed    = 64 // a base is rewritten for new sources alone if that many times their number are all of its rows
)
