package diffstoretest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// testPresence tests what follows from which keys Compare has seen: what is removed, and who owns an identifier.
func testPresence(t *testing.T, open Opener) {
	setup := steps(
		write("same", "a", "v1", takes),
		write("moved", "b", "v1", takes), write("moved", "c", "v2", takes),
		write("doubtful", "d", "v1", silence),
		write("moving", "e", "v1", takes), write("moving", "f", "v2", silence),
		write("refused", "g", "v1", refuses),
		write("left", "h", "v1", takes), leave("left"),
		write("removed", "i", "v1", takes), remove("removed", "i", takes),
		write("removing", "j", "v1", takes), remove("removing", "j", silence),
		write("plain", "", "v1", takes),
		write("plainly doubtful", "", "v1", silence),
		write("twin", "a", "v2", takes),
	)
	t.Run("of keys that were not seen, those delivered are removed", func(t *testing.T) {
		t.Parallel()
		each(t, "seen or not", open, func(b *bench, next between) {
			b.take(setup, next)
			want := map[string]string{
				"same":             "v1 at a; shadowed",
				"moved":            "v2 at b,c",
				"doubtful":         "no record at d; tried v1+, doubt, token",
				"moving":           "v1 at f,e; tried v2, doubt, token",
				"removing":         "v1 at j; removal of j, doubt, token",
				"plain":            "v1",
				"plainly doubtful": "no record; tried v1+, doubt, token",
				"twin":             "v2 at a",
			}
			view := b.look()
			if diff := cmp.Diff(want, removed(b.t, view)); diff != "" {
				b.t.Errorf("removed when nothing was seen (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(int64(len(want)), must(view.Size(b.t.Context()))(b.t)); diff != "" {
				b.t.Errorf("size (-want +got):\n%s", diff)
			}
			for _, e := range []diffstore.Entry{
				entry("same", "a", "v1"), entry("moved", "x", "v3"),
				{Key: "doubtful", Unmapped: true},
				entry("moving", "e", "v1"),
				entry("plain", "", "v1"), entry("twin", "a", "v2"), entry("twin", "a", "v2"), entry("new", "n", "v1"),
			} {
				must(view.Compare(b.t.Context(), []diffstore.Entry{e}))(b.t)
				delete(want, e.Key)
			}
			if diff := cmp.Diff(want, removed(b.t, view)); diff != "" {
				b.t.Errorf("removed when some were seen (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("keys that were seen own identifiers", func(t *testing.T) {
		t.Parallel()
		each(t, "owners", open, func(b *bench, next between) {
			b.take(setup, next)
			view := b.look()
			ids := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "x", ""}
			owners := func() map[string][]string { return must(view.Owners(b.t.Context(), ids))(b.t) }
			if diff := cmp.Diff(map[string][]string{}, owners()); diff != "" {
				b.t.Errorf("owners when nothing was seen (-want +got):\n%s", diff)
			}
			must(view.Compare(b.t.Context(), []diffstore.Entry{
				entry("twin", "a", "v2"), entry("same", "a", "v1"), // both were accepted under a
				entry("moved", "x", "v3"),    // still stands where it was accepted, but not where it was before that
				entry("doubtful", "d", "v1"), // was tried there
				entry("moving", "e", "v1"),   // was accepted at e, tried at f
				entry("refused", "g", "v1"),  // has no record
				entry("left", "h", "v1"),     // is back
				entry("new", "i", "v1"),      // is not known yet
				{Key: "removing", Unmapped: true},
			}))(b.t)
			want := map[string][]string{
				"a": {"same", "twin"}, "c": {"moved"}, "d": {"doubtful"}, "e": {"moving"}, "f": {"moving"}, "h": {"left"}, "j": {"removing"},
			}
			if diff := cmp.Diff(want, owners()); diff != "" {
				b.t.Errorf("owners (-want +got):\n%s", diff)
			}
			must(view.Compare(b.t.Context(), []diffstore.Entry{{Key: "moved", Unmapped: true}}))(b.t)
			want["b"] = []string{"moved"} // which of its identifiers it stands under is not known any more
			if diff := cmp.Diff(want, owners()); diff != "" {
				b.t.Errorf("owners with a duplicate (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("a session that writes goes on knowing what it has seen", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		b.take(steps(write("old", "a", "v1", takes), write("gone", "b", "v1", takes), write("unseen", "c", "v1", takes)), ways()["in one session"])
		s := b.begin()
		see := func(key, id string) string {
			return nameOf(must(s.Compare(t.Context(), []diffstore.Entry{entry(key, id, "v1")}))(t)[0])
		}
		got := []string{see("old", "a"), see("gone", "b"), see("new", "d")}
		write("new", "d", "v1", takes)(b)
		gone("gone", "b")(b)
		write("unseen too", "e", "v1", takes)(b)
		got = append(got, see("old", "a"), see("gone", "b"), see("new", "d"))
		want := []string{"same", "same", "added", "duplicate of same", "duplicate of same", "duplicate of added"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("verdicts (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]string{"unseen": "v1 at c", "unseen too": "v1 at e"}, removed(t, s)); diff != "" {
			t.Errorf("removed (-want +got):\n%s", diff)
		}
		owners := must(s.Owners(t.Context(), []string{"a", "b", "c", "d", "e"}))(t)
		if diff := cmp.Diff(map[string][]string{"a": {"old"}, "d": {"new"}}, owners); diff != "" {
			t.Errorf("owners (-want +got):\n%s", diff)
		}
	})
	t.Run("what is removed can be settled while it is listed", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		write("k", "a", "v1", takes)(b)
		write("l", "b", "v1", takes)(b)
		for k, err := range b.begin().Removed(t.Context()) {
			check(t, err)
			leave(k.Key)(b)
		}
		b.end()
		if diff := cmp.Diff(map[string]string{}, removed(t, b.look())); diff != "" {
			t.Errorf("removed when all have left (-want +got):\n%s", diff)
		}
	})
	t.Run("listing what is removed can be broken off", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		write("k", "a", "v1", takes)(b)
		write("l", "b", "v1", takes)(b)
		for _, err := range b.begin().Removed(t.Context()) {
			check(t, err)
			break
		}
		write("k", "a", "v2", takes)(b)
	})
}

func removed(t *testing.T, v diffstore.View) map[string]string {
	t.Helper()
	found := map[string]string{}
	for k, err := range v.Removed(t.Context()) {
		check(t, err)
		if found[k.Key] != "" {
			t.Errorf("key %s is removed twice", k.Key)
		}
		found[k.Key] = describe(&k)
	}
	return found
}
