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

	out      *journal // nil before the first write
	unclean  bool     // an earlier session was not closed
	revision revision // the one that is being made
	tokens   []byte   // to come, at random
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
	s.revision = revision{Draft: diffstore.NewDraft(), session: s}
	var id [8]byte
	f.random(id[:])
	s.session = max(binary.LittleEndian.Uint64(id[:]), 1)
	if err := s.tidy(); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return s, nil
}

// tidy removes what a crash left, merges the segments that a session has not, and encrypts what was written before there
// was a key to encrypt it with.
func (s *session) tidy() error {
	if err := s.sweep(s.manifest); err != nil {
		return s.failure("open", err)
	}
	if s.manifest == nil {
		return nil
	}
	s.unclean = s.journal.torn || s.journal.length > s.manifest.Sealed
	encrypts := s.encryptionKey != nil && s.manifest.EncryptionProof == ""
	if !encrypts && len(s.segments) == 0 {
		return nil
	}
	for _, g := range s.generations() {
		if err := g.check(); err != nil {
			return s.failure("open", err)
		}
	}
	return s.failure("open", s.rewrite(rewriting{full: true, previous: !encrypts}))
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
			Sums: hashedSums, SumProof: proof(s.sumKey, "sums"), EncryptionProof: proof(s.encryptionKey, "encryption"),
		}
		out, err := s.createJournal(m)
		if err != nil {
			return err
		}
		s.out, s.manifest = out, m
		return s.publish(m)
	case s.unclean || s.journal.header.version < formatVersion:
		// What was found behind the last sync may be in memory alone. It is written anew before it is built upon. So is a
		// journal of an earlier format.
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
			return s.rewrite(rewriting{full: true, previous: true, last: true})
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
		return s.rewrite(rewriting{full: true, previous: true, last: true})
	}
	m := *s.manifest
	m.Sealed = length
	return s.publish(&m)
}

const (
	journalShare = 16 // a journal is merged into the base once it has this part of its size
	refreshed    = 64 // a base is rewritten for new sources alone if that many times their number are all of its rows
)
