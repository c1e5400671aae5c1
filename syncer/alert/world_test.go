package alert_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/alert"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/syncer/schedule"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// world is a project whose syncs run as a test says, in a time of its own.
type world struct {
	t      testing.TB
	dir    string
	keeper *alert.Keeper

	mu   sync.Mutex
	now  time.Time
	view alert.View
	runs map[string][]runlog.Run // by sync, in the order of their ends

	reads      int    // how often runs were read
	unreadable string // the sync whose runs cannot be
}

var errUnreadable = errors.New("the run log cannot be read")

func newWorld(t testing.TB, alerts ...alert.Alert) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), now: noon, runs: map[string][]runlog.Run{}, view: alert.View{Project: "crm", URL: "https://spillway.example.com", Alerts: alerts}}
	w.restart()
	return w
}

// restart lets another keeper take the place of the one that there was.
func (w *world) restart() {
	w.t.Helper()
	var err error
	w.keeper, err = alert.Open(alert.Options{Dir: w.dir, Source: w, Log: quiet(), Now: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) View(ctx context.Context) (alert.View, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.view
	v.Syncs = slices.Clone(v.Syncs)
	return v, ctx.Err()
}

func (w *world) Runs(_ context.Context, sync string, most int) ([]runlog.Run, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if sync == w.unreadable {
		return nil, errUnreadable
	}
	w.reads++
	list := slices.Clone(w.runs[sync])
	slices.Reverse(list)
	return list[:min(most, len(list))], nil
}

// sync returns a sync of the world; it makes one that runs hourly where there is none.
func (w *world) sync(name string) *alert.Sync {
	w.t.Helper()
	for i := range w.view.Syncs {
		if w.view.Syncs[i].Name == name {
			return &w.view.Syncs[i]
		}
	}
	hourly, err := schedule.Parse("@hourly", time.UTC)
	if err != nil {
		w.t.Fatal(err)
	}
	w.view.Syncs = append(w.view.Syncs, alert.Sync{Name: name, Schedule: hourly, Timetable: "@hourly in UTC"})
	return &w.view.Syncs[len(w.view.Syncs)-1]
}

// ends enters a run that is over now.
func (w *world) ends(sync string, run runlog.Run) runlog.Run {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sync(sync)
	at := w.now
	run.ID, run.Sync, run.FinishedAt = fmt.Sprintf("%s-%d", sync, len(w.runs[sync])+1), sync, &at
	run.StartedAt = at.Add(-time.Duration(run.DurationMS) * time.Millisecond)
	w.runs[sync] = append(w.runs[sync], run)
	s.LastEnd, s.Running = at, nil
	if run.State == runlog.Succeeded || run.State == runlog.Partial {
		s.LastSuccess = at
	}
	return run
}

func (w *world) pass() {
	w.t.Helper()
	if err := w.keeper.Pass(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// later lets time go by.
func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// phone is a service that takes notices.
type phone struct {
	mu    sync.Mutex
	taken []alert.Notice
	fails func(alert.Notice) error
	calls int
}

func (p *phone) Notify(_ context.Context, n alert.Notice) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.fails != nil {
		if err := p.fails(n); err != nil {
			return "", err
		}
	}
	p.taken = append(p.taken, n)
	return "ok", nil
}

// told are the notices that were taken, in few words, and takes them away.
func (p *phone) told() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	words := []string{}
	for _, n := range p.taken {
		words = append(words, strings.TrimSpace(fmt.Sprintf("%s %s %s", n.Sync, n.Trigger, n.State)))
	}
	p.taken = nil
	return words
}

func (p *phone) expect(t testing.TB, when string, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, p.told()); diff != "" {
		t.Errorf("%s, told (-want +got):\n%s", when, diff)
	}
}

var everything = []alert.Trigger{alert.Failed, alert.Rejected, alert.Held, alert.Overdue, alert.Slow, alert.Rows, alert.Reload}

func rules(on ...alert.Trigger) alert.Rules {
	return alert.Rules{
		On: on, Failures: 1, Rejected: project.Share{PerMillion: 50_000, Relative: true}, Overdue: 3, Slow: time.Hour,
		Rows: project.Share{PerMillion: 500_000, Relative: true}, RowsRuns: 10,
	}
}

func calls(name string, p *phone, r alert.Rules) alert.Alert {
	return alert.Alert{Name: name, Type: "phone", Rules: r, Declared: fmt.Sprintf("%s %v", name, r), Notifier: p}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
