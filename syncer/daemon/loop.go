package daemon

import (
	"context"
	"errors"
	"time"

	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

const (
	// longestSleep bounds how long the scheduler sleeps: timers stand still while a machine is suspended, and know
	// nothing of a clock that is put.
	longestSleep = time.Minute
	// punctual is how late a tick may be noticed that is not held to be missed.
	punctual = time.Minute
	// again is when a tick that could not be entered is tried again.
	again = 10 * time.Second
)

// schedule enters what is due until ctx ends.
func (d *Daemon) schedule(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-d.wake:
		}
		d.mu.Lock()
		sleep := d.pass(ctx)
		d.unlock()
		timer.Reset(sleep)
	}
}

// pass enters what is due now and returns after how long something may be due again.
func (d *Daemon) pass(ctx context.Context) time.Duration {
	now := d.now()
	d.beat = now
	d.wakeups++
	for len(d.due) > 0 && !d.due[0].next.After(now) {
		d.enterTicks(ctx, d.due[0], now)
	}
	d.dispatch()
	if len(d.due) == 0 {
		return longestSleep
	}
	return min(longestSleep, d.due[0].next.Sub(now))
}

// rouse makes the scheduler look again.
func (d *Daemon) rouse() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// enterTicks enters what a sync is due for, by its policy of catching up, and plans its next tick.
func (d *Daemon) enterTicks(ctx context.Context, st *standing, now time.Time) {
	upTo := now.Add(-st.jitter).UTC()
	ticks := missed(st, upTo)
	var err error
	for _, tick := range ticks {
		if err = d.enterTick(ctx, st, tick.UTC(), now, len(ticks) > 1); err != nil && !errors.Is(err, runlog.ErrTicked) {
			break
		}
		err = nil
		st.cursor.Ticked = tick.UTC()
	}
	if err == nil && len(ticks) == 0 {
		cursor := st.cursor
		cursor.Ticked = upTo
		if err = d.runs.Move(ctx, cursor); err == nil {
			st.cursor = cursor
		}
	}
	if err != nil {
		if ctx.Err() == nil {
			d.log.Error("tick not entered", "sync", st.sync.Name, "error", err.Error())
		}
		st.next = now.Add(again)
		d.place(st)
		return
	}
	d.plan(st)
}

// missed returns the ticks up to a time that are to be run.
func missed(st *standing, upTo time.Time) []time.Time {
	most := 1
	if st.sync.CatchUp == project.CatchUpAll {
		most = st.sync.CatchUpMax
	}
	ticks := st.schedule.Latest(st.cursor.Ticked, upTo, most)
	if st.sync.CatchUp == project.CatchUpNone && len(ticks) > 0 && upTo.Sub(ticks[0]) > punctual {
		return nil
	}
	return ticks
}

// The codes of runs that were skipped.
const (
	CodeOverlap = "overlap"
)

// enterTick enters the run of one tick. Ticks that are caught up with wait for each other.
func (d *Daemon) enterTick(ctx context.Context, st *standing, tick, now time.Time, catchingUp bool) error {
	run := d.version.engine.NewRun(st.sync, runlog.BySchedule)
	run.Tick = &tick
	if why := overlapping(st); why != "" && !catchingUp {
		run = skipped(run, why, now)
	}
	if err := d.enter(ctx, st, runlog.Entry{Run: run}); err != nil {
		return err
	}
	d.tell(Event{Run: &run, Lag: now.Sub(tick.Add(st.jitter))})
	return nil
}

// overlapping says why a tick of a sync is skipped; it is empty where it is not.
func overlapping(st *standing) string {
	switch {
	case st.running == nil && st.waiting == 0:
		return ""
	case st.sync.Overlap != project.QueueOverlap && st.running != nil:
		return "the run before it was still going on (overlap = \"skip\")"
	case st.waiting > 0:
		return "another run was waiting already, and sends what this one would have sent"
	}
	return ""
}

// skipped returns run as one that is over without having begun.
func skipped(run runlog.Run, why string, now time.Time) runlog.Run {
	at := now.UTC()
	run.State, run.FinishedAt = runlog.Skipped, &at
	run.Error = &runlog.Failure{Code: CodeOverlap, Message: why}
	return run
}

// follow enters the runs that were waiting for the success of a sync.
func (d *Daemon) follow(ctx context.Context, st *standing) {
	for _, f := range st.followers {
		if err := d.followUp(ctx, f); err != nil {
			d.log.Error("dependent run not entered", "sync", f.sync.Name, "error", err.Error())
		}
	}
}

// followUp enters a run of a sync if all that it runs after have succeeded since its last such run.
func (d *Daemon) followUp(ctx context.Context, st *standing) error {
	if st.paused() || len(st.sync.After) == 0 {
		return nil
	}
	var latest time.Time
	for _, name := range st.sync.After {
		other := d.syncs[name]
		if !other.wholly.After(st.cursor.Followed) {
			return nil
		}
		if other.wholly.After(latest) {
			latest = other.wholly
		}
	}
	run := d.version.engine.NewRun(st.sync, runlog.ByDependency)
	if st.waiting > 0 {
		run = skipped(run, overlapping(st), d.now())
	}
	if err := d.enter(ctx, st, runlog.Entry{Run: run, Follows: latest}); err != nil {
		return err
	}
	st.cursor.Followed = latest
	d.tellRun(run)
	return nil
}
