package runlog

import (
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
)

func TestWhatWasDeliveredSince(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	for n, accepted := range []int64{100, 20, 3} {
		run := running(0, "contacts")
		run.ID, run.StartedAt = ulid.MustNew(ulid.Timestamp(minute(n)), ulid.DefaultEntropy()).String(), minute(n)
		run.Accepted = accepted
		finish(t, begin(t, l, run), run, Succeeded)
	}
	for since, want := range map[int]int64{-1: 123, 0: 123, 1: 23, 2: 3, 3: 0} {
		if got, err := l.Delivered(t.Context(), minute(since)); err != nil || got != want {
			t.Errorf("since minute %d, %d were delivered, %v; want %d", since, got, err, want)
		}
	}
}

func TestTheOldestProblemIsAPresentOne(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	bad := func(key string) Row { return Row{Key: key, Outcome: RowRejected, Code: "c", Reason: "r"} }
	oldest := func() time.Time {
		at, err := l.OldestProblem(t.Context(), "contacts")
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if at := oldest(); !at.IsZero() {
		t.Errorf("before any run it is of %s", at)
	}
	recordRun(t, l, running(1, "contacts"), bad("a"))
	recordRun(t, l, running(2, "contacts"), bad("a"), bad("b"))
	recordRun(t, l, running(3, "others"), bad("a"))
	if at := oldest(); !at.Equal(minute(1)) {
		t.Errorf("it is of %s, want that of a", at)
	}
	recordRun(t, l, running(4, "contacts"), bad("b"))
	if at := oldest(); !at.Equal(minute(2)) {
		t.Errorf("when a arrived it is of %s, want that of b", at)
	}
	recordRun(t, l, running(5, "contacts"))
	if at := oldest(); !at.IsZero() {
		t.Errorf("when all arrived it is of %s", at)
	}
}

func TestACauseIsFoundInEarlierRuns(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	row := Row{Key: "a", Outcome: RowRejected, Code: "c", Reason: "r"}
	recordRun(t, l, running(1, "contacts"))
	recordRun(t, l, running(2, "contacts"), row)
	recordRun(t, l, running(3, "others"), row)
	recordRun(t, l, running(4, "contacts"), row)
	got, err := l.Cause(t.Context(), "contacts", "c", "r")
	if want := (Cause{FirstRun: id(2), First: minute(2), Last: minute(4), Runs: 2}); err != nil || got != want {
		t.Errorf("it is %+v, %v; want %+v", got, err, want)
	}
	if got, err := l.Cause(t.Context(), "contacts", "c", "another"); err != nil || got.Runs != 0 {
		t.Errorf("a cause that never was is %+v, %v", got, err)
	}
}

func TestSightingsOfARow(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{"plain", "hash"} {
		l := openLog(t, t.TempDir(), Options{Keys: keys})
		for n, sync := range []string{"contacts", "others", "contacts"} {
			recordRun(t, l, running(n, sync), Row{Key: "a", ID: "a@x.io", Outcome: RowRejected, Code: "c", Reason: "r"}, Row{Key: "b", Outcome: RowInvalid})
		}
		got, err := l.Sightings(t.Context(), "contacts", "a", 10)
		if err != nil || len(got) != 2 || got[0].Run != id(2) || got[1].Run != id(0) || got[0].Attempts != 2 || !got[0].FirstSeen.Equal(minute(0)) {
			t.Errorf("with keys %s they are %+v, %v", keys, got, err)
		}
		if rows, _, err := l.Rows(t.Context(), id(2), RowFilter{About: "a@x.io"}); err != nil || len(rows) != 1 {
			t.Errorf("with keys %s a search by identifier finds %+v, %v", keys, rows, err)
		}
	}
}

func TestRunsThatDidNothingAreLeftOut(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	for n, state := range []State{Succeeded, Skipped, Failed, Succeeded} {
		run := running(n, "contacts")
		if n == 3 {
			run.Added, run.Accepted = 1, 1
		}
		finish(t, begin(t, l, run), run, state)
	}
	got, err := l.Runs(t.Context(), Filter{Busy: true, Brief: true})
	if err != nil || len(got) != 2 || got[0].ID != id(3) || got[1].ID != id(2) {
		t.Errorf("they are %+v, %v", got, err)
	}
}
