package syncer

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"spillway/destinations"
	"spillway/syncer/runlog"
)

func approve(t *testing.T, w *world, id string) (runlog.Run, error) {
	t.Helper()
	run, err := w.open().Approve(t.Context(), id)
	if err == nil {
		w.checkRun(run)
	}
	return run, err
}

func TestApprovalAppliesExactlyThePlanThatWasHeld(t *testing.T) {
	t.Parallel()
	w, held := heldWorld(t)
	info, err := os.Stat(w.open().planFile(held.ID))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the plan has mode %#o", info.Mode().Perm())
	}
	w.source.set(twenty(0)...) // it does not matter any more
	queries := w.source.queries
	w.close() // nor does the process
	w.at = w.at.Add(24 * time.Hour)
	run, err := approve(t, w, held.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := held.Counts
	want.Held, want.Accepted = 0, 11
	if run.State != runlog.Succeeded || run.Counts != want || run.Trigger != runlog.ByApprove {
		t.Errorf("the run is %s by %s with %+v", run.State, run.Trigger, run.Counts)
	}
	if w.source.queries != queries {
		t.Error("the model was read again")
	}
	for _, sent := range w.sent() {
		if !strings.HasPrefix(sent, "delete ") {
			t.Errorf("sent: %s", sent)
		}
	}
	if len(w.remote.records) != 9 {
		t.Errorf("%d records stand", len(w.remote.records))
	}
	if _, err := approve(t, w, held.ID); !errors.Is(err, ErrApproval) {
		t.Errorf("a second time: %v", err)
	}
	if run := w.run(); run.Added != 11 || run.Accepted != 11 {
		t.Errorf("the next run has %+v", run.Counts)
	}
}

func TestApprovalIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		do   func(t *testing.T, w *world, held runlog.Run)
		want string
	}{
		{"after 24 hours", func(t *testing.T, w *world, _ runlog.Run) {
			t.Helper()
			w.at = w.at.Add(24*time.Hour + time.Second)
		}, "24 hours"},
		{"after 24 hours by another process, which has swept the plan away", func(t *testing.T, w *world, _ runlog.Run) {
			t.Helper()
			w.close()
			w.at = w.at.Add(24*time.Hour + time.Second)
		}, "24 hours"},
		{"when the configuration changed", func(t *testing.T, w *world, _ runlog.Run) {
			t.Helper()
			w.sync.ConfigHash = "2"
		}, "configuration"},
		{"when the snapshot moved", func(t *testing.T, w *world, _ runlog.Run) {
			t.Helper()
			session, err := w.open().store.Begin(t.Context(), w.sync.Name)
			if err != nil {
				t.Fatal(err)
			}
			if found, err := session.Erase(t.Context(), "15"); !found || err != nil {
				t.Fatal(found, err)
			}
			if err := session.Close(); err != nil {
				t.Fatal(err)
			}
		}, "moved"},
		{"when a later run was held in its place", func(t *testing.T, w *world, _ runlog.Run) {
			t.Helper()
			w.run()
		}, "later run"},
		{"when a later run went well", func(t *testing.T, w *world, _ runlog.Run) {
			t.Helper()
			w.source.set(twenty(0)...)
			w.run()
		}, "later run"},
		{"when the snapshot was reset", func(t *testing.T, w *world, _ runlog.Run) {
			t.Helper()
			if err := w.open().Reset(t.Context(), w.sync); err != nil {
				t.Fatal(err)
			}
		}, "gone"},
		{"when a key was forgotten", func(t *testing.T, w *world, _ runlog.Run) {
			t.Helper()
			if _, err := w.open().Forget(t.Context(), w.sync, "15"); err != nil {
				t.Fatal(err)
			}
		}, "gone"},
		{"when its plan is damaged", func(t *testing.T, w *world, held runlog.Run) {
			t.Helper()
			if err := os.Truncate(w.open().planFile(held.ID), 400); err != nil {
				t.Fatal(err)
			}
		}, "damaged"},
		{"when the sync is gone", func(t *testing.T, w *world, _ runlog.Run) {
			t.Helper()
			w.project.Syncs = nil
		}, "no sync"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, held := heldWorld(t)
			tt.do(t, w, held)
			w.remote.calls()
			run, err := approve(t, w, held.ID)
			if !errors.Is(err, ErrApproval) || !strings.Contains(fmt.Sprint(err), tt.want) {
				t.Errorf("the run is %s and the error %v, want one about %q", run.State, err, tt.want)
			}
			if sent := w.sent(); len(sent) > 0 {
				t.Errorf("sent: %v", sent)
			}
		})
	}
}

func TestOnlyHeldRunsAreApproved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source.set(p("1", "a", "1"))
	run := w.run()
	if _, err := approve(t, w, run.ID); !errors.Is(err, ErrApproval) {
		t.Errorf("a run that succeeded: %v", err)
	}
	if _, err := approve(t, w, "01NONE"); !errors.Is(err, runlog.ErrNotFound) {
		t.Errorf("no run: %v", err)
	}
}

func TestAHeldPlanSurvivesARunThatCannotReadItsSource(t *testing.T) {
	t.Parallel()
	w, held := heldWorld(t)
	w.source.next = failAt(3, errBreak)
	if run := w.runFailing(); run.State != runlog.Failed {
		t.Fatalf("the run is %s", run.State)
	}
	w.source.next = nil
	if run, err := approve(t, w, held.ID); err != nil || run.Accepted != 11 {
		t.Errorf("%+v, %v", run.Counts, err)
	}
}

func TestAHeldPlanSurvivesADestinationThatIsNotThere(t *testing.T) {
	t.Parallel()
	w, held := heldWorld(t)
	w.remote.fieldsError = destinations.ErrUnreachable
	run, err := w.open().Approve(t.Context(), held.ID)
	if err != nil || run.State != runlog.Failed || run.Error.Code != CodeUnreachable {
		t.Fatalf("the run is %s, %+v, %v", run.State, run.Error, err)
	}
	w.remote.fieldsError = nil
	if run, err := approve(t, w, held.ID); err != nil || run.Accepted != 11 {
		t.Errorf("%+v, %v", run.Counts, err)
	}
}
