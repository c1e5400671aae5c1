package snapshot

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// TestForgettingHalfWayIsForgetting breaks off at each file operation of Forget: the snapshot is whole, or forgotten for
// good.
func TestForgettingHalfWayIsForgetting(t *testing.T) {
	t.Parallel()
	whole := filepath.Join(t.TempDir(), "state")
	damaged(t, whole)
	contents := keep(t, whole)
	story, err := tell(t.Context(), openTest(t, whole))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for n, ended := 0, false; !ended; n++ {
		dir := filepath.Join(t.TempDir(), "state")
		restore(t, dir, contents)
		fsys := newFaultyFS(n, true, t.TempDir())
		err := openTest(t, dir, WithFS(fsys)).Forget(t.Context(), "contacts")
		if ended = err == nil; ended && fsys.down {
			t.Errorf("after %s failed it says that all is well", fsys.what)
		}
		if err := fsys.lose(); err != nil {
			t.Fatal(err)
		}
		store := openTest(t, dir, Unsynced())
		found := "forgotten"
		if words, err := tell(t.Context(), store); err != nil {
			t.Fatalf("after %q: %v", fsys.what, err)
		} else if words == story {
			found = "whole"
		}
		seen[found]++
		p := &play{store: store}
		for _, s := range []step{begin, intends(at("a", "1", 1)), settles(diffstore.Taken, "a"), end} {
			if err := s(t.Context(), p); err != nil {
				t.Fatalf("after %q: %v", fsys.what, err)
			}
		}
		v, err := store.View(t.Context(), "contacts")
		if err != nil {
			t.Fatal(err)
		}
		size, err := v.Size(t.Context())
		if err := errors.Join(err, v.Close(), store.Verify(t.Context(), "contacts")); err != nil {
			t.Fatalf("after %q: %v", fsys.what, err)
		}
		if want := map[string]int64{"whole": damagedKeys + 1, "forgotten": 1}[found]; size != want {
			t.Errorf("after %q it was %s, and there are %d keys", fsys.what, found, size)
		}
	}
	if seen["whole"] == 0 || seen["forgotten"] == 0 {
		t.Errorf("it was %v", seen)
	}
}

func TestDirectoriesMayHaveAnyName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"with space", "100%", "what?mode=memory", "a#b", "%41", "ünï", "'quoted'", "[a]*"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), name, "state")
			for n := range 2 {
				run(t, dir, begin, intends(at(fmt.Sprint(n), "1", 1)), settles(diffstore.Taken, fmt.Sprint(n)), end)
			}
			syncs, err := openTest(t, dir).Syncs(t.Context())
			if diff := cmp.Diff([]string{"contacts"}, syncs); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// A snapshot that a later Spillway wrote is refused, and is not called damaged.
func TestANewerFormatIsRefusedButNotCalledDamaged(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	run(t, dir, begin, intends(at("a", "1", 1)), settles(diffstore.Taken, "a"), end)
	contents := keep(t, dir)
	m, err := parseManifest(contents["contacts"+manifestEnding])
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.format()
	if err != nil {
		t.Fatal(err)
	}
	contents["contacts"+manifestEnding] = []byte(strings.Replace(string(text), fmt.Sprint(manifestWord, " ", formatVersion, " "), fmt.Sprint(manifestWord, " ", formatVersion+1, " "), 1))
	restore(t, dir, contents)
	store := openTest(t, dir, Unsynced())
	_, begun := store.Begin(t.Context(), "contacts")
	_, looked := store.View(t.Context(), "contacts")
	for what, err := range map[string]error{"beginning": begun, "looking": looked} {
		if err == nil || errors.Is(err, diffstore.ErrCorrupt) || !strings.Contains(err.Error(), "use the one that wrote it") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
