package syncer

import (
	"strings"
	"testing"

	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// withoutKey is a row as a bad join leaves it.
func withoutKey(address string) person {
	row := p("", address, "1")
	row.Key = nil
	return row
}

func TestRemovalsWaitWhileRowsHaveNoKey(t *testing.T) {
	t.Parallel()
	both := people(p("1", "a", "1"), p("2", "b", "1"))
	first := episode{people: both, want: runlog.Counts{Source: 2, Added: 2, Accepted: 2}, sent: []string{"upsert 1 a@x", "upsert 2 b@x"}}
	lost := episode{people: people(withoutKey("a"), both[1]), state: runlog.Partial, want: runlog.Counts{Source: 2, Same: 1, Invalid: 1, Removed: 1, Deferred: 1}}
	gone := episode{people: both[1:], want: runlog.Counts{Source: 1, Same: 1, Removed: 1, Accepted: 1}, sent: []string{"delete 1 a@x"}}
	allowed := func(s *project.Sync) {
		s.OnRemoved, s.Guard.AllowKeyless = "delete", true
	}
	blank := lost
	blank.people = people(p(" ", "a", "1"), both[1])
	twice := people(p("2", "b", "1"), p("2", "b", "1"))
	tell(t, []story{
		{"the record of a row that loses its key stays, however often, until the key is back", onRemoved("delete"), []episode{
			first, lost, blank, lost, {people: both, want: runlog.Counts{Source: 2, Same: 2}},
		}},
		{"the removal is sent once every row has a key", onRemoved("delete"), []episode{first, lost, gone, {people: both[1:], want: runlog.Counts{Source: 1, Same: 1}}}},
		{"everything else is sent", onRemoved("delete"), []episode{first, {
			people: people(withoutKey("a"), p("2", "b", "5"), p("3", "c", "1")), state: runlog.Partial,
			want: runlog.Counts{Source: 3, Changed: 1, Added: 1, Invalid: 1, Removed: 1, Accepted: 2, Deferred: 1}, sent: []string{"upsert 2 b@x", "upsert 3 c@x"},
		}}},
		{"a former identifier is kept too: the row without a key may stand under it", onRemoved("delete"), []episode{
			first,
			{people: people(withoutKey("a"), p("1", "z", "1"), both[1]), state: runlog.Partial, want: runlog.Counts{Source: 3, Changed: 1, Same: 1, Invalid: 1, Removed: 1, Accepted: 1, Deferred: 1}, sent: []string{"upsert 1 z@x"}},
			{people: people(p("1", "z", "1"), both[1]), want: runlog.Counts{Source: 2, Same: 2, Removed: 1, Accepted: 1}, sent: []string{"delete 1 a@x"}},
		}},
		{"where it is allowed they are sent", allowed, []episode{
			first, {people: lost.people, want: runlog.Counts{Source: 2, Same: 1, Invalid: 1, Removed: 1, Accepted: 1}, sent: []string{"delete 1 a@x"}},
		}},
		{"rows without a key alone keep nothing waiting", onRemoved("delete"), []episode{
			{people: people(withoutKey("a"), both[1]), want: runlog.Counts{Source: 2, Added: 1, Invalid: 1, Accepted: 1}, sent: []string{"upsert 2 b@x"}},
		}},
		{"nor do rows that are invalid and have a key", onRemoved("delete"), []episode{
			first, {people: twice, want: runlog.Counts{Source: 2, Invalid: 2, Removed: 1, Accepted: 1}, sent: []string{"delete 1 a@x"}},
		}},
		{"what would be left in place stays known", onRemoved("ignore"), []episode{
			first, {people: lost.people, want: runlog.Counts{Source: 2, Same: 1, Invalid: 1, Left: 1}}, {people: both, want: runlog.Counts{Source: 2, Same: 2}},
		}},
		{"a record that another row stands under is not handed over", onRemoved("delete"), []episode{
			first,
			{people: people(p("1", "a", "1"), both[1], p("3", "a", "9")), want: runlog.Counts{Source: 3, Same: 2, Added: 1, Accepted: 1}, sent: []string{"upsert 3 a@x"}},
			{people: people(withoutKey("a"), both[1], p("3", "a", "9")), want: runlog.Counts{Source: 3, Same: 2, Invalid: 1, Left: 1}},
			{people: people(p("1", "a", "1"), both[1], p("3", "a", "9")), want: runlog.Counts{Source: 3, Same: 3}},
		}},
		{"a removal that was given up stays so", func(s *project.Sync) { s.OnRemoved, s.Retry.GiveUp.Runs = "delete", 1 }, []episode{
			first,
			{before: func(w *world) { w.refuseRemovals = true }, people: both[1:], state: runlog.Partial, want: runlog.Counts{Source: 1, Same: 1, Removed: 1, Rejected: 1}, sent: []string{"delete 1 a@x"}},
			{people: lost.people, want: runlog.Counts{Source: 2, Same: 1, Invalid: 1, Removed: 1, Quarantined: 1}},
		}},
	})
}

func TestARunAndItsPlanSayThatRemovalsWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source.set(p("1", "a", "1"), p("2", "b", "1"))
	w.run()
	w.source.set(withoutKey("a"), p("2", "b", "1"))
	plan, err := w.plan()
	if err != nil {
		t.Fatal(err)
	}
	if plan.Waiting != 1 || plan.Requests != 0 || plan.Due() || plan.Guard.Held || !strings.Contains(plan.Guard.Removals, "allow_keyless") {
		t.Errorf("%d wait, %d requests, due %v, %+v", plan.Waiting, plan.Requests, plan.Due(), plan.Guard)
	}
	run := w.run()
	rows := w.rows(run, runlog.RowFilter{Code: CodeKeyless})
	if len(rows) != 1 || rows[0].Key != "1" || rows[0].Outcome != runlog.RowDeferred || !strings.Contains(rows[0].Reason, "no key") {
		t.Errorf("the run log has %+v", rows)
	}
	if run.Requests != 0 {
		t.Errorf("%d requests", run.Requests)
	}
}

func TestAnApprovedPlanKeepsItsRemovalsWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source.set(twenty(0)...)
	w.run()
	w.remote.calls()
	rows := append(twenty(11), withoutKey("a1"))
	rows[0].Score = "7"
	w.source.set(rows...)
	held := w.run()
	if held.State != runlog.Held || held.Held != 12 {
		t.Fatalf("the run is %s with %+v", held.State, held.Counts)
	}
	run, err := w.open().Approve(t.Context(), held.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.checkRun(run)
	if sent := w.sent(); run.State != runlog.Partial || run.Accepted != 1 || run.Deferred != 11 || len(sent) != 1 || sent[0] != "upsert 11 a11@x" {
		t.Errorf("the run is %s with %+v, sent %v", run.State, run.Counts, sent)
	}
}
