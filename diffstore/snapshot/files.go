package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
)

// files are the files of one sync.
type files struct {
	fs            FS
	dir           string
	sync          string
	name          string
	sumKey        []byte
	encryptionKey []byte
	budget        int          // of memory, in bytes
	room          func() int64 // for mapped files, in bytes
	random        func([]byte)
	log           *slog.Logger
}

func (f *files) path(ending string) string { return filepath.Join(f.dir, f.name+ending) }

// list returns the names of all files of the sync.
func (f *files) list() ([]string, error) {
	entries, err := f.fs.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the snapshots: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), f.name+".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// write makes a file with content, durably but for its name.
func (f *files) write(path string, content []byte) (err error) {
	file, err := f.fs.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(content); err != nil {
		return err
	}
	return file.Sync()
}

// sweep removes the files that the manifest does not name: what a crash has left.
func (f *files) sweep(m *manifest) error {
	names, err := f.list()
	if err != nil {
		return err
	}
	needed := map[string]bool{f.name + manifestEnding: true}
	if m != nil {
		needed = m.names()
		needed[f.name+manifestEnding] = true
	}
	for _, name := range names {
		if needed[name] {
			continue
		}
		if err := f.remove(filepath.Join(f.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func (f *files) remove(path string) error {
	if err := f.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what is not needed any more: %w", err)
	}
	return nil
}

// forget makes the snapshot one that never was. Once a file bears the ending, what else there is counts for nothing, so
// that a crash half-way leaves either a whole snapshot or none.
func (f *files) forget() error {
	err := f.fs.Rename(f.path(manifestEnding), f.path(forgottenEnding))
	if errors.Is(err, fs.ErrNotExist) {
		names, listErr := f.list()
		if listErr != nil || len(names) == 0 {
			return listErr
		}
		err = f.write(f.path(forgottenEnding), nil)
	}
	if err == nil {
		err = f.fs.SyncDir(f.dir)
	}
	if err == nil {
		err = f.finishForgetting()
	}
	if err != nil {
		return fmt.Errorf("forget the snapshot of sync %s: %w", f.sync, err)
	}
	return nil
}

func (f *files) finishForgetting() error {
	names, err := f.list()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == f.name+forgottenEnding {
			continue
		}
		if err := f.remove(filepath.Join(f.dir, name)); err != nil {
			return err
		}
	}
	if err := f.fs.SyncDir(f.dir); err != nil {
		return err
	}
	return f.remove(f.path(forgottenEnding))
}

func (f *files) newNonce() (n nonce) {
	f.random(n[:])
	return n
}
