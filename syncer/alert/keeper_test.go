package alert_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/alert"
)

func readFile(t testing.TB, w *world) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "alerts.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNoticesSayWhatHappenedAndWhere(t *testing.T) {
	t.Parallel()
	p := &phone{}
	w := newWorld(t, calls("ops", p, rules(everything...)))
	w.pass()
	w.later(time.Second)
	w.ends("people", fails("warehouse.unavailable"))
	w.pass()
	w.later(time.Second)
	w.ends("people", rejects(12, 200))
	w.pass()
	want := []string{
		"people failed with warehouse.unavailable.",
		"people does not fail any more: a run came through.",
		"people: 12 of 200 operations were rejected; 5% is allowed.",
	}
	var got []string
	for _, n := range p.taken {
		got = append(got, n.Summary)
		if n.ID == "" || n.Alert != "ops" || n.Project != "crm" || n.Run == nil || n.Link != "https://spillway.example.com/runs/"+n.Run.ID {
			t.Errorf("%+v", n)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	want = []string{
		"people failed with warehouse.unavailable.\n\nProject: crm\nSync: people\nRun: people-1\nState: failed\nError: warehouse.unavailable\n",
		"Alert: ops\nTrigger: failed\nTime: 2026-11-20 12:00:01 UTC\n\nhttps://spillway.example.com/runs/people-1\n",
	}
	if diff := cmp.Diff(strings.Join(want, ""), p.taken[0].Text()); diff != "" {
		t.Error(diff)
	}
	if got, want := p.taken[1].Subject(), "[crm] resolved: people does not fail any more: a run came through"; got != want {
		t.Errorf("the subject is %q", got)
	}
}

func TestAnAlertIsAboutItsSyncsAlone(t *testing.T) {
	t.Parallel()
	ours, all := &phone{}, &phone{}
	r := rules(alert.Failed)
	r.Syncs = []string{"crm_*", "people"}
	w := newWorld(t, calls("ours", ours, r), calls("all", all, rules(alert.Failed)))
	for _, name := range []string{"people", "crm_deals", "orders"} {
		w.ends(name, fails("x"))
	}
	w.pass()
	ours.expect(t, "some", "people failed firing", "crm_deals failed firing")
	all.expect(t, "all", "people failed firing", "crm_deals failed firing", "orders failed firing")
}

// TestChangesOfTheProject: alerts that are new say how it is now, those that are gone say nothing, and what is not
// watched any more is resolved.
func TestChangesOfTheProject(t *testing.T) {
	t.Parallel()
	p := &phone{}
	w := newWorld(t, calls("ops", p, rules(alert.Failed)))
	w.ends("people", fails("x"))
	w.ends("orders", fails("x"))
	w.later(time.Minute)
	w.ends("orders", succeeded(5))
	w.pass()
	p.expect(t, "at first only what holds", "people failed firing")
	w.view.Alerts = append(w.view.Alerts, calls("more", p, rules(alert.Failed)))
	w.pass()
	p.expect(t, "another alert", "people failed firing")

	strict := rules(alert.Failed)
	strict.Failures = 2
	w.view.Alerts = []alert.Alert{calls("ops", p, strict)}
	w.pass()
	p.expect(t, "other thresholds, and one alert less")

	w.view.Syncs = w.view.Syncs[1:]
	w.pass()
	p.expect(t, "one sync less", "people failed resolved")
	w.view.Alerts = nil
	w.pass()
	if text := readFile(t, w); strings.Contains(text, "people") || strings.Contains(text, "ops") {
		t.Errorf("it still remembers %s", text)
	}
}

func TestWhatIsNotTakenIsTriedAgainAndKeepsItsPlace(t *testing.T) {
	t.Parallel()
	p := &phone{fails: func(alert.Notice) error { return &alert.Error{Kind: alert.ErrUnreachable, Message: "no route"} }}
	w := newWorld(t, calls("ops", p, rules(alert.Failed)))
	w.ends("people", fails("x"))
	w.ends("orders", fails("x"))
	w.pass()
	if p.calls != 1 {
		t.Errorf("a service that cannot be reached was called %d times at once", p.calls)
	}
	w.later(time.Second)
	w.ends("people", succeeded(1))
	w.pass()
	status := w.keeper.Statuses()
	if len(status) != 1 || status[0].Waiting != 3 || len(status[0].Firing) != 1 || status[0].Error != "no route" || !status[0].Next.Equal(noon.Add(30*time.Second)) {
		t.Errorf("%+v", status)
	}
	kept, err := alert.Kept(w.dir, w.view.Alerts)
	if err != nil || len(kept) != 1 || kept[0].Waiting != 3 {
		t.Errorf("kept: %+v %v", kept, err)
	}
	w.restart()
	p.fails = nil
	w.later(30 * time.Second)
	w.pass()
	p.expect(t, "when it can be reached", "people failed firing", "people failed resolved", "orders failed firing")
	if info, err := os.Stat(filepath.Join(w.dir, "alerts.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestOneNoticeThatIsRefusedHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	p := &phone{fails: func(n alert.Notice) error {
		if n.Sync == "people" {
			return &alert.Error{Kind: alert.ErrRefused, Message: "no such channel"}
		}
		return nil
	}}
	w := newWorld(t, calls("ops", p, rules(alert.Failed)))
	w.ends("people", fails("x"))
	w.ends("orders", fails("x"))
	w.pass()
	p.expect(t, "the other one", "orders failed firing")
}

func TestWaitsGrowAndAServiceIsObeyed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var tries []time.Duration
		var wait time.Duration
		p := &phone{fails: func(alert.Notice) error {
			tries = append(tries, time.Since(start))
			return &alert.Error{Kind: alert.ErrUnreachable, Message: "busy", Wait: wait}
		}}
		var attempts atomic.Int64
		w := newWorld(t, calls("ops", p, rules(alert.Failed)))
		k, err := alert.Open(alert.Options{Dir: w.dir, Source: w, Log: quiet(), Now: time.Now, Told: func(string, error) { attempts.Add(1) }})
		if err != nil {
			t.Fatal(err)
		}
		w.ends("people", fails("x"))
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() { over <- k.Run(ctx) }()
		time.Sleep(4 * time.Hour) //nolint:forbidigo // of the bubble
		synctest.Wait()
		want := []time.Duration{0, 30, 90, 210, 450, 930, 1890, 3810, 7410, 11010}
		for i := range want {
			want[i] *= time.Second
		}
		if diff := cmp.Diff(want, tries); diff != "" || attempts.Load() != int64(len(want)) {
			t.Errorf("tried at (-want +got):\n%s", diff)
		}
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
		wait = 10 * time.Minute
		w.now = time.Now()
		w.restart()
		w.later(2 * time.Hour)
		w.pass()
		if next := w.keeper.Statuses()[0].Next.Sub(w.clock()); next < wait {
			t.Errorf("it is tried again after %s", next)
		}
	})
}

// TestAFileThatCannotBeWritten: what is not kept is not told, so that a restart does not tell it again.
func TestAFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	p := &phone{}
	w := newWorld(t, calls("ops", p, rules(alert.Failed)))
	inTheWay := filepath.Join(w.dir, "alerts.json.new")
	if err := os.Mkdir(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	w.ends("people", fails("x"))
	if err := w.keeper.Pass(t.Context()); err == nil {
		t.Error("nothing was said of it")
	}
	p.expect(t, "while it cannot be written")
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	w.pass()
	p.expect(t, "when it can", "people failed firing")
}

func TestAFileOfAnotherFormIsNotOverwritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{", `{"version":2}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "alerts.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := alert.Open(alert.Options{Dir: dir, Log: quiet(), Now: time.Now})
		if err == nil || !strings.Contains(err.Error(), "alerts.json") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
