package main

import (
	"context"
	"errors"
	"fmt"

	"spillway/cmd/spillway/web/audit"
	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// worker carries out what writes to the state directory: an engine in this process, or the daemon that holds it.
type worker interface {
	// Run runs a sync and waits.
	Run(ctx context.Context, s *project.Sync) (runlog.Run, error)
	// Approve applies the plan of a held run and waits.
	Approve(ctx context.Context, id string) (runlog.Run, error)
	// Cancel ends a run that goes on, and returns it when it is over.
	Cancel(ctx context.Context, id string) (runlog.Run, error)
	// Retry puts rejected rows of a sync back in line, and returns how many, and the run that sends them: empty where
	// that is for the next one.
	Retry(ctx context.Context, s *project.Sync, keys []string, code string) (released int, run string, err error)
	// Reset forgets what a sync delivered, or with adopt takes what its model gives now as delivered: it returns how many
	// rows it took, and how many it did not because they are invalid.
	Reset(ctx context.Context, s *project.Sync, adopt bool) (adopted, invalid int64, err error)
	// Forget erases one key, and reports whether anything was known of it.
	Forget(ctx context.Context, s *project.Sync, key string) (found bool, err error)
}

// withWorker runs work with the daemon of the project, or with an engine of this process where there is none.
func (a *app) withWorker(ctx context.Context, p *project.Project, command string, work func(worker) error) error {
	err := a.withEngine(ctx, p, command, func(e *syncer.Engine) error {
		err := work(engineWorker{e, p})
		a.exportRuns(ctx, e)
		return err
	})
	locked, ok := errors.AsType[*syncer.LockedError](err)
	if !ok {
		return err
	}
	r, found := a.daemonOf(p, locked.PID)
	if !found {
		return err
	}
	defer r.close()
	return work(r)
}

// exportRuns writes the runs that are over to the warehouse that the project names for the run log. What cannot be written
// now is written after the next run, and no run fails by it.
func (a *app) exportRuns(ctx context.Context, e *syncer.Engine) {
	if ctx.Err() != nil {
		return
	}
	if _, err := e.Export(ctx); err != nil {
		a.log.Warn("run log not written to the warehouse; it is made up for after the next run", "error", err.Error())
	}
}

// engineWorker works in this process.
type engineWorker struct {
	engine  *syncer.Engine
	project *project.Project
}

func (w engineWorker) Run(ctx context.Context, s *project.Sync) (runlog.Run, error) {
	return w.engine.Run(ctx, s, runlog.ByCLI)
}

func (w engineWorker) Approve(ctx context.Context, id string) (runlog.Run, error) {
	held, err := w.engine.Runs().Run(ctx, id)
	if err != nil {
		return runlog.Run{}, err
	}
	run, err := w.engine.Approve(ctx, held.ID)
	if err != nil {
		return run, err
	}
	return run, record(ctx, w.project, audit.Entry{Action: audit.Approve, Sync: run.Sync, Run: held.ID, Detail: "applied by run " + run.ID})
}

// Cancel finds nothing to cancel: this process has the state directory, so that nobody else runs anything.
func (w engineWorker) Cancel(ctx context.Context, id string) (runlog.Run, error) {
	run, err := w.engine.Runs().Run(ctx, id)
	if err != nil {
		return runlog.Run{}, err
	}
	return runlog.Run{}, fmt.Errorf("run %s is over: it is %s", run.ID, run.State)
}

func (w engineWorker) Retry(ctx context.Context, s *project.Sync, keys []string, code string) (int, string, error) {
	n, err := w.engine.Retry(ctx, s, keys, code)
	if err != nil {
		return n, "", err
	}
	return n, "", record(ctx, w.project, audit.Entry{Action: audit.Retry, Sync: s.Name, Detail: fmt.Sprintf("%d rows back in line", n)})
}

func (w engineWorker) Reset(ctx context.Context, s *project.Sync, adopt bool) (adopted, invalid int64, err error) {
	how := "resend"
	if adopt {
		how = "adopt"
		adopted, invalid, err = w.engine.Adopt(ctx, s)
	} else {
		err = w.engine.Reset(ctx, s)
	}
	if err != nil {
		return 0, 0, err
	}
	return adopted, invalid, record(ctx, w.project, audit.Entry{Action: audit.Reset, Sync: s.Name, Detail: how})
}

func (w engineWorker) Forget(ctx context.Context, s *project.Sync, key string) (bool, error) {
	found, err := w.engine.Forget(ctx, s, key)
	if err != nil {
		return false, err
	}
	return found, record(ctx, w.project, audit.Entry{Action: audit.Forget, Sync: s.Name}) // without the key, which is to be forgotten
}
