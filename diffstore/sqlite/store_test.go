package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDirectoriesMayHaveAnyName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"with space", "100%", "what?mode=memory", "a#b", "a&b=c", "%41", "ünï", "'quoted'", "[a]*"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			dir := filepath.Join(parent, name, "state")
			for range 2 {
				store := open(t, dir)
				s := begin(t, store)
				deliver(t, s, "k", "a")
				size, err := s.Size(t.Context())
				if err != nil || size != 1 {
					t.Errorf("the snapshot holds %d keys: %v", size, err)
				}
				if err := errors.Join(s.Close(), store.Close()); err != nil {
					t.Fatal(err)
				}
			}
			want := map[string]string{"sum.key": "-rw-------", "contacts.db": "-rw-------", "contacts.db.seal": "-rw-------"}
			if diff := cmp.Diff(want, list(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if err := os.Remove(filepath.Join(dir, "sum.key")); err != nil {
				t.Fatal(err)
			}
			for what, err := range tryAll(t, dir) {
				if err == nil {
					t.Errorf("%s without the key: the snapshot was not noticed", what)
				}
			}
		})
	}
}
