package web

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"spillway/syncer/runlog"
	"spillway/syncer/settings"
)

const (
	listedRuns  = 50
	listedRows  = 100
	longestWait = time.Minute
)

func (s *server) listRuns(w http.ResponseWriter, r *http.Request) error {
	state, err := oneOf(r, "state", runlog.Queued, runlog.Running, runlog.Succeeded, runlog.Partial, runlog.Held, runlog.Failed,
		runlog.Cancelled, runlog.Skipped)
	if err != nil {
		return err
	}
	length, err := limit(r, listedRuns)
	if err != nil {
		return err
	}
	f := runlog.Filter{Sync: r.URL.Query().Get("sync"), State: state, Before: r.URL.Query().Get("cursor"), Limit: length + 1}
	if _, err := ulid.ParseStrict(f.Before); err != nil && f.Before != "" {
		return invalid("the cursor is not one that a list ended with", "")
	}
	runs, err := s.Daemon.Runs().Runs(r.Context(), f)
	if err != nil {
		return err
	}
	next := ""
	if len(runs) > length {
		runs = runs[:length]
		next = runs[length-1].ID
	}
	return reply(w, http.StatusOK, map[string]any{"runs": runObjects(runs), "next": next})
}

// found returns the run that the address names.
func (s *server) found(r *http.Request) (runlog.Run, error) {
	return s.Daemon.Runs().Run(r.Context(), r.PathValue("id"))
}

func (s *server) showRun(w http.ResponseWriter, r *http.Request) error {
	wait, err := patience(r)
	if err != nil {
		return err
	}
	run, err := s.found(r)
	if err == nil && wait > 0 && !run.State.Terminal() {
		run, err = s.Daemon.Wait(r.Context(), run.ID, wait)
	}
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, runObject{run: run})
}

// patience is how long a request waits for the end of a run: at most a minute.
func patience(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("wait")
	if text == "" {
		return 0, nil
	}
	if seconds, err := strconv.ParseUint(text, 10, 16); err == nil {
		text = fmt.Sprintf("%ds", seconds)
	}
	d, err := settings.ParseDuration(text)
	if err != nil {
		return 0, invalid(fmt.Sprintf("wait %q: it is a time such as 30s", text), "")
	}
	return min(d, longestWait), nil
}

func (s *server) listRows(w http.ResponseWriter, r *http.Request) error {
	outcome, err := oneOf(r, "outcome", runlog.RowAccepted, runlog.RowRejected, runlog.RowDeferred, runlog.RowUnknown, runlog.RowHeld,
		runlog.RowQuarantined, runlog.RowInvalid)
	if err != nil {
		return err
	}
	length, err := limit(r, listedRows)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if _, err := strconv.ParseUint(q.Get("cursor"), 10, 63); err != nil && q.Has("cursor") && q.Get("cursor") != "" {
		return invalid("the cursor is not one that a list ended with", "")
	}
	run, err := s.found(r)
	if err != nil {
		return err
	}
	rows, next, err := s.Daemon.Runs().Rows(r.Context(), run.ID, runlog.RowFilter{
		Outcome: outcome, Key: q.Get("key"), Code: q.Get("code"), Cursor: q.Get("cursor"), Limit: length,
	})
	if err == nil {
		err = s.Daemon.Runs().AddExchanges(r.Context(), run.ID, rows)
	}
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, map[string]any{"rows": rows, "next": next})
}

func (s *server) cancelRun(w http.ResponseWriter, r *http.Request) error {
	cancelled, err := s.cancel(r)
	if err != nil {
		return err
	}
	return replyRun(w, runObject{run: cancelled})
}

func (s *server) approveRun(w http.ResponseWriter, r *http.Request) error {
	started, err := s.approve(r)
	if err != nil {
		return err
	}
	return replyRun(w, runObject{run: started})
}

func (s *server) discardRun(w http.ResponseWriter, r *http.Request) error {
	discarded, err := s.discard(r)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, runObject{run: discarded})
}

func (s *server) retryRun(w http.ResponseWriter, r *http.Request) error {
	return replyRetried(w, r, s.retry)
}

func (s *server) retrySync(w http.ResponseWriter, r *http.Request) error {
	return replyRetried(w, r, s.retryAll)
}

// replyRetried answers how many rows were put back in line, and by which run they are sent.
func replyRetried(w http.ResponseWriter, r *http.Request, retry func(*http.Request, chosen) (int, runlog.Run, error)) error {
	var rows chosen
	if err := decode(r, &rows); err != nil {
		return err
	}
	released, started, err := retry(r, rows)
	if err != nil {
		return err
	}
	return replyRun(w, runObject{run: started, released: &released})
}
