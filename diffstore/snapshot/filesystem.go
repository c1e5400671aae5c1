package snapshot

import (
	"errors"
	"io/fs"
	"os"
)

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
)

// FS is the file system that snapshots are kept in, so that tests can make it fail. Paths are absolute.
type FS interface {
	Create(path string) (File, error)     // a new, empty file, for its owner alone; one that is there is emptied
	Append(path string) (File, error)     // an existing file, to write at its end
	Rename(from, to string) error         // replaces what is there
	Remove(path string) error             // of a file that does not exist it is fs.ErrNotExist
	SyncDir(path string) error            // makes the names in a directory durable
	MkdirAll(path string) error           // for its owner alone
	ReadFile(path string) ([]byte, error) //
	ReadDir(path string) ([]fs.DirEntry, error)
	Stat(path string) (fs.FileInfo, error)
	Map(path string) (Mapping, error) // the content of a file as it is, to which at most something is added
}

// File is a file that is being written.
type File interface {
	Write(b []byte) (int, error)
	Sync() error
	Close() error
}

// Mapping is the content of a file, which stays readable when the file is removed.
type Mapping interface {
	Bytes() []byte

	// Release says that the bytes from one place to another were read and will not be again soon, so that they need not
	// count to the memory of the process meanwhile.
	Release(from, to int)

	Close() error
}

// systemFS is the file system of the operating system.
type systemFS struct{ unsynced bool }

func (s systemFS) Create(path string) (File, error) {
	return s.open(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
}

func (s systemFS) Append(path string) (File, error) { return s.open(path, os.O_WRONLY|os.O_APPEND) }

func (s systemFS) open(path string, flags int) (File, error) {
	f, err := os.OpenFile(path, flags, fileMode)
	if err != nil {
		return nil, err
	}
	if s.unsynced {
		return unsyncedFile{f}, nil
	}
	return f, nil
}

func (systemFS) Rename(from, to string) error               { return os.Rename(from, to) }
func (systemFS) Remove(path string) error                   { return os.Remove(path) }
func (systemFS) MkdirAll(path string) error                 { return os.MkdirAll(path, dirMode) }
func (systemFS) ReadFile(path string) ([]byte, error)       { return os.ReadFile(path) }
func (systemFS) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }
func (systemFS) Stat(path string) (fs.FileInfo, error)      { return os.Stat(path) }

func (s systemFS) SyncDir(path string) (err error) {
	if s.unsynced {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Sync()
}

// unsyncedFile does not wait for the disk.
type unsyncedFile struct{ *os.File }

func (unsyncedFile) Sync() error { return nil }
