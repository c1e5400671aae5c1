package alert_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/alert"
	"spillway/syncer/runlog"
)

// histories is how many random histories there are.
const histories = 40

// TestRandomHistories lets syncs run at random while services fail and the process dies, also in the middle of giving a
// notice. Whatever happens, every change of state is told, in order, and only what a death left in doubt twice.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	told, died := 0, 0
	for seed := range uint64(histories) {
		h := newHistory(t, seed)
		for range 120 {
			h.step()
		}
		h.end()
		told, died = told+h.told, died+h.deaths
		if t.Failed() {
			t.Fatalf("in history %d", seed)
		}
	}
	if told < histories || died < histories {
		t.Errorf("%d notices and %d deaths are no test", told, died)
	}
}

// history is a world of which the right notices are known.
type history struct {
	*world
	random *rand.Rand
	phones map[string]*line
	want   map[string][]string // what is to be told, by alert, trigger and sync
	fires  map[string]bool
	told   int
	deaths int
}

// line is a service that fails at times, and with which the process dies at times.
type line struct {
	h     *history
	name  string
	down  bool
	heard []alert.Notice
	die   context.CancelFunc // ends the pass that goes on
	lost  map[string]bool    // notices that arrived when the process died
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{random: rand.New(rand.NewPCG(seed, 7)), phones: map[string]*line{}, want: map[string][]string{}, fires: map[string]bool{}}
	var alerts []alert.Alert
	for _, name := range []string{"ops", "data"} {
		l := &line{h: h, name: name, lost: map[string]bool{}}
		h.phones[name] = l
		alerts = append(alerts, alert.Alert{Name: name, Rules: rules(alert.Failed, alert.Held, alert.Rejected), Declared: name, Notifier: l})
	}
	h.world = newWorld(t, alerts...)
	for _, name := range []string{"people", "orders"} {
		h.sync(name)
	}
	h.pass()
	return h
}

func (l *line) Notify(ctx context.Context, n alert.Notice) (string, error) {
	h := l.h
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case l.down && h.random.IntN(3) > 0:
		return "", &alert.Error{Kind: alert.ErrUnreachable, Message: "down"}
	case l.down:
		return "", &alert.Error{Kind: alert.ErrRefused, Message: "refused"}
	case h.random.IntN(8) == 0: // the process dies, and the notice has arrived or has not
		if h.random.IntN(2) == 0 {
			l.heard, l.lost[n.ID] = append(l.heard, n), true
		}
		l.die()
		return "", context.Canceled
	}
	l.heard = append(l.heard, n)
	return "ok", nil
}

func (h *history) step() {
	switch n := h.random.IntN(12); {
	case n < 5:
		h.run()
	case n < 8:
		h.tryPass()
	case n < 10:
		h.later(time.Duration(h.random.IntN(90)) * time.Minute)
	case n < 11:
		l := h.phones[slices.Sorted(maps.Keys(h.phones))[h.random.IntN(2)]]
		l.down = !l.down
	default:
		h.deaths++
		h.restart()
	}
}

// run lets a run end, and says what is to be told of it.
func (h *history) run() {
	h.later(time.Millisecond)
	sync := []string{"people", "orders"}[h.random.IntN(2)]
	run := []runlog.Run{succeeded(100), fails("x"), held(9), rejects(50, 100), fails("interrupted"), {State: runlog.Cancelled}}[h.random.IntN(6)]
	run = h.ends(sync, run)
	through := run.State == runlog.Succeeded || run.State == runlog.Partial
	switch {
	case through:
		h.becomes(alert.Failed, run, false)
		h.becomes(alert.Held, run, false)
		h.becomes(alert.Rejected, run, run.Rejected > 0)
	case run.State == runlog.Held:
		h.becomes(alert.Held, run, true)
	case run.State == runlog.Failed && run.Error.Code == "x":
		h.becomes(alert.Failed, run, true)
	}
}

func (h *history) becomes(trigger alert.Trigger, run runlog.Run, fires bool) {
	about := fmt.Sprint(trigger, " ", run.Sync)
	if h.fires[about] == fires {
		return
	}
	h.fires[about] = fires
	state := alert.Resolved
	if fires {
		state = alert.Firing
	}
	for name := range h.phones {
		h.want[name+" "+about] = append(h.want[name+" "+about], fmt.Sprint(state, " by ", run.ID))
	}
}

// tryPass looks and tells, and starts anew where the process died of it.
func (h *history) tryPass() {
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	for _, l := range h.phones {
		l.die = cancel
	}
	if err := h.keeper.Pass(ctx); err != nil && !errors.Is(err, context.Canceled) {
		h.t.Fatal(err)
	}
	if ctx.Err() != nil {
		h.deaths++
		h.restart()
	}
}

// end lets everything be told, and compares.
func (h *history) end() {
	for _, l := range h.phones {
		l.down = false
	}
	for range 200 {
		h.later(time.Hour)
		h.tryPass()
		if s := h.keeper.Statuses(); len(s) == 2 && s[0].Waiting+s[1].Waiting == 0 {
			break
		}
	}
	got := map[string][]string{}
	for name, l := range h.phones {
		known := map[string]bool{}
		for _, n := range l.heard {
			if known[n.ID] {
				if !l.lost[n.ID] {
					h.t.Errorf("%s was told twice of %+v", name, n)
				}
				continue
			}
			known[n.ID] = true
			h.told++
			about := fmt.Sprint(name, " ", n.Trigger, " ", n.Sync)
			got[about] = append(got[about], fmt.Sprint(n.State, " by ", n.Run.ID))
		}
	}
	if diff := cmp.Diff(h.want, got); diff != "" {
		h.t.Errorf("told (-want +got):\n%s", diff)
	}
}
