// Package snapshot keeps snapshots in files that never change, and a journal of what came after them.
//
// Of a sync called NAME there are, all in the one directory of the store and for their owner alone:
//
//	NAME.manifest              which files count; replaced as a whole, and last of all
//	NAME.000000000007.snap     a generation: the records of all keys, or of those changed since the one before
//	NAME.000000000007.journal  what was recorded since: intents and outcomes, appended and synced
//
// and sum.key, which holds the key of all sums and hashes of the project.
//
// A generation is written once, in the order of the hashes of the keys, and then read where it lies, through the memory
// of the operating system, so that a model of any size takes next to none of the process. Twenty-one bytes a row tell
// that a row is unchanged. The texts of keys and identifiers and the sums field by field stand apart, and are read for
// rows that differ. Another index leads from identifiers to rows, without repeating their text.
//
// What a session records is in its journal before the call returns; several calls share one sync. Tables in memory tell
// where it is, and what is older stands in files without a name, but for what is to be encrypted, which stays on the heap.
// When that takes too much memory, it is written to a generation of its own, a segment. When the session is
// closed, journal and segments are merged with the base into the next one, unless they are few beside it. A merge reads
// and writes from one end to the other, and takes memory for its buffers alone.
//
// Nothing that a manifest names is ever written to again, but for the journal, which is appended to. A crash leaves the
// manifest before or the one after, and at the end of the journal perhaps a part of a frame that no call was told of.
// A write or a sync that fails ends the use of the store, and is never tried again: the disk may have lost what it
// reports as written the second time.
//
// Every byte has a checksum that is compared before it is believed: damage is an error, which names the place, and is
// never taken for an absence. One thing cannot be told from a crash: damage to the last frame of a journal whose session
// was not closed.
package snapshot

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"spillway/diffstore"
)

// Store is a diffstore.Store. Only one process at a time may hold sessions in a directory; views may be anywhere.
type Store struct {
	template files // what the files of all syncs have in common

	mu     sync.Mutex
	closed bool
	failed error           // of a write
	busy   map[string]bool // syncs with an open session
}

var _ diffstore.Store = (*Store)(nil)

// Option changes how a Store works.
type Option func(*files) error

// DefaultMemory is how much memory a session or a view takes at most, about, unless WithMemory says otherwise.
const DefaultMemory = 64 << 20

const leastMemory = 1 << 20

// WithMemory bounds the memory, in bytes, that a session or a view takes for what it has to remember. What does not fit
// goes to the disk. One bit a row comes on top of it, and the files themselves, which the operating system keeps in
// memory as far as there is room. At least a megabyte is taken.
func WithMemory(bytes int) Option {
	return func(f *files) error {
		f.budget = max(bytes, leastMemory)
		return nil
	}
}

// WithEncryption encrypts keys, identifiers and whatever else is readable, by AES-256-GCM under a key of 32 bytes. What
// was written without is encrypted when its next session begins. Without the key nothing can be read again.
func WithEncryption(key []byte) Option {
	return func(f *files) error {
		if len(key) != 32 {
			return fmt.Errorf("the encryption key of the snapshots has %d bytes, not 32", len(key))
		}
		f.encryptionKey = append([]byte(nil), key...)
		return nil
	}
}

// WithFS keeps the snapshots in another file system.
func WithFS(fsys FS) Option {
	return func(f *files) error {
		f.fs = fsys
		return nil
	}
}

// Unsynced leaves out what makes writes outlive a crash of the machine. It is for tests that make very many stores.
func Unsynced() Option { return WithFS(systemFS{unsynced: true}) }

// Open prepares to keep snapshots in dir, which need not exist: the first session makes it, for its owner alone. One
// that others may look into is refused.
func Open(dir string, log *slog.Logger, options ...Option) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the snapshots: %w", err)
	}
	s := &Store{
		template: files{fs: systemFS{}, dir: dir, log: log, budget: DefaultMemory, random: systemRandom, room: systemRoom},
		busy:     map[string]bool{},
	}
	for _, o := range options {
		if err := o(&s.template); err != nil {
			return nil, fmt.Errorf("open the snapshots: %w", err)
		}
	}
	if err := checkPrivate(s.template.fs, dir); err != nil {
		return nil, err
	}
	return s, nil
}

// Begin opens a session.
func (s *Store) Begin(ctx context.Context, sync string) (diffstore.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := s.take(sync)
	if err != nil {
		return nil, err
	}
	session, err := s.begin(f)
	if err != nil {
		s.release(sync)
		return nil, err
	}
	return session, nil
}

func (s *Store) begin(f *files) (*session, error) {
	if err := makeDir(f.fs, f.dir); err != nil {
		return nil, err
	}
	var err error
	if f.sumKey, err = s.makeKey(f); err != nil {
		return nil, err
	}
	return newSession(f, s.fail, func() { s.release(f.sync) })
}

// makeKey returns the project's key, for the first session of two that begin at once as for the second.
func (s *Store) makeKey(f *files) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f.makeKey()
}

// View opens a view.
func (s *Store) View(ctx context.Context, sync string) (diffstore.View, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.view(sync)
}

func (s *Store) view(sync string) (*view, error) {
	f, err := s.files(sync)
	if err != nil {
		return nil, err
	}
	if err := checkPrivate(f.fs, f.dir); err != nil {
		return nil, err
	}
	if f.sumKey, err = f.readKey(); err != nil {
		return nil, err
	}
	if f.sumKey == nil {
		f.sumKey = make([]byte, keySize) // nothing was ever compared with it
		f.random(f.sumKey)
	}
	v, err := newView(f)
	if err != nil {
		return nil, err
	}
	if err := v.load(); err != nil {
		return nil, v.failure("open", err)
	}
	return v, nil
}

// Lookup returns what is known of one key, or nil.
func (s *Store) Lookup(ctx context.Context, sync, key string) (known *diffstore.Known, err error) {
	v, err := s.view(sync)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if err := v.ready(ctx); err != nil {
		return nil, err
	}
	p, err := v.locate(textOf(key))
	if err != nil || !p.known {
		return nil, v.failure("read", err)
	}
	st, err := p.rec.stored(0)
	if err != nil {
		return nil, v.failure("read", err)
	}
	return st.state.Known(key), nil
}

// Forget drops the snapshot of a sync, whatever state it is in.
func (s *Store) Forget(ctx context.Context, sync string) error {
	f, err := s.take(sync)
	if err != nil {
		return err
	}
	defer s.release(sync)
	if err := f.forget(); err != nil {
		return err
	}
	f.log.InfoContext(ctx, "snapshot forgotten", "sync", sync)
	return nil
}

// Close closes the store. It fails while a session is open.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if n := len(s.busy); n > 0 {
		return fmt.Errorf("close the snapshots: %d sessions are still open", n)
	}
	return nil
}

// files returns the files of a sync.
func (s *Store) files(sync string) (*files, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, errors.New("the store of the snapshots is closed")
	case s.failed != nil:
		return nil, fmt.Errorf("the snapshots are not written to again before a restart: %w", s.failed)
	case sync == "":
		return nil, errors.New("open a snapshot: the sync has no name")
	}
	f := s.template
	f.sync, f.name = sync, fileName(sync)
	return &f, nil
}

// take reserves a sync for one session.
func (s *Store) take(sync string) (*files, error) {
	f, err := s.files(sync)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[sync] {
		return nil, fmt.Errorf("sync %s: %w", sync, diffstore.ErrBusy)
	}
	s.busy[sync] = true
	return f, nil
}

func (s *Store) release(sync string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, sync)
}

// fail ends the use of the store.
func (s *Store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
	}
}

// parseNonce is the inverse of nonce.String. Of a manifest that was damaged on purpose it makes one that no file has.
func parseNonce(s string) (n nonce) {
	_, _ = hex.Decode(n[:], []byte(s)[:min(len(s), 2*len(n))])
	return n
}
