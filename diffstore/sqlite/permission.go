package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
)

// checkPrivate refuses a directory or file of the snapshots that others than its owner may use. One that does not
// exist is well.
func checkPrivate(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("snapshots: %w", err)
	}
	want := fileMode
	if info.IsDir() {
		want = dirMode
	}
	if have := info.Mode().Perm(); have&^want != 0 {
		return fmt.Errorf("snapshots: %s is open to other users (mode %04o): run \"chmod %04o %s\"", path, have, want, path)
	}
	return nil
}

// makeDir creates the directory of the snapshots, durably, unless it is there.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return checkPrivate(dir)
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("create the directory of the snapshots: %w", err)
	}
	return syncDir(filepath.Dir(dir))
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) (err error) {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}

// publish writes a file so that after a crash at any instant it is there as a whole or not at all.
func publish(path string, content []byte) (err error) {
	draft := path + ".new"
	if err := write(draft, content); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(draft, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

func write(path string, content []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.Sync()
}
