package daemon

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

func TestWhatARequestMeets(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.takes["skips"], w.takes["queues"] = time.Hour, time.Hour
		w.start()
		ask := func(r Request) (runlog.Run, error) {
			r.Trigger, r.By = runlog.ByAPI, "ada"
			return w.daemon.Trigger(t.Context(), r)
		}
		if _, err := ask(Request{Sync: "nobody"}); !errors.Is(err, ErrUnknownSync) {
			t.Errorf("an unknown sync: %v", err)
		}
		first, err := ask(Request{Sync: "skips", IdempotencyKey: "k"})
		if err != nil || first.State != runlog.Queued || first.By != "ada" {
			t.Fatalf("%+v, %v", first, err)
		}
		if again, err := ask(Request{Sync: "skips", IdempotencyKey: "k"}); err != nil || again.ID != first.ID {
			t.Errorf("the same request led to %s, %v", again.ID, err)
		}
		if _, err := ask(Request{Sync: "skips", IdempotencyKey: "other"}); !errors.Is(err, ErrBusy) {
			t.Errorf("while it is running: %v", err)
		}
		for range longestLine + 1 {
			if _, err := ask(Request{Sync: "queues"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := ask(Request{Sync: "queues"}); !errors.Is(err, ErrBusy) {
			t.Errorf("without end: %v", err)
		}
		early, err := w.daemon.Wait(t.Context(), first.ID, time.Minute)
		if err != nil || early.State != runlog.Running {
			t.Errorf("after a minute it is %s, %v", early.State, err)
		}
		if over := w.wait(first); over.State != runlog.Succeeded {
			t.Errorf("it is %s", over.State)
		}
		if _, err := w.daemon.Cancel(t.Context(), first.ID, "ada"); !errors.Is(err, ErrNotRunning) {
			t.Errorf("cancelled when it was over: %v", err)
		}
		if _, err := w.daemon.Cancel(t.Context(), "nonsense", "ada"); !errors.Is(err, runlog.ErrNotFound) {
			t.Errorf("a run that there is not: %v", err)
		}
	}, every("skips", ""), every("queues", "", queued))
}

func TestProgressIsShownWhileItRuns(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rows, w.writes = 10, time.Minute
		w.start()
		run := w.trigger("contacts")
		w.sleep(4*time.Minute + 30*time.Second)
		s, err := w.daemon.Sync(t.Context(), "contacts")
		if err != nil || s.Running == nil || s.Running.ID != run.ID || s.Running.Phase != runlog.Sending {
			t.Fatalf("%+v, %v", s.Running, err)
		}
		if want := (Progress{Read: 10, Sent: 4, Due: 10}); s.Progress != want {
			t.Errorf("the progress is %+v, want %+v", s.Progress, want)
		}
	}, every("contacts", ""))
}

func TestFullSendsAllAgainAndKeysOnlyThese(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.wait(w.trigger("contacts"))
		ask := func(r Request) runlog.Run {
			r.Sync, r.Trigger = "contacts", runlog.ByAPI
			run, err := w.daemon.Trigger(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			return w.wait(run)
		}
		if run := ask(Request{}); run.Accepted != 0 {
			t.Errorf("with nothing changed it sent %d", run.Accepted)
		}
		w.set(func() { w.refuse = "contacts-2" })
		if run := ask(Request{Full: true}); run.Accepted != 2 || run.Rejected != 1 {
			t.Errorf("all again: %+v", run.Counts)
		}
		w.set(func() { w.refuse = "" })
		if run := ask(Request{}); run.Quarantined != 1 {
			t.Errorf("the row is not given up: %+v", run.Counts)
		}
		if run := ask(Request{Keys: []string{"contacts-1"}}); run.Quarantined != 1 {
			t.Errorf("another key: %+v", run.Counts)
		}
		if run := ask(Request{Keys: []string{"contacts-2"}}); run.Accepted != 1 {
			t.Errorf("its key: %+v", run.Counts)
		}
	}, every("contacts", ""))
}

func TestRetryPutsTheRowsOfARunBackInLine(t *testing.T) {
	for _, keys := range []string{"plain", "hash"} {
		t.Run(keys, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.project.Runlog.Keys = keys
				w.refuse = "contacts-2"
				w.start()
				run := w.wait(w.trigger("contacts"))
				if run.Rejected != 1 {
					t.Fatalf("%+v", run.Counts)
				}
				w.set(func() { w.refuse, w.takes["contacts"] = "", time.Minute })
				for _, none := range [][2]string{{"contacts-1", ""}, {"", "other_code"}} {
					var of []string
					if none[0] != "" {
						of = []string{none[0]}
					}
					n, started, err := w.daemon.Retry(t.Context(), run.ID, of, none[1], "ada")
					if err != nil || n != 0 {
						t.Errorf("%v: %d rows, %v", none, n, err)
					}
					synctest.Wait()
					if _, _, err := w.daemon.Retry(t.Context(), run.ID, nil, "", "ada"); !errors.Is(err, ErrBusy) {
						t.Errorf("while it is running: %v", err)
					}
					w.wait(started)
				}
				n, started, err := w.daemon.Retry(t.Context(), run.ID, nil, "bad", "ada")
				if err != nil || n != 1 || started.Trigger != runlog.ByRetry {
					t.Errorf("%d rows, %+v, %v", n, started, err)
				}
				if over := w.wait(started); over.Accepted != 1 || over.By != "ada" {
					t.Errorf("%+v", over)
				}
			}, every("contacts", ""))
		})
	}
}

// cautious lets a sync delete what is gone, and hold where that is more than a handful.
func cautious(s *project.Sync) {
	s.OnRemoved = "delete"
	if err := s.Guard.MaxRemoved.UnmarshalText([]byte("1%")); err != nil {
		panic(err)
	}
}

func TestAHeldPlanIsApproved(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rows = 40
		w.start()
		w.wait(w.trigger("contacts"))
		w.set(func() { w.rows = 20 })
		held := w.wait(w.trigger("contacts"))
		if held.State != runlog.Held {
			t.Fatalf("it is %s", held.State)
		}
		started, err := w.daemon.Approve(t.Context(), held.ID, "ada")
		if err != nil || started.Trigger != runlog.ByApprove || started.By != "ada" {
			t.Fatalf("%+v, %v", started, err)
		}
		if over := w.wait(started); over.State != runlog.Succeeded || over.Accepted != 20 {
			t.Errorf("it is %s with %+v", over.State, over.Counts)
		}
		if _, err := w.daemon.Approve(t.Context(), held.ID, "ada"); !errors.Is(err, syncer.ErrApproval) {
			t.Errorf("a second time: %v", err)
		}
	}, every("contacts", "", cautious))
}

func TestAHeldPlanIsDiscarded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rows = 40
		w.start()
		w.wait(w.trigger("contacts"))
		w.set(func() { w.rows = 20 })
		held := w.wait(w.trigger("contacts"))
		if v, err := w.daemon.Review(t.Context(), held.ID, 0, 50, nil); err != nil || len(v.Rows) != 20 || v.Stale != "" {
			t.Errorf("%d rows, %q, %v", len(v.Rows), v.Stale, err)
		}
		if run, err := w.daemon.Discard(t.Context(), held.ID, "ada"); err != nil || run.State != runlog.Cancelled {
			t.Errorf("%s, %v", run.State, err)
		}
		if st, err := w.daemon.Sync(t.Context(), "contacts"); err != nil || st.Last.State != runlog.Cancelled {
			t.Errorf("the sync's newest run is %s, %v", st.Last.State, err)
		}
		if _, err := w.daemon.Approve(t.Context(), held.ID, "ada"); !errors.Is(err, syncer.ErrApproval) {
			t.Errorf("approved all the same: %v", err)
		}
		w.set(func() { w.rows = 40 })
		if again := w.wait(w.trigger("contacts")); again.State != runlog.Succeeded || again.Same != 40 {
			t.Errorf("%s %+v", again.State, again.Counts)
		}
	}, every("contacts", "", cautious))
}

func TestReady(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		d, err := Open(t.Context(), w.project, w.options)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Ready(t.Context()); err == nil {
			t.Error("it is ready before it runs")
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.sleep(24 * time.Hour)
		if err := w.daemon.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	}, every("contacts", ""))
}

// TestASchedulerThatStandsStillIsNotReady: whoever restarts the daemon when it gives no sign of life must come to know.
func TestASchedulerThatStandsStillIsNotReady(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.daemon.mu.Lock()
		w.daemon.beat = w.daemon.now().Add(-silence - time.Second)
		w.daemon.mu.Unlock()
		if err := w.daemon.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "has not looked for what is due for 3m1s") {
			t.Error(err)
		}
		w.sleep(2 * longestSleep) // it looks again
		if err := w.daemon.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	}, every("contacts", ""))
}

func TestChecksAreMadeAtOnceAndAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		told := func() (text string) {
			for _, c := range w.daemon.Checks() {
				text += fmt.Sprintf("%s %s %s %s %q %q; ", c.Kind, c.Name, c.Type, c.At.Format("15:04"), c.Account, c.Error)
			}
			return text
		}
		if got, want := told(), `warehouse memory memory 00:00 "" ""; destination crm crm 00:00 "portal 7" ""; `; got != want {
			t.Errorf("checked: %s", got)
		}
		w.sleep(16 * time.Minute)
		if got, want := told(), `warehouse memory memory 00:15 "" ""; destination crm crm 00:15 "portal 7" ""; `; got != want {
			t.Errorf("checked: %s", got)
		}
	}, every("contacts", ""))
}
