package snapshot

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// skimmable is what sessions and views of this package are.
type skimmable interface {
	diffstore.View
	diffstore.Skimmer
	HashKey(key []byte) diffstore.KeyHash
}

func viewOf(t *testing.T, store *Store) skimmable {
	t.Helper()
	v, err := store.View(t.Context(), "contacts")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	s, ok := v.(skimmable)
	if !ok {
		t.Fatal("the view skims nothing")
	}
	return s
}

func probe(v diffstore.Hasher, key string, source uint64) diffstore.Probe {
	return diffstore.Probe{Key: v.HashKey([]byte(key)), Source: source}
}

func skim(t *testing.T, v diffstore.Skimmer, probes ...diffstore.Probe) []bool {
	t.Helper()
	same := make([]bool, len(probes))
	for i := range same {
		same[i] = true // whatever stood there must go
	}
	if err := v.Skim(t.Context(), probes, same); err != nil {
		t.Fatal(err)
	}
	return same
}

func compare(t *testing.T, v diffstore.View, entries ...diffstore.Entry) []diffstore.Change {
	t.Helper()
	changes, err := v.Compare(t.Context(), entries)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// run plays the steps of a scenario in a store of its own.
func run(t *testing.T, dir string, steps ...step) *play {
	t.Helper()
	p := &play{store: openTest(t, dir, Unsynced())}
	for i, s := range steps {
		if err := s(t.Context(), p); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	return p
}

func TestSkim(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	store := run(t, dir,
		begin, intends(at("same", "1", 5), at("doubtful", "2", 5), at("left", "3", 5), at("unsourced", "4", 0), at("changed", "5", 5)),
		settles(diffstore.Taken, "same", "doubtful", "left", "unsourced", "changed"), settles(diffstore.Left, "left"),
		intends(at("doubtful", "2", 6)), end,
	).store
	t.Run("finds what is the same and nothing else", func(t *testing.T) {
		t.Parallel()
		v := viewOf(t, store)
		want := []bool{true, false, false, false, false, false, false}
		got := skim(t, v, probe(v, "same", 5), probe(v, "doubtful", 5), probe(v, "left", 5), probe(v, "unsourced", 0),
			probe(v, "changed", 6), probe(v, "unknown", 5), probe(v, "same", 5))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what was the same (-want +got):\n%s", diff)
		}
		c := compare(t, v, at("same", "1", 5).Entry, at("changed", "5", 6).Entry, at("unknown", "6", 5).Entry)
		names := []string{fmt.Sprint(c[0].Verdict, c[0].First), fmt.Sprint(c[1].Verdict, c[1].First), fmt.Sprint(c[2].Verdict, c[2].First)}
		want2 := []string{
			fmt.Sprint(diffstore.Duplicate, diffstore.Same), fmt.Sprint(diffstore.Changed, 0), fmt.Sprint(diffstore.Added, 0),
		}
		if diff := cmp.Diff(want2, names); diff != "" {
			t.Errorf("verdicts afterwards (-want +got):\n%s", diff)
		}
	})
	t.Run("what was skimmed is present", func(t *testing.T) {
		t.Parallel()
		v := viewOf(t, store)
		skim(t, v, probe(v, "same", 5))
		found := map[string]bool{}
		for k, err := range v.Removed(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			found[k.Key] = true
		}
		if diff := cmp.Diff(map[string]bool{"doubtful": true, "unsourced": true, "changed": true}, found); diff != "" {
			t.Errorf("removed (-want +got):\n%s", diff)
		}
		owners, err := v.Owners(t.Context(), []string{"1", "2"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string][]string{"1": {"same"}}, owners); diff != "" {
			t.Errorf("owners (-want +got):\n%s", diff)
		}
	})
}

// TestWhereAKeyIsNeedNotBeSo compares entries that name the place of another key, or none that there is.
func TestWhereAKeyIsNeedNotBeSo(t *testing.T) {
	t.Parallel()
	var attempts []diffstore.Attempt
	var keys []string
	for n := range 300 {
		keys = append(keys, fmt.Sprintf("key-%d", n))
		attempts = append(attempts, at(keys[n], fmt.Sprint(n), 5))
	}
	store := run(t, filepath.Join(t.TempDir(), "state"), begin, intends(attempts...), settles(diffstore.Taken, keys...), end).store
	v := viewOf(t, store)
	probes := make([]diffstore.Probe, len(keys))
	for n := range probes {
		probes[n] = probe(v, keys[n], 6)
	}
	skim(t, v, probes...)
	entries := make([]diffstore.Entry, len(keys))
	for n := range entries {
		entries[n] = at(keys[n], fmt.Sprint(n), uint64(5+n%2)).Entry
		entries[n].Hash, entries[n].Near = probes[n].Key, probes[n].Near
		switch n % 5 {
		case 0:
			entries[n].Near = probes[(n+1)%len(probes)].Near
		case 1:
			entries[n].Near = 1<<32 - 1
		case 2:
			entries[n].Near = 0
		}
	}
	for n, c := range compare(t, v, entries...) {
		if want := []diffstore.Verdict{diffstore.Same, diffstore.Changed}[n%2]; c.Verdict != want || probes[n].Near == 0 {
			t.Errorf("%s is %v, not %v; it was found at %d", keys[n], c.Verdict, want, probes[n].Near)
		}
	}
}

func TestSkimFollowsWhatASessionRecords(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	p := run(t, dir, begin, intends(at("a", "1", 5), at("b", "2", 5)), settles(diffstore.Taken, "a", "b"), end)
	for _, s := range []step{begin, intends(at("a", "1", 6)), settles(diffstore.Taken, "a")} {
		if err := s(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	s, ok := p.session.(skimmable)
	if !ok {
		t.Fatal("the session skims nothing")
	}
	// What is newer than the base is compared, not skimmed.
	if diff := cmp.Diff([]bool{false, false, true}, skim(t, s, probe(s, "a", 5), probe(s, "a", 6), probe(s, "b", 5))); diff != "" {
		t.Errorf("what was the same (-want +got):\n%s", diff)
	}
	if err := end(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	v := viewOf(t, p.store)
	if diff := cmp.Diff([]bool{false, true, true}, skim(t, v, probe(v, "a", 5), probe(v, "a", 6), probe(v, "b", 5))); diff != "" {
		t.Errorf("what was the same after the merge (-want +got):\n%s", diff)
	}
}

func TestANewSourceOfTheSameRecordIsRemembered(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	p := run(t, dir, begin, intends(at("a", "1", 5), at("b", "2", 5)), settles(diffstore.Taken, "a", "b"), end, begin)
	e := at("a", "1", 5).Entry
	e.Source = 77
	if c := compare(t, p.session, e); c[0].Verdict != diffstore.Same {
		t.Fatalf("the verdict is %d", c[0].Verdict)
	}
	if err := end(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	v := viewOf(t, p.store)
	if diff := cmp.Diff([]bool{true, true}, skim(t, v, probe(v, "a", 77), probe(v, "b", 5))); diff != "" {
		t.Errorf("what was the same (-want +got):\n%s", diff)
	}
}

func TestMarksOutliveARewriteWithinASession(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	p := run(t, dir, begin, intends(at("a", "1", 5), at("b", "2", 5), at("c", "3", 5)), settles(diffstore.Taken, "a", "b", "c"), end, begin)
	compare(t, p.session, at("a", "1", 5).Entry, at("b", "2", 6).Entry, at("new", "4", 1).Entry)
	for _, s := range []step{intends(at("new", "4", 1)), settles(diffstore.Taken, "new")} {
		if err := s(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := p.session.Erase(t.Context(), "b"); err != nil || !ok {
		t.Fatalf("erasing: %v, %v", ok, err)
	}
	c := compare(t, p.session, at("a", "1", 5).Entry, at("b", "2", 6).Entry, at("new", "4", 1).Entry, at("c", "3", 5).Entry)
	var got []string
	for _, x := range c {
		got = append(got, fmt.Sprint(x.Verdict, x.First))
	}
	want := []string{
		fmt.Sprint(diffstore.Duplicate, diffstore.Same), fmt.Sprint(diffstore.Duplicate, diffstore.Changed),
		fmt.Sprint(diffstore.Duplicate, diffstore.Added), fmt.Sprint(diffstore.Same, 0),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if err := end(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

func TestADuplicateTellsWhatIsKnown(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	store := run(t, dir, begin, intends(at("a", "1", 5)), settles(diffstore.Taken, "a"), end).store
	e := at("a", "1", 5).Entry
	c := compare(t, viewOf(t, store), e, e)
	if c[0].Verdict != diffstore.Same || c[1].Verdict != diffstore.Duplicate || c[1].First != diffstore.Same || c[1].Known == nil {
		t.Errorf("the changes are %+v", c)
	}
}
