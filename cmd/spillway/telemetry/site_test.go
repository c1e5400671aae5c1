package telemetry_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"spillway/cmd/spillway/telemetry"
	"spillway/cmd/spillway/web"
	"spillway/destinations"
	"spillway/syncer/daemon"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

var update = flag.Bool("update", false, "write the table of docs/metrics.md anew")

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// site is a daemon of which everything can be said, with its metrics.
type site struct {
	t       testing.TB
	metrics *telemetry.Metrics
	alerts  *telemetry.Alerts
	handler http.Handler
	log     strings.Builder

	mu       sync.Mutex
	syncs    []daemon.SyncStatus
	broken   error
	reloaded daemon.Reloaded

	unexported int64
	exports    bool
}

func (s *site) Syncs(context.Context) ([]daemon.SyncStatus, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.syncs, s.broken
}

func (s *site) Reloaded() daemon.Reloaded { return s.reloaded }

func (s *site) Unexported(context.Context) (int64, bool, error) { return s.unexported, s.exports, nil }

// newSite has syncs that are scheduled and have never run.
func newSite(t testing.TB, names ...string) *site {
	t.Helper()
	s := &site{t: t, metrics: telemetry.New(), alerts: telemetry.NewAlerts(), reloaded: daemon.Reloaded{At: noon}}
	for _, name := range names {
		s.syncs = append(s.syncs, daemon.SyncStatus{
			Sync: &project.Sync{Name: name, Destination: "crm", Schedule: "@hourly"}, NextRun: noon.Add(time.Hour),
		})
	}
	s.handler = s.metrics.Handler(s, slog.New(slog.NewTextHandler(&s.log, nil)), func() time.Time { return noon },
		append(web.ProcessCollectors(web.Build{Version: "1.2.3", Commit: "abc"}), s.alerts)...)
	return s
}

// scraped are the metrics as Prometheus gets them.
func (s *site) scraped() map[string]*dto.MetricFamily {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		s.t.Fatalf("%d %s", w.Code, w.Body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return families
}

// labels are those of a series, as they are written in a query.
func labels(m *dto.Metric) string {
	var pairs []string
	for _, l := range m.GetLabel() {
		pairs = append(pairs, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ",")
}

// series are the values of all series that are our own, by name and labels. Of a histogram it is the number of
// observations and their sum.
func (s *site) series() map[string]float64 {
	s.t.Helper()
	all := map[string]float64{}
	for name, family := range s.scraped() {
		if !strings.HasPrefix(name, "spillway_") {
			continue
		}
		for _, m := range family.GetMetric() {
			in := "{" + labels(m) + "}"
			switch family.GetType() {
			case dto.MetricType_HISTOGRAM:
				all[name+"_count"+in] = float64(m.GetHistogram().GetSampleCount())
				all[name+"_sum"+in] = m.GetHistogram().GetSampleSum()
			case dto.MetricType_COUNTER:
				all[name+in] = m.GetCounter().GetValue()
			default:
				all[name+in] = m.GetGauge().GetValue()
			}
		}
	}
	return all
}

// has checks the values of series, named without the prefix.
func (s *site) has(want map[string]float64) {
	s.t.Helper()
	have := s.series()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		value, ok := have["spillway_"+name]
		if !ok {
			s.t.Errorf("there is no %s", name)
		} else if math.Abs(value-want[name]) > 1e-9 {
			s.t.Errorf("%s is %v, not %v", name, value, want[name])
		}
	}
}

// over tells of a run that is over.
func (s *site) over(run runlog.Run) { s.metrics.Notify(daemon.Event{Run: &run}) }

// asked tells of a request of the first sync that was answered, and how long that took.
func (s *site) asked(status int, took time.Duration) {
	s.metrics.Trace(s.syncs[0].Sync, runlog.Run{}, "").Exchanged(destinations.Exchange{Status: status, Took: took})
}

// worked is a run of people that did something of everything.
func worked(state runlog.State) runlog.Run {
	return runlog.Run{
		ID: "01JD0000000000000000000001", Sync: "people", State: state, Trigger: runlog.BySchedule, DurationMS: 12_500,
		Counts: runlog.Counts{
			Source: 100, Same: 60, Added: 10, Changed: 20, Removed: 5, Carried: 3, Invalid: 7,
			Accepted: 20, Rejected: 6, Deferred: 4, Unknown: 3, Held: 2, Quarantined: 3,
		},
		Requests: 9, Retries: 2, ThrottledMS: 1_250, BytesSent: 4_096,
		Timings: runlog.Timings{runlog.Extracting: 2_000, runlog.Comparing: 500, runlog.Sending: 9_000, runlog.Settling: 1_000},
	}
}
