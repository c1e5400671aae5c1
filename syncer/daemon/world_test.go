package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/diffstore/snapshot"
	"spillway/mappings"
	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/warehouse"
)

// world is a project with its warehouse and its service in memory, and the daemon that keeps it running.
type world struct {
	t       *testing.T
	project *project.Project
	daemon  *Daemon
	options Options
	log     io.Writer

	mu     sync.Mutex
	takes  map[string]time.Duration // to read the model of a sync
	broken map[string]bool          // models that cannot be read
	rows   int
	flying int // queries
	most   int // of these at once
	opened int // destinations
	closed int
	sent   map[string]int // records by key, of all syncs
	refuse string         // the key of a record that the service does not take
	writes time.Duration  // that a request takes

	cancel context.CancelFunc
	ended  chan error
}

// inWorld carries out a test in simulated time, beginning at midnight in the year 2000.
func inWorld(t *testing.T, test func(t *testing.T, w *world), syncs ...*project.Sync) {
	t.Helper()
	t.Parallel()
	inWorldAlone(t, test, syncs...)
}

// inWorldAlone is inWorld without other tests beside it.
func inWorldAlone(t *testing.T, test func(t *testing.T, w *world), syncs ...*project.Sync) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, syncs...)
		defer w.stop() // its ticks would go on for ever
		test(t, w)
	})
}

// every is a sync by name with a schedule, or without one where it is empty.
func every(name, schedule string, more ...func(*project.Sync)) *project.Sync {
	s := &project.Sync{
		Name: name, File: "syncs/" + name + ".toml", Model: "people", SQL: "select * from people", Warehouse: "memory", Destination: "crm",
		Object: "people", Mode: destinations.Upsert, Key: []string{"id"}, Identifier: "email", OnRemoved: "ignore", Schedule: schedule,
		Timezone: time.UTC, Overlap: project.SkipOverlap, CatchUp: project.CatchUpLatest, CatchUpMax: 24, ConfigHash: "1",
		Retry:    project.Retry{Attempts: 1, GiveUp: project.GiveUp{Runs: 1, Age: time.Hour}},
		Delivery: project.Delivery{Concurrency: 1},
	}
	if err := errors.Join(s.Guard.MaxRemoved.UnmarshalText([]byte("10%")), s.Guard.MaxChanged.UnmarshalText([]byte("100%")),
		s.Guard.MaxInvalid.UnmarshalText([]byte("1%"))); err != nil {
		panic(err)
	}
	for _, change := range more {
		change(s)
	}
	s.Mapping = mappings.Spec{
		Sync: name, Key: s.Key, Identifier: s.Identifier, Mode: s.Mode, OnRemoved: s.OnRemoved, At: s.File,
		Fields: []mappings.Field{{Name: "email", Column: "email"}},
	}
	return s
}

func after(names ...string) func(*project.Sync) {
	return func(s *project.Sync) { s.After = names }
}

func queued(s *project.Sync) { s.Overlap = project.QueueOverlap }

func newWorld(t *testing.T, syncs ...*project.Sync) *world {
	t.Helper()
	w := &world{
		t: t, takes: map[string]time.Duration{}, broken: map[string]bool{}, rows: 3, sent: map[string]int{}, log: io.Discard,
	}
	w.project = w.newProject(stateDir(t), syncs...)
	w.options = Options{
		Engine: syncer.Options{
			Command: "test", Log: slog.New(slog.NewTextHandler(writer{w}, nil)),
			OpenStore: func(s syncer.StoreSettings) (diffstore.Store, error) {
				return snapshot.Open(s.Dir, s.Log, snapshot.Unsynced())
			},
		},
		Load: func() (*project.Project, project.Problems) { return w.project, nil },
	}
	return w
}

type writer struct{ w *world }

func (w writer) Write(p []byte) (int, error) { return w.w.log.Write(p) }

func (w *world) newProject(dir string, syncs ...*project.Sync) *project.Project {
	kind := warehouse.Define(warehouse.Definition{Name: "memory"}, func(context.Context, struct{}, warehouse.Env) (warehouse.Warehouse, error) {
		return models{w}, nil
	})
	service := destinations.Define(destinations.Definition{Name: "crm"}, func(context.Context, struct{}, destinations.Env) (destinations.Destination, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.opened++
		return crm{w}, nil
	})
	slices.SortFunc(syncs, func(a, b *project.Sync) int { return compare(a.Name, b.Name) })
	return &project.Project{
		Root: w.t.TempDir(), Name: "test", State: project.StateSettings{Dir: dir}, Serve: project.Serve{MaxRuns: 4},
		Runlog:       project.Runlog{Rows: "problems", Keys: "plain", Retention: 400 * 24 * time.Hour},
		Warehouses:   map[string]project.Warehouse{"memory": {Name: "memory", Kind: kind, Config: kind.Config()}},
		Destinations: map[string]project.Destination{"crm": {Name: "crm", Kind: service, Config: service.Config()}},
		Syncs:        syncs,
	}
}

func compare(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

// stateDir makes a state directory in memory where there is such a place, as the run log is written with fsync.
func stateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "spillway-daemon-") //nolint:usetesting // T.TempDir is on a disk
	if err != nil {
		return filepath.Join(t.TempDir(), "state")
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func (w *world) start() {
	w.t.Helper()
	d, err := Open(w.t.Context(), w.project, w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(w.t.Context())
	w.daemon, w.ended = d, make(chan error, 1)
	go func() { w.ended <- d.Run(ctx) }()
	synctest.Wait()
}

// stop ends the daemon in order, if it runs.
func (w *world) stop() {
	w.t.Helper()
	if w.daemon == nil {
		return
	}
	w.cancel()
	if err := <-w.ended; err != nil {
		w.t.Error(err)
	}
	if err := w.daemon.Close(); err != nil {
		w.t.Error(err)
	}
	w.daemon = nil
}

// crash goes on with what kill -9 would leave of the state directory.
func (w *world) crash() {
	w.t.Helper()
	synctest.Wait() // nothing is being written
	left := stateDir(w.t)
	if err := os.CopyFS(left, os.DirFS(w.project.State.Dir)); err != nil {
		w.t.Fatal(err)
	}
	if err := filepath.WalkDir(left, func(name string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.Chmod(name, 0o700)
		}
		return os.Chmod(name, 0o600)
	}); err != nil {
		w.t.Fatal(err)
	}
	w.stop()
	w.mu.Lock()
	clear(w.sent)
	w.mu.Unlock()
	w.project = w.newProject(left, w.project.Syncs...)
}

// sleep lets time pass, and what falls into it happen.
func (w *world) sleep(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// story returns the runs of a sync in order: state, trigger, and when they began, in hours and minutes.
func (w *world) story(name string) []string {
	w.t.Helper()
	runs, err := w.daemon.Runs().Runs(w.t.Context(), runlog.Filter{Sync: name, Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Reverse(runs)
	var told []string
	for _, r := range runs {
		told = append(told, fmt.Sprintf("%s %s %s", r.StartedAt.Format("15:04"), r.State, r.Trigger))
	}
	return told
}

func (w *world) trigger(name string) runlog.Run {
	w.t.Helper()
	run, err := w.daemon.Trigger(w.t.Context(), Request{Sync: name, Trigger: runlog.ByAPI, By: "ada"})
	if err != nil {
		w.t.Fatal(err)
	}
	return run
}

// wait returns a run once it is over.
func (w *world) wait(run runlog.Run) runlog.Run {
	w.t.Helper()
	over, err := w.daemon.Wait(w.t.Context(), run.ID, 24*time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	if !over.State.Terminal() {
		w.t.Fatalf("run %s is still %s", run.ID, over.State)
	}
	if err := over.Balance(); err != nil {
		w.t.Error(err)
	}
	return over
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// models is the warehouse.
type models struct{ w *world }

var columns = []warehouse.Column{{Name: "id", Type: warehouse.String}, {Name: "email", Type: warehouse.String}}

func (m models) Check(context.Context) error { return nil }
func (m models) Close() error                { return nil }
func (m models) Columns(context.Context, string) ([]warehouse.Column, error) {
	return columns, nil
}

func (m models) Query(ctx context.Context, q warehouse.Query) (warehouse.Rows, error) {
	w := m.w
	w.mu.Lock()
	takes, broken, rows := w.takes[q.Tag.Sync], w.broken[q.Tag.Sync], w.rows
	w.flying++
	w.most = max(w.most, w.flying)
	w.mu.Unlock()
	defer w.set(func() { w.flying-- })
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if broken {
		return nil, &warehouse.Error{Message: "the model is broken"}
	}
	return &people{sync: q.Tag.Sync, rows: rows}, nil
}

type people struct {
	sync     string
	at, rows int
}

func (p *people) Columns() []warehouse.Column { return columns }
func (p *people) Close() error                { return nil }
func (p *people) Next(context.Context) (warehouse.Row, error) {
	if p.at == p.rows {
		return nil, io.EOF
	}
	p.at++
	key := fmt.Sprintf("%s-%d", p.sync, p.at)
	return warehouse.Row{key, key + "@x.io"}, nil
}

// crm is the destination.
type crm struct{ w *world }

func (c crm) Check(context.Context) error { return nil }
func (c crm) Account() string             { return "portal 7" }
func (c crm) Close() error {
	c.w.set(func() { c.w.closed++ })
	return nil
}

func (c crm) Objects(context.Context) ([]destinations.Object, error) {
	return []destinations.Object{{
		Name: "people", Identifiers: []string{"*"}, AnyField: true, MaxBatch: 1,
		Operations: []destinations.Op{destinations.Upsert, destinations.Delete},
	}}, nil
}
func (c crm) Fields(context.Context, string) ([]destinations.Field, error) { return nil, nil }

func (c crm) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	c.w.mu.Lock()
	takes, refuse := c.w.writes, c.w.refuse
	c.w.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	results := make([]destinations.Result, len(b.Records))
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	for i, r := range b.Records {
		c.w.sent[r.Key]++
		results[i] = destinations.Result{Status: destinations.Accepted}
		if r.Key == refuse {
			results[i] = destinations.Result{Status: destinations.Rejected, Code: "bad", Reason: "it is bad"}
		}
	}
	return results, nil
}
