package diffstoretest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// testMisuse tests calls that must fail, and that they leave nothing behind.
func testMisuse(t *testing.T, open Opener) {
	taken := func(key string) diffstore.Fate { return diffstore.Fate{Key: key, Outcome: diffstore.Taken} }
	settles := map[string][]diffstore.Fate{
		"taken without an attempt":         {taken("known")},
		"taken without a key":              {taken("unknown")},
		"refused without an attempt":       {{Key: "known", Outcome: diffstore.Refused}},
		"returned without a key":           {{Key: "unknown", Outcome: diffstore.Returned}},
		"taken twice":                      {taken("known"), taken("intended"), taken("intended")},
		"taken in a session before":        {taken("before")},
		"an outcome that there is not":     {{Key: "known", Outcome: 99}},
		"no outcome":                       {{Key: "known"}},
		"good ones with one that is wrong": {{Key: "known", ID: "a", Outcome: diffstore.Gone}, taken("intended"), taken("unknown")},
	}
	for name, fates := range settles {
		t.Run("settling "+name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, open)
			b.take(steps(write("known", "a", "v1", takes), write("before", "b", "v1", silence)), ways()["in one session"])
			intend(b, diffstore.Attempt{Entry: entry("intended", "c", "v1")})
			was := []string{b.known("known"), b.known("before"), b.known("intended")}
			if err := b.begin().Settle(t.Context(), fates); err == nil {
				t.Error("it was settled without an error")
			}
			if diff := cmp.Diff(was, []string{b.known("known"), b.known("before"), b.known("intended")}); diff != "" {
				t.Errorf("what is known after the error (-before +after):\n%s", diff)
			}
			settle(b, taken("intended")) // the session goes on
		})
	}
	for name, e := range map[string]diffstore.Entry{
		"an unknown key": {Key: "unknown", ID: "a"}, "an identifier that the key does not have": {Key: "known", ID: "b"},
		"no identifier": {Key: "known"},
	} {
		t.Run("intending the removal of "+name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, open)
			write("known", "a", "v1", takes)(b)
			_, err := b.begin().Intend(t.Context(), []diffstore.Attempt{{Entry: entry("good", "c", "v1")}, {Entry: e, Removal: true}})
			if err == nil {
				t.Error("it was intended without an error")
			}
			if diff := cmp.Diff([]string{"v1 at a", "unknown"}, []string{b.known("known"), b.known("good")}); diff != "" {
				t.Errorf("what is known after the error (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("nothing to do is done", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		s := b.begin()
		version := must(s.Version(t.Context()))(t)
		if tokens := intend(b); len(tokens) != 0 {
			t.Errorf("%d tokens for no attempt", len(tokens))
		}
		settle(b)
		if changes := must(s.Compare(t.Context(), nil))(t); len(changes) != 0 {
			t.Errorf("%d changes for no entry", len(changes))
		}
		if owners := must(s.Owners(t.Context(), nil))(t); len(owners) != 0 {
			t.Errorf("%d owners of no identifier", len(owners))
		}
		if diff := cmp.Diff(version, must(s.Version(t.Context()))(t)); diff != "" {
			t.Errorf("version (-before +after):\n%s", diff)
		}
	})
	t.Run("a call that is cancelled leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		write("k", "a", "v1", takes)(b)
		s := b.begin()
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		_, intended := s.Intend(cancelled, []diffstore.Attempt{{Entry: entry("k", "a", "v2")}})
		_, compared := s.Compare(cancelled, []diffstore.Entry{entry("k", "a", "v2")})
		_, begun := b.store.Begin(cancelled, "another")
		for what, err := range map[string]error{
			"intend": intended, "compare": compared, "begin": begun,
			"settle": s.Settle(cancelled, []diffstore.Fate{{Key: "k", Outcome: diffstore.Gone}}),
		} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s with a cancelled context: %v", what, err)
			}
		}
		if diff := cmp.Diff("v1 at a", b.known("k")); diff != "" {
			t.Errorf("what is known (-want +got):\n%s", diff)
		}
		write("k", "a", "v2", takes)(b) // the session goes on
	})
}
