package runlog

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jmoiron/sqlx"
)

// waiting is the n-th run as it is entered, for a tick at its minute.
func waiting(n int) Run {
	run := running(n, "contacts")
	tick := minute(n)
	run.State, run.Trigger, run.Tick, run.By = Queued, BySchedule, &tick, "scheduler"
	return run
}

func enter(t *testing.T, l *Log, e Entry) {
	t.Helper()
	if err := l.Enter(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// queue returns the ids of the queue, with their states and what they are to do.
func queue(t *testing.T, l *Log) map[string]Order {
	t.Helper()
	found, err := l.Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]Order{}
	for _, w := range found {
		ids[w.Run.ID+" "+string(w.Run.State)] = w.Order
	}
	return ids
}

func TestTheQueueOutlastsTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Move(t.Context(), Cursor{Sync: "contacts", Schedule: "@hourly UTC", Ticked: noon, Followed: noon}); err != nil {
		t.Fatal(err)
	}
	enter(t, l, Entry{Run: waiting(1), Order: Order{Full: true, Keys: []string{"7"}}})
	enter(t, l, Entry{Run: waiting(2), Order: Order{Held: id(9)}})
	enter(t, l, Entry{Run: waiting(3)})
	begin(t, l, running(1, "contacts"))
	if err := l.Reorder(t.Context(), id(1), Order{Keys: []string{"7"}}); err != nil {
		t.Fatal(err)
	}
	over := waiting(3)
	over.State = Cancelled
	if err := l.Withdraw(t.Context(), over); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	l = openLog(t, dir, Options{})
	if err := l.Recover(t.Context(), minute(30)); err != nil {
		t.Fatal(err)
	}
	want := map[string]Order{id(1) + " failed": {Keys: []string{"7"}}, id(2) + " queued": {Held: id(9)}}
	if diff := cmp.Diff(want, queue(t, l)); diff != "" {
		t.Errorf("the queue (-want +got):\n%s", diff)
	}
	if err := l.Leave(t.Context(), id(1)); err != nil {
		t.Fatal(err)
	}
	if got := queue(t, l); len(got) != 1 {
		t.Errorf("the queue is %v", got)
	}
	got, err := l.Run(t.Context(), id(2))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(waiting(2), got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("a run that waits (-want +got):\n%s", diff)
	}
}

func TestACursorMovesWithItsRunOrNotAtAll(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	paused := Cursor{Sync: "deals", Schedule: "@daily UTC", Ticked: noon, Followed: noon, PausedAt: minute(3), PausedBy: "ada"}
	if err := l.Move(t.Context(), Cursor{Sync: "contacts", Schedule: "@hourly UTC", Ticked: noon, Followed: noon}, paused); err != nil {
		t.Fatal(err)
	}
	enter(t, l, Entry{Run: waiting(5)})
	enter(t, l, Entry{Run: waiting(4)}) // it never goes back
	follower := waiting(6)
	follower.Tick, follower.Trigger = nil, ByDependency
	enter(t, l, Entry{Run: follower, Follows: minute(6)})

	twice := waiting(7)
	twice.Tick = waiting(5).Tick
	if err := l.Enter(t.Context(), Entry{Run: twice, Follows: minute(7)}); !errors.Is(err, ErrTicked) {
		t.Errorf("a tick is run twice: %v", err)
	}
	cursors, err := l.Cursors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Cursor{
		"contacts": {Sync: "contacts", Schedule: "@hourly UTC", Ticked: minute(5), Followed: minute(6)},
		"deals":    paused,
	}
	if diff := cmp.Diff(want, cursors); diff != "" {
		t.Errorf("the cursors (-want +got):\n%s", diff)
	}
	if _, err := l.Run(t.Context(), id(7)); !errors.Is(err, ErrNotFound) {
		t.Errorf("the run that was refused is in the log: %v", err)
	}
	if err := l.Drop(t.Context(), "deals"); err != nil {
		t.Fatal(err)
	}
	if cursors, err = l.Cursors(t.Context()); err != nil || len(cursors) != 1 {
		t.Errorf("the cursors are %v, %v", cursors, err)
	}
}

func TestARequestIsKnownAgain(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{Retention: time.Hour})
	enter(t, l, Entry{Run: waiting(1), Request: "r1"})
	if err := l.Enter(t.Context(), Entry{Run: waiting(2), Request: "r1"}); err == nil {
		t.Error("one request leads to two runs")
	}
	run, ok, err := l.Requested(t.Context(), "contacts", "r1")
	if err != nil || !ok || run.ID != id(1) {
		t.Errorf("the request led to %s, %t, %v", run.ID, ok, err)
	}
	for _, other := range [][2]string{{"contacts", "r2"}, {"deals", "r1"}} {
		if _, ok, err := l.Requested(t.Context(), other[0], other[1]); ok || err != nil {
			t.Errorf("%v: %t, %v", other, ok, err)
		}
	}
	finish(t, begin(t, l, running(1, "contacts")), running(1, "contacts"), Succeeded)
	if err := l.Prune(t.Context(), noon.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := l.Requested(t.Context(), "contacts", "r1"); ok || err != nil {
		t.Errorf("a request outlasts its run: %v", err)
	}
}

func TestTheNewestRun(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	for n, state := range []State{Succeeded, Partial, Failed, Skipped} {
		recordRun(t, l, running(n, "other"))
		finish(t, begin(t, l, running(n+10, "contacts")), running(n+10, "contacts"), state)
	}
	begin(t, l, running(20, "contacts"))
	last, success, err := l.Newest(t.Context(), "contacts")
	if err != nil || last == nil {
		t.Fatal(last, err)
	}
	if last.ID != id(12) || !success.Equal(minute(11).Add(30*time.Second)) {
		t.Errorf("it is %s, and the newest success was at %s", last.ID, success)
	}
	if at, err := l.Succeeded(t.Context(), "contacts", Succeeded); err != nil || !at.Equal(minute(10).Add(30*time.Second)) {
		t.Errorf("it succeeded wholly at %s, %v", at, err)
	}
	if last, success, err := l.Newest(t.Context(), "nobody"); last != nil || !success.IsZero() || err != nil {
		t.Errorf("of a sync that never ran: %v, %s, %v", last, success, err)
	}
}

func TestWritable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openLog(t, dir, Options{})
	if err := l.Writable(t.Context()); err != nil {
		t.Error(err)
	}
	if err := openReader(t, dir).Writable(t.Context()); err == nil {
		t.Error("a reader can write")
	}
}

// TestALogOfTheFirstVersionIsReadAsItIs is for those who look before the new version has written anything.
func TestALogOfTheFirstVersionIsReadAsItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, FileName)
	if err := private(file); err != nil {
		t.Fatal(err)
	}
	db, err := sqlx.ConnectContext(t.Context(), "sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), migrations[0]+`; pragma user_version = 1;
		insert into settings values ('salt', x'00');
		insert into runs values ('01JD0001', 'contacts', 'succeeded', 'settling', 'cli', 0, 1, 1, 0,0,0,0,0,0,0,0, 0,0,0,0,0,0, 0,0,0,0, '', '', '{}', '', '')`)
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, open := range []func() *Log{
		func() *Log { return openReader(t, dir) },
		func() *Log { return openLog(t, dir, Options{}) },
		func() *Log { return openReader(t, dir) },
	} {
		runs, err := open().Runs(t.Context(), Filter{})
		if err != nil || len(runs) != 1 || runs[0].Sync != "contacts" {
			t.Errorf("the runs are %v, %v", runs, err)
		}
	}
}

func TestWhatIsKeptMayChange(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	first := recordRun(t, l, running(1, "contacts"), rejected("1234"))
	l.Configure(Options{Keys: "hash"})
	second := recordRun(t, l, running(2, "contacts"), rejected("1234"))
	if got := rows(t, l, first.ID, RowFilter{})[0].Key; got != "1234" {
		t.Errorf("the key is kept as %s", got)
	}
	if got := rows(t, l, second.ID, RowFilter{})[0].Key; got == "1234" {
		t.Error("the key is still kept as it is")
	}
}
