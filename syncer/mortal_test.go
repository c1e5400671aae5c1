package syncer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"spillway/diffstore"
)

var errCrashed = errors.New("the process is gone")

// life is that of one process. When it ends, what stands on disk at that instant is copied, and nothing that the
// process does after it has any effect.
type life struct {
	mu    sync.RWMutex // held for writing while it ends
	ticks int          // until it ends; negative for never
	dead  bool
	from  string // the directory of the snapshots
	to    string
	err   error // of the copy
}

// tick is called between any two things that outlast the process. It fails once the process is gone.
func (l *life) tick() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ticks--; l.ticks == 0 {
		l.dead, l.err = true, copyFiles(l.to, l.from)
	}
	if l.dead {
		return errCrashed
	}
	return nil
}

// do does something that outlasts the process, with an end of it possible right before and right after.
func (l *life) do(work func() error) error {
	if err := l.tick(); err != nil {
		return err
	}
	l.mu.RLock()
	err := errCrashed
	if !l.dead {
		err = work()
	}
	l.mu.RUnlock()
	if err != nil {
		return err
	}
	return l.tick()
}

func copyFiles(to, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(from, entry.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, entry.Name()), content, 0o600)
		}
		if err != nil {
			return fmt.Errorf("copy: %w", err)
		}
	}
	return nil
}

// mortalStore is a store whose process may end between any two calls.
type mortalStore struct {
	diffstore.Store
	life *life
}

func (s mortalStore) Begin(ctx context.Context, sync string) (diffstore.Session, error) {
	session, err := s.Store.Begin(ctx, sync)
	if err != nil {
		return nil, err
	}
	mortal := mortalSession{session, s.life}
	if skimmer, ok := session.(diffstore.Skimmer); ok {
		return skimmingSession{mortal, skimmer}, nil
	}
	return mortal, nil
}

type mortalSession struct {
	diffstore.Session
	life *life
}

// skimmingSession is one that can skim.
type skimmingSession struct {
	mortalSession
	diffstore.Skimmer
}

func (s mortalSession) Intend(ctx context.Context, attempts []diffstore.Attempt) (tokens []diffstore.Token, err error) {
	err = s.life.do(func() (err error) {
		tokens, err = s.Session.Intend(ctx, attempts)
		return err
	})
	return tokens, err
}

func (s mortalSession) Settle(ctx context.Context, fates []diffstore.Fate) error {
	return s.life.do(func() error { return s.Session.Settle(ctx, fates) })
}
