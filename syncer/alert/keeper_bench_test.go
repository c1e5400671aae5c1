package alert_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// manySyncs is how many syncs the benchmarks have.
const manySyncs = 10_000

// newCrowd is a world of many syncs that succeeded an hour ago, with so many runs each.
func newCrowd(b *testing.B, runs int, p *phone) *world {
	b.Helper()
	w := newWorld(b, calls("ops", p, rules(everything...)))
	hourly := w.sync("hourly")
	w.view.Syncs = nil
	for i := range manySyncs {
		s := *hourly
		s.Name = fmt.Sprintf("sync%05d", i)
		s.LastEnd, s.LastSuccess = noon.Add(-time.Hour), noon.Add(-time.Hour)
		w.view.Syncs = append(w.view.Syncs, s)
		for n := range runs {
			at := noon.Add(-time.Duration(runs-n) * time.Hour)
			run := succeeded(100)
			run.ID, run.Sync, run.FinishedAt = fmt.Sprintf("%s-%d", s.Name, n), s.Name, &at
			w.runs[s.Name] = append(w.runs[s.Name], run)
		}
	}
	return w
}

// BenchmarkIdle measures one look at many syncs of which none has run since the one before.
func BenchmarkIdle(b *testing.B) {
	before := inUse()
	w := newCrowd(b, 1, &phone{})
	world := inUse() - before
	w.pass()
	b.ReportAllocs()
	for b.Loop() {
		w.pass()
	}
	b.ReportMetric((inUse()-before-world)/1e6, "MB/held")
	runtime.KeepAlive(w)
}

// BenchmarkFirst measures the first look at many syncs with a long past; peak is what it takes of memory.
func BenchmarkFirst(b *testing.B) {
	w := newCrowd(b, 120, &phone{})
	b.ReportAllocs()
	for b.Loop() {
		if err := os.RemoveAll(filepath.Join(w.dir, "alerts.json")); err != nil {
			b.Fatal(err)
		}
		w.restart()
		w.pass()
	}
}

// BenchmarkStorm measures how long it takes until it is told that many syncs fail at once.
func BenchmarkStorm(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		p := &phone{}
		w := newCrowd(b, 1, p)
		w.pass()
		w.later(time.Minute)
		for i := range w.view.Syncs {
			s := &w.view.Syncs[i]
			at := w.now
			run := fails("warehouse")
			run.ID, run.Sync, run.FinishedAt = s.Name+"-2", s.Name, &at
			w.runs[s.Name] = append(w.runs[s.Name], run)
			s.LastEnd = at
		}
		b.StartTimer()
		w.pass()
		if len(p.taken) != manySyncs {
			b.Fatalf("%d notices", len(p.taken))
		}
	}
}

func inUse() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
