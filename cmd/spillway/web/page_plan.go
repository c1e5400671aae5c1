package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/syncer/samples"
)

// planBody is the body of the page of a held plan.
type planBody struct {
	syncer.Review
	Planned []amount
	Changes []amount // changed rows by field, the most frequent first
	Rows    []planLine
	Next    string // the address of the next page
	Masked  bool   // values are not shown
}

// planLine is one operation of a plan.
type planLine struct {
	Kind, Op, Key, ID string
	Quarantined       bool
	Fields            []fieldValue
}

type fieldValue struct{ Name, Value string }

// plannedRows is how many operations a page of a plan shows.
const plannedRows = 50

func (s *server) planPage(w http.ResponseWriter, r *http.Request) error {
	run, err := s.found(r)
	if err != nil {
		return err
	}
	if run.State != runlog.Held { // it was approved, discarded or never held: its own page says what came of it
		http.Redirect(w, r, "/runs/"+run.ID, http.StatusSeeOther)
		return nil
	}
	from := 0
	if text := r.URL.Query().Get("from"); text != "" {
		if from, err = strconv.Atoi(text); err != nil || from < 0 {
			return invalid("from is not a place that a page ended with", "")
		}
	}
	shown := s.shownFields()
	review, err := s.Daemon.Review(r.Context(), run.ID, from, plannedRows, shown)
	if err != nil {
		return err
	}
	body := planBody{Review: review, Planned: plannedOf(&review.Run), Masked: shown == nil}
	for field, n := range review.Fields {
		body.Changes = append(body.Changes, amount{Name: field, Count: n})
	}
	slices.SortFunc(body.Changes, func(a, b amount) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name)) })
	for _, row := range review.Rows {
		body.Rows = append(body.Rows, newPlanLine(row, s.Daemon.Runs()))
	}
	if review.Next > 0 {
		body.Next = "/runs/" + run.ID + "/plan?" + url.Values{"from": {strconv.Itoa(review.Next)}}.Encode() + "#rows"
	}
	return s.render(w, r, http.StatusOK, "plan", view{Title: "Plan of " + run.Sync, Section: "runs", Body: body})
}

// plannedOf are the operations of a run by why they were due.
func plannedOf(r *runlog.Run) []amount {
	list := make([]amount, len(runlog.Kinds))
	for i, k := range runlog.Kinds {
		list[i] = amount{Name: kindNames[k], Count: r.Planned(k)}
	}
	return list
}

// shownFields says of which fields a plan may show the values; nil: of none.
func (s *server) shownFields() func(field string) bool {
	l := s.Daemon.Project().Runlog
	if l.Samples == project.NoSamples {
		return nil
	}
	mask := samples.NewMask(l.Mask)
	return func(field string) bool { return !mask.Covers(field) }
}

func newPlanLine(r syncer.ReviewedRow, log *runlog.Log) planLine {
	line := planLine{Kind: string(r.Kind), Op: r.Op, Key: log.Shown(r.Key), ID: log.Shown(r.ID), Quarantined: r.Quarantined}
	for _, name := range r.Order() {
		value := r.Fields[name].New
		text, isText := value.(string)
		if !isText {
			text = literal(value)
		}
		line.Fields = append(line.Fields, fieldValue{name, shortened(text)})
	}
	return line
}

// longestValue is how many characters of a value a plan shows.
const longestValue = 200

func shortened(text string) string {
	runes := []rune(text)
	if len(runes) <= longestValue {
		return text
	}
	return fmt.Sprintf("%s… (%d characters)", string(runes[:longestValue]), len(runes))
}
