package diffstoretest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// epoch is when everything happens.
var epoch = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// errInterrupted ends a run in order; errCrashed ends it without another call to its session.
var (
	errInterrupted = errors.New("the run was interrupted")
	errCrashed     = errors.New("the process crashed")
)

// Converge runs random histories, one for each seed: a source that is edited, runs against a remote that refuses,
// defers, loses requests or their answers, and leaves batches half-done; runs that are interrupted or crash between
// any two calls. Then nothing fails for one run. It must leave the remote equal to the source, and the run after it
// must send nothing. At no time may a removal touch a record that was never delivered or that a present key owns.
//
// To play one seed again, set SPILLWAY_FIRST_SEED to it and SPILLWAY_SEEDS to 1.
func Converge(t *testing.T, open Opener, seeds int) {
	t.Helper()
	from := number(t, "SPILLWAY_FIRST_SEED", 0)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		t.Run(fmt.Sprintf("worker %d", w), func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			for seed := from + w; seed < from+seeds; seed += workers {
				h := newHistory(t, open, seed, filepath.Join(dir, strconv.Itoa(seed)))
				if err := h.play(t.Context()); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, strings.Join(h.events, "\n"))
				}
				if err := os.RemoveAll(h.dir); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// history is one random history.
type history struct {
	t      *testing.T
	open   Opener
	dir    string
	lives  int // directories used: a crash moves to the next
	store  diffstore.Store
	rand   *rand.Rand
	source *source
	remote *remote
	homes  map[string]string // where the last accepted record of a key stands
	events []string
}

func newHistory(t *testing.T, open Opener, seed int, dir string) *history {
	r := rand.New(rand.NewPCG(uint64(seed), 20261120))
	h := &history{t: t, open: open, dir: dir, rand: r, source: newSource(r), remote: newRemote(r), homes: map[string]string{}}
	for i := range sourceIDs {
		if r.IntN(4) == 0 {
			h.remote.records[fmt.Sprintf("id%d", i)] = record{key: "nobody", foreign: true}
		}
	}
	return h
}

const syncName = "contacts"

func (h *history) play(ctx context.Context) error {
	h.store = h.open(h.t, h.life())
	for range 2 + h.rand.IntN(8) {
		for range h.rand.IntN(4) {
			h.source.edit()
		}
		if err := h.troubled(ctx); err != nil {
			return err
		}
	}
	if h.rand.IntN(4) > 0 {
		h.source.separate()
	}
	if err := h.healthy(ctx); err != nil {
		return err
	}
	return h.store.Close()
}

func (h *history) life() string { return filepath.Join(h.dir, strconv.Itoa(h.lives)) }

// troubled is a run in which things go wrong.
func (h *history) troubled(ctx context.Context) error {
	h.remote.faults = faults{}
	if h.rand.IntN(6) > 0 {
		h.remote.faults = faults{lost: h.rand.IntN(40), half: h.rand.IntN(20), refused: h.rand.IntN(50), deferred: h.rand.IntN(30)}
	}
	ticks, end := -1, errInterrupted
	if h.rand.IntN(2) == 0 {
		ticks = h.rand.IntN(40)
	}
	if h.rand.IntN(2) == 0 {
		end = errCrashed
	}
	rows := h.source.read(h.rand.IntN(30), h.rand.IntN(20))
	_, err := h.run(ctx, rows, func() error {
		if ticks--; ticks == -1 {
			return end
		}
		return nil
	})
	return err
}

// healthy is the run that mends everything, and the one after it, which finds nothing to do.
func (h *history) healthy(ctx context.Context) error {
	h.remote.faults = faults{}
	never := func() error { return nil }
	rows := h.source.read(0, 0)
	if _, err := h.run(ctx, rows, never); err != nil {
		return err
	}
	if err := h.converged(rows); err != nil {
		return err
	}
	before := h.remote.sent
	e, err := h.run(ctx, h.source.read(0, 0), never)
	if err != nil {
		return err
	}
	if n := h.remote.sent - before; n > 0 {
		return fmt.Errorf("%d records were sent with nothing changed", n)
	}
	for _, c := range e.plan {
		if c.Verdict != diffstore.Same {
			return fmt.Errorf("with nothing changed an entry is %v", c)
		}
	}
	return h.converged(rows)
}

// converged compares the remote with the source. Of several keys that share an identifier, any may have won; records
// of others may stand where this sync has nothing to do.
func (h *history) converged(rows []row) error {
	at := standing(rows)
	for i := range sourceIDs {
		id := fmt.Sprintf("id%d", i)
		have, there := h.remote.records[id]
		if len(at[id]) == 0 {
			if there && !have.foreign {
				return fmt.Errorf("the remote holds %v under %s, the source nothing", have, id)
			}
			continue
		}
		matches := false
		for _, r := range at[id] {
			matches = matches || have == record{key: r.key, value: r.value}
		}
		if !matches {
			return fmt.Errorf("the remote holds %v under %s, the source %v", have, id, at[id])
		}
	}
	return nil
}

// run is one run in a session of its own, ended as tick says.
func (h *history) run(ctx context.Context, rows []row, tick func() error) (*engine, error) {
	h.note("source %v", rows)
	planned, err := h.plan(ctx, rows)
	if err != nil {
		return nil, err
	}
	h.remote.guard = func(id string) error { return h.mayRemove(rows, id) }
	session, err := h.store.Begin(ctx, syncName)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	e := &engine{homes: h.homes, view: session, session: session, remote: h.remote, tick: tick, batch: 1 + h.rand.IntN(3)}
	e.sums = func(s string) diffstore.Sum { return session.Sum([]byte(s)) }
	h.remote.note = h.note
	runErr := e.run(ctx, rows)
	h.note("ended: %v; remote %v", runErr, h.remote.records)
	if h.remote.broken != nil {
		return nil, h.remote.broken
	}
	if planned != nil && runErr == nil {
		if err := samePlan(planned, e); err != nil {
			return nil, err
		}
	}
	switch {
	case errors.Is(runErr, errCrashed):
		err = h.crash(session)
	case runErr == nil, errors.Is(runErr, errInterrupted):
		err = h.end(session)
	default:
		err = runErr
	}
	h.remote.settle()
	return e, err
}

// mayRemove fails for a record that a key which is present owns: one that stands under the identifier, or one whose
// identifier is not known now and whose record was last accepted there.
func (h *history) mayRemove(rows []row, id string) error {
	if at := standing(rows)[id]; len(at) > 0 {
		return fmt.Errorf("the removal of %s touches the record of %v", id, at)
	}
	for _, r := range rows {
		if h.homes[r.key] == id && unsure(rows, r.key) {
			return fmt.Errorf("the removal of %s touches the record of %s, which is present but unmapped", id, r.key)
		}
	}
	return nil
}

// plan looks at the snapshot before the run, sometimes.
func (h *history) plan(ctx context.Context, rows []row) (e *engine, err error) {
	if h.rand.IntN(4) > 0 {
		return nil, nil
	}
	view, err := h.store.View(ctx, syncName)
	if err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	defer func() { err = errors.Join(err, view.Close()) }()
	e = &engine{view: view, tick: func() error { return nil }}
	e.sums = func(s string) diffstore.Sum { return view.Sum([]byte(s)) }
	e.staged, e.spare, e.moved, e.gone = map[string]*staged{}, map[string]*staged{}, map[string]staged{}, map[string]staged{}
	return e, errors.Join(e.compare(ctx, rows), e.findRemoved(ctx))
}

// samePlan compares what a view said before a run with what the run's session said.
func samePlan(planned, e *engine) error {
	if diff := cmp.Diff(told(planned.plan), told(e.plan)); diff != "" {
		return fmt.Errorf("a view and a session differ (-view +session):\n%s", diff)
	}
	if diff := cmp.Diff(planned.leave, e.leave); diff != "" {
		return fmt.Errorf("a view and a session differ in what is removed (-view +session):\n%s", diff)
	}
	return nil
}

// told returns changes without what an engine may tell or not: what is known of a key that is the Same.
func told(changes []diffstore.Change) []diffstore.Change {
	told := slices.Clone(changes)
	for i := range told {
		if c := &told[i]; c.Verdict == diffstore.Same && !c.Contested && c.Known != nil && len(c.Known.IDs) == 1 {
			c.Known = nil
		}
	}
	return told
}

// end closes the session and, sometimes, the store.
func (h *history) end(session diffstore.Session) error {
	if err := session.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	if h.rand.IntN(3) > 0 {
		return nil
	}
	if err := h.store.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	h.store = h.open(h.t, h.life())
	return nil
}

// crash goes on with the files as they are at this instant.
func (h *history) crash(session diffstore.Session) error {
	was := h.life()
	h.lives++
	if err := copyDir(h.life(), was); err != nil {
		return err
	}
	if err := errors.Join(session.Close(), h.store.Close(), os.RemoveAll(was)); err != nil {
		return err
	}
	h.store = h.open(h.t, h.life())
	return nil
}

func (h *history) note(format string, args ...any) {
	h.events = append(h.events, fmt.Sprintf(format, args...))
}
