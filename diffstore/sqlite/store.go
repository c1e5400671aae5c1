// Package sqlite keeps snapshots in SQLite, in one database file a sync.
//
// A snapshot file is NAME.db in the directory of the store, with NAME.db-wal beside it while a session is open and
// NAME.db.seal while none is. The file sum.key holds the key of all sums of the project.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite" // the driver

	"spillway/diffstore"
)

// Store is a diffstore.Store. Only one process at a time may hold sessions in a directory; views may be anywhere.
type Store struct {
	dir      string
	log      *slog.Logger
	unsynced bool

	mu     sync.Mutex
	closed bool
	busy   map[string]bool // syncs with an open session
}

var _ diffstore.Store = (*Store)(nil)

// Option changes how a Store works.
type Option func(*Store)

// Unsynced leaves out what makes writes outlive a crash of the machine. It is for tests that make very many stores.
func Unsynced() Option { return func(s *Store) { s.unsynced = true } }

// Open prepares to keep snapshots in dir, which need not exist: the first session makes it, for its owner alone. One
// that others may look into is refused.
func Open(dir string, log *slog.Logger, options ...Option) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the snapshots: %w", err)
	}
	if err := checkPrivate(dir); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, log: log, busy: map[string]bool{}}
	for _, o := range options {
		o(s)
	}
	return s, nil
}

// Begin opens a session.
func (s *Store) Begin(ctx context.Context, sync string) (diffstore.Session, error) {
	d, err := s.take(sync)
	if err != nil {
		return nil, err
	}
	session, err := s.begin(ctx, d)
	if err != nil {
		s.release(sync)
		return nil, err
	}
	return session, nil
}

func (s *Store) begin(ctx context.Context, d *database) (*session, error) {
	if err := makeDir(s.dir); err != nil {
		return nil, err
	}
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	there, err := d.exists()
	if err != nil {
		return nil, err
	}
	if !there {
		if err := d.finishForgetting(); err != nil {
			return nil, err
		}
		if err := d.create(ctx, key); err != nil {
			return nil, err
		}
		s.log.DebugContext(ctx, "snapshot created", "sync", d.sync)
	}
	if err := d.connect(d.address(d.path, "rw", d.synchronous(), "secure_delete(on)", "cache_size(-32000)")); err != nil {
		return nil, err
	}
	session, err := newSession(ctx, d, key, func() { s.release(d.sync) })
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return session, nil
}

// key returns the project's key, for the first session of two that begin at once as for the second.
func (s *Store) key() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return makeKey(s.dir)
}

// View opens a view.
func (s *Store) View(ctx context.Context, sync string) (diffstore.View, error) {
	d, err := s.database(sync)
	if err != nil {
		return nil, err
	}
	if err := checkPrivate(s.dir); err != nil {
		return nil, err
	}
	key, err := readKey(s.dir)
	if err != nil {
		return nil, err
	}
	if key == nil {
		if err := refuseLostKey(s.dir); err != nil {
			return nil, err
		}
		key = newKey() // nothing was ever compared with it
	}
	there, err := d.exists()
	if err != nil {
		return nil, err
	}
	if !there {
		return newEmptyView(key), nil
	}
	if err := d.connect(d.address(d.path, "ro", "query_only(on)")); err != nil {
		return nil, err
	}
	v, err := newSnapshotView(ctx, d, key)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return v, nil
}

// Forget drops the snapshot of a sync, whatever state it is in.
func (s *Store) Forget(ctx context.Context, sync string) error {
	d, err := s.take(sync)
	if err != nil {
		return err
	}
	defer s.release(sync)
	if _, err := os.Stat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := d.forget(); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "snapshot forgotten", "sync", sync)
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

var errClosed = errors.New("the store of the snapshots is closed")

// database returns the file of a sync.
func (s *Store) database(sync string) (*database, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if sync == "" {
		return nil, errors.New("open a snapshot: the sync has no name")
	}
	return &database{sync: sync, path: filepath.Join(s.dir, fileName(sync)+ending), unsynced: s.unsynced}, nil
}

// take reserves the file of a sync for one session.
func (s *Store) take(sync string) (*database, error) {
	d, err := s.database(sync)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[sync] {
		return nil, fmt.Errorf("sync %s: %w", sync, diffstore.ErrBusy)
	}
	s.busy[sync] = true
	return d, nil
}

func (s *Store) release(sync string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, sync)
}
