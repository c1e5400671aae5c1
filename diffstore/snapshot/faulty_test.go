package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// faultyFS is a file system in which the n-th operation fails, or in which the machine crashes at it: then nothing works
// any more, and what was not synced may be lost, all of it or a part.
type faultyFS struct {
	systemFS
	mu      sync.Mutex
	n       int // operations to go until the fault; it is past when this is negative
	crash   bool
	done    int // operations so far
	what    string
	down    bool
	rand    *rand.Rand
	lengths map[string][2]int64 // of each file that was written: synced, and as it is
	undo    []func() error      // of names that were not synced
	backups string
	saved   int
}

func newFaultyFS(n int, crash bool, backups string) *faultyFS {
	return &faultyFS{
		systemFS: systemFS{unsynced: true}, n: n, crash: crash, backups: backups, lengths: map[string][2]int64{},
		rand: rand.New(rand.NewPCG(uint64(n), 3)),
	}
}

// op counts an operation, and fails if it is the one.
func (f *faultyFS) op(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done++
	if f.down {
		return errors.New("the machine is down")
	}
	if f.n--; f.n != -1 {
		return nil
	}
	f.what = fmt.Sprintf(format, args...)
	f.down = f.crash
	return fmt.Errorf("%s: %w", f.what, syscall.ENOSPC)
}

func (f *faultyFS) Create(path string) (File, error) {
	if err := f.op("create %s", filepath.Base(path)); err != nil {
		return nil, err
	}
	file, err := f.systemFS.Create(path)
	if err != nil {
		return nil, err
	}
	f.lengths[path] = [2]int64{}
	f.undo = append(f.undo, func() error { return ignoreMissing(os.Remove(path)) })
	return &faultyFile{f, file, path}, nil
}

func (f *faultyFS) Append(path string) (File, error) {
	if err := f.op("append to %s", filepath.Base(path)); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	f.lengths[path] = [2]int64{info.Size(), info.Size()}
	file, err := f.systemFS.Append(path)
	return &faultyFile{f, file, path}, err
}

func (f *faultyFS) Rename(from, to string) error {
	if err := f.op("rename %s", filepath.Base(from)); err != nil {
		return err
	}
	f.saved++
	backup := filepath.Join(f.backups, fmt.Sprint(f.saved))
	linked := os.Link(to, backup) == nil
	f.undo = append(f.undo, func() error {
		err := ignoreMissing(os.Rename(to, from))
		if linked {
			err = errors.Join(err, os.Rename(backup, to))
		}
		return err
	})
	f.lengths[to] = f.lengths[from]
	delete(f.lengths, from)
	return f.systemFS.Rename(from, to)
}

func (f *faultyFS) Remove(path string) error {
	if err := f.op("remove %s", filepath.Base(path)); err != nil {
		return err
	}
	delete(f.lengths, path)
	return f.systemFS.Remove(path)
}

func (f *faultyFS) SyncDir(string) error {
	if err := f.op("sync the directory"); err != nil {
		return err
	}
	f.undo = nil
	return nil
}

func (f *faultyFS) MkdirAll(path string) error {
	if err := f.op("make the directory"); err != nil {
		return err
	}
	return f.systemFS.MkdirAll(path)
}

func (f *faultyFS) ReadFile(path string) ([]byte, error) {
	if err := f.op("read %s", filepath.Base(path)); err != nil {
		return nil, err
	}
	return f.systemFS.ReadFile(path)
}

func (f *faultyFS) Map(path string) (Mapping, error) {
	if err := f.op("map %s", filepath.Base(path)); err != nil {
		return nil, err
	}
	return f.systemFS.Map(path)
}

// lose takes away, by chance, what was not synced when the machine went down.
func (f *faultyFS) lose() error {
	if !f.crash {
		return nil
	}
	for path, length := range f.lengths {
		if lost := length[1] - length[0]; lost > 0 {
			if err := ignoreMissing(os.Truncate(path, length[0]+f.rand.Int64N(lost+1))); err != nil {
				return err
			}
		}
	}
	if f.rand.IntN(2) == 0 {
		for _, undo := range slices.Backward(f.undo) {
			if err := undo(); err != nil {
				return err
			}
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

type faultyFile struct {
	fs *faultyFS
	File
	path string
}

// Write writes half of b where the disk is full.
func (f *faultyFile) Write(b []byte) (int, error) {
	err := f.fs.op("write to %s", filepath.Base(f.path))
	if err != nil && f.fs.down && f.fs.what != fmt.Sprintf("write to %s", filepath.Base(f.path)) {
		return 0, err
	}
	if err != nil {
		b = b[:len(b)/2]
	}
	n, writeErr := f.File.Write(b)
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	length := f.fs.lengths[f.path]
	f.fs.lengths[f.path] = [2]int64{length[0], length[1] + int64(n)}
	return n, errors.Join(err, writeErr)
}

func (f *faultyFile) Sync() error {
	if err := f.fs.op("sync %s", filepath.Base(f.path)); err != nil {
		return err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	length := f.fs.lengths[f.path]
	f.fs.lengths[f.path] = [2]int64{length[1], length[1]}
	return nil
}
