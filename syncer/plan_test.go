package syncer

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/syncer/runlog"
	"spillway/warehouse"
)

func mustPlan(t *testing.T, w *world, showValues bool) *Plan {
	t.Helper()
	p, err := w.open().Plan(t.Context(), w.sync, showValues)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPlanCountsTheFieldsOfChangedRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b, c := p("1", "a", "1"), p("2", "b", "1"), p("3", "c", "1")
	a.Doc = `{"a":1}`
	w.source.set(a, b, c)
	if p := mustPlan(t, w, false); len(p.Fields) > 0 || !p.About.FirstRun || p.Added != 3 || p.Requests != 1 || !p.Due() {
		t.Errorf("before the first run: %+v", p)
	}
	w.run()
	a.Score, a.Doc, b.Score, b.Name, c.Origin = "2", `{"a":2}`, "", "B", "elsewhere"
	w.source.set(a, b, c, p("4", "d", "1"))
	want := map[string]int64{"score": 2, "doc": 1, "name": 1}
	if diff := cmp.Diff(want, mustPlan(t, w, false).Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	before := w.version()
	mustPlan(t, w, false)
	if after := w.version(); after != before {
		t.Errorf("a plan moved the snapshot from %s to %s", before, after)
	}
}

func TestAPlansSamplesHideTheirValuesUnlessTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const canary = "canary-value-7"
	one := p("1", "a", "1")
	one.Name, one.Doc = canary, `{"a":"`+canary+`"}`
	w.source.set(one)
	hidden, err := json.Marshal(mustPlan(t, w, false))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(hidden), canary) || !strings.Contains(string(hidden), Masked) || !strings.Contains(string(hidden), `"origin":{"old":null,"new":null}`) {
		t.Errorf("the plan is %s", hidden)
	}
	shown, err := json.Marshal(mustPlan(t, w, true))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(shown), canary) != 2 {
		t.Errorf("with its values the plan is %s", shown)
	}
}

func TestAPlanShowsAFewSamplesOfEachKindAndNoneThatIsVoid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sync.Guard.MaxInvalid, w.sync.Guard.MaxRemoved = share(t, "100%"), share(t, "100%")
	w.source.set(many(20)...)
	w.run()
	all := many(24)
	for i := range 6 {
		all[10+i].Score = "2"
	}
	w.source.set(append(all[10:], all[20], all[10])...)
	p := mustPlan(t, w, false)
	kinds := map[runlog.Kind]int{}
	for _, s := range p.Samples {
		kinds[s.Kind]++
		if s.Key == "k010" || s.Key == "k020" {
			t.Errorf("a sample of key %s, which stands twice", s.Key)
		}
	}
	for _, kind := range []runlog.Kind{runlog.KindAdded, runlog.KindChanged, runlog.KindRemoved} {
		if n := kinds[kind]; n < 1 || n > samplesEach {
			t.Errorf("%d samples are %s", n, kind)
		}
	}
	if p.Added != 3 || p.Changed != 5 || p.Invalid != 4 || p.Removed != 10 || p.Fields["score"] != 5 {
		t.Errorf("%+v", p)
	}
}

func TestAPlanTellsItsRequestsAndTheirTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.remote.object.MaxBatch, w.remote.object.Rate = 10, 2
	w.sync.Guard.MaxRemoved = share(t, "100%")
	w.source.set(many(25)...)
	w.run()
	w.source.set(append(many(10), p("x", "x", "1"))...)
	if p := mustPlan(t, w, false); p.Requests != 3 || p.EstimateMS != 1500 {
		t.Errorf("%d requests in %d ms, want 1 for a row and 2 for 15 removals, at 2 a second", p.Requests, p.EstimateMS)
	}
	if run := w.run(); run.Requests != 3 {
		t.Errorf("the run made %d", run.Requests)
	}
}

func TestTheJSONOfAPlanHasEveryKeyOfTheContract(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*Plan{
		"a plan": mustPlan(t, newWorld(t), false), "a failed one": FailedPlan(newWorld(t).sync, errors.New("no")),
	} {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		for key := range strings.FieldsSeq("sync source same added changed removed carried invalid fields guard requests estimate_ms samples") {
			if got[key] == nil {
				t.Errorf("%s: key %q is missing or null", name, key)
			}
		}
	}
}

func TestEveryFailureHasItsCode(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		CodeConfig:      &ConfigError{},
		CodeModel:       &ModelError{},
		CodeWarehouse:   &warehouse.Error{},
		CodeUnavailable: warehouse.ErrTruncated,
		CodeAuth:        &destinations.Error{Kind: destinations.ErrAuth},
		CodeUnreachable: destinations.ErrUnreachable,
		CodeDestination: &destinations.Error{},
		CodeInterrupted: context.Canceled,
		CodeStore:       ofState(fs.ErrPermission),
		CodeInternal:    errors.New("what"),
	} {
		if got := FailureCode(errors.Join(errors.New("around it"), err)); got != want {
			t.Errorf("%T has code %s, want %s", err, got, want)
		}
		if Temporary(want) != (want == CodeUnavailable || want == CodeUnreachable) {
			t.Errorf("%s: temporary is %v", want, Temporary(want))
		}
	}
}

func TestLinesOfARunGoToItsLogAndToStderr(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var out strings.Builder
	w.log = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))
	w.source.set(p("1", "a", "1"))
	w.remote.answer = answering(on(silent, "1"), false)
	run := w.run()
	lines, err := w.open().Runs().Lines(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	var messages []string
	for _, l := range lines {
		messages = append(messages, l.Level+" "+l.Message)
	}
	if diff := cmp.Diff([]string{"INFO run started", "INFO source compared", "INFO run finished"}, messages); diff != "" || out.Len() > 0 {
		t.Errorf("stderr has %q, the run log (-want +got):\n%s", out.String(), diff)
	}

	recorder, err := w.open().Runs().Begin(t.Context(), runlog.Run{ID: "01X", Sync: "contacts", State: runlog.Running})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(newTee(w.log.Handler(), recorder)).With("object", "people")
	log.Warn("batch failed", "code", "500")
	log.Debug("not for either")
	if lines, err = w.open().Runs().Lines(t.Context(), "01X"); err != nil || len(lines) != 1 || string(lines[0].Attrs) != `{"code":"500","object":"people"}` {
		t.Errorf("the run log has %v (%v)", lines, err)
	}
	w.close()
	log.Warn("after the log was closed")
	if got := out.String(); !strings.Contains(got, "batch failed") || !strings.Contains(got, "after the log was closed") {
		t.Errorf("stderr has %q", got)
	}
}
