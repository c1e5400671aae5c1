package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"spillway/cmd/spillway/words"
	"spillway/destinations"
	"spillway/syncer"
	"spillway/syncer/runlog"
)

// renderPlans shows plans for people, the worst first: those that failed, those that are held, then those with
// removals.
func (a *app) renderPlans(plans []*syncer.Plan) {
	sorted := slices.Clone(plans)
	slices.SortStableFunc(sorted, func(x, y *syncer.Plan) int {
		return cmp.Or(cmp.Compare(urgency(y), urgency(x)), cmp.Compare(x.Sync, y.Sync))
	})
	a.printf("Plan: read-only, nothing is sent, nothing is kept\n")
	var total syncer.Plan
	var held, failed int64
	for _, p := range sorted {
		a.printf("\n")
		a.renderPlan(p)
		total.Added += p.Added
		total.Changed += p.Changed
		total.Removed += p.Removed
		total.Carried += p.Carried
		total.Invalid += p.Invalid
		total.Waiting += p.Waiting
		if p.Guard.Held {
			held++
		}
		if p.Failed != nil {
			failed++
		}
	}
	a.printf("\nPlan: %s to add, %s to change, %s to remove", words.Count(total.Added), words.Count(total.Changed), words.Count(total.Removed))
	for _, part := range []struct {
		n    int64
		text string
	}{
		{total.Waiting, "of these waiting"}, {total.Carried, "tried before"}, {total.Invalid, "invalid"}, {held, words.Plural(held, "sync", "syncs") + " held"}, {failed, words.Plural(failed, "sync", "syncs") + " failed"},
	} {
		switch {
		case part.n == 0:
		case strings.Contains(part.text, "sync"):
			a.printf(", %s", part.text)
		default:
			a.printf(", %s %s", words.Count(part.n), part.text)
		}
	}
	a.printf(".\n")
}

func urgency(p *syncer.Plan) int {
	switch {
	case p.Failed != nil:
		return 3
	case p.Guard.Held:
		return 2
	case p.Removed > 0:
		return 1
	}
	return 0
}

func (a *app) renderPlan(p *syncer.Plan) {
	b := p.About
	a.printf("%s   %s -> %s %s", text.Bold.Sprint(p.Sync), b.Model, b.Destination, b.Object)
	if b.Identifier != "" {
		a.printf(" by %s", b.Identifier)
	}
	a.printf("   mode %s, removed -> %s%s\n", b.Mode, b.OnRemoved, irreversible(b))
	if p.Failed != nil {
		a.printf("  %s    %s\n", text.FgRed.Sprint("FAILED"), hanging(safeLines(p.Failed.Message)))
		return
	}
	if p.Guard.Held {
		a.printf("  %s      %s\n", text.FgRed.Sprint("HELD"), hanging(p.Guard.Reason))
		a.printf("            A run would send nothing, and its plan could be approved: spillway run -s %s\n", p.Sync)
	}
	if p.Guard.Removals != "" {
		a.printf("  %s   %s\n", text.FgYellow.Sprint("WAITING"), hanging(p.Guard.Removals))
	}
	a.printf("  Source    %s in %s%s\n", words.Plural(p.Source, "row", "rows"), words.Took(b.ReadMS), invalidNote(p))
	if p.Billed != nil {
		a.printf("  Read      %s billed by %s, for this plan and for each run\n", strings.TrimSpace(p.Billed.Bound+" "+words.Size(p.Billed.Bytes)), b.Warehouse)
	}
	a.printf("  Change    %s\n", changeLine(p))
	if fields := fieldLine(p.Fields); fields != "" {
		a.printf("  Fields    %s\n", fields)
	}
	if p.Due() {
		a.printf("  Cost      %s, about %s\n", words.Plural(p.Requests, "request", "requests"), words.Took(p.EstimateMS))
	}
	if !p.Guard.Held {
		a.printf("  Guard     OK%s\n", removalShare(p))
	}
	a.renderSamples(p)
	if len(p.Errors) > 0 {
		a.printf("\n  %s (%s)\n", text.FgYellow.Sprint("! invalid"), words.Count(p.Invalid))
	}
	for i := range p.Errors {
		a.renderGroup(&p.Errors[i])
	}
}

// labelled is where the text of a plan's lines starts.
const labelled = 12

// hanging wraps text that stands behind a label.
func hanging(s string) string {
	return strings.ReplaceAll(wrapped(s, widest-labelled), "\n", "\n"+strings.Repeat(" ", labelled))
}

func irreversible(b syncer.About) string {
	if b.Irreversible {
		return text.FgRed.Sprint(" (irreversible)")
	}
	return ""
}

func invalidNote(p *syncer.Plan) string {
	if p.Invalid == 0 {
		return "   keys unique, all valid"
	}
	return fmt.Sprintf("   %s invalid", words.Count(p.Invalid))
}

func changeLine(p *syncer.Plan) string {
	parts := []string{
		text.FgRed.Sprintf("- %s remove", words.Count(p.Removed)),
		text.FgYellow.Sprintf("~ %s change", words.Count(p.Changed)),
		text.FgGreen.Sprintf("+ %s add", words.Count(p.Added)),
		fmt.Sprintf("= %s same", words.Count(p.Same)),
	}
	if p.Carried > 0 {
		carried := fmt.Sprintf("! %s tried before", words.Count(p.Carried))
		if p.Quarantined > 0 {
			carried += fmt.Sprintf(" (%s quarantined)", words.Count(p.Quarantined))
		}
		parts = append(parts, carried)
	}
	if p.Left > 0 {
		parts = append(parts, fmt.Sprintf("%s left in place", words.Count(p.Left)))
	}
	return strings.Join(parts, "    ")
}

func fieldLine(fields map[string]int64) string {
	type change struct {
		name string
		n    int64
	}
	var changes []change
	for name, n := range fields {
		changes = append(changes, change{name, n})
	}
	slices.SortFunc(changes, func(x, y change) int {
		return cmp.Or(cmp.Compare(y.n, x.n), cmp.Compare(x.name, y.name))
	})
	parts := make([]string, len(changes))
	for i, c := range changes {
		parts[i] = c.name + " " + words.Count(c.n)
	}
	return strings.Join(parts, "   ")
}

func removalShare(p *syncer.Plan) string {
	if p.Removed == 0 || p.About.Previous == 0 {
		return ""
	}
	return fmt.Sprintf("   removals %s = %.2f %% of %s", words.Count(p.Removed), 100*float64(p.Removed)/float64(p.About.Previous), words.Count(p.About.Previous))
}

// renderSamples shows a few operations of each kind, removals first.
func (a *app) renderSamples(p *syncer.Plan) {
	for _, kind := range []struct {
		name  runlog.Kind
		sign  string
		n     int64
		color text.Color
	}{
		{runlog.KindRemoved, "- remove", p.Removed, text.FgRed},
		{runlog.KindChanged, "~ change", p.Changed, text.FgYellow},
		{runlog.KindAdded, "+ add", p.Added, text.FgGreen},
		{runlog.KindCarried, "! tried before", p.Carried, text.FgMagenta},
	} {
		var shown []*syncer.Sample
		for i := range p.Samples {
			if p.Samples[i].Kind == kind.name {
				shown = append(shown, &p.Samples[i])
			}
		}
		if len(shown) == 0 {
			continue
		}
		note := ""
		if kind.name == runlog.KindRemoved && p.About.Irreversible {
			note = text.FgRed.Sprint(" cannot be undone")
		}
		a.printf("\n  %s (%s, showing %d)%s\n", kind.color.Sprint(kind.sign), words.Count(kind.n), len(shown), note)
		for _, s := range shown {
			a.printf("      %-18s %s\n", short(safe(s.Key), 18), sampleLine(s))
		}
	}
}

// A sample shows at most so many fields, and as many as fit a line.
const (
	sampleFields = 6
	sampleWidth  = 112
)

func sampleLine(s *syncer.Sample) string {
	if len(s.Fields) == 0 {
		return s.Op
	}
	arrow := "="
	if s.Kind == runlog.KindChanged {
		arrow = " -> "
	}
	var parts []string
	room := sampleWidth
	for _, name := range s.Order() {
		part := short(name, 40) + arrow + shownValue(s.Fields[name].New)
		room -= len([]rune(part)) + len(", ")
		if len(parts) == sampleFields || room < 0 && len(parts) > 0 {
			parts = append(parts, fmt.Sprintf("and %d more", len(s.Fields)-len(parts)))
			break
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func shownValue(v any) string {
	switch v := v.(type) {
	case string:
		if v == syncer.Masked {
			return v
		}
		return strconv.Quote(short(v, 40))
	case destinations.Date:
		return string(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return short(safe(string(b)), 40)
}

func keysOf(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	var shown []string
	for _, k := range keys[:min(len(keys), 3)] {
		shown = append(shown, short(safe(k), 14))
	}
	return "   e.g. " + joined(shown)
}
