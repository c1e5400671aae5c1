package diffstoretest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// testLife tests stores, sessions and views as a whole: who may be open beside whom, and what forgetting leaves.
func testLife(t *testing.T, open Opener) {
	t.Run("one session of a sync at a time", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		b.begin()
		if _, err := b.store.Begin(t.Context(), syncName); !errors.Is(err, diffstore.ErrBusy) {
			t.Errorf("beginning a second session: %v", err)
		}
		if err := b.store.Forget(t.Context(), syncName); !errors.Is(err, diffstore.ErrBusy) {
			t.Errorf("forgetting the sync of an open session: %v", err)
		}
		other := must(b.store.Begin(t.Context(), "another"))(t)
		check(t, other.Close())
		b.end()
		b.begin()
	})
	t.Run("a store is not closed over a session", func(t *testing.T) {
		t.Parallel()
		store := open(t, filepath.Join(t.TempDir(), "state"))
		s := must(store.Begin(t.Context(), syncName))(t)
		if err := store.Close(); err == nil {
			t.Error("it was closed without an error")
		}
		if _, err := store.Begin(t.Context(), "another"); err == nil {
			t.Error("a closed store began a session")
		}
		check(t, s.Close())
		check(t, store.Close())
	})
	t.Run("syncs do not share what they know, however their names are written", func(t *testing.T) {
		t.Parallel()
		store := open(t, filepath.Join(t.TempDir(), "state"))
		names := []string{"contacts", "Contacts", "CONTACTS", "contacts-2", "con_tacts", "../contacts", "a/b", "a.b", "Ω", "=43ontacts", "con"}
		for _, long := range []string{"x", "y"} {
			name := long
			for len(name) < 300 {
				name = "n" + name
			}
			names = append(names, name)
		}
		for i, name := range names {
			s := must(store.Begin(t.Context(), name))(t)
			must(s.Intend(t.Context(), []diffstore.Attempt{{Entry: entry(strconv.Itoa(i), "a", "v1")}}))(t)
			check(t, s.Close())
		}
		for i, name := range names {
			v := must(store.View(t.Context(), name))(t)
			want := map[string]string{strconv.Itoa(i): "no record at a; tried v1+, doubt, token"}
			if diff := cmp.Diff(want, removed(t, v)); diff != "" {
				t.Errorf("what is known of sync %q (-want +got):\n%s", name, diff)
			}
			check(t, v.Close())
		}
		if _, err := store.Begin(t.Context(), ""); err == nil {
			t.Error("a sync without a name has a session")
		}
		check(t, store.Close())
	})
	t.Run("looking at a sync that never ran makes nothing", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "no", "state")
		store := open(t, dir)
		v := must(store.View(t.Context(), syncName))(t)
		got := must(v.Compare(t.Context(), []diffstore.Entry{
			entry("k", "a", "v1"), {Key: "l", Unmapped: true}, entry("k", "a", "v1"), {Key: "l", Unmapped: true},
		}))(t)
		var names []string
		for _, c := range got {
			names = append(names, nameOf(c))
		}
		if diff := cmp.Diff([]string{"added", "kept", "duplicate of added", "duplicate of kept"}, names); diff != "" {
			t.Errorf("verdicts (-want +got):\n%s", diff)
		}
		if size := must(v.Size(t.Context()))(t); size != 0 {
			t.Errorf("size is %d", size)
		}
		if version := must(v.Version(t.Context()))(t); version != "" {
			t.Errorf("version is %q", version)
		}
		if found := removed(t, v); len(found) != 0 {
			t.Errorf("removed is %v", found)
		}
		if owners := must(v.Owners(t.Context(), []string{"a"}))(t); len(owners) != 0 {
			t.Errorf("owners are %v", owners)
		}
		if (v.Sum([]byte("x")) == diffstore.Sum{}) {
			t.Error("the sum of a record is none")
		}
		check(t, v.Close())
		check(t, store.Forget(t.Context(), syncName))
		check(t, store.Close())
		if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the directory was made: %v", err)
		}
	})
	t.Run("a view sees what stood when it was opened", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		write("k", "a", "v1", takes)(b)
		write("l", "b", "v1", silence)(b)
		view := b.look()
		version := must(view.Version(t.Context()))(t)
		write("k", "a", "v2", takes)(b)
		write("new", "c", "v1", takes)(b)
		gone("l", "")(b)
		later := b.look()
		want := map[string]string{"k": "v1 at a", "l": "no record at b; tried v1+, doubt, token"}
		if diff := cmp.Diff(want, removed(t, view)); diff != "" {
			t.Errorf("the older view (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(version, must(view.Version(t.Context()))(t)); diff != "" {
			t.Errorf("the older view's version (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]string{"k": "v2 at a", "new": "v1 at c"}, removed(t, later)); diff != "" {
			t.Errorf("the younger view (-want +got):\n%s", diff)
		}
		if version == must(later.Version(t.Context()))(t) {
			t.Error("the version of a snapshot that changed is the same")
		}
		b.end() // a session may be closed while views are open
		if diff := cmp.Diff(want, removed(t, view)); diff != "" {
			t.Errorf("the older view when the session is closed (-want +got):\n%s", diff)
		}
	})
	t.Run("a view is open to one run's marks alone", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		write("k", "a", "v1", takes)(b)
		for range 2 {
			c := must(b.look().Compare(t.Context(), []diffstore.Entry{entry("k", "a", "v1"), entry("new", "b", "v1")}))(t)
			if diff := cmp.Diff([]string{"same", "added"}, []string{nameOf(c[0]), nameOf(c[1])}); diff != "" {
				t.Errorf("verdicts (-want +got):\n%s", diff)
			}
		}
	})
	t.Run("comparing changes nothing on disk", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		b.take(steps(write("k", "a", "v1", takes), write("l", "b", "v1", takes)), ways()["in one session"])
		was := must(snapshotOf(b.dir()))(t)
		s := b.begin()
		must(s.Compare(t.Context(), []diffstore.Entry{entry("k", "a", "v1"), entry("new", "c", "v1")}))(t)
		removed(t, s)
		must(s.Owners(t.Context(), []string{"a"}))(t)
		must(s.Release(t.Context(), func(diffstore.Known) bool { return true }))(t)
		b.end()
		removed(t, b.look())
		if diff := cmp.Diff(was, must(snapshotOf(b.dir()))(t)); diff != "" {
			t.Errorf("the files that have content (-before +after):\n%s", diff)
		}
	})
	t.Run("a version follows every change and nothing else", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		seen := map[string]string{}
		for _, tt := range []struct {
			name string
			do   step
		}{
			{"a first record", write("k", "a", "v1", refuses)},
			{"an acceptance", write("k", "a", "v1", takes)},
			{"a refusal", write("k", "a", "v2", refuses)},
			{"a release", release("k")},
			{"a removal in doubt", remove("k", "a", silence)},
			{"an erasure", func(b *bench) { must(b.begin().Erase(t.Context(), "k"))(t) }},
			{"forgetting and beginning again", func(b *bench) {
				b.end()
				check(t, b.store.Forget(t.Context(), syncName))
				write("k", "a", "v1", refuses)(b)
			}},
		} {
			tt.do(b)
			b.reopen()
			version := must(b.look().Version(t.Context()))(t)
			if before, ok := seen[version]; ok || version == "" {
				t.Errorf("the version after %s is %q, as after %s", tt.name, version, before)
			}
			seen[version] = tt.name
			release("unknown")(b)
			settle(b, diffstore.Fate{Key: "k", ID: "no such", Outcome: diffstore.Gone})
			b.reopen()
			if diff := cmp.Diff(version, must(b.look().Version(t.Context()))(t)); diff != "" {
				t.Errorf("the version when nothing was altered after %s (-before +after):\n%s", tt.name, diff)
			}
		}
	})
	t.Run("sums are the project's own and stay the same", func(t *testing.T) {
		t.Parallel()
		b, other := newBench(t, open), newBench(t, open)
		sum := b.begin().Sum([]byte("ada"))
		if sum == other.begin().Sum([]byte("ada")) {
			t.Error("two projects have the same sums")
		}
		if sum == b.begin().Sum([]byte("ad")) || sum == b.begin().Sum(nil) {
			t.Error("different records have the same sum")
		}
		b.crash()
		got := []diffstore.Sum{b.begin().Sum([]byte("ada")), b.look().Sum([]byte("ada"))}
		another := must(b.store.Begin(t.Context(), "another"))(t)
		got = append(got, another.Sum([]byte("ada")))
		check(t, another.Close())
		if diff := cmp.Diff([]diffstore.Sum{sum, sum, sum}, got); diff != "" {
			t.Errorf("sums of the same record (-want +got):\n%s", diff)
		}
	})
	t.Run("a sync that is forgotten never ran", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		write("k", "a", "v1", takes)(b)
		b.end()
		view := b.look()
		check(t, b.store.Forget(t.Context(), syncName))
		check(t, b.store.Forget(t.Context(), syncName))
		if diff := cmp.Diff("unknown", b.known("k")); diff != "" {
			t.Errorf("what is known (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]string{"k": "v1 at a"}, removed(t, view)); diff != "" {
			t.Errorf("what a view knows that was open before (-want +got):\n%s", diff)
		}
		write("k", "a", "v2", takes)(b)
		b.crash()
		if diff := cmp.Diff("v2 at a", b.known("k")); diff != "" {
			t.Errorf("what is known of the next snapshot (-want +got):\n%s", diff)
		}
	})
}

// snapshotOf returns the content of the files in a directory that have any, but not that of files shared between
// processes, which hold no state.
func snapshotOf(dir string) (map[string]string, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	contents := map[string]string{}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		if len(content) > 0 && filepath.Ext(f.Name()) != ".db-shm" {
			contents[f.Name()] = fmt.Sprintf("%x", sumOf(string(content)))
		}
	}
	return contents, nil
}
