package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A crash between any two file operations of Forget leaves the snapshot whole, or forgotten for good.
func TestForgettingHalfWayIsForgetting(t *testing.T) {
	t.Parallel()
	whole := inhabited(t)
	db := func(dir string) string { return filepath.Join(dir, "contacts.db") }
	stages := []struct {
		name string
		do   func(dir string) error
	}{
		{"renamed", func(dir string) error { return os.Rename(db(dir), db(dir)+".forgotten") }},
		{"without a seal", func(dir string) error { return os.Remove(db(dir) + ".seal") }},
		{"without a log", func(dir string) error { return os.Remove(db(dir) + "-wal") }},
	}
	for n := 1; n <= len(stages); n++ {
		t.Run(stages[n-1].name, func(t *testing.T) {
			t.Parallel()
			dir := copyOf(t, whole)
			if err := os.WriteFile(db(dir)+"-wal", []byte("what an earlier session has left"), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, s := range stages[:n] {
				if err := s.do(dir); err != nil {
					t.Fatal(err)
				}
			}
			store := open(t, dir)
			view, err := store.View(t.Context(), "contacts")
			if err != nil {
				t.Fatal(err)
			}
			size, err := view.Size(t.Context())
			if err = errors.Join(err, view.Close()); err != nil || size != 0 {
				t.Errorf("a view of it holds %d keys: %v", size, err)
			}
			s := begin(t, store)
			deliver(t, s, "k", "a")
			if size, err = s.Size(t.Context()); err != nil || size != 1 {
				t.Errorf("the next snapshot holds %d keys: %v", size, err)
			}
			if err := errors.Join(s.Close(), store.Close()); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"sum.key": "-rw-------", "contacts.db": "-rw-------", "contacts.db.seal": "-rw-------"}
			if diff := cmp.Diff(want, list(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

// A crash while the first session makes its files leaves drafts, which count for nothing.
func TestDraftsOfACrashAreReplaced(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sum.key.new", "contacts.db.new", "contacts.db.new-journal", "contacts.db.new-wal"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half of it"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store := open(t, dir)
	s := begin(t, store)
	deliver(t, s, "k", "a")
	if err := errors.Join(s.Close(), store.Close()); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"sum.key": "-rw-------", "contacts.db": "-rw-------", "contacts.db.seal": "-rw-------"}
	if diff := cmp.Diff(want, list(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
