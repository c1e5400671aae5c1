package web

import (
	"net/http"
	"net/url"
	"strconv"

	"spillway/cmd/spillway/inquiry"
	"spillway/syncer/runlog"
)

// runBody is the body of a run's page.
type runBody struct {
	runlog.Run
	Verdict string
	Stages  []stage
	Bar     []bar
	Matrix  matrix
	Groups  []group
	Rows    rowsPart
	Lines   []runlog.Line
}

// amount is a number of operations with its name. A link leads to the rows that it counts.
type amount struct {
	Name  string
	Count int64
	Link  string
}

// group is rows that have one problem in common.
type group struct {
	runlog.ErrorGroup
	Share float64 // of all rows with problems, from 0 to 100
	Side  inquiry.Side
	Cause runlog.Cause
	Link  string // to its rows
}

// rowsPart is the list of rows on a run's page.
type rowsPart struct {
	Rows                     []runlog.Row
	Outcome, Code, Op, About string
	Next                     string
}

// groupsShown is how many groups of problems a run's page shows; the others stand in its JSON.
const groupsShown = 25

func (s *server) runPage(w http.ResponseWriter, r *http.Request) error {
	run, err := s.found(r)
	if err != nil {
		return err
	}
	body := runBody{Run: run, Verdict: verdict(&run), Stages: stages(&run), Matrix: matrixOf(&run)}
	body.Bar = stageBars(body.Stages)
	if body.Rows, err = s.rowsOf(r, run.ID); err != nil {
		return err
	}
	if body.Groups, err = s.groupsOf(r, &run); err != nil {
		return err
	}
	if body.Lines, err = s.Daemon.Runs().Lines(r.Context(), run.ID); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "run", view{Title: run.Sync + ": " + string(run.State), Section: "runs", Live: !run.State.Terminal(), Body: body})
}

func rowsLink(run string, filter url.Values) string {
	return "/runs/" + run + "?" + filter.Encode() + "#rows"
}

// groupsOf explains the problems of a run.
func (s *server) groupsOf(r *http.Request, run *runlog.Run) ([]group, error) {
	var total int64
	for _, g := range run.Errors {
		total += g.Count
	}
	var groups []group
	for _, g := range run.Errors[:min(len(run.Errors), groupsShown)] {
		found := group{ErrorGroup: g, Share: 100 * float64(g.Count) / float64(total), Link: rowsLink(run.ID, url.Values{"code": {g.Code}})}
		var err error
		if found.Cause, err = s.Daemon.Runs().Cause(r.Context(), run.Sync, g.Code, g.Message); err != nil {
			return nil, err
		}
		rows, _, err := s.Daemon.Runs().Rows(r.Context(), run.ID, runlog.RowFilter{Code: g.Code, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 {
			found.Side = inquiry.SideOf(rows[0].Outcome)
		}
		groups = append(groups, found)
	}
	return groups, nil
}

// rowsOf reads the rows of a run that the address asks for.
func (s *server) rowsOf(r *http.Request, run string) (rowsPart, error) {
	q := r.URL.Query()
	part := rowsPart{Outcome: q.Get("outcome"), Code: q.Get("code"), Op: q.Get("op"), About: q.Get("about")}
	if _, err := strconv.ParseUint(q.Get("cursor"), 10, 63); err != nil && q.Get("cursor") != "" {
		return part, invalid("the cursor is not one that a list ended with", "")
	}
	rows, next, err := s.Daemon.Runs().Rows(r.Context(), run, runlog.RowFilter{
		Outcome: runlog.Outcome(part.Outcome), Code: part.Code, Op: part.Op, About: part.About, Cursor: q.Get("cursor"), Limit: listedRuns,
	})
	if err != nil {
		return part, err
	}
	part.Rows = rows
	if next != "" {
		part.Next = rowsLink(run, url.Values{"outcome": {part.Outcome}, "code": {part.Code}, "op": {part.Op}, "about": {part.About}, "cursor": {next}})
	}
	return part, nil
}
