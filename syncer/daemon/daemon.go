package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// Options say how a Daemon works.
type Options struct {
	Engine syncer.Options
	Load   func() (*project.Project, project.Problems) // reads the project anew
	Watch  bool                                        // reads the project anew when its files change
	Notify func(Event)                                 // told of what happens; it must return at once. Nil: nobody is told
}

// Event is something that happened.
type Event struct {
	Run      *runlog.Run   // that was entered, that went on from waiting, or that is over
	Lag      time.Duration // by how much later than its tick a scheduled run was entered
	Reloaded *Reloaded     // the project was read anew
	Paused   *SyncStatus   // a sync was paused or resumed
}

// Daemon keeps the syncs of a project running. Its methods may be called from several goroutines.
type Daemon struct {
	options Options
	log     *slog.Logger
	now     func() time.Time
	runs    *runlog.Log
	gauge   *gauge
	wake    chan struct{} // holds a token when the scheduler is to look again
	ended   chan struct{} // holds a token when there may be runs to write to the warehouse

	reloading sync.Mutex // held by whoever reads the project anew
	checking  sync.Mutex // held by whoever checks warehouses and destinations

	mu       sync.Mutex
	version  *version // of the project, that new runs begin with
	syncs    map[string]*standing
	due      dueHeap
	line     []*job                             // that wait, in the order in which they are taken up
	going    map[string]*job                    // by run
	keeping  map[string]context.CancelCauseFunc // interrupts the upkeep of a sync's snapshot
	stopped  bool                               // nothing is entered or begun any more
	running  bool                               // Run was called
	idle     chan struct{}                      // closed when stopped and nothing goes on
	events   []Event                            // to be told when mu is let go of
	reloaded Reloaded
	checks   []Check
	files    uint64    // the fingerprint of the project that Open was given
	beat     time.Time // when the scheduler last looked
	wakeups  int
}

// Open takes the project's state directory and finds what an earlier process left to be done. Nothing runs before Run.
func Open(ctx context.Context, p *project.Project, o Options) (*Daemon, error) {
	d := &Daemon{
		options: o, log: o.Engine.Log, now: o.Engine.Now, wake: make(chan struct{}, 1), ended: make(chan struct{}, 1), idle: make(chan struct{}),
		syncs: map[string]*standing{}, going: map[string]*job{}, keeping: map[string]context.CancelCauseFunc{},
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.gauge = newGauge(o.Engine.Observer)
	engine := o.Engine
	engine.Observer = d.gauge
	e, err := syncer.Open(ctx, p, engine)
	if err != nil {
		return nil, err
	}
	d.version, d.runs = &version{engine: e, project: p}, e.Runs()
	d.reloaded = Reloaded{At: d.now()}
	if o.Watch {
		d.files = fingerprint(p.Root)
	}
	d.mu.Lock()
	err = d.stand(ctx, p)
	if err == nil {
		err = d.recall(ctx)
	}
	d.events = nil // of what nobody was there to hear
	d.mu.Unlock()
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return d, nil
}

// Close lets go of everything. It is called when Run has returned, or in place of it.
func (d *Daemon) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.version.engine.Close()
}

const (
	// stopTime is how long running runs may take to end. A run gives the requests in flight twelve seconds.
	stopTime = 33 * time.Second

	tidyInterval = time.Hour
)

// errStopped is what a run is interrupted with when the daemon ends. It goes on when the daemon is started again.
var errStopped = &syncer.InterruptedError{Why: "spillway was stopped"}

// Run keeps the syncs running until ctx ends. Then running runs may finish the requests in flight, and are recorded as
// cancelled: within 35 seconds at most. What waits, and what was interrupted, goes on when the daemon is started again.
func (d *Daemon) Run(ctx context.Context) error {
	d.mu.Lock()
	d.running, d.beat = true, d.now()
	d.dispatch()
	d.unlock()
	debug.FreeOSMemory() // reading ten thousand files takes more than keeping what they say
	group, working := errgroup.WithContext(ctx)
	group.Go(func() error { d.schedule(working); return nil })
	group.Go(func() error { d.keepChecked(working); return nil })
	group.Go(func() error { d.keepTidy(working); return nil })
	group.Go(func() error { d.keepExported(working); return nil })
	if d.options.Watch {
		group.Go(func() error { return d.watch(working) })
	}
	err := group.Wait()
	return errors.Join(err, d.stop())
}

// stop interrupts what goes on and waits for its end.
func (d *Daemon) stop() error {
	d.mu.Lock()
	d.stopped = true
	for _, j := range d.going {
		j.stopped = true
		j.interrupt(errStopped)
	}
	for _, interrupt := range d.keeping {
		interrupt(errStopped)
	}
	d.endIdle()
	left := len(d.going) + len(d.keeping)
	d.unlock()
	if left > 0 {
		d.log.Info("waiting for what goes on to end", "runs", left)
	}
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-d.idle:
		return nil
	case <-timer.C:
		return fmt.Errorf("runs did not end within %s; what they left in flight is in doubt and is sent again", stopTime)
	}
}

// endIdle tells stop that nothing goes on any more.
func (d *Daemon) endIdle() {
	if d.stopped && len(d.going)+len(d.keeping) == 0 {
		select {
		case <-d.idle:
		default:
			close(d.idle)
		}
	}
}

// unlock lets go of mu and tells what happened while it was held.
func (d *Daemon) unlock() {
	events := d.events
	d.events = nil
	d.mu.Unlock()
	if d.options.Notify == nil {
		return
	}
	for _, e := range events {
		d.options.Notify(e)
	}
}

// tell keeps an event for when mu is let go of.
func (d *Daemon) tell(e Event) {
	if d.options.Notify != nil {
		d.events = append(d.events, e)
	}
}

// tellRun tells of a run as it is now.
func (d *Daemon) tellRun(run runlog.Run) {
	d.tell(Event{Run: &run})
	if run.State.Terminal() {
		d.exportSoon()
	}
}

func (d *Daemon) keepTidy(ctx context.Context) {
	ticker := time.NewTicker(tidyInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := d.engine().Tidy(ctx); err != nil && ctx.Err() == nil {
				d.log.Error("old runs not dropped", "error", err.Error())
			}
		}
	}
}

// Runs returns the run log.
func (d *Daemon) Runs() *runlog.Log { return d.runs }

// Project returns the project that runs.
func (d *Daemon) Project() *project.Project {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.version.project
}

func (d *Daemon) engine() *syncer.Engine {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.version.engine
}

// Known returns what the snapshot of a sync holds of one row, or nil where it does not know the key.
func (d *Daemon) Known(ctx context.Context, sync, key string) (*syncer.KnownRow, error) {
	return d.engine().Row(ctx, sync, key)
}
