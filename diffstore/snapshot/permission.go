package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// checkPrivate refuses a directory or file of the snapshots that others than its owner may use. One that does not
// exist is well.
func checkPrivate(fsys FS, path string) error {
	info, err := fsys.Stat(path)
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
func makeDir(fsys FS, dir string) error {
	if _, err := fsys.Stat(dir); err == nil {
		return checkPrivate(fsys, dir)
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return fmt.Errorf("create the directory of the snapshots: %w", err)
	}
	if err := fsys.SyncDir(filepath.Dir(dir)); err != nil {
		return fmt.Errorf("create the directory of the snapshots: %w", err)
	}
	return nil
}
