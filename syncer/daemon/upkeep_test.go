package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"spillway/syncer/runlog"
)

func TestASnapshotIsNotTouchedWhileARunGoesOn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.takes["people"] = time.Hour
		w.start()
		run := w.trigger("people")
		synctest.Wait()
		if err := w.daemon.Reset(t.Context(), "people"); !errors.Is(err, ErrBusy) {
			t.Errorf("reset: %v", err)
		}
		if _, _, err := w.daemon.Adopt(t.Context(), "people"); !errors.Is(err, ErrBusy) {
			t.Errorf("adopt: %v", err)
		}
		if _, err := w.daemon.Forget(t.Context(), "people", "people-1"); !errors.Is(err, ErrBusy) {
			t.Errorf("forget: %v", err)
		}
		if err := w.daemon.Reset(t.Context(), "nobody"); !errors.Is(err, ErrUnknownSync) {
			t.Errorf("a sync that there is not: %v", err)
		}
		w.wait(run)
		if found, err := w.daemon.Forget(t.Context(), "people", "people-1"); err != nil || !found {
			t.Errorf("forget: %t, %v", found, err)
		}
		if again := w.wait(w.trigger("people")); again.Added != 1 {
			t.Errorf("after one key was erased %d rows are new", again.Added)
		}
		if err := w.daemon.Reset(t.Context(), "people"); err != nil {
			t.Error(err)
		}
		if again := w.wait(w.trigger("people")); again.Added != 3 {
			t.Errorf("after a reset %d rows are new", again.Added)
		}
	}, every("people", ""))
}

func TestRunsWaitWhileASnapshotIsAdopted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.takes["people"] = time.Hour
		w.start()
		adopted := make(chan int64, 1)
		go func() {
			n, _, err := w.daemon.Adopt(t.Context(), "people")
			if err != nil {
				t.Error(err)
			}
			adopted <- n
		}()
		synctest.Wait()
		run := w.trigger("people")
		if err := w.daemon.Reset(t.Context(), "people"); !errors.Is(err, ErrBusy) {
			t.Errorf("a second one: %v", err)
		}
		if _, _, err := w.daemon.RetrySync(t.Context(), "people", nil, "", "ada"); !errors.Is(err, ErrBusy) {
			t.Errorf("retry: %v", err)
		}
		if early, err := w.daemon.Wait(t.Context(), run.ID, time.Minute); err != nil || early.State != runlog.Queued {
			t.Errorf("the run is %s, %v", early.State, err)
		}
		if n := <-adopted; n != 3 {
			t.Errorf("%d rows were taken", n)
		}
		if over := w.wait(run); over.Same != 3 || over.Requests != 0 {
			t.Errorf("%+v", over.Counts)
		}
	}, every("people", ""))
}

func TestTheEndOfTheDaemonInterruptsAnAdoption(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.takes["people"] = 100 * time.Hour
		w.start()
		ended := make(chan error, 1)
		go func() {
			_, _, err := w.daemon.Adopt(context.WithoutCancel(t.Context()), "people")
			ended <- err
		}()
		synctest.Wait()
		start := time.Now()
		w.stop()
		if took := time.Since(start); took > stopTime {
			t.Errorf("the end took %s", took)
		}
		if err := <-ended; err == nil {
			t.Error("the adoption was not interrupted")
		}
	}, every("people", ""))
}
