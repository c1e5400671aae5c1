package web

import (
	"net/http"
	"slices"
	"time"

	"spillway/cmd/spillway/web/access"
	"spillway/syncer/daemon"
	"spillway/syncer/runlog"
)

// viewRoutes are the pages that show how things are, and what can be done there.
func (s *server) viewRoutes() []route {
	get := func(pattern string, h handler) route {
		return route{method: http.MethodGet, pattern: pattern, scope: access.Read, page: true, handle: h}
	}
	post := func(pattern string, scope access.Scope, h handler) route {
		return route{method: http.MethodPost, pattern: pattern, scope: scope, page: true, handle: h}
	}
	return []route{
		get("/{$}", s.overviewPage),
		get("/syncs/{sync}", s.syncPage),
		get("/syncs/{sync}/row", s.rowPage),
		get("/rows", s.searchPage),
		get("/runs", s.runsPage),
		get("/runs/{id}", s.runPage),
		get("/runs/{id}/plan", s.planPage),
		get("/connections", s.connectionsPage),
		get("/project", s.projectPage),
		post("/syncs/{sync}/run", access.Run, s.runAction),
		post("/syncs/{sync}/pause", access.Run, s.pauseAction),
		post("/syncs/{sync}/resume", access.Run, s.resumeAction),
		post("/runs/{id}/cancel", access.Run, s.cancelAction),
		post("/runs/{id}/approve", access.Approve, s.approveAction),
		post("/runs/{id}/discard", access.Approve, s.discardAction),
		post("/runs/{id}/retry", access.Run, s.retryAction),
		post("/connections/check", access.Run, s.checkAction),
		post("/project/reload", access.Run, s.reloadAction),
	}
}

// overviewSyncs is how many syncs one page of the overview shows.
const overviewSyncs = 100

// overview is the body of the first page.
type overview struct {
	Tiles     []tile
	Syncs     []syncLine
	More      int // syncs that are not shown
	Delivered int64
	Oldest    time.Time // since when the oldest undelivered change waits; zero: there is none
	OldestAt  string    // the sync that it is of
	Next      time.Time
	NextSync  string
}

// tile is a figure at the head of the overview.
type tile struct {
	Count     int
	Condition condition
}

// syncLine is a sync as it stands in a list.
type syncLine struct {
	daemon.SyncStatus
	Strip   chart
	Verdict string
}

func (s *server) overviewPage(w http.ResponseWriter, r *http.Request) error {
	all, err := s.Daemon.Syncs(r.Context())
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, byConcern)
	body := overview{Tiles: tiles(all)}
	if body.Delivered, err = s.Daemon.Runs().Delivered(r.Context(), s.Now().Add(-24*time.Hour)); err != nil {
		return err
	}
	running := false
	for i, st := range all {
		running = running || st.Running != nil
		if !st.NextRun.IsZero() && (body.Next.IsZero() || st.NextRun.Before(body.Next)) {
			body.Next, body.NextSync = st.NextRun, st.Sync.Name
		}
		if st.Last != nil && st.Last.Due() > st.Last.Accepted {
			at, err := s.Daemon.Runs().OldestProblem(r.Context(), st.Sync.Name)
			if err != nil {
				return err
			}
			if !at.IsZero() && (body.Oldest.IsZero() || at.Before(body.Oldest)) {
				body.Oldest, body.OldestAt = at, st.Sync.Name
			}
		}
		if i >= overviewSyncs {
			body.More++
			continue
		}
		runs, err := s.Daemon.Runs().Runs(r.Context(), runlog.Filter{Sync: st.Sync.Name, Limit: stripRuns, Brief: true})
		if err != nil {
			return err
		}
		line := syncLine{SyncStatus: st, Strip: strip(runs)}
		if st.Last != nil {
			line.Verdict = verdict(st.Last)
		}
		body.Syncs = append(body.Syncs, line)
	}
	return s.render(w, r, http.StatusOK, "overview", view{Title: "Overview", Section: "overview", Live: running, Body: body})
}

// tiles count the syncs of each health, what needs attention first.
func tiles(all []daemon.SyncStatus) []tile {
	var found []tile
	for _, st := range all {
		at := healthOf(st)
		i := slices.IndexFunc(found, func(t tile) bool { return t.Condition == at })
		if i < 0 {
			i = len(found)
			found = append(found, tile{Condition: at})
		}
		found[i].Count++
	}
	return found
}
