package snapshot

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spillway/diffstore"
)

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "state", "snapshots")
	check := func() (files int) {
		err := filepath.WalkDir(filepath.Join(parent, "state"), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			want := dirMode
			if !d.IsDir() {
				files++
				want = fileMode
			}
			if have := info.Mode().Perm(); have != want {
				t.Errorf("%s has mode %04o, not %04o", path, have, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	p := &play{store: openTest(t, dir, tiny, Unsynced())}
	for i, s := range []step{begin, intends(at("a", "1", 1), at("b", "2", 1)), settles(diffstore.Taken, "a"), end} {
		if err := s(t.Context(), p); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if n := check(); i > 0 && n < 3 {
			t.Errorf("after step %d there are %d files", i, n)
		}
	}
}

func TestFilesThatOthersMayReadAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{".", keyFile, "contacts" + manifestEnding} {
		for _, mode := range []fs.FileMode{0o750, 0o704, 0o620, 0o777} {
			t.Run(fmt.Sprintf("%s with mode %04o", name, mode), func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "state")
				run(t, dir, begin, intends(at("a", "1", 1)), settles(diffstore.Taken, "a"), end)
				path := filepath.Join(dir, name)
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
				wanted := "chmod 0600 " + path
				if name == "." {
					wanted = "chmod 0700 " + dir
				}
				store, err := Open(dir, discard())
				if err == nil {
					_, err = store.Begin(t.Context(), "contacts")
					if _, looking := store.View(t.Context(), "contacts"); looking == nil {
						t.Error("it can be looked at")
					}
				}
				if err == nil || !strings.Contains(err.Error(), wanted) {
					t.Errorf("%v; the error should say %q", err, wanted)
				}
			})
		}
	}
}

func TestADirectoryThatCannotBeMadeIsAnError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := Open(filepath.Join(file, "state"), discard())
	if err == nil {
		_, err = store.Begin(t.Context(), "contacts")
	}
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a session in a directory below a file: %v", err)
	}
}
