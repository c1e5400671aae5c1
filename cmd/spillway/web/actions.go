package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"spillway/cmd/spillway/web/audit"
	"spillway/syncer"
	"spillway/syncer/daemon"
	"spillway/syncer/runlog"
)

// What the API and the pages have the daemon do. Each action is entered into the audit log, also when it is refused.

func (s *server) trigger(r *http.Request, request daemon.Request) (runlog.Run, error) {
	request.By = who(r.Context()).Name
	run, err := s.Daemon.Trigger(r.Context(), request)
	err = s.busy(r, request.Sync, err)
	s.record(r, audit.Entry{Action: audit.Run, Sync: request.Sync, Run: run.ID}, err)
	return run, err
}

func (s *server) pause(r *http.Request) (sync string, err error) {
	sync = r.PathValue("sync")
	err = s.Daemon.Pause(r.Context(), sync, who(r.Context()).Name)
	s.record(r, audit.Entry{Action: audit.Pause, Sync: sync}, err)
	return sync, err
}

func (s *server) resume(r *http.Request) (sync string, err error) {
	sync = r.PathValue("sync")
	err = s.Daemon.Resume(r.Context(), sync, who(r.Context()).Name)
	s.record(r, audit.Entry{Action: audit.Resume, Sync: sync}, err)
	return sync, err
}

func (s *server) cancel(r *http.Request) (runlog.Run, error) {
	run, err := s.found(r)
	if err != nil {
		return runlog.Run{}, err
	}
	cancelled, err := s.Daemon.Cancel(r.Context(), run.ID, who(r.Context()).Name)
	if errors.Is(err, daemon.ErrNotRunning) {
		p := asProblem(err)
		p.Detail = fmt.Sprintf("run %s is over: it is %s", run.ID, run.State)
		err = p
	}
	s.record(r, audit.Entry{Action: audit.Cancel, Sync: run.Sync, Run: run.ID}, err)
	return cancelled, err
}

func (s *server) approve(r *http.Request) (runlog.Run, error) {
	run, err := s.found(r)
	if err != nil {
		return runlog.Run{}, err
	}
	started, err := s.Daemon.Approve(r.Context(), run.ID, who(r.Context()).Name)
	if errors.Is(err, syncer.ErrApproval) { // its words are ours
		p := asProblem(err)
		p.Detail = err.Error()
		err = p
	}
	err = s.busy(r, run.Sync, err)
	s.record(r, audit.Entry{Action: audit.Approve, Sync: run.Sync, Run: run.ID, Detail: "applied by run " + started.ID}, err)
	return started, err
}

func (s *server) discard(r *http.Request) (runlog.Run, error) {
	run, err := s.found(r)
	if err != nil {
		return runlog.Run{}, err
	}
	discarded, err := s.Daemon.Discard(r.Context(), run.ID, who(r.Context()).Name)
	if errors.Is(err, syncer.ErrApproval) { // its words are ours
		p := asProblem(err)
		p.Detail = strings.Replace(err.Error(), "approved", "discarded", 1)
		err = p
	}
	s.record(r, audit.Entry{Action: audit.Discard, Sync: run.Sync, Run: run.ID}, err)
	return discarded, err
}

// chosen are rows to be put back in line. Without either it is all of them.
type chosen struct {
	Keys []string `json:"keys"`
	Code string   `json:"code"`
}

func (s *server) retry(r *http.Request, rows chosen) (released int, started runlog.Run, err error) {
	run, err := s.found(r)
	if err != nil {
		return 0, runlog.Run{}, err
	}
	released, started, err = s.Daemon.Retry(r.Context(), run.ID, rows.Keys, rows.Code, who(r.Context()).Name)
	return released, started, s.retried(r, audit.Entry{Sync: run.Sync, Run: run.ID}, released, err)
}

func (s *server) retryAll(r *http.Request, rows chosen) (released int, started runlog.Run, err error) {
	sync := r.PathValue("sync")
	released, started, err = s.Daemon.RetrySync(r.Context(), sync, rows.Keys, rows.Code, who(r.Context()).Name)
	return released, started, s.retried(r, audit.Entry{Sync: sync}, released, err)
}

func (s *server) retried(r *http.Request, e audit.Entry, released int, err error) error {
	err = s.busy(r, e.Sync, err)
	e.Action, e.Detail = audit.Retry, fmt.Sprintf("%d rows back in line", released)
	s.record(r, e, err)
	return err
}

// reset makes the snapshot of a sync forget, or with adopt take what the model gives now as delivered.
func (s *server) reset(r *http.Request, how string) (adopted, invalid int64, err error) {
	sync := r.PathValue("sync")
	if how == adopt {
		adopted, invalid, err = s.Daemon.Adopt(r.Context(), sync)
	} else {
		err = s.Daemon.Reset(r.Context(), sync)
	}
	return adopted, invalid, s.kept(r, audit.Entry{Action: audit.Reset, Sync: sync, Detail: how}, err)
}

// forget erases one key. The audit log says that it was done, and not to whom.
func (s *server) forget(r *http.Request, key string) (found bool, err error) {
	sync := r.PathValue("sync")
	found, err = s.Daemon.Forget(r.Context(), sync, key)
	return found, s.kept(r, audit.Entry{Action: audit.Forget, Sync: sync}, err)
}

func (s *server) kept(r *http.Request, e audit.Entry, err error) error {
	err = s.busy(r, e.Sync, err)
	if p, ok := errors.AsType[*problem](err); ok && p.Code == syncer.CodeBusy {
		p.Hint = "wait for the run, or cancel it"
	}
	s.record(r, e, err)
	return err
}

// busy names the run that stands in the way, if it is still there.
func (s *server) busy(r *http.Request, sync string, err error) error {
	if !errors.Is(err, daemon.ErrBusy) {
		return err
	}
	p := asProblem(err)
	if status, err := s.Daemon.Sync(r.Context(), sync); err == nil && status.Running != nil {
		p.Run = status.Running.ID
		p.Detail = "the sync " + sync + " is already running: run " + p.Run
	}
	return p
}
