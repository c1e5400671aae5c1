package daemon

import (
	"context"
	"slices"

	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// version is the project as it was read once, with the engine that runs it.
type version struct {
	project *project.Project
	engine  *syncer.Engine
	runs    int  // that go on with it
	retired bool // no more runs begin with it
}

// job is a run that waits or goes on.
type job struct {
	run   runlog.Run
	order runlog.Order
	over  chan struct{} // closed when the run is over and in the run log

	interrupt context.CancelCauseFunc // nil while it waits
	version   *version
	stopped   bool // the daemon interrupted it, and it goes on when the daemon is started again
}

// enter writes a run into the log, and puts it in line unless it is over.
func (d *Daemon) enter(ctx context.Context, st *standing, e runlog.Entry) error {
	if d.stopped {
		return errStopped
	}
	// Whoever asked may be gone by now; a run is entered wholly or not at all.
	if err := d.runs.Enter(context.WithoutCancel(ctx), e); err != nil {
		return err
	}
	if !e.Run.State.Terminal() {
		d.queue(st, &job{run: e.Run, order: e.Order, over: make(chan struct{})})
	}
	return nil
}

// queue puts a job in line. What was approved goes first: any other run would take the place of its plan.
func (d *Daemon) queue(st *standing, j *job) {
	st.waiting++
	if j.order.Held != "" {
		d.line = slices.Insert(d.line, 0, j)
		return
	}
	d.line = append(d.line, j)
}

// dispatch takes up what waits, as far as there is room.
func (d *Daemon) dispatch() {
	if !d.running || d.stopped {
		return
	}
	rest := d.line[:0]
	for i, j := range d.line {
		if len(d.going) >= max(1, d.version.project.Serve.MaxRuns) {
			rest = append(rest, d.line[i:]...)
			break
		}
		if st, ok := d.syncs[j.run.Sync]; ok && st.running == nil && d.keeping[j.run.Sync] == nil {
			d.begin(st, j)
			continue
		}
		rest = append(rest, j)
	}
	clear(d.line[len(rest):])
	d.line = rest
}

// begin takes up one run.
func (d *Daemon) begin(st *standing, j *job) {
	var ctx context.Context
	ctx, j.interrupt = context.WithCancelCause(context.Background()) // it outlives whoever asked for it
	entered := j.run
	j.run.State, j.run.StartedAt = runlog.Running, d.now().UTC()
	j.version = d.version
	j.version.runs++
	st.running, st.waiting = j, st.waiting-1
	d.going[j.run.ID] = j
	d.tellRun(j.run)
	s, engine := st.sync, j.version.engine
	go func() {
		run, err := engine.Begin(ctx, s, entered, j.order)
		d.end(context.WithoutCancel(ctx), j, run, err)
		j.interrupt(nil)
	}()
}

// end takes note of what became of a run, and begins what waited for it.
func (d *Daemon) end(ctx context.Context, j *job, run runlog.Run, err error) {
	if err != nil {
		// It stays in the queue: the run log does not know its end, and the next process takes it up.
		d.log.Error("run not recorded", "sync", j.run.Sync, "run", j.run.ID, "error", err.Error())
	}
	d.mu.Lock()
	defer d.unlock()
	delete(d.going, j.run.ID)
	if st, ok := d.syncs[j.run.Sync]; ok {
		d.settle(ctx, st, j, run, err)
	}
	if err == nil && !j.stopped {
		if err := d.runs.Leave(ctx, run.ID); err != nil {
			d.log.Error("run stays in the queue", "run", run.ID, "error", err.Error())
		}
	}
	close(j.over)
	d.unuse(j.version)
	d.dispatch()
	d.endIdle()
}

// settle brings the standing of a run's sync up to date.
func (d *Daemon) settle(ctx context.Context, st *standing, j *job, run runlog.Run, err error) {
	if st.running == j {
		st.running = nil
	}
	if err != nil {
		return
	}
	st.last = &run
	d.tellRun(run)
	if run.State == runlog.Succeeded || run.State == runlog.Partial {
		st.success = *run.FinishedAt
	}
	if run.State == runlog.Succeeded {
		st.wholly = *run.FinishedAt
		d.follow(ctx, st)
	}
}

// unuse counts one run less of a version, and closes it with the last one if it is retired.
func (d *Daemon) unuse(v *version) {
	v.runs--
	d.closeRetired(v)
}

func (d *Daemon) closeRetired(v *version) {
	if !v.retired || v.runs > 0 {
		return
	}
	if err := v.engine.Close(); err != nil {
		d.log.Error("earlier project not closed", "error", err.Error())
	}
}

// recall puts in line what an earlier process left: runs that waited, and runs that were cut off or interrupted by its
// end. Those begin anew, as runs of their own.
func (d *Daemon) recall(ctx context.Context) error {
	queue, err := d.runs.Queue(ctx)
	if err != nil {
		return err
	}
	for _, w := range queue {
		if err := d.recallOne(ctx, w); err != nil {
			return err
		}
	}
	for _, st := range d.syncs { // a success may not have been answered before the end
		if err := d.followUp(ctx, st); err != nil {
			return err
		}
	}
	return nil
}

func (d *Daemon) recallOne(ctx context.Context, w runlog.Waiting) error {
	st, ok := d.syncs[w.Run.Sync]
	switch {
	case !ok && !w.Run.State.Terminal():
		return d.runs.Withdraw(ctx, withdrawn(w.Run, "the project has no such sync any more", d.now()))
	case !ok:
		return d.runs.Leave(ctx, w.Run.ID)
	case !w.Run.State.Terminal():
		d.queue(st, &job{run: w.Run, order: w.Order, over: make(chan struct{})})
		return nil
	case !cutOff(w.Run) || st.paused():
		return d.runs.Leave(ctx, w.Run.ID)
	}
	trigger := w.Run.Trigger
	if trigger == runlog.ByApprove {
		trigger = runlog.ByRetry // the plan cannot be applied a second time: what is left of it is planned anew
	}
	run := d.version.engine.NewRun(st.sync, trigger)
	run.By = w.Run.By
	order := w.Order
	order.Held = ""
	d.log.Info("run goes on", "sync", st.sync.Name, "run", run.ID, "instead_of", w.Run.ID)
	return d.enter(ctx, st, runlog.Entry{Run: run, Order: order, Replaces: w.Run.ID})
}

// cutOff reports whether a run ended with its process. What somebody cancelled has left the queue.
func cutOff(run runlog.Run) bool {
	return run.State == runlog.Cancelled || run.State == runlog.Failed && run.Error != nil && run.Error.Code == syncer.CodeInterrupted
}
