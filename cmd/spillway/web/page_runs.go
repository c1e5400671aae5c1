package web

import (
	"net/http"
	"net/url"

	"github.com/oklog/ulid/v2"

	"spillway/syncer/runlog"
)

// runsBody is the body of the list of runs.
type runsBody struct {
	Runs   []runlog.Run
	Sync   string
	State  runlog.State
	Idle   bool // those that had nothing to do are shown too
	Syncs  []string
	States []runlog.State
	Next   string // the address of the next page
}

var everyState = []runlog.State{
	runlog.Running, runlog.Queued, runlog.Failed, runlog.Partial, runlog.Held, runlog.Cancelled, runlog.Succeeded, runlog.Skipped,
}

func (s *server) runsPage(w http.ResponseWriter, r *http.Request) error {
	state, err := oneOf(r, "state", everyState...)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	body := runsBody{Sync: q.Get("sync"), State: state, Idle: q.Get("idle") != "", States: everyState}
	f := runlog.Filter{Sync: body.Sync, State: state, Before: q.Get("cursor"), Limit: listedRuns + 1, Brief: true}
	f.Busy = !body.Idle && state != runlog.Succeeded && state != runlog.Skipped
	if _, err := ulid.ParseStrict(f.Before); err != nil && f.Before != "" {
		return invalid("the cursor is not one that a list ended with", "")
	}
	if body.Runs, err = s.Daemon.Runs().Runs(r.Context(), f); err != nil {
		return err
	}
	if len(body.Runs) > listedRuns {
		body.Runs = body.Runs[:listedRuns]
		next := url.Values{"sync": {body.Sync}, "state": {string(state)}, "idle": {q.Get("idle")}, "cursor": {body.Runs[listedRuns-1].ID}}
		body.Next = "/runs?" + next.Encode()
	}
	all, err := s.Daemon.Syncs(r.Context())
	if err != nil {
		return err
	}
	running := false
	for _, st := range all {
		body.Syncs = append(body.Syncs, st.Sync.Name)
		running = running || st.Running != nil
	}
	return s.render(w, r, http.StatusOK, "runs", view{Title: "Runs", Section: "runs", Live: running && f.Before == "", Body: body})
}
