// Package syncer runs syncs: it reads a model, finds what changed since the destination last accepted it, sends only
// that, and writes down what became of every row. It names no concrete warehouse, destination or snapshot engine.
package syncer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/warehouse"
)

// Options say how an Engine works.
type Options struct {
	Log       *slog.Logger
	Observer  Observer // nil: nobody watches
	Tracer    Tracer   // nil: nobody follows runs
	OpenStore func(StoreSettings) (diffstore.Store, error)
	Transport http.RoundTripper // below every destination; nil is the network
	Command   string            // what this process is, for others that find the state directory locked
	Now       func() time.Time  // nil is the system's clock
}

// Engine plans and runs the syncs of one project.
type Engine struct {
	project  *project.Project
	log      *slog.Logger
	observer Observer
	now      func() time.Time
	options  Options

	dir   string
	held  *holding
	state *state // nil when opened for reading
	store diffstore.Store
	runs  *runlog.Log // nil when opened for reading and nothing ran yet

	warehouses   map[string]*connection[warehouse.Warehouse]
	destinations map[string]*connection[destinations.Destination]

	commit func() string // of the project as it was read
}

// Open takes the project's state directory for this process and prepares to run syncs. Its error wraps ErrLocked when
// another process has it.
func Open(ctx context.Context, p *project.Project, o Options) (*Engine, error) {
	e := newEngine(p, o)
	var err error
	if e.state, err = lockState(e.dir, o.Command, e.now()); err != nil {
		return nil, err
	}
	if err := e.prepare(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Engine) prepare(ctx context.Context) (err error) {
	if e.store, err = e.openStore(ctx); err != nil {
		return err
	}
	if e.runs, err = runlog.Open(ctx, e.dir, e.logOptions()); err != nil {
		return err
	}
	if err := e.runs.Recover(ctx, e.now()); err != nil {
		return err
	}
	return e.Tidy(ctx)
}

// Tidy drops what is kept no longer: runs beyond the retention, and plans that can no longer be approved.
func (e *Engine) Tidy(ctx context.Context) error {
	if err := e.warnOfLost(ctx); err != nil {
		return err
	}
	if err := e.runs.Prune(ctx, e.now()); err != nil {
		return err
	}
	return e.sweepPlans(ctx)
}

// OpenReadOnly prepares to plan and to read the run log beside any other process. It writes nothing to the state
// directory. Where the snapshots cannot be opened, whatever needs them fails, and the rest goes on.
func OpenReadOnly(ctx context.Context, p *project.Project, o Options) (*Engine, error) {
	e := newEngine(p, o)
	if err := checkPrivate(e.dir); err != nil {
		return nil, err
	}
	var err error
	if e.store, err = e.openStore(ctx); err != nil {
		e.store = unopened{err}
	}
	e.runs, err = runlog.OpenReadOnly(ctx, e.dir, e.logOptions())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func newEngine(p *project.Project, o Options) *Engine {
	e := &Engine{
		project: p, log: o.Log, observer: o.Observer, now: o.Now, options: o, dir: p.State.Dir, held: &holding{users: 1},
		warehouses:   connect[warehouse.Warehouse](p.Warehouses, nil, nil),
		destinations: connect[destinations.Destination](p.Destinations, nil, nil),
	}
	e.commit = sync.OnceValue(func() string {
		commit, dirty := p.Git(context.Background())
		if dirty {
			commit += "-dirty"
		}
		return commit
	})
	if e.observer == nil {
		e.observer = Unobserved{}
	}
	if e.now == nil {
		e.now = time.Now
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	return e
}

func (e *Engine) logOptions() runlog.Options {
	l := e.project.Runlog
	return runlog.Options{
		Rows: l.Rows, Keys: l.Keys, Retention: l.Retention, Samples: l.Samples != project.NoSamples, SamplesTTL: l.SamplesTTL,
	}
}

// Runs returns the run log, or nil when nothing ran yet.
func (e *Engine) Runs() *runlog.Log { return e.runs }

// Writable says why nothing can be written to the state directory.
func (e *Engine) Writable(ctx context.Context) error {
	if err := checkWritable(e.dir); err != nil {
		return err
	}
	return e.runs.Writable(ctx)
}

// Close lets go of everything that no other engine of the project uses, the state directory last.
func (e *Engine) Close() error {
	errs := []error{releaseAll("warehouse", e.warehouses), releaseAll("destination", e.destinations)}
	if !e.held.release() {
		return errors.Join(errs...)
	}
	if e.store != nil {
		errs = append(errs, e.store.Close())
	}
	if e.runs != nil {
		errs = append(errs, e.runs.Close())
	}
	if e.state != nil {
		errs = append(errs, e.state.release())
	}
	return errors.Join(errs...)
}

// Warehouse returns the project's warehouse of this name, opening it at its first use.
func (e *Engine) Warehouse(ctx context.Context, name string) (warehouse.Warehouse, error) {
	declared, ok := e.project.Warehouses[name]
	if !ok {
		return nil, fmt.Errorf("the project has no warehouse %s", name)
	}
	w, err := e.warehouses[name].get(func() (warehouse.Warehouse, error) {
		return declared.Kind.Open(ctx, declared.Config, warehouse.Env{Log: e.log.With("warehouse", name), Project: e.project.Root})
	})
	if err != nil {
		return nil, fmt.Errorf("open warehouse %s: %w", name, err)
	}
	return w, nil
}

// Destination returns the project's destination of this name, opening it at its first use, so that all syncs to one
// account share one limiter (invariant 7).
func (e *Engine) Destination(ctx context.Context, name string) (destinations.Destination, error) {
	declared, ok := e.project.Destinations[name]
	if !ok {
		return nil, fmt.Errorf("the project has no destination %s", name)
	}
	env := destinations.Env{
		Name: name, Log: e.log.With("destination", name), Transport: e.options.Transport, Tokens: tokenFile(e.dir, name),
	}
	if e.state != nil {
		env.State = destinationDir(e.dir, name)
	}
	d, err := e.destinations[name].get(func() (destinations.Destination, error) {
		return declared.Kind.Open(ctx, declared.Config, env)
	})
	if err != nil {
		return nil, fmt.Errorf("open destination %s: %w", name, err)
	}
	return d, nil
}

// sourceFile returns the file in which the statement of a sync stands.
func (e *Engine) sourceFile(s *project.Sync) string {
	if m, ok := e.project.Models[s.Model]; ok && s.Table == "" && m.SQL == s.SQL {
		return m.File
	}
	return s.File
}
