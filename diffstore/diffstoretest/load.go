package diffstoretest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// testOddities tests keys and identifiers of every form.
func testOddities(t *testing.T, open Opener) {
	odd := []string{
		"", " ", "  ", "a", "A", "é", "e\u0301", "日本語", "🙂", "null", "0", "00", "0.0", "-1", "a\x00", "a\x00b", "\x00", "a\n",
		`["a","b|c"]`, `["a|b","c"]`, "'; drop table keys; --", "%", "_", "\xff\xfe", "\xff", strings.Repeat("x", 70_000),
		strings.Repeat("x", 69_999) + "y", strings.Repeat("é", 40_000),
	}
	b := newBench(t, open)
	var attempts []diffstore.Attempt
	var fates []diffstore.Fate
	want := map[string]string{}
	for i, s := range odd {
		attempts = append(attempts, diffstore.Attempt{Entry: entry(s, s, fmt.Sprintf("v%d", 1+i%3))})
		fates = append(fates, diffstore.Fate{Key: s, Outcome: diffstore.Taken})
		want[s] = fmt.Sprintf("v%d", 1+i%3)
		if s != "" {
			want[s] += " at " + s
		}
	}
	intend(b, attempts...)
	settle(b, fates...)
	b.crash()
	if diff := cmp.Diff(want, removed(t, b.look())); diff != "" {
		t.Errorf("what is known (-want +got):\n%s", diff)
	}
	view := b.look()
	var entries []diffstore.Entry
	for _, a := range attempts {
		entries = append(entries, a.Entry)
	}
	for i, c := range must(view.Compare(t.Context(), entries))(t) {
		if c.Verdict != diffstore.Same {
			t.Errorf("key %q is %s", odd[i], nameOf(c))
		}
	}
	owners := map[string][]string{}
	for _, s := range odd[1:] {
		owners[s] = []string{s}
	}
	if diff := cmp.Diff(owners, must(view.Owners(t.Context(), odd))(t)); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	for _, s := range odd {
		gone(s, s)(b)
	}
	b.end()
	if diff := cmp.Diff(map[string]string{}, removed(t, b.look())); diff != "" {
		t.Errorf("what is known when all are gone (-want +got):\n%s", diff)
	}
}

// testConcurrency tests intents and verdicts from several goroutines, on different keys that share identifiers.
func testConcurrency(t *testing.T, open Opener) {
	const workers, batches, size = 8, 6, 5
	b := newBench(t, open)
	s := b.begin()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := range batches {
				var attempts []diffstore.Attempt
				var fates []diffstore.Fate
				for i := range size {
					key := fmt.Sprintf("%d-%d", w, i)
					attempts = append(attempts, diffstore.Attempt{Entry: entry(key, fmt.Sprintf("id-%d", (w+i)%7), fmt.Sprintf("v%d", 1+n%3))})
					fates = append(fates, diffstore.Fate{Key: key, Outcome: diffstore.Taken})
				}
				if _, err := s.Intend(t.Context(), attempts); err != nil {
					t.Error(err)
					return
				}
				if err := s.Settle(t.Context(), fates); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 20 { // a view may be opened at any time
		must(b.look().Size(t.Context()))(t)
	}
	wg.Wait()
	b.crash()
	view := b.look()
	if got := must(view.Size(t.Context()))(t); got != workers*size {
		t.Errorf("%d keys are known of %d", got, workers*size)
	}
	for key, known := range removed(t, view) {
		if !strings.HasPrefix(known, fmt.Sprintf("v%d at ", 1+(batches-1)%3)) {
			t.Errorf("of key %s is known: %s", key, known)
		}
	}
}

// testSize tests that fifty thousand keys take time in proportion: seconds, or a minute under the race detector on
// a busy machine, where a store that searches for each key would take hours.
func testSize(t *testing.T, open Opener) {
	const keys, call, limit = 50_000, 1000, 5 * time.Minute
	b := newBench(t, open)
	entryAt := func(i int, value string) diffstore.Entry {
		return entry(fmt.Sprintf("key-%06d", i), fmt.Sprintf("person-%06d@example.com", i), value)
	}
	begun := time.Now()
	for from := 0; from < keys; from += call {
		attempts := make([]diffstore.Attempt, call)
		fates := make([]diffstore.Fate, call)
		for i := range attempts {
			attempts[i].Entry = entryAt(from+i, "v1")
			fates[i] = diffstore.Fate{Key: attempts[i].Entry.Key, Outcome: diffstore.Taken}
		}
		intend(b, attempts...)
		settle(b, fates...)
	}
	b.reopen()
	s := b.begin()
	counts := map[string]int{}
	for from := 0; from < keys; from += call {
		entries := make([]diffstore.Entry, call)
		for i := range entries { // every tenth key is changed, every hundredth has gone and another has come
			switch n := from + i; {
			case n%100 == 0:
				entries[i] = entryAt(keys+n, "v1")
			case n%10 == 0:
				entries[i] = entryAt(n, "v2")
			default:
				entries[i] = entryAt(n, "v1")
			}
		}
		for _, c := range must(s.Compare(t.Context(), entries))(t) {
			counts[nameOf(c)]++
		}
	}
	counts["removed"] = len(removed(t, s))
	want := map[string]int{"same": keys * 9 / 10, "changed": keys * 9 / 100, "added": keys / 100, "removed": keys / 100}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if spent := time.Since(begun); spent > limit {
		t.Errorf("it took %v", spent)
	}
}
