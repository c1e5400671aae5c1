package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"spillway/mappings"
	"spillway/syncer/daemon"
	"spillway/syncer/runlog"
)

// syncBody is the body of a sync's page.
type syncBody struct {
	daemon.SyncStatus
	Verdict  string
	Fields   []mappedField
	Runs     []runlog.Run
	Rows     chart
	Duration chart
	Oldest   time.Time
	After    string
}

// mappedField is one line of a mapping, in words.
type mappedField struct{ Name, From, Rules string }

func (s *server) syncPage(w http.ResponseWriter, r *http.Request) error {
	st, err := s.Daemon.Sync(r.Context(), r.PathValue("sync"))
	if err != nil {
		return err
	}
	body := syncBody{SyncStatus: st, After: strings.Join(st.Sync.After, ", ")}
	for _, f := range st.Sync.Mapping.Fields {
		body.Fields = append(body.Fields, describeField(f))
	}
	if body.Runs, err = s.Daemon.Runs().Runs(r.Context(), runlog.Filter{Sync: st.Sync.Name, Limit: stripRuns, Brief: true}); err != nil {
		return err
	}
	if body.Oldest, err = s.Daemon.Runs().OldestProblem(r.Context(), st.Sync.Name); err != nil {
		return err
	}
	body.Rows, body.Duration = rowsChart(body.Runs), durationChart(body.Runs)
	if st.Last != nil {
		body.Verdict = verdict(st.Last)
	}
	return s.render(w, r, http.StatusOK, "sync", view{Title: st.Sync.Name, Section: "overview", Live: st.Running != nil, Body: body})
}

// describeField says where the value of a field comes from, and what is done with it.
func describeField(f mappings.Field) mappedField {
	m := mappedField{Name: f.Name}
	switch {
	case f.Column != "":
		m.From = "column " + f.Column
	case f.Expr != "":
		m.From = f.Expr
	default:
		m.From = "always " + literal(f.Value)
	}
	var rules []string
	if len(f.Map) > 0 {
		var pairs []string
		for _, from := range slices.Sorted(maps.Keys(f.Map)) {
			pairs = append(pairs, fmt.Sprintf("%s → %s", from, literal(f.Map[from])))
		}
		rules = append(rules, strings.Join(pairs, ", "))
	}
	if f.HasDefault {
		rules = append(rules, "otherwise "+literal(f.Default))
	}
	if f.Type != "" {
		rules = append(rules, "as "+string(f.Type))
	}
	if f.OnNull != mappings.Send {
		rules = append(rules, nulls[f.OnNull])
	}
	if f.When != mappings.Always {
		rules = append(rules, "only when the record is new")
	}
	m.Rules = strings.Join(rules, "; ")
	return m
}

// nulls say what becomes of a field whose value is null.
var nulls = map[mappings.OnNull]string{mappings.Skip: "left alone when null", mappings.ClearField: "cleared when null"}

// literal writes a constant of a mapping as JSON does.
func literal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
