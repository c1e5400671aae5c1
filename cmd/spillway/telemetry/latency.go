package telemetry

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"spillway/destinations"
	"spillway/syncer"
	"spillway/syncer/daemon"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// latencies are the upper bounds of the buckets of a request's duration, in seconds. A request takes a minute at most.
var latencies = []float64{0.1, 0.25, 0.5, 1, 2.5, 10, 30}

func newLatency() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "spillway_request_duration_seconds", Buckets: latencies,
		Help: "How long requests to a destination took, each attempt for itself and without the wait for its turn, by what the answer was.",
	}, []string{labelDestination, labelClass})
}

// Trace has the requests of a run counted.
func (m *Metrics) Trace(s *project.Sync, _ runlog.Run, _ string) syncer.Trace {
	m.mu.Lock()
	m.destinations[s.Destination] = true
	m.mu.Unlock()
	return requests{m.latency.MustCurryWith(prometheus.Labels{labelDestination: s.Destination})}
}

// requests are those of one run.
type requests struct{ latency prometheus.ObserverVec }

func (requests) Phase(runlog.Run) {}
func (requests) End(runlog.Run)   {}

// Exchanged counts a request.
func (r requests) Exchanged(x destinations.Exchange) {
	r.latency.WithLabelValues(class(x.Status)).Observe(x.Took.Seconds())
}

// class names the hundred that a status is of.
func class(status int) string {
	if status == 0 {
		return "none"
	}
	return fmt.Sprintf("%dxx", status/100)
}

// keepDestinations forgets the requests to those that no sync delivers to any more; mu is held.
func (m *Metrics) keepDestinations(standing []daemon.SyncStatus) {
	used := map[string]bool{}
	for i := range standing {
		used[standing[i].Sync.Destination] = true
	}
	for name := range m.destinations {
		if !used[name] {
			m.latency.DeletePartialMatch(prometheus.Labels{labelDestination: name})
			delete(m.destinations, name)
		}
	}
}
