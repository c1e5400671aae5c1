package diffstoretest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"spillway/diffstore"
)

// bench is a store under test, with the session that is open in it.
type bench struct {
	t       *testing.T
	open    Opener
	root    string
	lives   int // directories used: a crash moves to the next
	store   diffstore.Store
	session diffstore.Session
	spy     *spy // sees every token; may be nil
}

func newBench(t *testing.T, open Opener) *bench {
	t.Helper()
	b := &bench{t: t, open: open, root: tempDir(t)}
	b.store = open(t, b.dir())
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) dir() string { return filepath.Join(b.root, strconv.Itoa(b.lives)) }

// begin returns the open session, or opens one.
func (b *bench) begin() diffstore.Session {
	b.t.Helper()
	if b.session == nil {
		b.session = must(b.store.Begin(b.t.Context(), syncName))(b.t)
	}
	return b.session
}

// end closes the session, if one is open.
func (b *bench) end() {
	b.t.Helper()
	if b.session != nil {
		check(b.t, b.session.Close())
		b.session = nil
	}
}

func (b *bench) close() error {
	var err error
	if b.session != nil {
		err = b.session.Close()
		b.session = nil
	}
	return errors.Join(err, b.store.Close())
}

// between is what happens between two steps of a test.
type between func(*bench)

// The three ways from one step to the next: in one session, in an orderly restart, and after a crash.
func ways() map[string]between {
	return map[string]between{
		"in one session":      func(*bench) {},
		"reopened between":    (*bench).reopen,
		"crashing in between": (*bench).crash,
	}
}

func (b *bench) reopen() {
	b.t.Helper()
	check(b.t, b.close())
	b.store = b.open(b.t, b.dir())
}

// crash goes on with the files as they are at this instant.
func (b *bench) crash() {
	b.t.Helper()
	was := b.dir()
	b.lives++
	if _, err := os.Stat(was); err == nil {
		check(b.t, copyDir(b.dir(), was))
	}
	check(b.t, b.close())
	b.store = b.open(b.t, b.dir())
}

// copyDir copies a flat directory of private files. That of a store at rest is what a crash leaves.
func copyDir(to, from string) error {
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// look opens a view for as long as the test lasts.
func (b *bench) look() diffstore.View {
	b.t.Helper()
	v := must(b.store.View(b.t.Context(), syncName))(b.t)
	b.t.Cleanup(func() { check(b.t, v.Close()) })
	return v
}

// glance opens a view for as long as it is used.
func (b *bench) glance(use func(diffstore.View)) {
	b.t.Helper()
	v := must(b.store.View(b.t.Context(), syncName))(b.t)
	use(v)
	check(b.t, v.Close())
}

// known returns what the snapshot holds of key, in words.
func (b *bench) known(key string) (words string) {
	b.t.Helper()
	b.glance(func(v diffstore.View) {
		words = describe(must(v.Compare(b.t.Context(), []diffstore.Entry{{Key: key, Unmapped: true}}))(b.t)[0].Known)
	})
	return words
}

// size returns how many keys the snapshot knows to be delivered or in doubt.
func (b *bench) size() (n int64) {
	b.t.Helper()
	b.glance(func(v diffstore.View) { n = must(v.Size(b.t.Context()))(b.t) })
	return n
}

// sumOf stands for the sum of a record. The sum of all fields of v1 is that of v1+, since the tests need to tell
// which of the two counted.
func sumOf(value string) diffstore.Sum {
	full := sha256.Sum256([]byte(value))
	return diffstore.Sum(full[:16])
}

func entry(key, id, value string) diffstore.Entry {
	return diffstore.Entry{Key: key, ID: id, Sum: sumOf(value), First: sumOf(value + "+"), Detail: []byte("detail of " + value)}
}

// valueOf is the inverse of sumOf for the values that tests use.
func valueOf(s diffstore.Sum) string {
	for _, v := range []string{"v1", "v2", "v3", "v1+", "v2+", "v3+"} {
		if sumOf(v) == s {
			return v
		}
	}
	return fmt.Sprintf("%x", s)
}

// describe puts what is known of a key in words: "v1 at old,a; tried v2, refused 1 (no), token; left".
func describe(k *diffstore.Known) string {
	if k == nil {
		return "unknown"
	}
	record := "no record"
	if k.Accepted {
		record = valueOf(k.Sum)
		if want := "detail of " + record; string(k.Detail) != want {
			record += fmt.Sprintf(" with detail %q", k.Detail)
		}
	}
	if len(k.IDs) > 0 {
		record += " at " + strings.Join(k.IDs, ",")
	}
	parts := []string{record}
	if k.Tried != (diffstore.Tried{}) {
		parts = append(parts, "tried "+describeTried(k.Tried))
	}
	for _, id := range sorted(k.Removals) {
		parts = append(parts, "removal of "+id+describeTried(k.Removals[id]))
	}
	if k.Left {
		parts = append(parts, "left")
	}
	if k.Shadowed {
		parts = append(parts, "shadowed")
	}
	return strings.Join(parts, "; ")
}

func describeTried(t diffstore.Tried) string {
	var parts []string
	if !t.Removal {
		parts = append(parts, valueOf(t.Sum))
	} else {
		parts = append(parts, "")
	}
	if t.Doubt {
		parts = append(parts, "doubt")
	}
	if t.Refusals > 0 {
		parts = append(parts, fmt.Sprintf("refused %d (%s)", t.Refusals, t.Code))
	}
	if t.Since.Equal(epoch) {
		parts = append(parts, "since then")
	} else if !t.Since.IsZero() {
		parts = append(parts, "since later")
	}
	if (t.Token == diffstore.Token{}) != (t.Batch == diffstore.Token{}) {
		parts = append(parts, "token without batch or batch without token")
	} else if (t.Token != diffstore.Token{}) {
		parts = append(parts, "token")
	}
	return strings.Join(slices.Compact(parts), ", ")
}

// must returns a function that ends the test if err is not nil and returns v otherwise.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
