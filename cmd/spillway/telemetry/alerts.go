package telemetry

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"spillway/syncer/alert"
)

const labelAlert = "alert"

// The outcomes of an attempt to give a notice.
const (
	noticeGiven  = "given"
	noticeFailed = "failed"
)

// Alerts counts the notices of alerts, and tells how many wait. It may be used from several goroutines.
type Alerts struct {
	notices *prometheus.CounterVec
	waiting *prometheus.Desc
	firing  *prometheus.Desc

	mu       sync.Mutex
	statuses func() []alert.Status
	known    map[string]bool
}

// NewAlerts returns what has counted nothing.
func NewAlerts() *Alerts {
	return &Alerts{
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "spillway_alert_notices_total", Help: "Attempts to give a notice of an alert to its service, by whether that took it.",
		}, []string{labelAlert, labelOutcome}),
		waiting: gauge("spillway_alert_waiting_notices", "Notices of an alert that its service has not acknowledged yet; they are tried again.", labelAlert),
		firing:  gauge("spillway_alert_firing", "How many things an alert tells of now: triggers of syncs.", labelAlert),
		known:   map[string]bool{},
	}
}

// Of sets whose statuses are told.
func (a *Alerts) Of(statuses func() []alert.Status) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.statuses = statuses
}

// Told counts an attempt to give a notice.
func (a *Alerts) Told(name string, err error) {
	outcome := noticeGiven
	if err != nil {
		outcome = noticeFailed
	}
	a.notices.WithLabelValues(name, outcome).Inc()
}

// Describe names everything that Collect collects.
func (a *Alerts) Describe(descs chan<- *prometheus.Desc) {
	a.notices.Describe(descs)
	descs <- a.waiting
	descs <- a.firing
}

// Collect reads how the alerts stand. The series of one that the project does not have any more are dropped.
func (a *Alerts) Collect(metrics chan<- prometheus.Metric) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var statuses []alert.Status
	if a.statuses != nil {
		statuses = a.statuses()
	}
	gone := a.known
	a.known = map[string]bool{}
	for i := range statuses {
		s := &statuses[i]
		a.known[s.Name] = true
		delete(gone, s.Name)
		a.notices.WithLabelValues(s.Name, noticeGiven)
		a.notices.WithLabelValues(s.Name, noticeFailed)
		metrics <- value(a.waiting, float64(s.Waiting), s.Name)
		metrics <- value(a.firing, float64(len(s.Firing)), s.Name)
	}
	for name := range gone {
		a.notices.DeletePartialMatch(prometheus.Labels{labelAlert: name})
	}
	a.notices.Collect(metrics)
}
