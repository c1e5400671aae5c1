// Package telemetry tells Prometheus how the syncs of a daemon stand and what their runs did.
package telemetry

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"spillway/syncer/daemon"
	"spillway/syncer/runlog"
)

// The labels of metrics. None of them has the value of a row (DESIGN §4.10).
const (
	labelSync    = "sync"
	labelState   = "state"
	labelPhase   = "phase"
	labelChange  = "change"
	labelOutcome = "outcome"

	labelDestination = "destination"
	labelClass       = "class"
)

// Metrics counts what a daemon tells of. Counters begin at 0 with the process. It may be used from several goroutines.
type Metrics struct {
	latency *prometheus.HistogramVec

	mu           sync.Mutex
	syncs        map[string]*past
	destinations map[string]bool // that requests went to
}

// past is what is kept of a sync that its standing does not tell.
type past struct {
	lag         time.Duration // of the newest scheduled run
	quarantined int64         // rows, in the newest run that compared them
	tally       *tally        // of its runs; nil before the first one, which leaves it without series
}

// New returns metrics that have counted nothing.
func New() *Metrics {
	return &Metrics{latency: newLatency(), syncs: map[string]*past{}, destinations: map[string]bool{}}
}

// Notify takes note of what happened in the daemon. It returns at once.
func (m *Metrics) Notify(e daemon.Event) {
	if e.Run == nil {
		return
	}
	run := e.Run
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.of(run.Sync)
	if p.tally == nil {
		// The counters of a sync are there when its first run is told of, before that is over, so that the first of
		// anything can be an increase. A project may have thousands of syncs that hardly ever run, and they cost nothing.
		p.tally = &tally{}
	}
	if run.Tick != nil && (run.State == runlog.Queued || run.State == runlog.Skipped) {
		p.lag = e.Lag
	}
	if !run.State.Terminal() {
		return
	}
	p.compared(run)
	p.tally.count(run)
}

// of returns what is kept of a sync; mu is held.
func (m *Metrics) of(name string) *past {
	p, ok := m.syncs[name]
	if !ok {
		p = &past{}
		m.syncs[name] = p
	}
	return p
}

// compared keeps how many rows are in quarantine, if a run came to know it.
func (p *past) compared(run *runlog.Run) {
	if run.State == runlog.Succeeded || run.State == runlog.Partial || run.State == runlog.Held {
		p.quarantined = run.Quarantined
	}
}
