package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// The exit codes, as DESIGN §3 lists them.
const (
	exitDone      = 0
	exitFailed    = 1
	exitChanges   = 2
	exitPartial   = 3
	exitHeld      = 4
	exitTemporary = 5
	exitUsage     = 64
	exitConfig    = 78
	exitSignal    = 128 // plus the signal's number
)

// signalled is the cause of a context that a signal cancelled.
type signalled struct{ signal syscall.Signal }

func (s signalled) Error() string {
	if s.signal == syscall.SIGTERM {
		return "terminated"
	}
	return "interrupted"
}

// outcome is an exit code whose reason was shown already.
type outcome int

func (o outcome) Error() string { return fmt.Sprintf("exit code %d", int(o)) }

// exitCode reports err on stderr, unless that was done, and returns the process's exit code.
func (a *app) exitCode(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	code := codeOf(err)
	if s, ok := errors.AsType[signalled](context.Cause(ctx)); ok && code != exitUsage && code != exitConfig {
		code = exitSignal + int(s.signal)
	}
	if _, shown := errors.AsType[outcome](err); !shown {
		a.report(err)
	}
	return code
}

func codeOf(err error) int {
	if o, ok := errors.AsType[outcome](err); ok {
		return int(o)
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[project.Problems](err); ok || errors.Is(err, project.ErrNoProject) {
		return exitConfig
	}
	if _, ok := errors.AsType[configError](err); ok {
		return exitConfig
	}
	if refusal, ok := errors.AsType[*remoteError](err); ok && refusal.Temporary() {
		return exitTemporary
	}
	code := syncer.FailureCode(err)
	switch {
	case code == syncer.CodeConfig:
		return exitConfig
	case errors.Is(err, syncer.ErrLocked) || syncer.Temporary(code):
		return exitTemporary
	}
	return exitFailed
}

// codeOfRuns is the exit code of runs that ended: that of the worst.
func codeOfRuns(runs []runlog.Run) error {
	worst := exitDone
	rank := map[int]int{exitDone: 0, exitPartial: 1, exitHeld: 2, exitTemporary: 3, exitConfig: 4, exitFailed: 5}
	for i := range runs {
		if code := codeOfRun(&runs[i]); rank[code] > rank[worst] {
			worst = code
		}
	}
	if worst == exitDone {
		return nil
	}
	return outcome(worst)
}

func codeOfRun(r *runlog.Run) int {
	switch r.State {
	case runlog.Succeeded, runlog.Skipped:
		return exitDone
	case runlog.Partial:
		return exitPartial
	case runlog.Held:
		return exitHeld
	case runlog.Queued, runlog.Running, runlog.Failed, runlog.Cancelled:
	}
	switch {
	case r.Error == nil:
		return exitFailed
	case r.Error.Code == syncer.CodeConfig:
		return exitConfig
	case syncer.Temporary(r.Error.Code):
		return exitTemporary
	}
	return exitFailed
}
