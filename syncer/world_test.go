package syncer

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/diffstore/snapshot"
	"spillway/mappings"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/warehouse"
)

// world is a project with everything around it, in memory but for its state directory.
type world struct {
	t       testing.TB
	project *project.Project
	sync    *project.Sync
	source  *source
	remote  *remote
	log     *slog.Logger
	at      time.Time // what the clock shows
	engine  *Engine

	observer Observer
	plain    bool // the engine of the snapshots is no diffstore.Skimmer
	parts    bool // there is no memory for the index of a snapshot

	fs snapshot.FS // of the snapshots that the next engine opens; nil is a sound one

	refuseRemovals bool // by the service, in the next episode

	// wrap changes the store that the next engine opens.
	wrap func(diffstore.Store) diffstore.Store
}

func share(t testing.TB, text string) project.Share {
	t.Helper()
	var s project.Share
	if err := s.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return s
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, source: &source{columns: personColumns}, remote: newRemote(), log: slog.New(slog.DiscardHandler),
		at: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC),
	}
	fields := []mappings.Field{
		{Name: "email", Column: "email"},
		{Name: "name", Column: "name"},
		{Name: "score", Column: "score", Type: destinations.Integer},
		{Name: "doc", Column: "doc", Type: destinations.JSON},
		{Name: "origin", Column: "origin", When: mappings.OnInsert},
	}
	w.sync = &project.Sync{
		Name: "contacts", File: "syncs/contacts.toml", Model: "customers", SQL: "select * from people", Warehouse: "memory",
		Destination: "crm", Object: "people", Mode: destinations.Upsert, Key: []string{"id"}, Identifier: "email", OnRemoved: "delete",
		Timezone: time.UTC, ConfigHash: "1",
		Guard:    project.Guard{MaxRemoved: share(t, "10%"), MaxChanged: share(t, "100%"), MaxInvalid: share(t, "1%")},
		Retry:    project.Retry{Attempts: 5, GiveUp: project.GiveUp{Runs: 10, Age: 14 * 24 * time.Hour}},
		Delivery: project.Delivery{Concurrency: 1},
		Mapping:  mappings.Spec{Sync: "contacts", Key: []string{"id"}, Identifier: "email", Fields: fields, At: "syncs/contacts.toml"},
	}
	kind := warehouse.Define(warehouse.Definition{Name: "memory"}, func(context.Context, struct{}, warehouse.Env) (warehouse.Warehouse, error) {
		return w.source, nil
	})
	service := destinations.Define(destinations.Definition{Name: "crm"}, func(context.Context, struct{}, destinations.Env) (destinations.Destination, error) {
		return w.remote, nil
	})
	w.project = &project.Project{
		Root: t.TempDir(), Name: "test", Runlog: project.Runlog{Rows: "problems", Keys: "plain", Retention: 30 * 24 * time.Hour},
		State:        project.StateSettings{Dir: stateDir(t)},
		Warehouses:   map[string]project.Warehouse{"memory": {Name: "memory", Kind: kind, Config: kind.Config()}},
		Destinations: map[string]project.Destination{"crm": {Name: "crm", Kind: service, Config: service.Config()}},
		Models:       map[string]project.Model{"customers": {Name: "customers", SQL: "select * from people", File: "models/customers.sql"}},
		Syncs:        []*project.Sync{w.sync},
	}
	t.Cleanup(w.close)
	return w
}

// stateDir makes a state directory in memory where there is such a place, as the run log is written with fsync.
func stateDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "spillway-syncer-") //nolint:usetesting // T.TempDir is on a disk
	if err != nil {
		return t.TempDir() + "/state"
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func (w *world) options() Options {
	w.sync.Mapping.Mode, w.sync.Mapping.OnRemoved = w.sync.Mode, w.sync.OnRemoved
	return Options{
		Log: w.log, Observer: w.observer, Command: "test", Now: func() time.Time { return w.at },
		OpenStore: func(settings StoreSettings) (diffstore.Store, error) {
			var s diffstore.Store
			s, err := snapshot.Open(settings.Dir, settings.Log, w.storeOptions()...)
			if err != nil {
				return nil, err
			}
			if w.plain {
				s = plainStore{s}
			}
			if w.wrap != nil {
				s = w.wrap(s)
			}
			return s, nil
		},
	}
}

func (w *world) storeOptions() []snapshot.Option {
	options := []snapshot.Option{snapshot.Unsynced()}
	if w.fs != nil {
		options[0] = snapshot.WithFS(w.fs)
	}
	if w.parts {
		options = append(options, snapshot.WithRoom(0))
	}
	return options
}

// plainStore hides that a snapshot recognises rows by what was read.
type plainStore struct{ diffstore.Store }

func (s plainStore) Begin(ctx context.Context, sync string) (diffstore.Session, error) {
	session, err := s.Store.Begin(ctx, sync)
	return struct{ diffstore.Session }{session}, err
}

func (s plainStore) View(ctx context.Context, sync string) (diffstore.View, error) {
	view, err := s.Store.View(ctx, sync)
	return struct{ diffstore.View }{view}, err
}

// open returns the engine, opening it if it is not.
func (w *world) open() *Engine {
	w.t.Helper()
	w.sync.Mapping.Mode, w.sync.Mapping.OnRemoved = w.sync.Mode, w.sync.OnRemoved
	if w.engine == nil {
		e, err := Open(w.t.Context(), w.project, w.options())
		if err != nil {
			w.t.Fatal(err)
		}
		w.engine = e
	}
	return w.engine
}

func (w *world) close() {
	if w.engine == nil {
		return
	}
	if err := w.engine.Close(); err != nil {
		w.t.Error(err)
	}
	w.engine = nil
}

// run runs the sync and checks what holds of every run.
func (w *world) run() runlog.Run {
	w.t.Helper()
	return w.runWith(w.t.Context())
}

func (w *world) runWith(ctx context.Context) runlog.Run {
	w.t.Helper()
	run, err := w.open().Run(ctx, w.sync, runlog.ByCLI)
	if err != nil {
		w.t.Fatal(err)
	}
	w.checkRun(run)
	return run
}

// checkRun checks what holds of every run, whatever became of it.
func (w *world) checkRun(run runlog.Run) {
	w.t.Helper()
	if err := run.Balance(); err != nil {
		w.t.Errorf("run %s: %v", run.State, err)
	}
	if !run.State.Terminal() || run.FinishedAt == nil {
		w.t.Errorf("the run ended in state %s", run.State)
	}
	if run.Error != nil && (run.Error.Code == CodeAccounting || run.Error.Code == CodeInternal) {
		w.t.Errorf("the run failed with %s: %s", run.Error.Code, run.Error.Message)
	}
	for _, breach := range w.remote.breach {
		w.t.Errorf("the destination's contract was broken: %s", breach)
	}
	if w.source.open != 0 {
		w.t.Error("the result of the model was not closed")
	}
	files, err := os.ReadDir(planDir(w.project.State.Dir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Error(err)
	}
	if len(files) > 0 && run.State != runlog.Held {
		w.t.Errorf("%d plans are left after a run that was %s", len(files), run.State)
	}
}

// rows returns the rows of a run in the run log.
func (w *world) rows(run runlog.Run, f runlog.RowFilter) []runlog.Row {
	w.t.Helper()
	rows, _, err := w.open().Runs().Rows(w.t.Context(), run.ID, f)
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}
