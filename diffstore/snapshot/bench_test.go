package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"spillway/diffstore"
)

// rowsOf returns how many rows benchmarks use: 1 M, or what SPILLWAY_BENCH_ROWS says.
func rowsOf(b *testing.B) int {
	b.Helper()
	text, ok := os.LookupEnv("SPILLWAY_BENCH_ROWS")
	if !ok {
		return 1_000_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// benchEntry is a row with the 36 bytes of sums that twelve fields take.
func benchEntry(h *hasher, i int, value uint64) diffstore.Entry {
	e := diffstore.Entry{Key: strconv.Itoa(1_000_000 + i), ID: fmt.Sprintf("person-%d@example.com", i), Detail: bytes.Repeat([]byte{byte(value)}, 36)}
	e.Sum = h.Sum(binary.LittleEndian.AppendUint64([]byte(e.Key), value))
	e.First = e.Sum
	e.Source = h.SumSource(e.Sum[:])
	return e
}

// fill makes a snapshot of n delivered rows, and returns the store.
func fill(b *testing.B, dir string, n int) *Store {
	b.Helper()
	store, err := Open(dir, discard(), Unsynced())
	if err != nil {
		b.Fatal(err)
	}
	ds, err := store.Begin(b.Context(), "bench")
	if err != nil {
		b.Fatal(err)
	}
	s, ok := ds.(*session)
	if !ok {
		b.Fatal("no session of this package")
	}
	began := time.Now()
	const batch = 1000
	attempts, fates := make([]diffstore.Attempt, batch), make([]diffstore.Fate, batch)
	for from := 0; from < n; from += batch {
		for i := range attempts {
			attempts[i].Entry = benchEntry(s.hasher, from+i, 1)
			fates[i] = diffstore.Fate{Key: attempts[i].Entry.Key, Outcome: diffstore.Taken}
		}
		if _, err := s.Intend(b.Context(), attempts); err != nil {
			b.Fatal(err)
		}
		if err := s.Settle(b.Context(), fates); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("intents and outcomes: %v", time.Since(began))
	began = time.Now()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.Logf("the last merge: %v", time.Since(began))
	return store
}

func BenchmarkIntendAndSettle(b *testing.B) {
	n := rowsOf(b)
	for b.Loop() {
		b.StopTimer()
		store, err := Open(filepath.Join(b.TempDir(), "state"), discard())
		if err != nil {
			b.Fatal(err)
		}
		s, err := store.Begin(b.Context(), "bench")
		if err != nil {
			b.Fatal(err)
		}
		const batch = 1000
		entries := make([]diffstore.Entry, n)
		for i := range entries {
			entries[i] = benchEntry(s.(*session).hasher, i, 1) //nolint:errcheck,forcetypeassert // it is one of this package
		}
		attempts, fates := make([]diffstore.Attempt, batch), make([]diffstore.Fate, batch)
		runtime.GC()
		b.StartTimer()
		began := time.Now()
		for from := 0; from+batch <= n; from += batch {
			for i := range attempts {
				attempts[i] = diffstore.Attempt{Entry: entries[from+i], Batch: i / 100}
				fates[i] = diffstore.Fate{Key: entries[from+i].Key, Outcome: diffstore.Taken}
			}
			if _, err := s.Intend(b.Context(), attempts); err != nil {
				b.Fatal(err)
			}
			if err := s.Settle(b.Context(), fates); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(n), "ns/row")
		b.StopTimer()
		if err := errors.Join(s.Close(), store.Close()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkSkim(b *testing.B) {
	n := rowsOf(b)
	dir := filepath.Join(b.TempDir(), "state")
	store := fill(b, dir, n)
	reportBytes(b, dir, n)
	probes := make([]diffstore.Probe, n)
	same := make([]bool, 1024)
	for b.Loop() {
		b.StopTimer()
		dv, err := store.View(b.Context(), "bench")
		if err != nil {
			b.Fatal(err)
		}
		v, ok := dv.(*view)
		if !ok {
			b.Fatal("no view of this package")
		}
		if probes[0].Source == 0 {
			for i := range probes {
				e := benchEntry(v.hasher, i, 1)
				probes[i] = diffstore.Probe{Key: v.HashKey([]byte(e.Key)), Source: e.Source}
			}
		}
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b.StartTimer()
		began := time.Now()
		for from := 0; from < n; from += len(same) {
			to := min(from+len(same), n)
			if err := v.Skim(b.Context(), probes[from:to], same[:to-from]); err != nil {
				b.Fatal(err)
			}
			for i, ok := range same[:to-from] {
				if !ok {
					b.Fatalf("probe %d was not the same", from+i)
				}
			}
		}
		b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(n), "ns/row")
		b.StopTimer()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(n), "allocs/row")
		b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(n), "B/row")
		if err := v.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func reportBytes(b *testing.B, dir string, n int) {
	b.Helper()
	texts := 0
	for i := range n {
		texts += len(strconv.Itoa(1_000_000+i)) + len(fmt.Sprintf("person-%d@example.com", i))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%s: %d bytes, %.2f a row beyond key and identifier", e.Name(), info.Size(), float64(int(info.Size())-texts)/float64(n))
	}
}

func BenchmarkCompare(b *testing.B) {
	n := rowsOf(b)
	dir := filepath.Join(b.TempDir(), "state")
	store := fill(b, dir, n)
	for _, tt := range []struct {
		name    string
		changed int // one row in so many
	}{{"same", n + 1}, {"one in a hundred changed", 100}, {"all changed", 1}} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			entries := make([]diffstore.Entry, 0, n)
			for b.Loop() {
				b.StopTimer()
				dv, err := store.View(b.Context(), "bench")
				if err != nil {
					b.Fatal(err)
				}
				v, ok := dv.(*view)
				if !ok {
					b.Fatal("no view of this package")
				}
				for i := len(entries); i < n; i++ {
					entries = append(entries, benchEntry(v.hasher, i, 1+uint64(bitIf(1, (i+1)%tt.changed == 0))))
				}
				b.StartTimer()
				began := time.Now()
				for from := 0; from < n; from += 1000 {
					if _, err := v.Compare(b.Context(), entries[from:min(from+1000, n)]); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(n), "ns/row")
				b.StopTimer()
				if err := v.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

func BenchmarkMerge(b *testing.B) {
	n := rowsOf(b)
	store := fill(b, filepath.Join(b.TempDir(), "state"), n)
	for b.Loop() {
		s, err := store.Begin(b.Context(), "bench")
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		if found, err := s.Erase(b.Context(), "1000000"); err != nil || !found {
			b.Logf("nothing to erase: %v", err) // it was erased the first time
			if _, err := s.Intend(b.Context(), []diffstore.Attempt{{Entry: diffstore.Entry{Key: "1000000", ID: "x"}}}); err != nil {
				b.Fatal(err)
			}
		} else {
			b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/merge")
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	h, err := newHasher(testKey)
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{8, 28, 200} {
		text := bytes.Repeat([]byte("x"), n)
		b.Run(fmt.Sprintf("key of %d bytes", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.HashKey(text)
			}
		})
		b.Run(fmt.Sprintf("source of %d bytes", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.SumSource(text)
			}
		})
	}
}
