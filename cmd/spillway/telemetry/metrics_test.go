package telemetry_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"spillway/syncer/daemon"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

func TestRunsAreCounted(t *testing.T) {
	t.Parallel()
	s := newSite(t, "people", "deals")
	s.metrics.Notify(daemon.Event{Run: &runlog.Run{Sync: "deals", State: runlog.Queued}})
	s.over(worked(runlog.Partial))
	s.over(worked(runlog.Partial))
	s.over(worked(runlog.Failed))
	s.has(map[string]float64{
		`runs_total{state="partial",sync="people"}`:                             2,
		`runs_total{state="failed",sync="people"}`:                              1,
		`runs_total{state="succeeded",sync="people"}`:                           0,
		`runs_total{state="partial",sync="deals"}`:                              0,
		`run_duration_seconds_count{sync="people"}`:                             3,
		`run_duration_seconds_sum{sync="people"}`:                               37.5,
		`run_duration_seconds_count{sync="deals"}`:                              0,
		`phase_duration_seconds_total{phase="extracting",sync="people"}`:        6,
		`phase_duration_seconds_total{phase="comparing",sync="people"}`:         1.5,
		`phase_duration_seconds_total{phase="sending",sync="people"}`:           27,
		`phase_duration_seconds_total{phase="settling",sync="people"}`:          3,
		`source_rows_total{sync="people"}`:                                      300,
		`changes_total{change="added",sync="people"}`:                           30,
		`changes_total{change="changed",sync="people"}`:                         60,
		`changes_total{change="removed",sync="people"}`:                         15,
		`changes_total{change="carried",sync="people"}`:                         9,
		`rows_total{outcome="accepted",sync="people"}`:                          60,
		`rows_total{outcome="rejected",sync="people"}`:                          18,
		`rows_total{outcome="deferred",sync="people"}`:                          12,
		`rows_total{outcome="unknown",sync="people"}`:                           9,
		`rows_total{outcome="held",sync="people"}`:                              6,
		`rows_total{outcome="quarantined",sync="people"}`:                       9,
		`rows_total{outcome="invalid",sync="people"}`:                           21,
		`rows_total{outcome="rejected",sync="deals"}`:                           0,
		`requests_total{sync="people"}`:                                         27,
		`retries_total{sync="people"}`:                                          6,
		`throttle_wait_seconds_total{sync="people"}`:                            3.75,
		`sent_bytes_total{sync="people"}`:                                       12_288,
		`quarantined_rows{sync="people"}`:                                       3,
		`build_info{commit="abc",go="` + goVersion(t, s) + `",version="1.2.3"}`: 1,
	})
}

// goVersion is the one that the metrics tell.
func goVersion(t *testing.T, s *site) string {
	t.Helper()
	for _, l := range s.scraped()["spillway_build_info"].GetMetric()[0].GetLabel() {
		if l.GetName() == "go" {
			return l.GetValue()
		}
	}
	t.Fatal("no version of Go")
	return ""
}

func TestOnlyRunsThatAreOverAreCounted(t *testing.T) {
	t.Parallel()
	s := newSite(t, "people")
	for _, state := range []runlog.State{runlog.Queued, runlog.Running} {
		s.over(worked(state))
	}
	s.has(map[string]float64{`run_duration_seconds_count{sync="people"}`: 0, `rows_total{outcome="accepted",sync="people"}`: 0})
	for _, state := range []runlog.State{runlog.Skipped, runlog.Cancelled} { // that never began
		s.over(runlog.Run{Sync: "people", State: state, Timings: runlog.Timings{}})
	}
	s.has(map[string]float64{
		`run_duration_seconds_count{sync="people"}`: 0, `runs_total{state="skipped",sync="people"}`: 1, `runs_total{state="cancelled",sync="people"}`: 1,
	})
}

func TestHowASyncStands(t *testing.T) {
	t.Parallel()
	s := newSite(t, "people", "deals")
	held := worked(runlog.Held)
	s.syncs[0].Last, s.syncs[0].LastSuccess = &held, noon.Add(-90*time.Minute)
	s.syncs[0].Queued = make([]runlog.Run, 2)
	s.syncs[1].Running, s.syncs[1].Progress = &runlog.Run{}, daemon.Progress{Due: 100, Sent: 30}
	s.syncs[1].Paused = true
	s.has(map[string]float64{
		`last_success_timestamp_seconds{sync="people"}`: float64(noon.Add(-90 * time.Minute).Unix()),
		`last_success_timestamp_seconds{sync="deals"}`:  0,
		`held_runs{sync="people"}`:                      1,
		`held_runs{sync="deals"}`:                       0,
		`quarantined_rows{sync="people"}`:               3,
		`queued_runs{sync="people"}`:                    2,
		`queued_runs{sync="deals"}`:                     0,
		`running_runs{sync="people"}`:                   0,
		`running_runs{sync="deals"}`:                    1,
		`pending_operations{sync="deals"}`:              70,
		`pending_operations{sync="people"}`:             0,
		`sync_paused{sync="people"}`:                    0,
		`sync_paused{sync="deals"}`:                     1,
	})
	failed := runlog.Run{Sync: "people", State: runlog.Failed} // it did not come to know the quarantine
	s.syncs[0].Last = &failed
	s.has(map[string]float64{`held_runs{sync="people"}`: 0, `quarantined_rows{sync="people"}`: 3})
}

func TestLagOfTheSchedule(t *testing.T) {
	t.Parallel()
	s := newSite(t, "people", "deals", "manual")
	s.syncs[2].Sync.Schedule, s.syncs[2].NextRun = "", time.Time{}
	run := worked(runlog.Queued)
	run.Tick = &noon
	s.metrics.Notify(daemon.Event{Run: &run, Lag: 3 * time.Second})
	begun := run
	begun.State = runlog.Running
	s.metrics.Notify(daemon.Event{Run: &begun}) // tells nothing of the lag
	s.syncs[1].NextRun = noon.Add(-2 * time.Minute)
	s.has(map[string]float64{
		`schedule_lag_seconds{sync="people"}`: 3, `schedule_lag_seconds{sync="deals"}`: 0,
		`schedule_overdue_seconds{sync="people"}`: 0, `schedule_overdue_seconds{sync="deals"}`: 120,
	})
	for _, name := range []string{"lag", "overdue"} {
		if _, ok := s.series()[`spillway_schedule_`+name+`_seconds{sync="manual"}`]; ok {
			t.Errorf("a sync without a schedule has %s", name)
		}
	}
	s.syncs[1].NextRun = time.Time{} // it is paused
	s.has(map[string]float64{`schedule_overdue_seconds{sync="deals"}`: 0})
}

func TestReloads(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.has(map[string]float64{`config_reload_success{}`: 1, `config_reload_timestamp_seconds{}`: float64(noon.Unix())})
	s.reloaded = daemon.Reloaded{At: noon.Add(time.Minute), Problems: project.Problems{{Message: "no"}}}
	s.has(map[string]float64{`config_reload_success{}`: 0, `config_reload_timestamp_seconds{}`: float64(noon.Add(time.Minute).Unix())})
}

func TestASyncThatIsGoneHasNoSeries(t *testing.T) {
	t.Parallel()
	s := newSite(t, "people", "deals")
	s.over(worked(runlog.Succeeded))
	if n := seriesOf(s.scraped(), "people"); n == 0 {
		t.Fatal("there were none")
	}
	s.syncs = s.syncs[1:]
	if n := seriesOf(s.scraped(), "people"); n != 0 {
		t.Errorf("%d are left", n)
	}
	if n := seriesOf(s.scraped(), "deals"); n == 0 {
		t.Error("those of the other one are gone too")
	}
}

func TestRequestsAreTimedByDestinationAndAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t, "people")
	for _, status := range []int{http.StatusOK, http.StatusCreated, http.StatusTooManyRequests, http.StatusServiceUnavailable, 0} {
		s.asked(status, 1500*time.Millisecond)
	}
	s.has(map[string]float64{
		`request_duration_seconds_count{class="2xx",destination="crm"}`: 2, `request_duration_seconds_sum{class="2xx",destination="crm"}`: 3,
		`request_duration_seconds_count{class="4xx",destination="crm"}`: 1, `request_duration_seconds_count{class="5xx",destination="crm"}`: 1,
		`request_duration_seconds_count{class="none",destination="crm"}`: 1,
	})
	s.syncs[0].Sync = &project.Sync{Name: "people", Destination: "other"}
	if family := s.scraped()["spillway_request_duration_seconds"]; family != nil {
		t.Errorf("of a destination that is gone there are %v", family)
	}
}

// seriesOf counts the series of a sync as Prometheus stores them.
func seriesOf(families map[string]*dto.MetricFamily, sync string) int {
	n := 0
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if !strings.Contains(labels(m), fmt.Sprintf("sync=%q", sync)) {
				continue
			}
			if h := m.GetHistogram(); h != nil {
				n += len(h.GetBucket()) + 2 // sum and count
				continue
			}
			n++
		}
	}
	return n
}

func TestASyncHasAtMostFiftySeries(t *testing.T) {
	t.Parallel()
	s := newSite(t, "people")
	for _, state := range []runlog.State{runlog.Succeeded, runlog.Partial, runlog.Held, runlog.Failed, runlog.Cancelled, runlog.Skipped} {
		s.over(worked(state))
	}
	if n := seriesOf(s.scraped(), "people"); n < 40 || n > 50 {
		t.Errorf("there are %d", n)
	}
}

func TestNamesFollowTheConventions(t *testing.T) {
	t.Parallel()
	s := newSite(t, "people")
	s.over(worked(runlog.Succeeded))
	var ours []*dto.MetricFamily
	for name, family := range s.scraped() {
		if strings.HasPrefix(name, "spillway_") {
			ours = append(ours, family)
		}
	}
	problems, err := promlint.NewWithMetricFamilies(ours).Lint()
	if err != nil || len(problems) > 0 {
		t.Error(err, problems)
	}
	if len(ours) < 20 {
		t.Errorf("there are %d", len(ours))
	}
}

// TestWhatCannotBeReadIsToldToTheLogAlone: who scrapes is not told of files and SQL.
func TestWhatCannotBeReadIsToldToTheLogAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, "people")
	s.broken = errors.New("/var/lib/secret.db is locked")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret.db") || !strings.Contains(w.Body.String(), "log") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(s.log.String(), "secret.db is locked") {
		t.Errorf("the log says %q", s.log.String())
	}
	s.broken = nil
	s.scraped()
}

func TestASyncThatNeverRanHasNoCounters(t *testing.T) {
	t.Parallel()
	s := newSite(t, "people")
	if n := seriesOf(s.scraped(), "people"); n < 5 || n > 10 {
		t.Errorf("there are %d series", n)
	}
}

// TestEventsAndScrapesAtOnce is there for the race detector.
func TestEventsAndScrapesAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, "people")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				s.over(worked(runlog.Succeeded))
			}
		})
	}
	for range 10 {
		s.scraped()
	}
	group.Wait()
	s.has(map[string]float64{`runs_total{state="succeeded",sync="people"}`: 200})
}

// A project that names no warehouse for its run log has nothing to wait for.
func TestRunsThatAreNotInTheWarehouseYet(t *testing.T) {
	t.Parallel()
	s := newSite(t, "people")
	if families := s.scraped(); families["spillway_runlog_unexported_runs"] != nil {
		t.Error("there is a series without a warehouse")
	}
	s.exports, s.unexported = true, 3
	family := s.scraped()["spillway_runlog_unexported_runs"]
	if family == nil || family.GetMetric()[0].GetGauge().GetValue() != 3 {
		t.Errorf("with a warehouse: %v", family)
	}
}
