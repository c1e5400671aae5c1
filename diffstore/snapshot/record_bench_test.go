package snapshot

import (
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"spillway/diffstore"
)

// BenchmarkRecord records the intents and the outcomes of a first run and of one in which every row changed, a hundred
// at a time, in one session from its beginning to the end of its last merge. It does not wait for the disk. What it
// takes to make the entries is measured apart, and is not in the figures.
func BenchmarkRecord(b *testing.B) {
	n := rowsOf(b)
	for b.Loop() {
		store, err := Open(filepath.Join(b.TempDir(), "state"), discard(), Unsynced())
		if err != nil {
			b.Fatal(err)
		}
		for value, name := range []string{"first", "changed"} {
			debug.FreeOSMemory()
			making := cpuTime(b)
			recordAll(b, nil, n, uint64(value), 1)
			making = cpuTime(b) - making
			peak := watchMemory()
			cpu := cpuTime(b)
			session, err := store.Begin(b.Context(), "bench")
			if err != nil {
				b.Fatal(err)
			}
			recordAll(b, session, n, uint64(value), 1)
			b.ReportMetric(float64((cpuTime(b)-cpu-making).Nanoseconds())/float64(n), name+"-cpu-ns/row")
			cpu = cpuTime(b)
			if err := session.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/float64(n), name+"-merge-cpu-ns/row")
			b.ReportMetric(float64(peak())/(1<<20), name+"-MB")
		}
	}
}

// BenchmarkRecordSynced records a first run from eight goroutines, and waits for the disk.
func BenchmarkRecordSynced(b *testing.B) {
	n := rowsOf(b)
	for b.Loop() {
		store, err := Open(filepath.Join(b.TempDir(), "state"), discard())
		if err != nil {
			b.Fatal(err)
		}
		session, err := store.Begin(b.Context(), "bench")
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		recordAll(b, session, n, 1, 8)
		b.ReportMetric(float64(n)/time.Since(began).Seconds(), "rows/s")
		if err := session.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// quickEntry is a row as benchEntry makes it, but for its sums, which are any numbers.
func quickEntry(i int, value uint64) diffstore.Entry {
	key := strconv.Itoa(1_000_000 + i)
	e := diffstore.Entry{Key: key, ID: "person-" + key + "@example.com", Detail: make([]byte, 36)}
	mixed := (uint64(i)<<8 + value + 1) * bloomSpread
	e.Sum, e.Source = toSum(mixed&sumMask), mixed>>7
	e.First = e.Sum
	return e
}

// recordAll makes the rows and records them, unless there is no session.
func recordAll(b *testing.B, s diffstore.Session, n int, value uint64, workers int) {
	b.Helper()
	const batch = 100
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			attempts, fates := make([]diffstore.Attempt, batch), make([]diffstore.Fate, batch)
			for from := w * batch; from < n; from += workers * batch {
				for i := range attempts {
					attempts[i].Entry = quickEntry(from+i, value)
					fates[i] = diffstore.Fate{Key: attempts[i].Entry.Key, Outcome: diffstore.Taken}
				}
				if s == nil {
					continue
				}
				tokens, err := s.Intend(b.Context(), attempts)
				if err != nil {
					b.Error(err)
					return
				}
				for i := range fates {
					fates[i].Token = tokens[i]
				}
				if err := s.Settle(b.Context(), fates); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// watchMemory returns a function that returns how much the heap has grown at most since.
func watchMemory() func() uint64 {
	used := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64() - s[1].Value.Uint64()
	}
	before, most := used(), uint64(0)
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				now := used()
				most = max(most, now-min(before, now))
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-stopped
		return most
	}
}
