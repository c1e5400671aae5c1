package alert_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"spillway/syncer/alert"
)

// TestFileIsNotWrittenForEachOfManyNotices lets all syncs fail at once, as a warehouse that is down does.
func TestFileIsNotWrittenForEachOfManyNotices(t *testing.T) {
	t.Parallel()
	const syncs = 400
	p := &phone{}
	w := newWorld(t, calls("ops", p, rules(alert.Failed)))
	for n := range syncs {
		w.ends(fmt.Sprintf("sync%03d", n), succeeded(100))
	}
	w.pass()
	w.later(time.Minute)
	for n := range syncs {
		w.ends(fmt.Sprintf("sync%03d", n), fails("warehouse"))
	}
	var last os.FileInfo
	writes := 0
	p.fails = func(alert.Notice) error {
		now, err := os.Stat(filepath.Join(w.dir, "alerts.json"))
		if err != nil {
			return err
		}
		if last == nil || !os.SameFile(last, now) || !last.ModTime().Equal(now.ModTime()) {
			last, writes = now, writes+1
		}
		return nil
	}
	w.pass()
	if len(p.told()) != syncs || writes > syncs/2 {
		t.Errorf("%d calls, and the file was written %d times", p.calls, writes)
	}
	w.restart() // all that was given stands in the file
	w.pass()
	p.expect(t, "after a restart")
}

// TestWhatWasJudgedIsKeptAtTheEnd: a start that comes after an orderly end has no run to judge again.
func TestWhatWasJudgedIsKeptAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, calls("ops", &phone{}, rules(alert.Failed)))
		w.ends("people", succeeded(100))
		w.pass()
		w.later(time.Minute)
		w.ends("people", succeeded(100)) // changes nothing, so that nothing has to be kept for it at once
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.keeper.Run(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil || w.reads != 2 {
			t.Fatal(err, w.reads)
		}
		w.restart()
		w.pass()
		if w.reads != 2 {
			t.Error("the runs were read again after the restart")
		}
	})
}

// TestARunThatCannotBeReadIsJudgedLater: what was judged before it neither is told twice nor is lost.
func TestARunThatCannotBeReadIsJudgedLater(t *testing.T) {
	t.Parallel()
	p := &phone{}
	w := newWorld(t, calls("ops", p, rules(alert.Failed)))
	w.ends("deals", succeeded(100))
	w.ends("people", succeeded(100))
	w.pass()
	w.later(time.Minute)
	w.ends("deals", fails("x"))
	w.ends("people", fails("x"))
	w.unreadable = "people"
	if err := w.keeper.Pass(t.Context()); !errors.Is(err, errUnreadable) {
		t.Fatal(err)
	}
	p.expect(t, "before all of it was judged")
	w.unreadable = ""
	w.pass()
	p.expect(t, "after that", "deals failed firing", "people failed firing")
	w.restart()
	w.pass()
	p.expect(t, "after a restart")
}
