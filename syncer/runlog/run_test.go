package runlog

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestARunIsReadBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	run := running(1, "contacts")
	r := begin(t, l, run)
	got, err := l.Run(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := run
	want.Errors, want.Timings = []ErrorGroup{}, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("while it runs (-want +got):\n%s", diff)
	}

	run.Counts = Counts{
		Source: 21, Same: 1, Added: 2, Changed: 3, Removed: 4, Carried: 5, Invalid: 10, Left: 7,
		Accepted: 1, Rejected: 2, Deferred: 3, Unknown: 4, Held: 3, Quarantined: 1,
	}
	run.Requests, run.Retries, run.ThrottledMS, run.BytesSent = 14, 15, 16, 17
	run.Phase, run.Timings = Settling, Timings{Extracting: 5, Sending: 6}
	run.ConfigHash, run.Commit, run.Trigger = "abc", "def-dirty", ByApprove
	run.Error = &Failure{Code: "guard", Message: "too many"}
	run.DurationMS = 18
	run = finish(t, r, run, Held)
	run.Errors = []ErrorGroup{}
	if got, err = l.Run(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(run, got); diff != "" {
		t.Errorf("in the end (-want +got):\n%s", diff)
	}
}

func TestTheJSONOfARunHasEveryKeyOfTheContract(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(Run{Errors: []ErrorGroup{{Code: "bad"}}})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for key := range strings.FieldsSeq(`id sync state phase trigger started_at finished_at duration_ms source same added changed removed
		carried invalid left accepted rejected deferred unknown held quarantined requests retries throttled_ms bytes_sent error errors`) {
		if _, ok := got[key]; !ok {
			t.Errorf("key %q is missing", key)
		}
	}
	if strings.Contains(string(text), `"sample_keys":null`) || strings.Contains(string(text), `"timings_ms":null`) {
		t.Errorf("a list is null: %s", text)
	}
}

func TestRunsAreFound(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	for n, sync := range []string{"contacts", "deals", "contacts", "contacts"} {
		run := running(n, sync)
		r := begin(t, l, run)
		if n != 3 {
			finish(t, r, run, []State{Succeeded, Failed, Held}[n])
		}
	}
	tests := []struct {
		name   string
		filter Filter
		want   string
	}{
		{"all, newest first", Filter{}, id(3) + " " + id(2) + " " + id(1) + " " + id(0)},
		{"of one sync", Filter{Sync: "contacts"}, id(3) + " " + id(2) + " " + id(0)},
		{"in one state", Filter{State: Held}, id(2)},
		{"of one sync in one state", Filter{Sync: "deals", State: Held}, ""},
		{"no more than the limit", Filter{Limit: 2}, id(3) + " " + id(2)},
		{"before a run", Filter{Before: id(2), Limit: 1}, id(1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			runs, err := l.Runs(t.Context(), tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, r := range runs {
				ids = append(ids, r.ID)
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestARunIsNamedByTheBeginningOfItsIdOrLast(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	if _, err := l.Run(t.Context(), "last"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the last of none: %v", err)
	}
	for _, n := range []int{100, 101, 200} {
		begin(t, l, running(n, "contacts"))
	}
	begin(t, l, Run{ID: "01JD0200X", Sync: "contacts", State: Running})
	for name, want := range map[string]string{
		"last": "01JD0200X", "01JD0100": "01JD0100", "01jd0101": "01JD0101", "01JD02": "", "01JD0200": "01JD0200", "01JE": "", "%": "",
	} {
		run, err := l.Run(t.Context(), name)
		if want == "" {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%q gave run %q and the error %v, want one that wraps ErrNotFound", name, run.ID, err)
			}
			continue
		}
		if err != nil || run.ID != want {
			t.Errorf("%q gave run %q and the error %v, want %q", name, run.ID, err, want)
		}
	}
}

func TestCountsBalanceOnlyWhenNoRowIsLost(t *testing.T) {
	t.Parallel()
	good := Counts{
		Source: 15, Same: 1, Added: 2, Changed: 3, Removed: 6, Carried: 4, Invalid: 5, Left: 99,
		Accepted: 1, Rejected: 2, Deferred: 3, Unknown: 4, Held: 2, Quarantined: 3,
	}
	if err := good.Balance(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Counts){
		"a row of the source too many": func(c *Counts) { c.Source++ },
		"a same row too few":           func(c *Counts) { c.Same-- },
		"an added row more":            func(c *Counts) { c.Added++ },
		"a changed row more":           func(c *Counts) { c.Changed++ },
		"a carried row more":           func(c *Counts) { c.Carried++ },
		"an invalid row more":          func(c *Counts) { c.Invalid++ },
		"a removal more":               func(c *Counts) { c.Removed++ },
		"an accepted one more":         func(c *Counts) { c.Accepted++ },
		"a rejected one less":          func(c *Counts) { c.Rejected-- },
		"a deferred one more":          func(c *Counts) { c.Deferred++ },
		"an unknown one more":          func(c *Counts) { c.Unknown++ },
		"a held one more":              func(c *Counts) { c.Held++ },
		"a quarantined one less":       func(c *Counts) { c.Quarantined-- },
	} {
		bad := good
		change(&bad)
		if bad.Balance() == nil {
			t.Errorf("%s: the counts balance", name)
		}
	}
}

func TestARunBalancesOnlyWithItsOutcomesByKind(t *testing.T) {
	t.Parallel()
	good := Run{Counts: Counts{Source: 5, Added: 3, Changed: 2, Removed: 1, Accepted: 3, Rejected: 2, Deferred: 1}}
	good.Outcomes.Add(KindAdded, RowAccepted, 2)
	good.Outcomes.Add(KindAdded, RowRejected, 1)
	good.Outcomes.Add(KindChanged, RowAccepted, 1)
	good.Outcomes.Add(KindChanged, RowRejected, 1)
	good.Outcomes.Add(KindRemoved, RowDeferred, 1)
	if err := good.Balance(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Run){
		"a row of the source too many":    func(r *Run) { r.Source++ },
		"an outcome of no operation":      func(r *Run) { r.Outcomes.Add(KindCarried, RowHeld, 1) },
		"an operation without outcome":    func(r *Run) { r.Outcomes.Add(KindRemoved, RowDeferred, -1) },
		"an outcome of another kind":      func(r *Run) { r.Outcomes.Add(KindAdded, RowRejected, -1); r.Outcomes.Add(KindChanged, RowRejected, 1) },
		"another outcome of an operation": func(r *Run) { r.Outcomes.Add(KindAdded, RowRejected, -1); r.Outcomes.Add(KindAdded, RowHeld, 1) },
	} {
		bad := good
		change(&bad)
		if bad.Balance() == nil {
			t.Errorf("%s: the run balances", name)
		}
	}
}

func TestTheRestOfAPlanGetsOneOutcome(t *testing.T) {
	t.Parallel()
	run := Run{Counts: Counts{Source: 6, Added: 3, Carried: 2, Removed: 1, Invalid: 1, Quarantined: 2, Accepted: 1}}
	run.Outcomes.Add(KindCarried, RowQuarantined, 2)
	run.Outcomes.Add(KindAdded, RowAccepted, 1)
	run.Rest(RowDeferred)
	if err := run.Balance(); err != nil || run.Deferred != 3 || run.Outcomes.Of(KindAdded, RowDeferred) != 2 || run.Outcomes.Of(KindRemoved, RowDeferred) != 1 {
		t.Errorf("%+v, %v", run, err)
	}
	text, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	if want := `"outcomes":{"added":{"accepted":1,"deferred":2},"carried":{"quarantined":2},"removed":{"deferred":1}}`; !strings.Contains(string(text), want) {
		t.Errorf("the run is written as %s", text)
	}
	var read Run
	if err := json.Unmarshal(text, &read); err != nil || read.Outcomes != run.Outcomes {
		t.Errorf("it is read as %+v, %v", read.Outcomes, err)
	}
}

func TestOutcomesByKindAreKept(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	run := running(1, "contacts")
	run.Counts = Counts{Source: 2, Added: 2, Accepted: 2}
	run.Outcomes.Add(KindAdded, RowAccepted, 2)
	recordRun(t, l, run)
	got, err := l.Run(t.Context(), run.ID)
	if err != nil || got.Outcomes != run.Outcomes {
		t.Errorf("%+v, %v", got.Outcomes, err)
	}
}

func TestEachOutcomeIsCountedForItself(t *testing.T) {
	t.Parallel()
	var c Counts
	for n, o := range []Outcome{RowAccepted, RowRejected, RowDeferred, RowUnknown, RowHeld, RowQuarantined, RowInvalid} {
		c.Count(o, int64(n+1))
	}
	want := Counts{Accepted: 1, Rejected: 2, Deferred: 3, Unknown: 4, Held: 5, Quarantined: 6, Invalid: 7}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestOnlyQueuedAndRunningRunsAreNotOver(t *testing.T) {
	t.Parallel()
	for state, want := range map[State]bool{
		Queued: false, Running: false, Succeeded: true, Partial: true, Held: true, Failed: true, Cancelled: true, Skipped: true,
	} {
		if state.Terminal() != want {
			t.Errorf("%s: over is %v", state, !want)
		}
	}
}

func TestARunThatACrashCutOffFailsWithNothingLostFromItsCounts(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	run := running(1, "contacts")
	r := begin(t, l, run)
	run.Phase, run.Counts = Sending, Counts{Source: 9, Same: 2, Added: 3, Changed: 2, Carried: 1, Invalid: 1, Removed: 2, Quarantined: 1}
	run.Outcomes.Add(KindCarried, RowQuarantined, 1)
	if err := r.Update(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	done := running(2, "contacts")
	finish(t, begin(t, l, done), done, Succeeded)

	if err := l.Recover(t.Context(), minute(7)); err != nil {
		t.Fatal(err)
	}
	got, err := l.Run(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.State != Failed || got.Error == nil || got.Error.Code != "interrupted" || got.FinishedAt == nil || got.DurationMS != 6*60_000 {
		t.Errorf("the run is %+v", got)
	}
	if err := got.Balance(); err != nil || got.Unknown != 7 {
		t.Errorf("unknown is %d, and %v", got.Unknown, err)
	}
	if other, err := l.Run(t.Context(), done.ID); err != nil || other.State != Succeeded {
		t.Errorf("the run that was over is %s now (%v)", other.State, err)
	}
}
