package daemon

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

func TestFiveRunsThatAKillCutOffGoOnByThemselves(t *testing.T) {
	var syncs []*project.Sync
	for i := range 5 {
		syncs = append(syncs, every(fmt.Sprintf("sync%d", i), "@hourly"))
	}
	syncs = append(syncs, every("waits", "@hourly"))
	inWorld(t, func(t *testing.T, w *world) {
		w.project.Serve.MaxRuns = 5
		w.rows, w.writes = 10, time.Minute // of which five are delivered when it ends
		w.start()
		w.sleep(time.Hour + 5*time.Minute + 30*time.Second)
		w.crash()
		w.project.Serve.MaxRuns = 5
		w.sleep(10 * time.Minute)
		w.start()
		w.sleep(40 * time.Minute)
		for _, s := range w.project.Syncs {
			want := []string{"01:00 failed schedule", "01:15 succeeded schedule"}
			if s.Name == "waits" { // it had not begun
				want = []string{"01:20 succeeded schedule"}
			}
			if diff := cmp.Diff(want, w.story(s.Name)); diff != "" {
				t.Errorf("%s: %s", s.Name, diff)
			}
			for row := 1; row <= w.rows; row++ {
				key := fmt.Sprintf("%s-%d", s.Name, row)
				want := 1
				if s.Name != "waits" && row <= 5 {
					want = 0 // it was accepted before
				}
				if w.sent[key] != want {
					t.Errorf("%s was sent %d times after the kill, want %d", key, w.sent[key], want)
				}
			}
		}
		checkTicks(t, w, "sync0", 1)
	}, syncs...)
}

// checkTicks holds the runs of a sync against the hours since midnight: each has one, and none has two.
func checkTicks(t *testing.T, w *world, name string, hours int) {
	t.Helper()
	runs, err := w.daemon.Runs().Runs(t.Context(), runlog.Filter{Sync: name, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[time.Time]int{}
	for _, r := range runs {
		if r.Tick != nil {
			seen[*r.Tick]++
		}
	}
	for h := 1; h <= hours; h++ {
		if at := time.Date(2000, 1, 1, h, 0, 0, 0, time.UTC); seen[at] != 1 {
			t.Errorf("the tick of %s was entered %d times", at, seen[at])
		}
	}
	if len(seen) != hours {
		t.Errorf("%d ticks were entered, want %d", len(seen), hours)
	}
}

func TestNoTickIsLostOrDoubledHoweverOftenItIsKilled(t *testing.T) {
	all := func(s *project.Sync) { s.CatchUp, s.CatchUpMax = project.CatchUpAll, 100 }
	inWorld(t, func(t *testing.T, w *world) {
		w.takes["contacts"] = 7 * time.Minute
		w.start()
		// Before, at, and after a tick; while a run goes on, and between two; with and without a pause.
		for _, step := range []time.Duration{
			50 * time.Minute, 10 * time.Minute, 0, 3 * time.Minute, 5 * time.Minute, 52 * time.Minute, 3*time.Hour + 2*time.Minute, 58 * time.Minute,
		} {
			w.sleep(step)
			w.crash()
			w.sleep(step / 2)
			w.start()
		}
		w.sleep(3 * time.Hour)
		hours := int(time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) / time.Hour)
		checkTicks(t, w, "contacts", hours)
	}, every("contacts", "@hourly", all))
}

func TestAnOrderlyStopIsInTimeAndItsRunsGoOn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rows, w.writes = 10, 20*time.Second
		w.start()
		w.sleep(time.Hour + 50*time.Second)
		before := time.Now()
		w.stop()
		if took := time.Since(before); took > 35*time.Second {
			t.Errorf("it took %s", took)
		}
		w.start()
		w.sleep(10 * time.Minute)
		want := []string{"01:00 cancelled schedule", "01:01 succeeded schedule"}
		if diff := cmp.Diff(want, w.story("contacts")); diff != "" {
			t.Error(diff)
		}
		w.stop()
		w.start()
		w.sleep(time.Minute)
		if diff := cmp.Diff(want, w.story("contacts")); diff != "" {
			t.Errorf("it goes on once more: %s", diff)
		}
	}, every("contacts", "@hourly"))
}

func TestWhatSomebodyCancelledDoesNotGoOn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.takes["contacts"] = time.Hour
		w.start()
		first := w.trigger("contacts")
		waits := w.trigger("contacts")
		for _, run := range []runlog.Run{waits, first} {
			if _, err := w.daemon.Cancel(t.Context(), run.ID, "ada"); err != nil {
				t.Fatal(err)
			}
			over := w.wait(run)
			if over.State != runlog.Cancelled || over.Error == nil || over.FinishedAt == nil {
				t.Errorf("it is %s with %v", over.State, over.Error)
			}
			t.Log(over.Error.Message)
		}
		w.crash()
		w.start()
		w.sleep(time.Minute)
		if diff := cmp.Diff([]string{"00:00 cancelled api", "00:00 cancelled api"}, w.story("contacts")); diff != "" {
			t.Error(diff)
		}
	}, every("contacts", "", queued))
}
