package syncer

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"spillway/diffstore"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// Random histories go through whole runs: the source is edited, has rows that cannot be rendered and keys that stand
// twice; the service refuses, defers, loses requests or their answers and breaks off in the middle of a batch; runs are
// held, approved, interrupted, or crash between any two writes to the disk. Then nothing fails for one run. It must
// leave the service with what the source has, and the run after it must send nothing. At no time may a removal touch the
// record of a row that is present.
//
// SPILLWAY_SEEDS sets how many, SPILLWAY_FIRST_SEED with which one they begin.
func TestWhateverHappensAHealthyRunBringsTheServiceToTheSource(t *testing.T) {
	t.Parallel()
	seeds, first := number(t, "SPILLWAY_SEEDS", defaultSeeds), number(t, "SPILLWAY_FIRST_SEED", 0)
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		t.Run(fmt.Sprintf("worker %d", worker), func(t *testing.T) {
			t.Parallel()
			for seed := first + worker; seed < first+seeds; seed += workers {
				h := newHistory(t, seed)
				h.play()
				h.w.close()
				if t.Failed() {
					t.Fatalf("seed %d:\n%s", seed, strings.Join(h.events, "\n"))
				}
			}
		})
	}
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

type history struct {
	t      *testing.T
	w      *world
	lives  int
	life   *life
	people map[string]person
	rows   []person // as the model gave them last
	heldAt []person // as the model gave them when a run was held
	homes  map[string]string

	mu     sync.Mutex // the service is called from several goroutines
	rand   *rand.Rand
	faults faults
	late   []func()
	events []string
	cancel context.CancelFunc
}

const historyKeys, historyIDs = 6, 7

func newHistory(t *testing.T, seed int) *history {
	t.Helper()
	h := &history{
		t: t, w: newWorld(t), people: map[string]person{}, homes: map[string]string{},
		rand: rand.New(rand.NewPCG(uint64(seed), 4)),
	}
	base := h.w.project.State.Dir
	h.w.wrap = func(s diffstore.Store) diffstore.Store { return mortalStore{s, h.life} }
	h.w.project.State.Dir = filepath.Join(base, "0")
	h.w.remote.answer = h.answer
	h.w.plain, h.w.source.packs, h.w.parts = seed%4 == 0, seed%4 > 1, seed%8 == 3
	h.w.source.cells = seed%8 > 3
	h.w.remote.object.MaxBatch = 1 + h.rand.IntN(4)
	h.w.sync.Delivery.Concurrency = 1 + h.rand.IntN(3)
	h.w.sync.Retry.GiveUp.Runs = 1 + h.rand.IntN(3)
	for range historyKeys {
		h.edit()
	}
	return h
}

func (h *history) note(format string, args ...any) {
	h.events = append(h.events, fmt.Sprintf(format, args...))
}

func (h *history) play() {
	for range 2 + h.rand.IntN(7) {
		for range h.rand.IntN(4) {
			h.edit()
		}
		h.troubled()
		if h.t.Failed() {
			return
		}
	}
	if h.rand.IntN(4) > 0 {
		h.separate()
	}
	h.healthy()
}

func (h *history) key() string   { return fmt.Sprintf("k%d", h.rand.IntN(historyKeys)) }
func (h *history) id() string    { return fmt.Sprintf("id%d", h.rand.IntN(historyIDs)) }
func (h *history) value() string { return fmt.Sprint(h.rand.IntN(3)) }

// edit changes one thing at the source.
func (h *history) edit() {
	key := h.key()
	p, there := h.people[key]
	if !there {
		h.people[key] = person{Key: key, Email: h.id(), Name: key, Score: h.value(), Origin: h.value(), Doc: `{"of":"` + key + `"}`}
		return
	}
	switch h.rand.IntN(8) {
	case 0, 1:
		p.Score = h.value()
	case 2:
		p.Origin, p.Note = h.value(), h.value()
	case 3, 4:
		p.Email = h.id()
	case 5:
		if other, ok := h.people[h.key()]; ok && other.Key != key {
			p.Email, other.Email = other.Email, p.Email
			h.people[fmt.Sprint(other.Key)] = other
		}
	default:
		delete(h.people, key)
		return
	}
	h.people[key] = p
}

// separate gives every key an identifier of its own.
func (h *history) separate() {
	used := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(h.people)) {
		p := h.people[key]
		for used[p.Email] {
			p.Email = h.id()
		}
		used[p.Email] = true
		h.people[key] = p
	}
}

// loseKeys lets some rows come without their key.
func (h *history) loseKeys(percent int) {
	for n := range h.rows {
		if h.rand.IntN(100) < percent {
			h.rows[n].Key = nil
		}
	}
	h.w.source.set(h.rows...)
	h.note("  without a key: %v", slices.ContainsFunc(h.rows, keyless))
}

func keyless(p person) bool { return p.Key == nil }

// read sets what the model gives next, in a random order, some of it invalid.
func (h *history) read(unmapped, twice int) {
	h.rows = nil
	for _, key := range slices.Sorted(maps.Keys(h.people)) {
		p := h.people[key]
		if h.rand.IntN(100) < unmapped {
			p.Score = "none"
		}
		h.rows = append(h.rows, p)
		for h.rand.IntN(100) < twice {
			again := p
			again.Email, again.Score = h.id(), h.value()
			h.rows = append(h.rows, again)
		}
	}
	h.rand.Shuffle(len(h.rows), func(i, j int) { h.rows[i], h.rows[j] = h.rows[j], h.rows[i] })
	h.w.source.set(h.rows...)
	for _, p := range h.rows {
		h.note("  row %v %s score=%s", p.Key, p.Email, p.Score)
	}
}

// troubled is a run in which things go wrong.
func (h *history) troubled() {
	h.faults = faults{}
	if r := h.rand; r.IntN(6) > 0 {
		h.faults = faults{
			lost: r.IntN(30), refused: r.IntN(50), deferred: r.IntN(20), doubtful: r.IntN(10),
			broken: r.IntN(10), fatal: r.IntN(10), cancelled: r.IntN(10),
		}
	}
	h.w.sync.Guard = project.Guard{MaxRemoved: share(h.t, strconv.Itoa(h.rand.IntN(4))), MaxChanged: share(h.t, "100%"), MaxInvalid: share(h.t, "100%"), AllowKeyless: h.rand.IntN(8) == 0}
	h.life = &life{ticks: -1}
	if h.rand.IntN(3) == 0 {
		h.life.ticks = 1 + h.rand.IntN(30)
	}
	h.lives++
	h.life.from = snapshotDir(h.w.project.State.Dir)
	h.life.to = snapshotDir(filepath.Join(filepath.Dir(h.w.project.State.Dir), strconv.Itoa(h.lives)))
	if h.rand.IntN(3) == 0 {
		h.w.close()
	}
	h.setLife()
	h.read(h.rand.IntN(25), h.rand.IntN(20))
	if h.rand.IntN(4) == 0 {
		h.loseKeys(30)
	}
	run := h.run()
	if run.State == runlog.Held && h.rand.IntN(2) == 0 {
		h.heldAt, h.rows = h.rows, nil
		h.approve(run.ID)
	}
	h.after()
}

// handOver notes that the record of a key that is gone is the record of those who stand under its identifier.
func (h *history) handOver() {
	rows := h.rows
	if rows == nil {
		rows = h.heldAt
	}
	if slices.ContainsFunc(rows, keyless) && !h.w.sync.Guard.AllowKeyless {
		return
	}
	for key, id := range h.homes {
		there := slices.ContainsFunc(rows, func(p person) bool { return p.Key == key })
		if !there && slices.ContainsFunc(rows, func(p person) bool { return p.Email == id }) {
			delete(h.homes, key)
		}
	}
}

// setLife makes the open engine's store mortal by the present life.
func (h *history) setLife() {
	if h.w.engine != nil {
		m, ok := h.w.engine.store.(mortalStore)
		if !ok {
			h.t.Fatal("the store is not mortal")
		}
		m.life = h.life
		h.w.engine.store = m
	}
}

func (h *history) run() runlog.Run {
	var ctx context.Context
	ctx, h.cancel = context.WithCancel(h.t.Context())
	defer h.cancel()
	planned := h.plan()
	h.heldAt = h.rows
	run, err := h.w.open().Run(ctx, h.w.sync, runlog.ByCLI)
	h.note("run: %s %v %+v, faults %+v", run.State, run.Error, run.Counts, h.faults)
	if err != nil {
		h.t.Error(err)
	}
	if !h.life.dead {
		h.w.checkRun(run)
		h.samePlan(planned, run)
	}
	return run
}

func (h *history) approve(id string) {
	var ctx context.Context
	ctx, h.cancel = context.WithCancel(h.t.Context())
	defer h.cancel()
	run, err := h.w.open().Approve(ctx, id)
	h.note("approved: %s %v %+v", run.State, run.Error, run.Counts)
	if err != nil {
		h.t.Error(err)
	} else if !h.life.dead {
		h.w.checkRun(run)
	}
}

// plan asks beforehand, sometimes.
func (h *history) plan() *Plan {
	if h.rand.IntN(4) > 0 {
		return nil
	}
	p, err := h.w.open().Plan(h.t.Context(), h.w.sync, false)
	if err != nil {
		h.t.Error(err)
	}
	return p
}

func (h *history) samePlan(p *Plan, run runlog.Run) {
	if p == nil || run.State == runlog.Cancelled || run.State == runlog.Failed {
		return
	}
	planned := [...]int64{p.Source, p.Same, p.Added, p.Changed, p.Removed, p.Carried, p.Invalid, p.Left}
	came := [...]int64{run.Source, run.Same, run.Added, run.Changed, run.Removed, run.Carried, run.Invalid, run.Left}
	if planned != came {
		h.t.Errorf("the plan said %v (source same added changed removed carried invalid left), the run %v", planned, came)
	}
}

// after lets late requests arrive, and goes on with what a crash left.
func (h *history) after() {
	for _, apply := range h.late {
		apply()
	}
	h.late = nil
	h.handOver()
	if !h.life.dead {
		return
	}
	h.note("crashed")
	if h.life.err != nil {
		h.t.Fatal(h.life.err)
	}
	h.w.close()
	h.w.project.State.Dir = filepath.Dir(h.life.to)
}

// healthy is the run that mends everything, and the one after it, which finds nothing to do.
func (h *history) healthy() {
	h.faults, h.life = faults{}, &life{ticks: -1}
	h.setLife()
	h.w.sync.Guard = project.Guard{MaxRemoved: share(h.t, "100%"), MaxChanged: share(h.t, "100%"), MaxInvalid: share(h.t, "0%"), AllowEmpty: true}
	if _, err := h.w.open().Retry(h.t.Context(), h.w.sync, nil, ""); err != nil {
		h.t.Error(err)
	}
	h.note("healthy from here on")
	h.read(0, 0)
	if run := h.run(); run.State != runlog.Succeeded {
		h.t.Errorf("the healthy run is %s: %v %+v", run.State, run.Error, run.Counts)
	}
	h.converged()
	h.w.remote.calls()
	run := h.run()
	if calls := h.w.remote.calls(); len(calls) > 0 || run.Requests > 0 {
		h.t.Errorf("with nothing changed %d requests were made: %+v", run.Requests, calls)
	}
	if run.Same != run.Source || run.Due() != 0 {
		h.t.Errorf("with nothing changed the counts are %+v", run.Counts)
	}
	h.converged()
}

// converged compares the service with the source. Of several keys that share an identifier, any may have won.
func (h *history) converged() {
	at := h.standing()
	for n := range historyIDs {
		id := fmt.Sprintf("id%d", n)
		have, there := h.w.remote.records[id]
		if there != (len(at[id]) > 0) {
			h.t.Errorf("under %s the service has %v, the source %v", id, have, at[id])
			continue
		}
		match := !there
		for _, p := range at[id] {
			match = match || have["name"] == p.Name && have["score"] == p.Score && have["email"] == p.Email && have["doc"] == compact(p.Doc)
		}
		if !match {
			h.t.Errorf("under %s the service has %v, the source %v", id, have, at[id])
		}
	}
}

// standing returns the rows that count, by identifier.
func (h *history) standing() map[string][]person {
	rows := h.rows
	if rows == nil {
		rows = h.heldAt
	}
	times := map[any]int{}
	for _, p := range rows {
		times[p.Key]++
	}
	at := map[string][]person{}
	for _, p := range rows {
		if p.Score != "none" && p.Key != nil && times[p.Key] == 1 {
			at[p.Email] = append(at[p.Email], p)
		}
	}
	return at
}
