package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"spillway/cmd/spillway/web/audit"
	"spillway/syncer"
	"spillway/syncer/daemon"
	"spillway/syncer/runlog"
)

// Every action is a form that is posted, and ends with a redirect to the page that shows what came of it.

// then leads a browser to a page and has it say what was done.
func then(w http.ResponseWriter, r *http.Request, path, done string) error {
	http.Redirect(w, r, path+"?"+url.Values{"done": {done}}.Encode(), http.StatusSeeOther)
	return nil
}

func (s *server) runAction(w http.ResponseWriter, r *http.Request) error {
	sync := r.PathValue("sync")
	run, err := s.Daemon.Trigger(r.Context(), daemon.Request{Sync: sync, Trigger: runlog.ByAPI, By: who(r.Context()).Name})
	err = s.busy(r, sync, err)
	s.record(r, audit.Entry{Action: audit.Run, Sync: sync, Run: run.ID}, err)
	if err != nil {
		return err
	}
	return then(w, r, "/runs/"+run.ID, "started")
}

func (s *server) pauseAction(w http.ResponseWriter, r *http.Request) error {
	sync := r.PathValue("sync")
	err := s.Daemon.Pause(r.Context(), sync, who(r.Context()).Name)
	s.record(r, audit.Entry{Action: audit.Pause, Sync: sync}, err)
	if err != nil {
		return err
	}
	return then(w, r, "/syncs/"+sync, "paused")
}

func (s *server) resumeAction(w http.ResponseWriter, r *http.Request) error {
	sync := r.PathValue("sync")
	err := s.Daemon.Resume(r.Context(), sync, who(r.Context()).Name)
	s.record(r, audit.Entry{Action: audit.Resume, Sync: sync}, err)
	if err != nil {
		return err
	}
	return then(w, r, "/syncs/"+sync, "resumed")
}

func (s *server) cancelAction(w http.ResponseWriter, r *http.Request) error {
	run, err := s.found(r)
	if err != nil {
		return err
	}
	_, err = s.Daemon.Cancel(r.Context(), run.ID, who(r.Context()).Name)
	s.record(r, audit.Entry{Action: audit.Cancel, Sync: run.Sync, Run: run.ID}, err)
	if err != nil {
		return err
	}
	return then(w, r, "/runs/"+run.ID, "cancelled")
}

func (s *server) approveAction(w http.ResponseWriter, r *http.Request) error {
	run, err := s.found(r)
	if err != nil {
		return err
	}
	started, err := s.Daemon.Approve(r.Context(), run.ID, who(r.Context()).Name)
	if errors.Is(err, syncer.ErrApproval) { // its words are ours
		p := asProblem(err)
		p.Detail = err.Error()
		err = p
	}
	err = s.busy(r, run.Sync, err)
	s.record(r, audit.Entry{Action: audit.Approve, Sync: run.Sync, Run: run.ID, Detail: "applied by run " + started.ID}, err)
	if err != nil {
		return err
	}
	return then(w, r, "/runs/"+started.ID, "approved")
}

func (s *server) retryAction(w http.ResponseWriter, r *http.Request) error {
	run, err := s.found(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return invalid("the form cannot be read", "")
	}
	var keys []string
	if key := r.PostForm.Get("key"); key != "" {
		keys = []string{key}
	}
	released, started, err := s.Daemon.Retry(r.Context(), run.ID, keys, r.PostForm.Get("code"), who(r.Context()).Name)
	err = s.busy(r, run.Sync, err)
	s.record(r, audit.Entry{Action: audit.Retry, Sync: run.Sync, Run: run.ID, Detail: fmt.Sprintf("%d rows back in line", released)}, err)
	if err != nil {
		return err
	}
	return then(w, r, "/runs/"+started.ID, "retried")
}

func (s *server) checkAction(w http.ResponseWriter, r *http.Request) error {
	s.Daemon.CheckNow(r.Context())
	return then(w, r, "/connections", "checked")
}

func (s *server) reloadAction(w http.ResponseWriter, r *http.Request) error {
	err := s.Daemon.Reload(r.Context(), who(r.Context()).Name)
	s.record(r, audit.Entry{Action: audit.Reload}, err)
	if err != nil && len(s.Daemon.Reloaded().Problems) == 0 {
		return err
	}
	return then(w, r, "/project", "reloaded")
}
