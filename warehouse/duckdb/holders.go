//go:build !noduckdb

package duckdb

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"spillway/warehouse"
)

// files says who has which database file open in this process. DuckDB keeps other processes from reading a file that one
// writes, but does not see two uses of it within a process.
var files holders

// holders are the readers and writers of files. The zero holders has none.
type holders struct {
	mu     sync.Mutex
	byPath map[string]*holder
}

type holder struct {
	readers int
	writing bool
	changed chan struct{} // closed when one of them leaves
}

// writerPatience is how long a writer waits for those who read.
const writerPatience = 10 * time.Second

// read waits until nobody writes the file, which takes moments. The function that it returns lets go of the file.
func (h *holders) read(ctx context.Context, path string) (leave func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	return h.take(ctx, path, func(f *holder) bool {
		if f.writing {
			return false
		}
		f.readers++
		return true
	}, func(f *holder) { f.readers-- })
}

// write waits until nobody has the file open, and not for ever: a model may be read for an hour.
func (h *holders) write(ctx context.Context, path string) (leave func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, writerPatience)
	defer cancel()
	leave, err = h.take(waiting, path, func(f *holder) bool {
		if f.writing || f.readers > 0 {
			return false
		}
		f.writing = true
		return true
	}, func(f *holder) { f.writing = false })
	if err != nil && ctx.Err() == nil {
		return nil, &warehouse.Error{
			Message: "models are being read from " + path, Hint: "it is tried again; to keep the two apart, name a file of its own under [runlog]", Temporary: true,
		}
	}
	return leave, err
}

func (h *holders) take(ctx context.Context, path string, enter func(*holder) bool, leave func(*holder)) (func(), error) {
	path = canonical(path)
	for {
		h.mu.Lock()
		if h.byPath == nil {
			h.byPath = map[string]*holder{}
		}
		f, ok := h.byPath[path]
		if !ok {
			f = &holder{changed: make(chan struct{})}
			h.byPath[path] = f
		}
		entered, changed := enter(f), f.changed
		h.mu.Unlock()
		if entered {
			return func() { h.let(path, f, leave) }, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (h *holders) let(path string, f *holder, leave func(*holder)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	leave(f)
	close(f.changed)
	f.changed = make(chan struct{})
	if f.readers == 0 && !f.writing {
		delete(h.byPath, path)
	}
}

// canonical is the one name of a file, which need not be there yet.
func canonical(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}
