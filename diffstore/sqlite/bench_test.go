package sqlite_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"spillway/diffstore"
	"spillway/diffstore/sqlite"
)

const benchRows = 200_000

func benchEntries(v diffstore.View) []diffstore.Entry {
	entries := make([]diffstore.Entry, benchRows)
	for i := range entries {
		sum := v.Sum(fmt.Append(nil, i))
		entries[i] = diffstore.Entry{
			Key: fmt.Sprintf("customer-%07d", i), ID: fmt.Sprintf("person-%d@example.com", i), Sum: sum, First: sum, Detail: make([]byte, 120),
		}
	}
	return entries
}

// BenchmarkDeliver is the price of the intents and verdicts of batches of 100.
func BenchmarkDeliver(b *testing.B) {
	session := benchSession(b, filepath.Join(b.TempDir(), "state"))
	entries := benchEntries(session)
	at := 0
	for b.Loop() {
		benchDeliver(b, session, entries[at:at+100])
		at = (at + 100) % benchRows
	}
}

// BenchmarkCompareSame is the price of 200,000 rows that did not change, from Begin to Close.
func BenchmarkCompareSame(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "state")
	session := benchSession(b, dir)
	entries := benchEntries(session)
	for at := 0; at < benchRows; at += 1000 {
		benchDeliver(b, session, entries[at:at+1000])
	}
	if err := session.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		session := benchSession(b, dir)
		for at := 0; at < benchRows; at += 1000 {
			changes, err := session.Compare(b.Context(), entries[at:at+1000])
			if err != nil {
				b.Fatal(err)
			}
			if changes[0].Verdict != diffstore.Same {
				b.Fatalf("the verdict on an unchanged row is %d", changes[0].Verdict)
			}
		}
		for k, err := range session.Removed(b.Context()) {
			b.Fatalf("key %s is removed: %v", k.Key, err)
		}
		if err := session.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}

func benchSession(b *testing.B, dir string) diffstore.Session {
	b.Helper()
	store, err := sqlite.Open(dir, discard())
	if err != nil {
		b.Fatal(err)
	}
	session, err := store.Begin(b.Context(), "contacts")
	if err != nil {
		b.Fatal(err)
	}
	return session
}

func benchDeliver(b *testing.B, s diffstore.Session, entries []diffstore.Entry) {
	b.Helper()
	attempts := make([]diffstore.Attempt, len(entries))
	fates := make([]diffstore.Fate, len(entries))
	for i, e := range entries {
		attempts[i].Entry = e
		fates[i] = diffstore.Fate{Key: e.Key, Outcome: diffstore.Taken}
	}
	if _, err := s.Intend(b.Context(), attempts); err != nil {
		b.Fatal(err)
	}
	if err := s.Settle(b.Context(), fates); err != nil {
		b.Fatal(err)
	}
}
