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

// durations are the upper bounds of the buckets of a run's duration, in seconds. A bucket is a series of every sync.
var durations = []float64{1, 10, 60, 5 * 60, 30 * 60, 2 * 60 * 60}

// Metrics counts what a daemon tells of. Counters begin at 0 with the process. It may be used from several goroutines.
type Metrics struct {
	runs      *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	phases    *prometheus.CounterVec
	source    *prometheus.CounterVec
	changes   *prometheus.CounterVec
	rows      *prometheus.CounterVec
	requests  *prometheus.CounterVec
	retries   *prometheus.CounterVec
	throttled *prometheus.CounterVec
	sent      *prometheus.CounterVec
	latency   *prometheus.HistogramVec

	mu           sync.Mutex
	syncs        map[string]*past
	destinations map[string]bool // that requests went to
}

// past is what is kept of a sync that its standing does not tell.
type past struct {
	lag         time.Duration // of the newest scheduled run
	quarantined int64         // rows, in the newest run that compared them
	counted     bool          // there are series of its runs
}

// New returns metrics that have counted nothing.
func New() *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{labelSync}, labels...))
	}
	return &Metrics{
		runs: counter("spillway_runs_total", "Runs that are over, by their state.", labelState),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "spillway_run_duration_seconds", Help: "How long runs took that are over; skipped ones do not count.", Buckets: durations,
		}, []string{labelSync}),
		phases:    counter("spillway_phase_duration_seconds_total", "Time that runs spent in each phase.", labelPhase),
		source:    counter("spillway_source_rows_total", "Rows that models returned."),
		changes:   counter("spillway_changes_total", "Operations that runs planned, by what was found: rows added, changed and removed, and carried over from an earlier run.", labelChange),
		rows:      counter("spillway_rows_total", "Operations and invalid rows of runs, by what became of them.", labelOutcome),
		requests:  counter("spillway_requests_total", "Requests that runs sent to destinations."),
		retries:   counter("spillway_retries_total", "Requests that were sent again."),
		throttled: counter("spillway_throttle_wait_seconds_total", "Time that runs waited for the limits of a destination."),
		sent:      counter("spillway_sent_bytes_total", "Bytes that runs sent to destinations."),
		latency:   newLatency(),
		syncs:     map[string]*past{}, destinations: map[string]bool{},
	}
}

func (m *Metrics) counters() []*prometheus.CounterVec {
	return []*prometheus.CounterVec{m.runs, m.phases, m.source, m.changes, m.rows, m.requests, m.retries, m.throttled, m.sent}
}

var (
	states = []runlog.State{runlog.Succeeded, runlog.Partial, runlog.Held, runlog.Failed, runlog.Cancelled, runlog.Skipped}
	phases = []runlog.Phase{runlog.Extracting, runlog.Comparing, runlog.Sending, runlog.Settling}
)

// changesOf are what a run found, by the label of each.
func changesOf(c runlog.Counts) map[string]int64 {
	return map[string]int64{"added": c.Added, "changed": c.Changed, "removed": c.Removed, "carried": c.Carried}
}

// outcomesOf are what became of a run's rows.
func outcomesOf(c runlog.Counts) map[runlog.Outcome]int64 {
	return map[runlog.Outcome]int64{
		runlog.RowAccepted: c.Accepted, runlog.RowRejected: c.Rejected, runlog.RowDeferred: c.Deferred, runlog.RowUnknown: c.Unknown,
		runlog.RowHeld: c.Held, runlog.RowQuarantined: c.Quarantined, runlog.RowInvalid: c.Invalid,
	}
}

// Notify takes note of what happened in the daemon. It returns at once.
func (m *Metrics) Notify(e daemon.Event) {
	if e.Run == nil {
		return
	}
	run := *e.Run
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.of(run.Sync)
	if !p.counted {
		p.counted = true
		m.begin(run.Sync)
	}
	if run.Tick != nil && (run.State == runlog.Queued || run.State == runlog.Skipped) {
		p.lag = e.Lag
	}
	if !run.State.Terminal() {
		return
	}
	p.compared(run)
	m.count(run)
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

// begin makes the series of a sync when its first run is told of, before that is over, so that the first of anything can
// be an increase. A project may have thousands of syncs that hardly ever run, and they cost nothing; mu is held.
func (m *Metrics) begin(name string) {
	m.duration.WithLabelValues(name)
	for _, state := range states {
		m.runs.WithLabelValues(name, string(state))
	}
	m.add(name, runlog.Run{})
}

// forget drops the series of a sync that the project does not have any more; mu is held.
func (m *Metrics) forget(name string) {
	delete(m.syncs, name)
	labels := prometheus.Labels{labelSync: name}
	m.duration.DeletePartialMatch(labels)
	for _, c := range m.counters() {
		c.DeletePartialMatch(labels)
	}
}

// compared keeps how many rows are in quarantine, if a run came to know it.
func (p *past) compared(run runlog.Run) {
	if run.State == runlog.Succeeded || run.State == runlog.Partial || run.State == runlog.Held {
		p.quarantined = run.Quarantined
	}
}

// count adds a run that is over.
func (m *Metrics) count(run runlog.Run) {
	name := run.Sync
	m.runs.WithLabelValues(name, string(run.State)).Inc()
	if len(run.Timings) == 0 {
		return // it never began
	}
	m.duration.WithLabelValues(name).Observe(seconds(run.DurationMS))
	m.add(name, run)
}

// add adds what a run did to the counters of a sync.
func (m *Metrics) add(name string, run runlog.Run) {
	for _, phase := range phases {
		m.phases.WithLabelValues(name, string(phase)).Add(seconds(run.Timings[phase]))
	}
	for change, n := range changesOf(run.Counts) {
		m.changes.WithLabelValues(name, change).Add(float64(n))
	}
	for outcome, n := range outcomesOf(run.Counts) {
		m.rows.WithLabelValues(name, string(outcome)).Add(float64(n))
	}
	m.source.WithLabelValues(name).Add(float64(run.Source))
	m.requests.WithLabelValues(name).Add(float64(run.Requests))
	m.retries.WithLabelValues(name).Add(float64(run.Retries))
	m.throttled.WithLabelValues(name).Add(seconds(run.ThrottledMS))
	m.sent.WithLabelValues(name).Add(float64(run.BytesSent))
}

func seconds(ms int64) float64 { return (time.Duration(ms) * time.Millisecond).Seconds() }
