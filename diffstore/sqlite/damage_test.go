package sqlite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

const people = 300

// inhabited makes a snapshot of a few pages, closed in order, and returns its directory.
func inhabited(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	store := open(t, dir)
	s := begin(t, store)
	var attempts []diffstore.Attempt
	var fates []diffstore.Fate
	for i := range people {
		attempts = append(attempts, diffstore.Attempt{Entry: person(s, i)})
		fates = append(fates, diffstore.Fate{Key: attempts[i].Entry.Key, Outcome: diffstore.Taken})
	}
	if _, err := s.Intend(t.Context(), attempts); err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(t.Context(), fates); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), store.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func person(v diffstore.View, i int) diffstore.Entry {
	sum := v.Sum(fmt.Append(nil, i))
	return diffstore.Entry{Key: fmt.Sprint(i), ID: fmt.Sprintf("person-%d@example.com", i), Sum: sum, First: sum, Detail: make([]byte, 60)}
}

// examine reads everything in every way. It returns nil when all is as it was written.
func examine(t *testing.T, dir string) error {
	t.Helper()
	store := open(t, dir)
	view, err := store.View(t.Context(), "contacts")
	if err != nil {
		return err
	}
	err = errors.Join(examineView(t, view), view.Close())
	if err != nil {
		return err
	}
	session, err := store.Begin(t.Context(), "contacts")
	if err != nil {
		return err
	}
	return errors.Join(examineView(t, session), session.Close(), store.Close())
}

func examineView(t *testing.T, v diffstore.View) error {
	t.Helper()
	entries := make([]diffstore.Entry, people)
	for i := range entries {
		entries[i] = person(v, i)
	}
	found := map[string]bool{}
	for k, err := range v.Removed(t.Context()) {
		if err != nil {
			return err
		}
		found[k.Key] = true
	}
	if len(found) != people {
		t.Errorf("%d keys were read of %d, without an error", len(found), people)
	}
	changes, err := v.Compare(t.Context(), entries)
	if err != nil {
		return err
	}
	for i, c := range changes {
		if c.Verdict != diffstore.Same {
			t.Errorf("the verdict on key %d is %d, without an error", i, c.Verdict)
		}
	}
	return nil
}

func TestDamageIsRefusedAndNeverTakenAsEmpty(t *testing.T) {
	t.Parallel()
	whole := inhabited(t)
	if err := examine(t, whole); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(whole, "contacts.db"))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	harms := map[string]func([]byte) []byte{
		"empty":                   func([]byte) []byte { return nil },
		"cut to one byte":         func(b []byte) []byte { return b[:1] },
		"cut to its header":       func(b []byte) []byte { return b[:100] },
		"cut to its first page":   func(b []byte) []byte { return b[:4096] },
		"cut by a byte":           func(b []byte) []byte { return b[:len(b)-1] },
		"cut by a page":           func(b []byte) []byte { return b[:len(b)-4096] },
		"longer by a byte":        func(b []byte) []byte { return append(b, 0) },
		"longer by a page":        func(b []byte) []byte { return append(b, make([]byte, 4096)...) },
		"all zero":                func(b []byte) []byte { return make([]byte, len(b)) },
		"text":                    func([]byte) []byte { return []byte("this is no database\n") },
		"with two pages swapped":  swapPages,
		"with a page from zeroes": func(b []byte) []byte { clear(b[4096:8192]); return b },
	}
	for range 40 {
		at, bit := random.IntN(len(content)), random.IntN(8)
		harms[fmt.Sprintf("flipped in bit %d of byte %d", bit, at)] = func(b []byte) []byte { b[at] ^= 1 << bit; return b }
	}
	for bit := range 100 { // of the header
		harms[fmt.Sprintf("flipped in bit 0 of byte %d", bit)] = func(b []byte) []byte { b[bit] ^= 1; return b }
	}
	for name, harm := range harms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copyOf(t, whole)
			path := filepath.Join(dir, "contacts.db")
			if err := os.WriteFile(path, harm(append([]byte(nil), content...)), 0o600); err != nil {
				t.Fatal(err)
			}
			for what, err := range tryAll(t, dir) {
				if !errors.Is(err, diffstore.ErrCorrupt) {
					t.Errorf("%s: %v", what, err)
				} else if !strings.Contains(err.Error(), "spillway reset contacts") {
					t.Errorf("%s does not say what to do: %v", what, err)
				}
			}
			// Forgetting is the way out.
			store := open(t, dir)
			if err := store.Forget(t.Context(), "contacts"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]string{"sum.key": "-rw-------"}, list(t, dir)); diff != "" {
				t.Errorf("files after forgetting (-want +got):\n%s", diff)
			}
			if err := begin(t, store).Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A file that was not closed in order has no seal. Damage to its structure is found all the same, and damage to
// values at worst makes rows differ, which sends them again; no key may vanish unnoticed.
func TestDamageAfterACrashNeverMakesKeysVanish(t *testing.T) {
	t.Parallel()
	whole := inhabited(t)
	if err := os.Remove(filepath.Join(whole, "contacts.db.seal")); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(whole, "contacts.db"))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	refused := 0
	for range 150 {
		dir := copyOf(t, whole)
		harmed := append([]byte(nil), content...)
		harmed[random.IntN(len(harmed))] ^= 1 << random.IntN(8)
		if err := os.WriteFile(filepath.Join(dir, "contacts.db"), harmed, 0o600); err != nil {
			t.Fatal(err)
		}
		store := open(t, dir)
		view, err := store.View(t.Context(), "contacts")
		if err != nil {
			refused++
			continue
		}
		size, err := view.Size(t.Context())
		if err == nil && size < people-1 {
			t.Errorf("%d keys are left of %d, without an error", size, people)
		}
		if err := view.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if refused == 0 {
		t.Error("no damage was found")
	}
}

func TestFilesThatDoNotBelongTogetherAreRefused(t *testing.T) {
	t.Parallel()
	at := func(name string) func(string) string {
		return func(dir string) string { return filepath.Join(dir, name) }
	}
	db, key, seal := at("contacts.db"), at("sum.key"), at("contacts.db.seal")
	tests := []struct {
		name string
		harm func(t *testing.T, dir string) error
		says string
	}{
		{"the key is missing", func(_ *testing.T, dir string) error { return os.Remove(key(dir)) }, "sum.key is missing"},
		{"the key is empty", func(_ *testing.T, dir string) error { return os.WriteFile(key(dir), nil, 0o600) }, "key file"},
		{"the key is another project's", func(t *testing.T, dir string) error {
			return copyFile(key(dir), key(inhabited(t)))
		}, "another key"},
		{"a bit of the key is flipped", func(_ *testing.T, dir string) error {
			b, err := os.ReadFile(key(dir))
			if err != nil {
				return err
			}
			b[40] ^= 1
			return os.WriteFile(key(dir), b, 0o600)
		}, "key file"},
		{"the database is missing", func(_ *testing.T, dir string) error { return os.Remove(db(dir)) }, "the file is missing"},
		{"the database is another sync's", func(t *testing.T, dir string) error {
			store := open(t, dir)
			s, err := store.Begin(t.Context(), "deals")
			if err != nil {
				return err
			}
			deliver(t, s, "k", "a")
			return errors.Join(s.Close(), copyFile(db(dir), filepath.Join(dir, "deals.db")), copyFile(seal(dir), filepath.Join(dir, "deals.db.seal")))
		}, "snapshot of sync deals"},
		{"the database is another program's", func(_ *testing.T, dir string) error {
			return errors.Join(os.Remove(seal(dir)), execute(db(dir), "pragma application_id = 7"))
		}, "another program"},
		{"the database has no version", func(_ *testing.T, dir string) error {
			return errors.Join(os.Remove(seal(dir)), execute(db(dir), "pragma user_version = 0"))
		}, "no format version"},
		{"the database was written behind the seal", func(_ *testing.T, dir string) error {
			return execute(db(dir), "delete from keys")
		}, "not what was written"},
		{"the seal is empty", func(_ *testing.T, dir string) error { return os.WriteFile(seal(dir), nil, 0o600) }, "seal"},
		{"the database is an older one", func(t *testing.T, dir string) error {
			old, err := os.ReadFile(db(dir))
			if err != nil {
				return err
			}
			store := open(t, dir)
			s := begin(t, store)
			deliver(t, s, "another", "b")
			return errors.Join(s.Close(), os.WriteFile(db(dir), old, 0o600))
		}, "not what was written"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := inhabited(t)
			if err := tt.harm(t, dir); err != nil {
				t.Fatal(err)
			}
			for what, err := range tryAll(t, dir) {
				if !errors.Is(err, diffstore.ErrCorrupt) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%s: %v; the error should say %q", what, err, tt.says)
				}
			}
		})
	}
}

func TestANewerFormatIsRefusedButNotCalledDamaged(t *testing.T) {
	t.Parallel()
	dir := inhabited(t)
	path := filepath.Join(dir, "contacts.db")
	if err := errors.Join(os.Remove(path+".seal"), execute(path, "pragma user_version = 2")); err != nil {
		t.Fatal(err)
	}
	for what, err := range tryAll(t, dir) {
		if err == nil || errors.Is(err, diffstore.ErrCorrupt) || !strings.Contains(err.Error(), "newer version") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// execute changes a database behind the store's back.
func execute(path, statement string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	_, err = db.Exec(statement)
	return errors.Join(err, db.Close())
}

func swapPages(b []byte) []byte {
	last := b[len(b)-4096:]
	page := append([]byte(nil), b[4096:8192]...)
	copy(b[4096:8192], last)
	copy(last, page)
	return b
}

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for name := range list(t, dir) {
		if err := copyFile(filepath.Join(to, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func copyFile(to, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}
