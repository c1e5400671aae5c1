package snapshot

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// The answers to a part of a batch are found again after a crash, and the rest of it is in doubt.
func TestAPartOfABatchIsAnswered(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	p := &play{store: openTest(t, dir)}
	batch := []diffstore.Attempt{at("a", "1", 1), at("b", "2", 1), at("c", "3", 1), at("d", "4", 1), at("e", "", 1)}
	for _, s := range []step{begin, intends(at("before", "0", 1)), intends(batch...), settles(diffstore.Taken, "e", "b"), settles(diffstore.Taken, "c")} {
		if err := s(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := len(p.tokens), len(batch); got != want {
		t.Fatalf("there are %d tokens of %d attempts", got, want)
	}
	after := openTest(t, dir)
	for key, accepted := range map[string]bool{"before": false, "a": false, "b": true, "c": true, "d": false, "e": true} {
		k, err := after.Lookup(t.Context(), "contacts", key)
		if err != nil || k == nil {
			t.Fatalf("%s is not known (%v)", key, err)
		}
		if k.Accepted != accepted || k.Tried.Doubt == accepted {
			t.Errorf("of %s it knows %+v", key, *k)
		}
		if !accepted && key != "before" && (k.Tried.Token != p.tokens[key] || k.Tried.Batch != p.tokens["a"]) {
			t.Errorf("the token of %s is %x of %x, not %x of %x", key, k.Tried.Token, k.Tried.Batch, p.tokens[key], p.tokens["a"])
		}
	}
	if err := end(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

// A call of which one fate is wrong records nothing, though others of it were found by their tokens.
func TestAWrongFateTakesBackTheOthers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	p := &play{store: openTest(t, dir)}
	for _, s := range []step{begin, intends(at("before", "0", 1)), intends(at("a", "1", 1), at("b", "2", 1))} {
		if err := s(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	for _, keys := range [][]string{{"a", "nobody"}, {"a", "a"}} {
		if err := settles(diffstore.Taken, keys...)(t.Context(), p); err == nil {
			t.Fatalf("outcomes of %q are taken", keys)
		}
		if k, err := openTest(t, dir).Lookup(t.Context(), "contacts", "a"); err != nil || k.Accepted {
			t.Errorf("after wrong outcomes of %q a is accepted (%v)", keys, err)
		}
	}
	for _, s := range []step{settles(diffstore.Taken, "a", "b"), end} {
		if err := s(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlacesInABatch(t *testing.T) {
	t.Parallel()
	for _, places := range [][]uint32{nil, {0}, {0, 1, 2, 3}, {3, 2, 1}, {5, 6, 9, 10, 11, 1, mostPlaces - 1}} {
		var got []uint32
		if err := eachPlace(appendRanges(nil, places), func(place uint32) error {
			got = append(got, place)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(places, got); diff != "" {
			t.Errorf("places (-written +read):\n%s", diff)
		}
	}
	for _, damaged := range [][]byte{{0x80}, {1}, {0xff, 0xff, 0xff, 0xff, 0xff, 1, 1}} {
		if err := eachPlace(damaged, func(uint32) error { return nil }); !errors.Is(err, diffstore.ErrCorrupt) {
			t.Errorf("of %x it says %v", damaged, err)
		}
	}
}
