package syncer

import (
	"fmt"
	"strings"
	"testing"

	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

func TestGuardsHoldAtTheirBoundaries(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		guard    string // max_removed, max_changed, max_invalid
		counts   runlog.Counts
		previous int64
		held     bool
	}{
		{"nothing is removed", "10% 100% 1%", runlog.Counts{Source: 100}, 100, false},
		{"10 of 100 are removed", "10% 100% 1%", runlog.Counts{Source: 90, Removed: 10}, 100, false},
		{"11 of 100 are removed", "10% 100% 1%", runlog.Counts{Source: 89, Removed: 11}, 100, true},
		{"100 of 1000 are removed", "10% 100% 1%", runlog.Counts{Source: 900, Removed: 100}, 1000, false},
		{"101 of 1000 are removed", "10% 100% 1%", runlog.Counts{Source: 899, Removed: 101}, 1000, true},
		{"10 of 11 are removed: so few say nothing", "10% 100% 1%", runlog.Counts{Source: 1, Removed: 10}, 11, false},
		{"11 of 12 are removed", "10% 100% 1%", runlog.Counts{Source: 1, Removed: 11}, 12, true},
		{"a share is rounded down", "10% 100% 1%", runlog.Counts{Source: 1, Removed: 12}, 119, true},
		{"up to a whole row", "10% 100% 1%", runlog.Counts{Source: 1, Removed: 12}, 120, false},
		{"a number is absolute, small ones too", "3 100% 1%", runlog.Counts{Source: 1, Removed: 4}, 1000, true},
		{"as many as the number", "3 100% 1%", runlog.Counts{Source: 1, Removed: 3}, 4, false},
		{"none may be removed", "0% 100% 1%", runlog.Counts{Source: 99, Removed: 1}, 100, true},
		{"none may be removed, as a number", "0 100% 1%", runlog.Counts{Source: 99, Removed: 1}, 100, true},
		{"all may be removed", "100% 100% 1%", runlog.Counts{Source: 1, Removed: 1000}, 1000, false},
		{"half may change", "10% 50% 1%", runlog.Counts{Source: 100, Changed: 50}, 100, false},
		{"more than half change", "10% 50% 1%", runlog.Counts{Source: 100, Changed: 51}, 100, true},
		{"what is new is no change", "10% 0% 1%", runlog.Counts{Source: 100, Added: 100}, 0, false},
		{"10 of 1000 are invalid", "10% 100% 1%", runlog.Counts{Source: 1000, Invalid: 10}, 0, false},
		{"20 of 2000 are invalid", "10% 100% 1%", runlog.Counts{Source: 2000, Invalid: 20}, 0, false},
		{"21 of 2000 are invalid", "10% 100% 1%", runlog.Counts{Source: 2000, Invalid: 21}, 0, true},
		{"none may be invalid", "10% 100% 0%", runlog.Counts{Source: 2000, Invalid: 1}, 0, true},
		{"an empty source", "10% 100% 1%", runlog.Counts{}, 1, true},
		{"an empty source at first", "10% 100% 1%", runlog.Counts{}, 0, false},
		{"an empty source, whose rows would be left", "10% 100% 1%", runlog.Counts{Left: 100}, 100, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			shares := strings.Fields(tt.guard)
			g := project.Guard{MaxRemoved: share(t, shares[0]), MaxChanged: share(t, shares[1]), MaxInvalid: share(t, shares[2])}
			report := judgeGuards(g, tt.counts, tt.previous, "customers")
			if report.Held != tt.held {
				t.Fatalf("held is %v: %s", report.Held, report.Reason)
			}
			if tt.held && (!strings.Contains(report.Reason, "customers") || !strings.Contains(report.Reason, "[guard]")) {
				t.Errorf("the reason names neither the model nor what to do: %s", report.Reason)
			}
			g.AllowEmpty = true
			if empty := judgeGuards(g, tt.counts, tt.previous, "customers"); tt.counts.Source == 0 && empty.Held {
				t.Errorf("held with allow_empty: %s", empty.Reason)
			}
		})
	}
}

// twenty people, of whom some are gone.
func twenty(without int) []person {
	var all []person
	for i := without; i < 20; i++ {
		all = append(all, p(fmt.Sprint(i), fmt.Sprint("a", i), "1"))
	}
	return all
}

// heldWorld has run with twenty rows and was held when eleven of them were gone.
func heldWorld(t *testing.T) (*world, runlog.Run) {
	t.Helper()
	w := newWorld(t)
	w.source.set(twenty(0)...)
	if run := w.run(); run.State != runlog.Succeeded {
		t.Fatalf("the first run is %s", run.State)
	}
	w.remote.calls()
	w.source.set(twenty(11)...)
	return w, w.run()
}

func TestAHeldRunSendsNothingAndSaysWhatItWouldHave(t *testing.T) {
	t.Parallel()
	w, run := heldWorld(t)
	if sent := w.sent(); len(sent) > 0 {
		t.Errorf("sent: %v", sent)
	}
	want := runlog.Counts{Source: 9, Same: 9, Removed: 11, Held: 11}
	if run.State != runlog.Held || run.Counts != want || run.Error == nil || run.Error.Code != CodeGuard {
		t.Errorf("the run is %s with %+v and %+v", run.State, run.Counts, run.Error)
	}
	if rows := w.rows(run, runlog.RowFilter{Outcome: runlog.RowHeld}); len(rows) != 11 {
		t.Errorf("%d held rows in the run log", len(rows))
	}
	if run := w.run(); run.State != runlog.Held || run.Held != 11 {
		t.Errorf("the next run is %s", run.State)
	}
	w.source.set(twenty(10)...)
	if run := w.run(); run.State != runlog.Succeeded || run.Accepted != 10 {
		t.Errorf("with one row less the run is %s with %+v", run.State, run.Counts)
	}
}

func TestVoidAndQuarantinedRowsAreNotHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sync.Retry.GiveUp.Runs = 1
	w.sync.Guard.MaxInvalid = share(t, "100%")
	w.source.set(p("1", "a", "1"))
	w.remote.answer = answering(on(rejects, "1"), false)
	w.run()
	w.sync.Guard.MaxInvalid = share(t, "0%")
	w.source.set(p("1", "a", "1"), p("2", "b", "1"), p("2", "b", "1"), p("3", "c", "1"))
	run := w.run()
	want := runlog.Counts{Source: 4, Added: 1, Carried: 1, Invalid: 2, Held: 1, Quarantined: 1}
	if run.State != runlog.Held || run.Counts != want {
		t.Errorf("the run is %s with %+v", run.State, run.Counts)
	}
	outcomes := map[runlog.Outcome]string{}
	for _, r := range w.rows(run, runlog.RowFilter{}) {
		outcomes[r.Outcome] += r.Key
	}
	if outcomes[runlog.RowHeld] != "3" || outcomes[runlog.RowQuarantined] != "1" || outcomes[runlog.RowInvalid] != "22" {
		t.Errorf("the run log has %v", outcomes)
	}
}
