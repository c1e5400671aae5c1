package syncer

import (
	"testing"
	"time"

	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

func TestARowThatKeepsBeingRejectedIsGivenUp(t *testing.T) {
	t.Parallel()
	after := func(runs int, age time.Duration) func(*project.Sync) {
		return func(s *project.Sync) { s.Retry.GiveUp = project.GiveUp{Runs: runs, Age: age} }
	}
	one, two := people(p("1", "a", "1")), people(p("1", "a", "2"))
	sent := []string{"upsert 1 a@x"}
	rejected := episode{people: one, answers: on(rejects, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Added: 1, Rejected: 1}, sent: sent}
	again := episode{people: one, answers: on(rejects, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Carried: 1, Rejected: 1}, sent: sent}
	deferred := episode{people: one, answers: on(defers, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Carried: 1, Deferred: 1}, sent: sent}
	unknown := episode{people: one, answers: on(silent, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Carried: 1, Unknown: 1}, sent: sent}
	given := episode{people: one, want: runlog.Counts{Source: 1, Carried: 1, Quarantined: 1}}
	arrives := episode{people: one, want: runlog.Counts{Source: 1, Carried: 1, Accepted: 1}, sent: sent}
	later := func(e episode, d time.Duration) episode {
		before := e.before
		e.before = func(w *world) {
			w.at = w.at.Add(d)
			if before != nil {
				before(w)
			}
		}
		return e
	}
	retry := func(e episode, keys []string, code string, want int) episode {
		e.before = func(w *world) {
			if n, err := w.open().Retry(w.t.Context(), w.sync, keys, code); n != want || err != nil {
				w.t.Errorf("%d rows were released, want %d (%v)", n, want, err)
			}
		}
		return e
	}
	day := 24 * time.Hour
	tell(t, []story{
		{"after so many runs that rejected it, in the next one", after(3, 14*day), []episode{rejected, again, again, given, given}},
		{"after the first one", after(1, 14*day), []episode{rejected, given}},
		{"after so long, whatever the runs", after(100, 2*day), []episode{
			rejected, later(again, day), later(given, day), // the runs themselves are an hour apart
		}},
		{"not a moment before", after(100, 25*time.Hour+time.Second), []episode{rejected, later(again, 23*time.Hour), later(again, 0), given}},
		{"deferred and unknown rows never count", after(1, time.Hour), []episode{
			{people: one, answers: on(defers, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Added: 1, Deferred: 1}, sent: sent},
			later(deferred, 100*day), later(unknown, 100*day), later(unknown, 100*day), arrives,
		}},
		{"deferred runs between rejections do not start the count anew", after(2, 100*day), []episode{rejected, deferred, again, given}},
		{"a request that got no answer before the rejections does not matter", after(2, 14*day), []episode{
			{people: one, answers: on(silent, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Added: 1, Unknown: 1}, sent: sent},
			again, again, given,
		}},
		{"a change releases it", after(1, 14*day), []episode{
			rejected, given,
			{people: two, want: runlog.Counts{Source: 1, Added: 1, Accepted: 1}, sent: sent},
		}},
		{"a change that is rejected counts from one", after(2, 14*day), []episode{
			rejected, again, given,
			{people: two, answers: on(rejects, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Added: 1, Rejected: 1}, sent: sent},
			{people: two, answers: on(rejects, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Carried: 1, Rejected: 1}, sent: sent},
			{people: two, want: runlog.Counts{Source: 1, Carried: 1, Quarantined: 1}},
		}},
		{"retry of all releases it", after(1, 14*day), []episode{rejected, given, retry(arrives, nil, "", 1)}},
		{"retry of its key releases it", after(1, 14*day), []episode{rejected, given, retry(arrives, []string{"9", "1"}, "", 1)}},
		{"retry of its code releases it", after(1, 14*day), []episode{rejected, given, retry(arrives, nil, "bad", 1)}},
		{"retry of another key does not", after(1, 14*day), []episode{rejected, given, retry(given, []string{"2"}, "", 0)}},
		{"retry of another code does not", after(1, 14*day), []episode{rejected, given, retry(given, []string{"1"}, "worse", 0)}},
		{"retry starts the count and the age anew", after(2, 2*day), []episode{rejected, later(retry(again, nil, "", 1), 10*day), again, given}},
		{"it is removed when it goes, if it may be there", after(1, 14*day), []episode{
			{people: one, want: runlog.Counts{Source: 1, Added: 1, Accepted: 1}, sent: sent},
			{people: two, answers: on(rejects, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Changed: 1, Rejected: 1}, sent: sent},
			{people: two, want: runlog.Counts{Source: 1, Carried: 1, Quarantined: 1}},
			{want: runlog.Counts{Removed: 1, Accepted: 1}, sent: []string{"delete 1 a@x"}},
		}},
	})
}

func TestQuarantineIsShownWithItsReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sync.Retry.GiveUp.Runs = 1
	w.source.set(p("1", "a", "1"))
	w.remote.answer = answering(on(rejects, "1"), false)
	w.run()
	run := w.run()
	if run.State != runlog.Succeeded {
		t.Errorf("the run is %s: rows in quarantine do not make it partial", run.State)
	}
	rows := w.rows(run, runlog.RowFilter{})
	if len(rows) != 1 || rows[0].Outcome != runlog.RowQuarantined || rows[0].Code != "bad" || rows[0].Attempts != 2 {
		t.Errorf("the run log has %+v", rows)
	}
}
