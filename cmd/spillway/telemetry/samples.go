package telemetry

import (
	"time"

	"spillway/syncer/daemon"
	"spillway/syncer/runlog"
)

// sample is all that is told of one sync at one time. It stays as it is while runs go on.
type sample struct {
	name      string // as the value of a label is written
	counted   bool   // it has run
	scheduled bool
	tally

	lastSuccess, lag, overdue     float64
	held, running, paused         bool
	quarantined, waiting, pending int64
}

// samples returns what is told of each sync, and forgets those that there are not any more.
func (h *handler) samples(statuses []daemon.SyncStatus) []sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]sample, len(statuses))
	standing := make(map[string]bool, len(statuses))
	for i := range statuses {
		standing[statuses[i].Sync.Name] = true
		h.take(&list[i], &statuses[i])
	}
	for name := range h.syncs {
		if !standing[name] {
			delete(h.syncs, name)
		}
	}
	h.keepDestinations(statuses)
	return list
}

// take fills a sample; mu is held.
func (h *handler) take(s *sample, status *daemon.SyncStatus) {
	p := h.of(status.Sync.Name)
	if status.Last != nil {
		p.compared(status.Last)
	}
	*s = sample{
		name: escaper.Replace(status.Sync.Name), scheduled: status.Sync.Schedule != "", counted: p.tally != nil,
		lastSuccess: timestamp(status.LastSuccess), lag: p.lag.Seconds(), overdue: h.overdue(status.NextRun).Seconds(),
		held: status.Last != nil && status.Last.State == runlog.Held, running: status.Running != nil, paused: status.Paused,
		quarantined: p.quarantined, waiting: int64(len(status.Queued)), pending: max(0, status.Progress.Due-status.Progress.Sent),
	}
	if p.tally != nil {
		s.tally = *p.tally
	}
}

// overdue is for how long a run has been due; none is where next is zero.
func (h *handler) overdue(next time.Time) time.Duration {
	if next.IsZero() {
		return 0
	}
	return max(0, h.now().Sub(next))
}
