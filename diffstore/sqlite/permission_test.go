package sqlite_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
	"spillway/diffstore/sqlite"
)

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "state", "snapshots")
	store := open(t, dir)
	session := begin(t, store)
	deliver(t, session, "k", "a")
	// The session is open: the files beside the database are there too.
	modes := map[string]string{}
	err := filepath.WalkDir(filepath.Join(parent, "state"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(parent, path)
		modes[name] = fmt.Sprintf("%04o", info.Mode().Perm())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"state": "0700", "state/snapshots": "0700", "state/snapshots/sum.key": "0600", "state/snapshots/contacts.db": "0600",
		"state/snapshots/contacts.db-wal": "0600", "state/snapshots/contacts.db-shm": "0600",
	}
	if diff := cmp.Diff(want, modes); diff != "" {
		t.Errorf("modes while a session is open (-want +got):\n%s", diff)
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	want = map[string]string{"sum.key": "-rw-------", "contacts.db": "-rw-------", "contacts.db.seal": "-rw-------"}
	if diff := cmp.Diff(want, list(t, dir)); diff != "" {
		t.Errorf("files at rest (-want +got):\n%s", diff)
	}
}

func list(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]string{}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		modes[f.Name()] = info.Mode().String()
	}
	return modes
}

func TestFilesThatOthersMayReadAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{".", "sum.key", "contacts.db"} {
		for _, mode := range []fs.FileMode{0o750, 0o704, 0o620, 0o777} {
			t.Run(fmt.Sprintf("%s with mode %04o", name, mode), func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "state")
				store := open(t, dir)
				session := begin(t, store)
				deliver(t, session, "k", "a")
				if err := session.Close(); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, name)
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
				wanted := "chmod 0600 " + path
				if name == "." {
					wanted = "chmod 0700 " + dir
				}
				for what, err := range tryAll(t, dir) {
					if err == nil || !strings.Contains(err.Error(), wanted) {
						t.Errorf("%s: %v; the error should say %q", what, err, wanted)
					}
				}
			})
		}
	}
}

// tryAll opens the store of a directory anew, and the sync in it in every way. Where the store cannot be opened that
// is the error of all of them.
func tryAll(t *testing.T, dir string) map[string]error {
	t.Helper()
	store, err := sqlite.Open(dir, discard())
	if err != nil {
		return map[string]error{"open": err}
	}
	session, begun := store.Begin(t.Context(), "contacts")
	view, looked := store.View(t.Context(), "contacts")
	if begun == nil {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	}
	if looked == nil {
		if err := view.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	return map[string]error{"begin": begun, "view": looked}
}

func TestADirectoryThatCannotBeMadeIsAnError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(filepath.Join(file, "state"), discard())
	if err == nil {
		_, err = store.Begin(t.Context(), "contacts")
	}
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a session in a directory below a file: %v", err)
	}
}

func deliver(t *testing.T, s diffstore.Session, key, id string) {
	t.Helper()
	sum := s.Sum([]byte("v1"))
	e := diffstore.Entry{Key: key, ID: id, Sum: sum, First: sum}
	if _, err := s.Intend(t.Context(), []diffstore.Attempt{{Entry: e}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(t.Context(), []diffstore.Fate{{Key: key, Outcome: diffstore.Taken}}); err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, store diffstore.Store) diffstore.Session {
	t.Helper()
	s, err := store.Begin(t.Context(), "contacts")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
