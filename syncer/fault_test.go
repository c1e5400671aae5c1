package syncer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"testing"

	"spillway/diffstore/snapshot"
	"spillway/syncer/runlog"
)

// TestARunWhoseDiskFails fails at each operation on the files of the snapshot in turn, for once or for good. The run may
// fail; what it says must be so, and the next healthy run brings the service to what the source holds.
func TestARunWhoseDiskFails(t *testing.T) {
	t.Parallel()
	healthy := &failingFS{at: -1}
	disturbed(t, healthy)
	if healthy.done < 10 {
		t.Fatalf("a run has %d operations", healthy.done)
	}
	for at := range healthy.done {
		for _, forGood := range []bool{false, true} {
			t.Run(fmt.Sprintf("operation %d, for good %v", at, forGood), func(t *testing.T) {
				t.Parallel()
				disturbed(t, &failingFS{at: at, forGood: forGood})
			})
		}
	}
}

// disturbed goes through three runs, of which the second has the file system fsys.
func disturbed(t *testing.T, fsys *failingFS) {
	t.Helper()
	w := newWorld(t)
	w.sync.Guard.MaxRemoved = share(t, "100%")
	w.source.set(many(12)...)
	w.run()
	w.close()

	changed := many(14)[1:]
	for n := range 6 {
		changed[n].Score = "77"
	}
	w.source.set(changed...)
	w.remote.calls()
	w.fs = fsys
	run := w.run()
	accepted := int64(len(w.sent()))
	closed := w.engine.Close()
	w.engine, w.fs = nil, nil
	switch {
	case fsys.what == "": // nothing failed
		if run.State != runlog.Succeeded || closed != nil {
			t.Errorf("the run is %s: %+v, %v", run.State, run.Error, closed)
		}
	case run.State == runlog.Succeeded && (run.Accepted != accepted || run.Due() != accepted):
		t.Errorf("after %s failed, the run succeeded with %+v, and %d operations came", fsys.what, run.Counts, accepted)
	case run.State == runlog.Failed && run.Error.Code != CodeStore:
		t.Errorf("after %s failed, the run failed with %+v", fsys.what, run.Error)
	case run.Accepted > accepted:
		t.Errorf("after %s failed, %d operations are said to be accepted, and %d came", fsys.what, run.Accepted, accepted)
	}
	if fsys.again != "" {
		t.Errorf("after %s failed, %s was tried", fsys.what, fsys.again)
	}

	if run := w.run(); run.State != runlog.Succeeded {
		t.Errorf("after %s failed, the next run is %s: %+v", fsys.what, run.State, run.Error)
	}
	want := newWorld(t)
	want.source.set(changed...)
	want.run()
	if w.stands() != want.stands() {
		t.Errorf("after %s failed, there stands\n%s\nand not\n%s", fsys.what, w.stands(), want.stands())
	}
	w.remote.calls()
	if run := w.run(); len(w.sent()) > 0 || run.Due() > 0 {
		t.Errorf("after %s failed, a run with nothing changed has %+v", fsys.what, run.Counts)
	}
}

// failingFS is a file system in which the operation with the number at fails, or that and all after it: a full disk, or a
// sync that fails. A journal of which a write or a sync failed must not be written to again.
type failingFS struct {
	at      int
	forGood bool

	mu    sync.Mutex
	done  int
	what  string // that failed
	file  string // whose write or sync failed
	again string // what was tried with it after that
}

func (f *failingFS) op(what, path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done++
	written := what == "write" || what == "sync"
	if written && f.file == path && f.again == "" {
		f.again = what + " " + path
	}
	if f.at < 0 || f.done <= f.at || (f.done > f.at+1 && !f.forGood) {
		return nil
	}
	if f.what == "" {
		f.what = what + " " + path
	}
	if written && f.file == "" {
		f.file = path
	}
	errno := syscall.ENOSPC
	if what == "sync" {
		errno = syscall.EIO
	}
	return &fs.PathError{Op: what, Path: path, Err: errno}
}

func (f *failingFS) open(what, path string, flags int) (snapshot.File, error) {
	if err := f.op(what, path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, flags, 0o600)
	return &failingFile{file, f}, err
}

func (f *failingFS) Create(path string) (snapshot.File, error) {
	return f.open("create", path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
}

func (f *failingFS) Append(path string) (snapshot.File, error) {
	return f.open("append", path, os.O_WRONLY|os.O_APPEND)
}

func (f *failingFS) Rename(from, to string) error {
	if err := f.op("rename", from); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func (f *failingFS) Remove(path string) error {
	if err := f.op("remove", path); err != nil {
		return err
	}
	return os.Remove(path)
}

func (f *failingFS) SyncDir(path string) error  { return f.op("sync directory", path) }
func (f *failingFS) MkdirAll(path string) error { return os.MkdirAll(path, 0o700) }

func (f *failingFS) ReadFile(path string) ([]byte, error)       { return os.ReadFile(path) }
func (f *failingFS) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }
func (f *failingFS) Stat(path string) (fs.FileInfo, error)      { return os.Stat(path) }

func (f *failingFS) Map(path string) (snapshot.Mapping, error) {
	content, err := os.ReadFile(path)
	return mapped(content), err
}

type mapped []byte

func (m mapped) Bytes() []byte    { return m }
func (m mapped) Release(_, _ int) {}
func (m mapped) Close() error     { return nil }

type failingFile struct {
	*os.File
	fs *failingFS
}

// Write writes half of b where the disk is full.
func (f *failingFile) Write(b []byte) (int, error) {
	err := f.fs.op("write", f.Name())
	if err != nil {
		b = b[:len(b)/2]
	}
	n, writeErr := f.File.Write(b)
	return n, errors.Join(err, writeErr)
}

func (f *failingFile) Sync() error { return f.fs.op("sync", f.Name()) }
