package telemetry_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"spillway/syncer/runlog"
)

// text is an answer in the encodings that a request names, and which of them it has.
func (s *site) text(encodings ...string) (body []byte, encoding string) {
	s.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header["Accept-Encoding"] = encodings
	s.handler.ServeHTTP(w, r)
	if kind := w.Header().Get("Content-Type"); w.Code != http.StatusOK || !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		s.t.Fatalf("%d %s", w.Code, kind)
	}
	return w.Body.Bytes(), w.Header().Get("Content-Encoding")
}

// strange are names of syncs; a project takes only the first ones, and the text must not break with any.
var strange = []string{"people", "deals-eu_2", `with "quotes"`, `back\slash`, "two\nlines", "größe"}

// TestTextIsThatOfTheRegistry holds what is written here, line by line, to what the library of Prometheus writes of the
// same runs.
func TestTextIsThatOfTheRegistry(t *testing.T) {
	t.Parallel()
	s := newSite(t, append(strange, "idle")...)
	lib := newRegistry()
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		run := randomRun(random, strange[random.IntN(len(strange))])
		s.over(run)
		lib.count(run)
	}
	want := lib.lines(t)
	names := map[string]bool{}
	for _, line := range want {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			names[strings.Fields(name)[0]] = true
		}
	}
	body, _ := s.text()
	var have []string
	for line := range strings.Lines(string(body)) {
		if names[metricOf(line)] {
			have = append(have, line)
		}
	}
	slices.Sort(have)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("lines (-library +here):\n%s", diff)
	}
	if len(names) != 10 {
		t.Errorf("%d metrics were compared", len(names))
	}
}

// metricOf is the name of the metric that a line belongs to.
func metricOf(line string) string {
	line = strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE ")
	name := line[:strings.IndexAny(line, "{ ")]
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}

// TestTextIsReadAsItWasWritten: whatever is served, also how syncs stand, is the same text after it was parsed.
func TestTextIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	s := newSite(t, strange...)
	for n, name := range strange {
		s.over(randomRun(rand.New(rand.NewPCG(3, uint64(n))), name))
		s.syncs[n].Paused, s.syncs[n].LastSuccess = n%2 == 0, noon
	}
	var again bytes.Buffer
	families := s.scraped()
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if _, err := expfmt.MetricFamilyToText(&again, families[name]); err != nil {
			t.Fatal(err)
		}
	}
	body, _ := s.text()
	ours := func(text []byte) (found []string) {
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(metricOf(line), "spillway_") {
				found = append(found, line)
			}
		}
		slices.Sort(found)
		return found
	}
	if diff := cmp.Diff(ours(again.Bytes()), ours(body)); diff != "" {
		t.Errorf("lines (-read +written):\n%s", diff)
	}
}

func TestGzipIsForThoseWhoTakeIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, "people")
	s.over(worked(runlog.Succeeded))
	for _, c := range []struct {
		encodings []string
		want      string
	}{
		{nil, ""},
		{[]string{"identity"}, ""},
		{[]string{"deflate, br"}, ""},
		{[]string{"gzip;q=0"}, ""},
		{[]string{"gzip; q=0.000, br"}, ""},
		{[]string{"gzip"}, "gzip"},
		{[]string{"br, GZIP;q=0.5"}, "gzip"},
		{[]string{"br", "gzip"}, "gzip"},
	} {
		body, encoding := s.text(c.encodings...)
		if encoding != c.want {
			t.Errorf("%q: the answer is in %q", c.encodings, encoding)
			continue
		}
		if encoding == "gzip" {
			packed, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(packed); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.Contains(string(body), `spillway_runs_total{state="succeeded",sync="people"} 1`+"\n") {
			t.Errorf("%q: the answer lacks the run", c.encodings)
		}
	}
}

// randomRun is a run that is over. Its times are quarters of a second, which sum up exactly.
func randomRun(random *rand.Rand, sync string) runlog.Run {
	quarters := func(most int64) int64 { return 250 * random.Int64N(most) }
	few := func() int64 { return random.Int64N(5_000) }
	states := []runlog.State{runlog.Succeeded, runlog.Partial, runlog.Held, runlog.Failed, runlog.Cancelled, runlog.Skipped}
	run := runlog.Run{
		Sync: sync, State: states[random.IntN(len(states))], DurationMS: quarters(1 << random.IntN(20)),
		Counts: runlog.Counts{
			Source: 1_000 * few(), Added: few(), Changed: few(), Removed: few(), Carried: few(), Invalid: few(),
			Accepted: few(), Rejected: few(), Deferred: few(), Unknown: few(), Held: few(), Quarantined: few(),
		},
		Requests: few(), Retries: few(), ThrottledMS: quarters(9_000), BytesSent: 1_000_000 * few(),
		Timings: runlog.Timings{runlog.Extracting: quarters(1_000), runlog.Sending: quarters(1_000), runlog.Settling: quarters(1_000)},
	}
	if run.State == runlog.Skipped {
		run.Timings = nil
	}
	if random.IntN(4) == 0 {
		run.DurationMS = []int64{0, 1_000, 10_000, 60_000, 7_200_000}[random.IntN(5)] // bounds of buckets are within them
	}
	return run
}

// registry counts runs with the library of Prometheus.
type registry struct {
	*prometheus.Registry
	counters map[string]*prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newRegistry() *registry {
	r := &registry{Registry: prometheus.NewRegistry(), counters: map[string]*prometheus.CounterVec{}}
	for _, c := range []struct{ name, label, help string }{
		{"runs_total", "state", "Runs that are over, by their state."},
		{"phase_duration_seconds_total", "phase", "Time that runs spent in each phase."},
		{"source_rows_total", "", "Rows that models returned."},
		{"changes_total", "change", "Operations that runs planned, by what was found: rows added, changed and removed, and carried over from an earlier run."},
		{"rows_total", "outcome", "Operations and invalid rows of runs, by what became of them."},
		{"requests_total", "", "Requests that runs sent to destinations."},
		{"retries_total", "", "Requests that were sent again."},
		{"throttle_wait_seconds_total", "", "Time that runs waited for the limits of a destination."},
		{"sent_bytes_total", "", "Bytes that runs sent to destinations."},
	} {
		labels := []string{"sync"}
		if c.label != "" {
			labels = append(labels, c.label)
		}
		r.counters[c.name] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "spillway_" + c.name, Help: c.help}, labels)
		r.MustRegister(r.counters[c.name])
	}
	r.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "spillway_run_duration_seconds", Help: "How long runs took that are over; skipped ones do not count.",
		Buckets: []float64{1, 10, 60, 300, 1800, 7200},
	}, []string{"sync"})
	r.MustRegister(r.duration)
	return r
}

func (r *registry) count(run runlog.Run) {
	for _, state := range []string{"succeeded", "partial", "held", "failed", "cancelled", "skipped"} {
		r.counters["runs_total"].WithLabelValues(run.Sync, state)
	}
	r.counters["runs_total"].WithLabelValues(run.Sync, string(run.State)).Inc()
	began := len(run.Timings) > 0
	add := func(name string, n int64, labels ...string) {
		c := r.counters[name].WithLabelValues(append([]string{run.Sync}, labels...)...)
		if began {
			c.Add(float64(n))
		}
	}
	addTime := func(name string, ms int64, labels ...string) {
		c := r.counters[name].WithLabelValues(append([]string{run.Sync}, labels...)...)
		if began {
			c.Add(float64(ms) / 1000)
		}
	}
	if duration := r.duration.WithLabelValues(run.Sync); began {
		duration.Observe(float64(run.DurationMS) / 1000)
	}
	for _, phase := range []runlog.Phase{runlog.Extracting, runlog.Comparing, runlog.Sending, runlog.Settling} {
		addTime("phase_duration_seconds_total", run.Timings[phase], string(phase))
	}
	for change, n := range map[string]int64{"added": run.Added, "changed": run.Changed, "removed": run.Removed, "carried": run.Carried} {
		add("changes_total", n, change)
	}
	for outcome, n := range map[string]int64{
		"accepted": run.Accepted, "rejected": run.Rejected, "deferred": run.Deferred, "unknown": run.Unknown,
		"held": run.Held, "quarantined": run.Quarantined, "invalid": run.Invalid,
	} {
		add("rows_total", n, outcome)
	}
	add("source_rows_total", run.Source)
	add("requests_total", run.Requests)
	add("retries_total", run.Retries)
	addTime("throttle_wait_seconds_total", run.ThrottledMS)
	add("sent_bytes_total", run.BytesSent)
}

// lines are the sorted lines of the library's text.
func (r *registry) lines(t *testing.T) (lines []string) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			t.Fatal(fmt.Errorf("write %s: %w", family.GetName(), err))
		}
	}
	for line := range strings.Lines(text.String()) {
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}
