package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"spillway/cmd/spillway/words"
	"spillway/syncer/runlog"
)

func (a *app) renderRuns(runs []runlog.Run) {
	if len(runs) == 0 {
		a.note("No runs. Start with: spillway run")
		return
	}
	g := newGrid("Run", "Sync", "State", "Started (UTC)", "Took", "Source", "+", "~", "-", "Accepted", "Rejected", "Waiting", "Trigger")
	for i := range runs {
		r := &runs[i]
		g.row(r.ID, r.Sync, stateText(r.State), r.StartedAt.Format(time.DateTime), words.Took(r.DurationMS), words.Count(r.Source),
			words.Count(r.Added), words.Count(r.Changed), words.Count(r.Removed), words.Count(r.Accepted), words.Count(r.Rejected),
			words.Count(r.Deferred+r.Unknown+r.Held+r.Quarantined), r.Trigger)
	}
	a.show(g.number(5, 6, 7, 8, 9, 10, 11, 12))
}

func (a *app) renderRows(rows []runlog.Row, next string) {
	if len(rows) == 0 {
		a.note("No rows. Accepted rows are only counted, unless [runlog] rows = \"all\".")
		return
	}
	g := newGrid("Key", "Identifier", "Operation", "Outcome", "Code", "Attempts", "First seen (UTC)", "Reason")
	for i := range rows {
		r := &rows[i]
		g.row(safe(r.Key), safe(r.ID), r.Op, r.Outcome, safe(r.Code), r.Attempts, r.FirstSeen.Format(time.DateTime), safe(r.Reason))
	}
	a.show(g.number(6).wrap(1, 20).wrap(2, 30).wrap(5, 20).wrap(8, 46))
	if next != "" {
		a.note("There are more: --cursor %s", next)
	}
}

func (a *app) renderErrors(run *runlog.Run) {
	if len(run.Errors) == 0 {
		a.note("No problems in run %s.", run.ID)
		return
	}
	g := newGrid("Rows", "Code", "Reason", "Keys, for example")
	for _, group := range run.Errors {
		keys := make([]string, len(group.SampleKeys))
		for i, k := range group.SampleKeys {
			keys[i] = safe(k)
		}
		g.row(words.Count(group.Count), safe(group.Code), safe(group.Message), joined(keys))
	}
	a.show(g.number(1).wrap(2, 30).wrap(3, 70).wrap(4, 40))
}

func (a *app) renderLines(lines []runlog.Line) {
	for _, line := range lines {
		a.printf("%s %-5s %s%s\n", line.At.UTC().Format(time.RFC3339), line.Level, line.Message, attributes(line.Attrs))
	}
}

// attributes writes a log line's attributes as name=value, by name.
func attributes(object json.RawMessage) string {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(object, &values); err != nil {
		return " " + safe(string(object))
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&b, " %s=%s", safe(name), safe(string(values[name])))
	}
	return b.String()
}
