package web

import (
	"net/http"
	"net/url"

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
	run, err := s.trigger(r, daemon.Request{Sync: r.PathValue("sync"), Trigger: runlog.ByAPI})
	if err != nil {
		return err
	}
	return then(w, r, "/runs/"+run.ID, "started")
}

func (s *server) pauseAction(w http.ResponseWriter, r *http.Request) error {
	sync, err := s.pause(r)
	if err != nil {
		return err
	}
	return then(w, r, "/syncs/"+sync, "paused")
}

func (s *server) resumeAction(w http.ResponseWriter, r *http.Request) error {
	sync, err := s.resume(r)
	if err != nil {
		return err
	}
	return then(w, r, "/syncs/"+sync, "resumed")
}

func (s *server) cancelAction(w http.ResponseWriter, r *http.Request) error {
	cancelled, err := s.cancel(r)
	if err != nil {
		return err
	}
	return then(w, r, "/runs/"+cancelled.ID, "cancelled")
}

func (s *server) approveAction(w http.ResponseWriter, r *http.Request) error {
	started, err := s.approve(r)
	if err != nil {
		return err
	}
	return then(w, r, "/runs/"+started.ID, "approved")
}

func (s *server) discardAction(w http.ResponseWriter, r *http.Request) error {
	discarded, err := s.discard(r)
	if err != nil {
		return err
	}
	return then(w, r, "/runs/"+discarded.ID, "discarded")
}

func (s *server) retryAction(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return invalid("the form cannot be read", "")
	}
	rows := chosen{Code: r.PostForm.Get("code")}
	if key := r.PostForm.Get("key"); key != "" {
		rows.Keys = []string{key}
	}
	_, started, err := s.retry(r, rows)
	if err != nil {
		return err
	}
	return then(w, r, "/runs/"+started.ID, "retried")
}

func (s *server) checkAction(w http.ResponseWriter, r *http.Request) error {
	s.Daemon.CheckNow(r.Context())
	return then(w, r, "/connections", "checked")
}

// reloadAction reads the project anew, which the daemon enters into the audit log itself, as when files change. Problems
// of the project stand on the page that follows.
func (s *server) reloadAction(w http.ResponseWriter, r *http.Request) error {
	err := s.Daemon.Reload(r.Context(), who(r.Context()).Name)
	if err != nil && len(s.Daemon.Reloaded().Problems) == 0 {
		return err
	}
	return then(w, r, "/project", "reloaded")
}
