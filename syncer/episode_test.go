package syncer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// episode is one run in a story: what the source has, what the service answers, and what must come of it.
type episode struct {
	people  []person
	answers map[string]destinations.Result // by key; accepted without
	before  func(*world)

	state runlog.State // succeeded where it is empty
	want  runlog.Counts
	sent  []string // "upsert 1 a@x", sorted within a batch; "~" for nothing
}

// story is a test of several runs.
type story struct {
	name     string
	set      func(*project.Sync)
	episodes []episode
}

func tell(t *testing.T, stories []story) {
	t.Helper()
	for n, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.plain, w.source.packs = n%3 == 0, n%3 == 1
			w.remote.object.MaxBatch = 100
			w.sync.Guard = project.Guard{MaxRemoved: share(t, "100%"), MaxChanged: share(t, "100%"), MaxInvalid: share(t, "100%"), AllowEmpty: true}
			if s.set != nil {
				s.set(w.sync)
			}
			for n, e := range s.episodes {
				if !w.play(n, e) {
					return
				}
			}
		})
	}
}

func (w *world) play(n int, e episode) bool {
	w.t.Helper()
	if e.before != nil {
		e.before(w)
	}
	w.source.set(e.people...)
	w.remote.answer = answering(e.answers, w.refuseRemovals)
	w.refuseRemovals = false
	planned, err := w.plan()
	if err != nil {
		w.t.Errorf("episode %d: plan: %v", n, err)
		return false
	}
	run := w.run()
	if e.state == "" {
		e.state = runlog.Succeeded
	}
	if run.State != e.state {
		w.t.Errorf("episode %d: the run is %s (%+v), want %s", n, run.State, run.Error, e.state)
	}
	if diff := cmp.Diff(e.want, run.Counts); diff != "" {
		w.t.Errorf("episode %d: counts (-want +got):\n%s", n, diff)
	}
	if diff := cmp.Diff(e.sent, w.sent()); diff != "" {
		w.t.Errorf("episode %d: sent (-want +got):\n%s", n, diff)
	}
	foretold := runlog.Counts{
		Source: planned.Source, Same: planned.Same, Added: planned.Added, Changed: planned.Changed, Removed: planned.Removed,
		Carried: planned.Carried, Invalid: planned.Invalid, Left: planned.Left, Quarantined: planned.Quarantined,
		Accepted: run.Accepted, Rejected: run.Rejected, Deferred: run.Deferred, Unknown: run.Unknown, Held: run.Held,
	}
	if diff := cmp.Diff(run.Counts, foretold); diff != "" {
		w.t.Errorf("episode %d: what the plan said (-run +plan):\n%s", n, diff)
	}
	w.at = w.at.Add(time.Hour)
	return !w.t.Failed()
}

func (w *world) plan() (*Plan, error) {
	return w.open().Plan(w.t.Context(), w.sync, false)
}

// sent returns what came to the service since the last call.
func (w *world) sent() []string {
	var sent []string
	for _, c := range w.remote.calls() {
		sent = append(sent, fmt.Sprintf("%s %s %s", c.Op, c.Key, c.ID))
	}
	return sent
}

// answering gives each key its result, and refuses removals if it is to.
func answering(results map[string]destinations.Result, refuseRemovals bool) func(context.Context, destinations.Batch) ([]*destinations.Result, error) {
	return func(_ context.Context, b destinations.Batch) ([]*destinations.Result, error) {
		answers := make([]*destinations.Result, len(b.Records))
		for n, rec := range b.Records {
			if r, ok := results[rec.Key]; ok {
				answers[n] = &r
			}
			if refuseRemovals && !writes(b.Op) {
				answers[n] = &rejects
			}
		}
		return answers, nil
	}
}

// p is a person with an address at x.
func p(key, address, score string) person {
	return person{Key: key, Email: address + "@x", Name: key, Score: score}
}

func people(ps ...person) []person { return ps }

var (
	rejects  = destinations.Result{Status: destinations.Rejected, Code: "bad", Reason: "it is bad"}
	defers   = destinations.Result{Status: destinations.Deferred, Code: "busy", Reason: "later"}
	doubts   = destinations.Result{Status: destinations.Deferred, Code: "500", Reason: "oops", Doubt: true}
	silent   = destinations.Result{Code: "lost", Reason: "no answer"}
	errBreak = errors.New("the line broke")
)

func on(r destinations.Result, keys ...string) map[string]destinations.Result {
	m := map[string]destinations.Result{}
	for _, k := range keys {
		m[k] = r
	}
	return m
}

// stands is what the service holds: "a@x=1" for each record, by its identifier and its score.
func (w *world) stands() string {
	w.remote.mu.Lock()
	defer w.remote.mu.Unlock()
	var all []string
	for _, id := range slices.Sorted(maps.Keys(w.remote.records)) {
		all = append(all, id+"="+w.remote.records[id]["score"])
	}
	return strings.Join(all, " ")
}
