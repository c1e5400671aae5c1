package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// Event is something that happened. One of its parts is set.
type Event struct {
	Run      *runlog.Run // entered, started, or over
	Reloaded *Reloaded
	Paused   *SyncStatus // paused or resumed
	Lag      time.Duration
}

// Daemon keeps the syncs of a project running. Its methods may be called from several goroutines.
type Daemon struct {
	engine  *syncer.Engine
	project *project.Project
}

var errUnfinished = errors.New("not built yet")

// Open takes the project's state directory and finds what an earlier process left to be done. Nothing runs before Run.
func Open(ctx context.Context, p *project.Project, o Options) (*Daemon, error) {
	e, err := syncer.Open(ctx, p, o.Engine)
	if err != nil {
		return nil, err
	}
	return &Daemon{engine: e, project: p}, nil
}

// Close lets go of everything. It is called when Run has returned.
func (d *Daemon) Close() error { return d.engine.Close() }

// Run keeps the syncs running until ctx ends. Then running runs may finish the requests in flight, and are recorded as
// cancelled: within 35 seconds at most.
func (d *Daemon) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Syncs returns how every sync stands, by name.
func (d *Daemon) Syncs(context.Context) ([]SyncStatus, error) {
	list := make([]SyncStatus, 0, len(d.project.Syncs))
	for _, s := range d.project.Syncs {
		list = append(list, SyncStatus{Sync: s})
	}
	return list, nil
}

// Sync returns how one sync stands. Its error wraps ErrUnknownSync.
func (d *Daemon) Sync(_ context.Context, name string) (SyncStatus, error) {
	s, ok := d.project.Sync(name)
	if !ok {
		return SyncStatus{}, fmt.Errorf("%w: %s", ErrUnknownSync, name)
	}
	return SyncStatus{Sync: s}, nil
}

// Trigger asks for a run. It returns the run as it was entered, queued or running. Its error wraps ErrUnknownSync or
// ErrBusy.
func (d *Daemon) Trigger(context.Context, Request) (runlog.Run, error) {
	return runlog.Run{}, errUnfinished
}

// Pause keeps a sync from running by its schedule and after other syncs, until Resume.
func (d *Daemon) Pause(context.Context, string, string) error { return errUnfinished }

// Resume ends a Pause. Ticks that passed meanwhile are not caught up with.
func (d *Daemon) Resume(context.Context, string, string) error { return errUnfinished }

// Cancel ends a run that waits or goes on. Its error wraps ErrNotRunning.
func (d *Daemon) Cancel(context.Context, string, string) (runlog.Run, error) {
	return runlog.Run{}, errUnfinished
}

// Approve applies the plan of a held run, and returns the run that does it.
func (d *Daemon) Approve(context.Context, string, string) (runlog.Run, error) {
	return runlog.Run{}, errUnfinished
}

// Retry puts the problem rows of a run back in line, those of the given keys and with the given code where such are
// given, and starts a run that sends them. It returns how many there were.
func (d *Daemon) Retry(context.Context, string, []string, string, string) (released int, started runlog.Run, err error) {
	return 0, runlog.Run{}, errUnfinished
}

// Wait returns a run once it is over, or as it is after so long.
func (d *Daemon) Wait(ctx context.Context, run string, _ time.Duration) (runlog.Run, error) {
	return d.engine.Runs().Run(ctx, run)
}

// Runs returns the run log.
func (d *Daemon) Runs() *runlog.Log { return d.engine.Runs() }

// Project returns the project that runs.
func (d *Daemon) Project() *project.Project { return d.project }

// Reloaded returns the outcome of the latest attempt to read the project.
func (d *Daemon) Reloaded() Reloaded { return Reloaded{} }

// Reload reads the project anew. Where it has problems, the one that runs goes on.
func (d *Daemon) Reload(context.Context, string) error { return errUnfinished }

// Checks returns the latest check of every warehouse and destination.
func (d *Daemon) Checks() []Check { return nil }

// CheckNow checks every warehouse and destination, and waits.
func (d *Daemon) CheckNow(context.Context) {}

// Ready says why the daemon cannot do its work: the state directory cannot be written, or the scheduler stands still.
func (d *Daemon) Ready(context.Context) error { return nil }
