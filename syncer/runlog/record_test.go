package runlog

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAProblemIsCountedFromRunToRun(t *testing.T) {
	t.Parallel()
	type seen struct {
		Attempts    int
		First, Last int // minutes
	}
	type run struct {
		sync    string
		outcome Outcome // of key 7; empty: it has no problem in this run
		failed  bool    // before it came to its rows
	}
	tests := []struct {
		name string
		runs []run
		want seen // in the last run
	}{
		{"the first time", []run{{"contacts", RowRejected, false}}, seen{1, 0, 0}},
		{
			"every run in a row counts, whatever the problem is",
			[]run{{"contacts", RowRejected, false}, {"contacts", RowDeferred, false}, {"contacts", RowUnknown, false}, {"contacts", RowInvalid, false}},
			seen{4, 0, 3},
		},
		{
			"a run without the problem ends it",
			[]run{{"contacts", RowRejected, false}, {"contacts", RowRejected, false}, {"contacts", "", false}, {"contacts", RowRejected, false}},
			seen{1, 3, 3},
		},
		{
			"acceptance ends it",
			[]run{{"contacts", RowRejected, false}, {"contacts", RowAccepted, false}, {"contacts", RowRejected, false}},
			seen{1, 2, 2},
		},
		{
			"a run that failed before it came to its rows does not",
			[]run{{"contacts", RowRejected, false}, {"contacts", "", true}, {"contacts", RowRejected, false}},
			seen{2, 0, 2},
		},
		{
			"the runs of other syncs do not matter",
			[]run{{"contacts", RowRejected, false}, {"deals", RowRejected, false}, {"deals", "", false}, {"contacts", RowRejected, false}},
			seen{2, 0, 3},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := openLog(t, t.TempDir(), Options{})
			for n, r := range tt.runs {
				recorded := running(n, r.sync)
				recorder := begin(t, l, recorded)
				if r.failed {
					recorded.State = Failed
					if err := recorder.Finish(t.Context(), recorded); err != nil {
						t.Fatal(err)
					}
					continue
				}
				if r.outcome != "" {
					row := Row{Key: "7", Outcome: r.outcome}
					if err := recorder.Rows(t.Context(), recorded.StartedAt, row); err != nil {
						t.Fatal(err)
					}
				}
				finish(t, recorder, recorded, Partial)
			}
			found := rows(t, l, id(len(tt.runs)-1), RowFilter{Key: "7"})
			if len(found) != 1 {
				t.Fatalf("%d rows of the key", len(found))
			}
			r := found[0]
			got := seen{r.Attempts, int(r.FirstSeen.Sub(noon).Minutes()), int(r.LastSeen.Sub(noon).Minutes())}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAKeyWithTwoRowsInARunIsOneAttempt(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	recordRun(t, l, running(1, "contacts"), rejected("7"))
	recordRun(t, l, running(2, "contacts"), rejected("7"), rejected("7"), rejected("7"))
	for _, r := range rows(t, l, id(2), RowFilter{}) {
		if r.Attempts != 2 || !r.FirstSeen.Equal(minute(1)) {
			t.Errorf("attempt %d, first seen %s", r.Attempts, r.FirstSeen)
		}
	}
}

func TestTheLogKeepsTheRowsItIsToldTo(t *testing.T) {
	t.Parallel()
	all := []Row{
		{Key: "a", Outcome: RowAccepted},
		{Key: "r", Outcome: RowRejected, Code: "bad"},
		{Key: "q", Outcome: RowQuarantined, Code: "bad"},
	}
	for which, want := range map[string][]string{"": {"r", "q"}, "problems": {"r", "q"}, "all": {"a", "r", "q"}, "none": nil} {
		t.Run("rows = "+which, func(t *testing.T) {
			t.Parallel()
			l := openLog(t, t.TempDir(), Options{Rows: which})
			run := recordRun(t, l, running(1, "contacts"), all...)
			var keys []string
			for _, r := range rows(t, l, run.ID, RowFilter{}) {
				keys = append(keys, r.Key)
			}
			if diff := cmp.Diff(want, keys); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			groups := []ErrorGroup{{Code: "bad", Count: 2, SampleKeys: []string{"r", "q"}}}
			if diff := cmp.Diff(groups, run.Errors); diff != "" {
				t.Errorf("groups are kept in any case (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOfRowsThatWereNotTriedSoManyAreKept(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	run := running(1, "contacts")
	r := begin(t, l, run)
	const more = 500
	untried := make([]Row, maxUntried+more)
	for i := range untried {
		untried[i] = Row{Key: fmt.Sprint(i), Outcome: RowDeferred, Code: "not_sent", Untried: true}
	}
	if err := r.Rows(t.Context(), noon, append(untried, rejected("last"))...); err != nil {
		t.Fatal(err)
	}
	run = finish(t, r, run, Cancelled)
	if n := len(rows(t, l, run.ID, RowFilter{Code: "not_sent", Limit: 2 * maxUntried})); n != maxUntried {
		t.Errorf("%d rows are kept, want %d", n, maxUntried)
	}
	if n := len(rows(t, l, run.ID, RowFilter{Key: "last"})); n != 1 {
		t.Error("a row with a reason of its own is not kept")
	}
	if run.Errors[0].Count != maxUntried+more {
		t.Errorf("%d rows are counted", run.Errors[0].Count)
	}
}

func TestRowsAreFoundAndPaged(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{Rows: "all"})
	run := running(1, "contacts")
	r := begin(t, l, run)
	const n = 3*flushAt + 17 // written in several transactions
	for i := range n {
		row := Row{Key: fmt.Sprint(i), Outcome: RowAccepted}
		if i%5 == 0 {
			row.Outcome, row.Code = RowRejected, fmt.Sprint("c", i%2)
		}
		if err := r.Rows(t.Context(), noon, row); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, r, run, Partial)
	if got := len(rows(t, l, run.ID, RowFilter{Outcome: RowRejected, Limit: n})); got != (n+4)/5 {
		t.Errorf("%d rows are rejected", got)
	}
	if got := rows(t, l, run.ID, RowFilter{Key: "1000"}); len(got) != 1 || got[0].Code != "c0" {
		t.Errorf("key 1000 has %v", got)
	}
	if got := len(rows(t, l, run.ID, RowFilter{Code: "c1", Limit: n})); got != (n+4)/10 {
		t.Errorf("%d rows have code c1", got)
	}
	if got := rows(t, l, "another", RowFilter{}); len(got) != 0 {
		t.Errorf("another run has %v", got)
	}
	var keys []string
	f := RowFilter{Limit: 100}
	for pages := 0; ; pages++ {
		page, next, err := l.Rows(t.Context(), run.ID, f)
		if err != nil || len(page) == 0 || len(page) > 100 || pages > n/100 {
			t.Fatalf("page %d has %d rows, and %v", pages, len(page), err)
		}
		for _, row := range page {
			keys = append(keys, row.Key)
		}
		if f.Cursor = next; next == "" {
			break
		}
	}
	if len(keys) != n {
		t.Fatalf("%d rows on all pages, want %d", len(keys), n)
	}
	for i, key := range keys {
		if key != fmt.Sprint(i) {
			t.Fatalf("row %d is %s: rows stand in the order in which they were recorded", i, key)
		}
	}
}

func TestGroupsGatherWhatDiffersInParticularsOnly(t *testing.T) {
	t.Parallel()
	var g Groups
	for i := range 12 {
		g.Add(Row{Key: fmt.Sprint(i), Code: "email", Reason: fmt.Sprintf(`"a%d@x.io" of 'Ada' is taken since 2026-11-%d`, i, i+10)})
	}
	g.Add(Row{Key: "7", Code: "email", Reason: "another reason"})
	g.Add(Row{Key: "8", Code: "phone", Reason: "another reason"})
	g.Add(Row{Key: "8", Code: "phone", Reason: "another reason"})
	g.Add(Row{Code: "null_key", Reason: "row 17 of the model: the key is null"})
	g.Add(Row{Code: "null_key", Reason: "row 18 of the model: the key is null"})
	want := []ErrorGroup{
		{Code: "email", Message: "… of … is taken since …-…-…", Count: 12, SampleKeys: []string{"0", "1", "2", "3", "4"}},
		{Code: "null_key", Message: "row … of the model: the key is null", Count: 2},
		{Code: "phone", Message: "another reason", Count: 2, SampleKeys: []string{"8"}},
		{Code: "email", Message: "another reason", Count: 1, SampleKeys: []string{"7"}},
	}
	if diff := cmp.Diff(want, g.List()); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

func TestGroupsAreBounded(t *testing.T) {
	t.Parallel()
	var g Groups
	letters := func(i int) string {
		return string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
	}
	const n = 5000
	for i := range n {
		g.Add(Row{Key: fmt.Sprint(i), Code: "bad", Reason: "because of " + letters(i)})
	}
	list := g.List()
	var sum int64
	for _, group := range list {
		sum += group.Count
	}
	if len(list) > maxGroups+1 || sum != n {
		t.Errorf("%d groups with %d rows, want at most %d with %d", len(list), sum, maxGroups+1, n)
	}
}

func TestTheGroupsOfARunAreReadBack(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	run := recordRun(t, l, running(1, "contacts"), rejected("1"), rejected("2"), Row{Key: "3", Outcome: RowInvalid, Code: "null_key"})
	got, err := l.Run(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := []ErrorGroup{
		{Code: "bad", Message: "it is bad", Count: 2, SampleKeys: []string{"1", "2"}},
		{Code: "null_key", Count: 1, SampleKeys: []string{"3"}},
	}
	if diff := cmp.Diff(want, got.Errors); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

func TestTheLinesOfARunKeepTheirOrderAndAttributes(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	r := begin(t, l, running(1, "contacts"))
	other := begin(t, l, running(2, "contacts"))
	for n, message := range []string{"begun", "done"} {
		if err := r.Line(t.Context(), minute(n), slog.LevelWarn, message, map[string]any{"batch": n}); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.Line(t.Context(), noon, slog.LevelInfo, "elsewhere", nil); err != nil {
		t.Fatal(err)
	}
	lines, err := l.Lines(t.Context(), id(1))
	if err != nil {
		t.Fatal(err)
	}
	want := []Line{
		{At: minute(0), Level: "WARN", Message: "begun", Attrs: json.RawMessage(`{"batch":0}`)},
		{At: minute(1), Level: "WARN", Message: "done", Attrs: json.RawMessage(`{"batch":1}`)},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestARecorderIsUsedFromSeveralGoroutines(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	run := running(1, "contacts")
	r := begin(t, l, run)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 150 {
				if err := r.Rows(t.Context(), noon, rejected(fmt.Sprintf("%d-%d", worker, i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	finish(t, r, run, Partial)
	if n := len(rows(t, l, run.ID, RowFilter{Limit: 2000})); n != 600 {
		t.Errorf("%d rows, want 600", n)
	}
}

func TestRowsThatCouldNotBeWrittenStayDue(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	run := running(1, "contacts")
	r := begin(t, l, run)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	many := make([]Row, flushAt)
	for i := range many {
		many[i] = rejected(fmt.Sprint(i))
	}
	if err := r.Rows(cancelled, noon, many...); err == nil {
		t.Fatal("a cancelled write went well")
	}
	finish(t, r, run, Partial)
	if n := len(rows(t, l, run.ID, RowFilter{Limit: 2 * flushAt})); n != flushAt {
		t.Errorf("%d rows, want %d", n, flushAt)
	}
}
