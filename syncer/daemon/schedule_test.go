package daemon

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/syncer/schedule"
)

func TestTicksAreRunAndOverlapsAreSkipped(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.takes["contacts"] = 25 * time.Minute
		w.start()
		w.sleep(40*time.Minute + time.Second)
		want := []string{"00:10 succeeded schedule", "00:20 skipped schedule", "00:30 skipped schedule", "00:40 running schedule"}
		if diff := cmp.Diff(want, w.story("contacts")); diff != "" {
			t.Error(diff)
		}
		s, err := w.daemon.Sync(t.Context(), "contacts")
		if err != nil {
			t.Fatal(err)
		}
		if s.Running == nil || s.Last == nil || s.Last.State != runlog.Succeeded || s.LastSuccess.Format("15:04") != "00:35" || s.NextRun.Format("15:04") != "00:50" {
			t.Errorf("it stands %+v", s)
		}
	}, every("contacts", "*/10 * * * *"))
}

func TestOneOfTheTicksWaitsWhereOverlapsQueue(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.takes["contacts"] = 25 * time.Minute
		w.start()
		w.sleep(35*time.Minute + time.Second)
		want := []string{"00:10 succeeded schedule", "00:35 running schedule", "00:30 skipped schedule"}
		if diff := cmp.Diff(want, w.story("contacts")); diff != "" {
			t.Error(diff)
		}
	}, every("contacts", "*/10 * * * *", queued))
}

func TestJitterMovesTheStartAndNotTheTick(t *testing.T) {
	jitter := func(s *project.Sync) { s.Jitter = 5 * time.Minute }
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		by := schedule.Jitter("contacts", 5*time.Minute)
		s, err := w.daemon.Sync(t.Context(), "contacts")
		if err != nil || time.Until(s.NextRun) != time.Hour+by {
			t.Errorf("the next run is at %s, %v", s.NextRun, err)
		}
		w.sleep(2*time.Hour + by)
		runs, err := w.daemon.Runs().Runs(t.Context(), runlog.Filter{})
		if err != nil || len(runs) != 2 {
			t.Fatalf("%d runs, %v", len(runs), err)
		}
		for _, r := range runs {
			if r.StartedAt.Sub(*r.Tick) != by || r.Tick.Minute() != 0 {
				t.Errorf("the run for %s began at %s", r.Tick, r.StartedAt)
			}
		}
	}, every("contacts", "@hourly", jitter))
}

func TestSoManyRunsGoOnAtOnce(t *testing.T) {
	var syncs []*project.Sync
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		syncs = append(syncs, every(name, "@hourly"))
	}
	inWorld(t, func(t *testing.T, w *world) {
		w.project.Serve.MaxRuns = 3
		for _, s := range w.project.Syncs {
			w.takes[s.Name] = 10 * time.Minute
		}
		w.start()
		w.sleep(time.Hour + time.Minute)
		all, err := w.daemon.Syncs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		running, waiting := 0, 0
		for _, s := range all {
			if s.Running != nil {
				running++
			}
			waiting += len(s.Queued)
		}
		if running != 3 || waiting != 4 {
			t.Errorf("%d go on and %d wait", running, waiting)
		}
		w.sleep(30 * time.Minute)
		if w.most != 3 {
			t.Errorf("%d models were read at once", w.most)
		}
		for _, s := range w.project.Syncs {
			if story := w.story(s.Name); len(story) != 1 || story[0][6:] != "succeeded schedule" {
				t.Errorf("%s: %v", s.Name, story)
			}
		}
	}, syncs...)
}

func TestCatchingUp(t *testing.T) {
	policy := func(p project.CatchUp, most int) func(*project.Sync) {
		return func(s *project.Sync) { s.CatchUp, s.CatchUpMax = p, most }
	}
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.sleep(time.Hour + time.Minute)
		w.stop()
		w.sleep(5*time.Hour + 10*time.Minute)
		w.start()
		w.sleep(time.Minute)
		for name, want := range map[string][]string{
			"latest": {"01:00 succeeded schedule", "06:11 succeeded schedule"},
			"none":   {"01:00 succeeded schedule"},
			"all":    {"01:00 succeeded schedule", "06:11 succeeded schedule", "06:11 succeeded schedule", "06:11 succeeded schedule"},
		} {
			if diff := cmp.Diff(want, w.story(name)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		runs, err := w.daemon.Runs().Runs(t.Context(), runlog.Filter{Sync: "all"})
		if err != nil {
			t.Fatal(err)
		}
		var hours []int // the ids of runs that were entered together have no order beside other tests' runs
		for _, r := range runs[:3] {
			hours = append(hours, r.Tick.Hour())
		}
		if slices.Sort(hours); !slices.Equal(hours, []int{4, 5, 6}) {
			t.Errorf("the last runs are for the hours %v", hours)
		}
		w.sleep(time.Hour)
		if story := w.story("none"); len(story) != 2 || story[1] != "07:00 succeeded schedule" {
			t.Errorf("none goes on with %v", story)
		}
	}, every("latest", "@hourly", policy(project.CatchUpLatest, 3)), every("none", "@hourly", policy(project.CatchUpNone, 3)),
		every("all", "@hourly", policy(project.CatchUpAll, 3)))
}

func TestAScheduleThatIsNewHasNoPast(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.sleep(time.Minute)
		w.stop()
		w.sleep(5 * time.Hour)
		w.project.Syncs[0].Schedule = "@every 1h"
		w.start()
		w.sleep(time.Minute)
		if story := w.story("contacts"); len(story) != 0 {
			t.Errorf("it ran for ticks that were none: %v", story)
		}
	}, every("contacts", "@hourly"))
}

func TestAPauseOutlastsTheDaemon(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		if err := w.daemon.Pause(t.Context(), "contacts", "ada"); err != nil {
			t.Fatal(err)
		}
		w.sleep(2*time.Hour + time.Minute)
		w.stop()
		w.start()
		w.sleep(2 * time.Hour)
		s, err := w.daemon.Sync(t.Context(), "contacts")
		if err != nil || !s.Paused || s.PausedBy != "ada" || !s.NextRun.IsZero() || len(w.story("contacts")) != 0 {
			t.Errorf("it stands %+v, %v", s, err)
		}
		if run := w.wait(w.trigger("contacts")); run.State != runlog.Succeeded {
			t.Errorf("by hand it is %s", run.State)
		}
		if err := w.daemon.Resume(t.Context(), "contacts", "ada"); err != nil {
			t.Fatal(err)
		}
		w.sleep(time.Hour)
		want := []string{"04:01 succeeded api", "05:00 succeeded schedule"}
		if diff := cmp.Diff(want, w.story("contacts")); diff != "" {
			t.Error(diff)
		}
	}, every("contacts", "@hourly"))
}

func TestASyncRunsAfterAllThatItNames(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.takes["slow"] = 10 * time.Minute
		w.start()
		w.sleep(time.Hour + 11*time.Minute)
		want := []string{"01:10 succeeded dependency"}
		if diff := cmp.Diff(want, w.story("both")); diff != "" {
			t.Error(diff)
		}
		w.wait(w.trigger("quick")) // one of two is not all
		w.sleep(time.Minute)
		if diff := cmp.Diff(want, w.story("both")); diff != "" {
			t.Error(diff)
		}
		w.set(func() { w.broken["slow"] = true })
		w.sleep(time.Hour)
		if diff := cmp.Diff(want, w.story("both")); diff != "" {
			t.Errorf("a failure is taken for a success: %s", diff)
		}
		w.set(func() { w.broken["slow"] = false })
		w.sleep(time.Hour)
		want = append(want, "03:10 succeeded dependency")
		if diff := cmp.Diff(want, w.story("both")); diff != "" {
			t.Error(diff)
		}
		if story := w.story("last"); len(story) != 2 {
			t.Errorf("what runs after it ran %v", story)
		}
	}, every("quick", "@hourly"), every("slow", "@hourly"), every("both", "", after("quick", "slow")), every("last", "", after("both")))
}

func TestASuccessIsAnsweredAfterACrash(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.sleep(time.Minute)
		if err := w.daemon.Pause(t.Context(), "after", "ada"); err != nil { // so that it is not answered before the end
			t.Fatal(err)
		}
		w.wait(w.trigger("first"))
		cursors, err := w.daemon.Runs().Cursors(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c := cursors["after"]
		c.PausedAt = time.Time{}
		if err := w.daemon.Runs().Move(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		w.crash()
		w.start()
		w.sleep(time.Minute)
		if story := w.story("after"); len(story) != 1 {
			t.Errorf("it ran %v", story)
		}
		w.stop()
		w.start()
		w.sleep(time.Minute)
		if story := w.story("after"); len(story) != 1 {
			t.Errorf("one success was answered twice: %v", story)
		}
	}, every("first", ""), every("after", "", after("first")))
}

func TestATickIsNotRunAgainWhenTheClockWasPutBack(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.sleep(2*time.Hour + time.Minute)
		w.stop()
		w.options.Engine.Now = func() time.Time { return time.Now().Add(-90 * time.Minute) }
		w.project.Syncs[0].Schedule = "0 * * * *" // the cursor begins anew, at the clock that is wrong
		w.start()
		w.sleep(3 * time.Hour)
		runs, err := w.daemon.Runs().Runs(t.Context(), runlog.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[time.Time]int{}
		for _, r := range runs {
			if seen[*r.Tick]++; seen[*r.Tick] > 1 {
				t.Errorf("the tick of %s was run twice", r.Tick)
			}
		}
		if len(seen) != 3 {
			t.Errorf("%d ticks were run, want those of one, two and three o'clock", len(seen))
		}
	}, every("contacts", "@hourly"))
}
