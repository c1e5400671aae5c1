package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"spillway/syncer/daemon"
	"spillway/syncer/runlog"
)

// Source tells how the syncs stand; a daemon.Daemon does.
type Source interface {
	Syncs(ctx context.Context) ([]daemon.SyncStatus, error)
	Reloaded() daemon.Reloaded
	Unexported(ctx context.Context) (n int64, exports bool, err error)
}

// scrapeTime is how long one scrape may read the run log.
const scrapeTime = 10 * time.Second

// Handler serves what m has counted, how the syncs of from stand when it is asked, and what others collect besides. Where
// the syncs cannot be read it answers with status 500, and the reason is in the log.
func (m *Metrics) Handler(from Source, log *slog.Logger, now func() time.Time, others ...prometheus.Collector) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(&scrape{Metrics: m, source: from, log: log, now: now})
	registry.MustRegister(others...)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// scrape collects what was counted and how the syncs stand.
type scrape struct {
	*Metrics
	source Source
	log    *slog.Logger
	now    func() time.Time
}

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// How the syncs stand when they are asked for.
var (
	lastSuccess = gauge("spillway_last_success_timestamp_seconds", "When the newest run ended that succeeded or was partial; 0 where none did.", labelSync)
	scheduleLag = gauge("spillway_schedule_lag_seconds", "By how much later than its time the newest scheduled run was entered; after the daemon was down, that counts too.", labelSync)
	overdue     = gauge("spillway_schedule_overdue_seconds", "For how long a scheduled run has been due that is not entered; it stays near 0 while the scheduler works.", labelSync)
	heldRuns    = gauge("spillway_held_runs", "1 where the newest run was held by a guard and waits for approval, 0 elsewhere.", labelSync)
	quarantined = gauge("spillway_quarantined_rows", "Rows that were given up and are not sent, as of the newest run that compared them.", labelSync)
	queuedRuns  = gauge("spillway_queued_runs", "Runs that wait for another one or for a place.", labelSync)
	runningRuns = gauge("spillway_running_runs", "Runs in progress.", labelSync)
	pending     = gauge("spillway_pending_operations", "Operations of the run in progress that are not settled.", labelSync)
	paused      = gauge("spillway_sync_paused", "1 where the schedule is paused, 0 elsewhere.", labelSync)

	unexported = gauge("spillway_runlog_unexported_runs", "Runs that are over and not yet in the warehouse that [runlog] names; no series where it names none.")

	reloadSuccess = gauge("spillway_config_reload_success", "1 where the project that runs is the one on disk as it was last read, 0 where that had mistakes.")
	reloadTime    = gauge("spillway_config_reload_timestamp_seconds", "When the project was last read, with success or without.")
)

// Describe names everything that Collect collects.
func (s *scrape) Describe(descs chan<- *prometheus.Desc) {
	s.duration.Describe(descs)
	s.latency.Describe(descs)
	for _, c := range s.counters() {
		c.Describe(descs)
	}
	for _, d := range []*prometheus.Desc{
		lastSuccess, scheduleLag, overdue, heldRuns, quarantined, queuedRuns, runningRuns, pending, paused, unexported, reloadSuccess, reloadTime,
	} {
		descs <- d
	}
}

// errUnreadable is all that is told of a reason that may name files or hold SQL.
var errUnreadable = errors.New("how the syncs stand cannot be read; the daemon's log says why")

// Collect reads how the syncs stand.
func (s *scrape) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	statuses, err := s.source.Syncs(ctx)
	if err != nil {
		s.log.Error("metrics not collected", "error", err.Error())
		metrics <- prometheus.NewInvalidMetric(lastSuccess, errUnreadable)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	standing := make(map[string]bool, len(statuses))
	for _, status := range statuses {
		standing[status.Sync.Name] = true
		s.stands(metrics, status)
	}
	for name := range s.syncs {
		if !standing[name] {
			s.forget(name)
		}
	}
	s.keepDestinations(statuses)
	s.duration.Collect(metrics)
	s.latency.Collect(metrics)
	for _, c := range s.counters() {
		c.Collect(metrics)
	}
	if n, exports, err := s.source.Unexported(ctx); err != nil {
		s.log.Error("metrics not collected", "error", err.Error())
		metrics <- prometheus.NewInvalidMetric(unexported, errUnreadable)
	} else if exports {
		metrics <- value(unexported, float64(n))
	}
	reloaded := s.source.Reloaded()
	metrics <- value(reloadSuccess, one(len(reloaded.Problems) == 0))
	metrics <- value(reloadTime, timestamp(reloaded.At))
}

// stands collects how one sync stands; mu is held.
func (s *scrape) stands(metrics chan<- prometheus.Metric, status daemon.SyncStatus) {
	name := status.Sync.Name
	p := s.of(name)
	if status.Last != nil {
		p.compared(*status.Last)
	}
	of := func(d *prometheus.Desc, v float64) { metrics <- value(d, v, name) }
	of(lastSuccess, timestamp(status.LastSuccess))
	of(heldRuns, one(status.Last != nil && status.Last.State == runlog.Held))
	of(quarantined, float64(p.quarantined))
	of(queuedRuns, float64(len(status.Queued)))
	of(runningRuns, one(status.Running != nil))
	of(pending, float64(max(0, status.Progress.Due-status.Progress.Sent)))
	of(paused, one(status.Paused))
	if status.Sync.Schedule != "" {
		of(scheduleLag, p.lag.Seconds())
		of(overdue, s.overdue(status.NextRun).Seconds())
	}
}

// overdue is for how long a run has been due; none is where next is zero.
func (s *scrape) overdue(next time.Time) time.Duration {
	if next.IsZero() {
		return 0
	}
	return max(0, s.now().Sub(next))
}

func value(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// timestamp is a time in seconds of Unix, or 0 where there is none.
func timestamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / float64(time.Second/time.Millisecond)
}
