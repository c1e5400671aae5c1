package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// longestLine is how many runs of one sync may wait.
const longestLine = 100

// Trigger asks for a run. It returns the run as it was entered, queued, or the one that an earlier request of the same
// name led to. Its error wraps ErrUnknownSync or ErrBusy.
func (d *Daemon) Trigger(ctx context.Context, r Request) (runlog.Run, error) {
	d.mu.Lock()
	defer d.unlock()
	st, err := d.standing(r.Sync)
	if err != nil {
		return runlog.Run{}, err
	}
	if r.IdempotencyKey != "" {
		if run, ok, err := d.runs.Requested(ctx, r.Sync, r.IdempotencyKey); ok || err != nil {
			return run, err
		}
	}
	if err := free(st); err != nil {
		return runlog.Run{}, err
	}
	run := d.version.engine.NewRun(st.sync, r.Trigger)
	run.By = r.By
	return d.ask(ctx, st, runlog.Entry{Run: run, Request: r.IdempotencyKey, Order: runlog.Order{Full: r.Full, Keys: r.Keys}})
}

// free says why a sync cannot be asked for a run.
func free(st *standing) error {
	switch {
	case st.running == nil && st.waiting == 0:
		return nil
	case st.sync.Overlap != project.QueueOverlap:
		return fmt.Errorf("%w: %s; set overlap = \"queue\" to let runs wait", ErrBusy, st.sync.Name)
	case st.waiting >= longestLine:
		return fmt.Errorf("%w: %s, and %d more runs of it wait", ErrBusy, st.sync.Name, st.waiting)
	}
	return nil
}

// ask enters a run and takes it up if it can be.
func (d *Daemon) ask(ctx context.Context, st *standing, e runlog.Entry) (runlog.Run, error) {
	e.Order.Trace = syncer.Parent(ctx)
	if err := d.enter(ctx, st, e); err != nil {
		return runlog.Run{}, err
	}
	d.tellRun(e.Run)
	d.dispatch()
	return e.Run, nil
}

// Pause keeps a sync from running by its schedule and after other syncs, until Resume.
func (d *Daemon) Pause(ctx context.Context, sync, by string) error {
	return d.pause(ctx, sync, func(c *runlog.Cursor, now time.Time) {
		if c.PausedAt.IsZero() {
			c.PausedAt, c.PausedBy = now, by
		}
	})
}

// Resume ends a Pause. Ticks and successes of other syncs that passed meanwhile are not caught up with.
func (d *Daemon) Resume(ctx context.Context, sync, _ string) error {
	return d.pause(ctx, sync, func(c *runlog.Cursor, now time.Time) {
		if !c.PausedAt.IsZero() {
			c.PausedAt, c.PausedBy, c.Ticked, c.Followed = time.Time{}, "", now, now
		}
	})
}

func (d *Daemon) pause(ctx context.Context, sync string, change func(*runlog.Cursor, time.Time)) error {
	d.mu.Lock()
	defer d.unlock()
	st, err := d.standing(sync)
	if err != nil {
		return err
	}
	cursor := st.cursor
	change(&cursor, d.now().UTC())
	if cursor == st.cursor {
		return nil
	}
	if err := d.runs.Move(ctx, cursor); err != nil {
		return err
	}
	st.cursor = cursor
	d.plan(st)
	d.rouse()
	status := d.status(st, d.queued(st))
	d.tell(Event{Paused: &status})
	return nil
}

// Cancel ends a run that waits or goes on. One that goes on is returned as it is: it ends when what is in flight is
// answered. The error wraps ErrNotRunning.
func (d *Daemon) Cancel(ctx context.Context, id, by string) (runlog.Run, error) {
	run, err := d.runs.Run(ctx, id)
	if err != nil {
		return runlog.Run{}, err
	}
	d.mu.Lock()
	defer d.unlock()
	if j, ok := d.going[run.ID]; ok {
		if err := d.runs.Leave(ctx, run.ID); err != nil {
			return runlog.Run{}, err
		}
		j.interrupt(&syncer.InterruptedError{Why: "it was cancelled by " + by})
		return run, nil
	}
	i := slices.IndexFunc(d.line, func(j *job) bool { return j.run.ID == run.ID })
	if i < 0 {
		return runlog.Run{}, fmt.Errorf("%w: %s", ErrNotRunning, run.ID)
	}
	return d.withdraw(ctx, i, "it was cancelled by "+by+" before it began")
}

// withdraw ends the run that is the i-th in line.
func (d *Daemon) withdraw(ctx context.Context, i int, why string) (runlog.Run, error) {
	j := d.line[i]
	run := withdrawn(j.run, why, d.now())
	if err := d.runs.Withdraw(ctx, run); err != nil {
		return runlog.Run{}, err
	}
	d.line = slices.Delete(d.line, i, i+1)
	if st, ok := d.syncs[run.Sync]; ok {
		st.waiting--
	}
	close(j.over)
	d.tellRun(run)
	return run, nil
}

// withdrawn returns run as one that was cancelled before it began.
func withdrawn(run runlog.Run, why string, now time.Time) runlog.Run {
	at := now.UTC()
	run.State, run.FinishedAt = runlog.Cancelled, &at
	run.Error = &runlog.Failure{Code: syncer.CodeInterrupted, Message: why}
	return run
}

// Approve applies the plan of a held run, and returns the run that does it. Its error wraps syncer.ErrApproval or
// ErrBusy.
func (d *Daemon) Approve(ctx context.Context, id, by string) (runlog.Run, error) {
	d.mu.Lock()
	defer d.unlock()
	held, err := d.runs.Run(ctx, id)
	if err != nil {
		return runlog.Run{}, err
	}
	s, err := d.version.engine.Approvable(ctx, held.ID)
	if err != nil {
		return runlog.Run{}, err
	}
	st, err := d.standing(s.Name)
	if err != nil {
		return runlog.Run{}, err
	}
	if st.running != nil || d.keeping[s.Name] != nil {
		return runlog.Run{}, fmt.Errorf("%w: %s; its end takes the place of the plan", ErrBusy, s.Name)
	}
	if i := slices.IndexFunc(d.line, func(j *job) bool { return j.order.Held == held.ID }); i >= 0 {
		return d.line[i].run, nil
	}
	run := d.version.engine.NewRun(st.sync, runlog.ByApprove)
	run.By = by
	return d.ask(ctx, st, runlog.Entry{Run: run, Order: runlog.Order{Held: held.ID}})
}

// Review reads the plan of a held run, as syncer.Engine.Review does.
func (d *Daemon) Review(ctx context.Context, id string, from, most int, shown func(field string) bool) (syncer.Review, error) {
	return d.engine().Review(ctx, id, from, most, shown)
}

// Discard throws the plan of a held run away. Its error wraps syncer.ErrApproval, or ErrBusy where the plan is about to be
// applied.
func (d *Daemon) Discard(ctx context.Context, id, by string) (runlog.Run, error) {
	d.mu.Lock()
	defer d.unlock()
	held, err := d.runs.Run(ctx, id)
	if err != nil {
		return runlog.Run{}, err
	}
	applying := func(j *job) bool { return j.order.Held == held.ID }
	if slices.ContainsFunc(d.line, applying) || slices.ContainsFunc(slices.Collect(maps.Values(d.going)), applying) {
		return runlog.Run{}, fmt.Errorf("%w: %s; the plan was approved and is being applied", ErrBusy, held.Sync)
	}
	run, err := d.version.engine.Discard(ctx, held.ID, by)
	if err != nil {
		return runlog.Run{}, err
	}
	if st, ok := d.syncs[run.Sync]; ok && st.last != nil && st.last.ID == run.ID {
		st.last = &run
	}
	return run, nil
}

// Retry puts the problem rows of a run back in line, those of the given keys and with the given code where such are
// given, and starts a run that sends them, unless one is about to start. It returns how many there were. Its error wraps
// ErrUnknownSync, or ErrBusy while the sync is running.
func (d *Daemon) Retry(ctx context.Context, id string, keys []string, code, by string) (released int, started runlog.Run, err error) {
	run, err := d.runs.Run(ctx, id)
	if err != nil {
		return 0, runlog.Run{}, err
	}
	return d.retry(ctx, run.Sync, by, func(e *syncer.Engine, s *project.Sync) (int, error) {
		return e.RetryRun(ctx, s, run.ID, keys, code)
	})
}

// RetrySync is Retry for all rows of a sync that were rejected or given up, whatever run that was in.
func (d *Daemon) RetrySync(ctx context.Context, name string, keys []string, code, by string) (released int, started runlog.Run, err error) {
	return d.retry(ctx, name, by, func(e *syncer.Engine, s *project.Sync) (int, error) {
		return e.Retry(ctx, s, keys, code)
	})
}

func (d *Daemon) retry(ctx context.Context, name, by string, release func(*syncer.Engine, *project.Sync) (int, error)) (released int, started runlog.Run, err error) {
	d.mu.Lock()
	defer d.unlock()
	st, err := d.standing(name)
	if err != nil {
		return 0, runlog.Run{}, err
	}
	if st.running != nil || d.keeping[name] != nil {
		return 0, runlog.Run{}, fmt.Errorf("%w: %s; rows are put back in line when it is over", ErrBusy, name)
	}
	if released, err = release(d.version.engine, st.sync); err != nil {
		return 0, runlog.Run{}, err
	}
	if i := slices.IndexFunc(d.line, func(j *job) bool { return j.run.Sync == name }); i >= 0 {
		return released, d.line[i].run, nil
	}
	started = d.version.engine.NewRun(st.sync, runlog.ByRetry)
	started.By = by
	started, err = d.ask(ctx, st, runlog.Entry{Run: started})
	return released, started, err
}

// Wait returns a run once it is over, or as it is after so long.
func (d *Daemon) Wait(ctx context.Context, id string, most time.Duration) (runlog.Run, error) {
	run, err := d.runs.Run(ctx, id)
	if err != nil || run.State.Terminal() || most <= 0 {
		return run, err
	}
	over := d.overOf(run.ID)
	if over != nil {
		timer := time.NewTimer(most)
		defer timer.Stop()
		select {
		case <-over:
		case <-timer.C:
		case <-ctx.Done():
			return run, context.Cause(ctx)
		}
	}
	return d.runs.Run(ctx, run.ID)
}

// overOf returns what is closed when a run is over, or nil where it is.
func (d *Daemon) overOf(run string) chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if j, ok := d.going[run]; ok {
		return j.over
	}
	if i := slices.IndexFunc(d.line, func(j *job) bool { return j.run.ID == run }); i >= 0 {
		return d.line[i].over
	}
	return nil
}

// silence is after how long a scheduler that has not looked is taken for dead.
const silence = 3 * longestSleep

// Ready says why the daemon cannot do its work: the state directory cannot be written, or the scheduler stands still.
func (d *Daemon) Ready(ctx context.Context) error {
	d.mu.Lock()
	running, beat, engine := d.running && !d.stopped, d.beat, d.version.engine
	d.mu.Unlock()
	if !running {
		return errors.New("the scheduler is not running")
	}
	if quiet := d.now().Sub(beat); quiet > silence {
		return fmt.Errorf("the scheduler has not looked for what is due for %s", quiet.Round(time.Second))
	}
	return engine.Writable(ctx)
}
