package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"spillway/cmd/spillway/words"
	"spillway/syncer"
	"spillway/syncer/runlog"
)

// renderRun shows a run, ending with one sentence that a person can act on. With details it also says when it was, what
// started it, and where the time went.
func (a *app) renderRun(r *runlog.Run, details bool) {
	a.printf("%s   %s in %s   run %s\n", text.Bold.Sprint(r.Sync), stateText(r.State), words.Took(r.DurationMS), r.ID)
	if details {
		a.printf("  Started   %s UTC, by %s%s\n", r.StartedAt.UTC().Format(time.DateTime), r.Trigger, commitText(r.Commit))
	}
	if r.Source > 0 || r.Due() > 0 {
		a.printf("  Source    %s: %s same, %s added, %s changed, %s tried before, %s invalid\n",
			words.Plural(r.Source, "row", "rows"), words.Count(r.Same), words.Count(r.Added), words.Count(r.Changed), words.Count(r.Carried), words.Count(r.Invalid))
		if r.Removed > 0 || r.Left > 0 {
			a.printf("  Gone      %s removed, %s left in place\n", words.Count(r.Removed), words.Count(r.Left))
		}
	}
	if r.Due() > 0 {
		a.printf("  Outcome   %s\n", outcomes(r))
		if details {
			a.renderOutcomes(r)
		}
	}
	if r.Requests > 0 {
		a.printf("  Requests  %s\n", requests(r))
	}
	if details && len(r.Timings) > 0 {
		a.printf("  Time      %s\n", timings(r.Timings))
	}
	for i := range r.Errors {
		if r.Errors[i].Code != syncer.CodeGuard { // the last line tells it
			a.renderGroup(&r.Errors[i])
		}
	}
	for _, line := range verdict(r) {
		a.printf("  %s\n", indentMore(wrapped(line, widest-2)))
	}
}

// renderOutcomes shows what became of the operations of each kind.
func (a *app) renderOutcomes(r *runlog.Run) {
	for _, k := range runlog.Kinds {
		var parts []string
		for _, o := range runlog.Fates {
			if n := r.Outcomes.Of(k, o); n > 0 {
				parts = append(parts, words.Count(n)+" "+string(o))
			}
		}
		if len(parts) > 0 {
			a.printf("            of %s %s: %s\n", words.Count(r.Planned(k)), k, strings.Join(parts, ", "))
		}
	}
}

// renderGroup shows rows that have one problem in common.
func (a *app) renderGroup(g *runlog.ErrorGroup) {
	a.printf("  %s %6s  %s: %s%s\n", text.FgYellow.Sprint("!"), words.Count(g.Count), short(safe(g.Code), 30), short(safe(g.Message), 70), keysOf(g.SampleKeys))
}

func commitText(commit string) string {
	if commit == "" {
		return ""
	}
	return ", project at " + commit
}

func timings(t runlog.Timings) string {
	var parts []string
	for _, phase := range []runlog.Phase{runlog.Extracting, runlog.Comparing, runlog.Sending, runlog.Settling} {
		if ms, ok := t[phase]; ok {
			parts = append(parts, string(phase)+" "+words.Took(ms))
		}
	}
	return strings.Join(parts, ", ")
}

func requests(r *runlog.Run) string {
	parts := []string{words.Count(r.Requests), words.Size(r.BytesSent) + " sent"}
	if r.Retries > 0 {
		parts = append(parts, words.Count(r.Retries)+" repeated")
	}
	if r.ThrottledMS > 0 {
		parts = append(parts, words.Took(r.ThrottledMS)+" waiting for rate limits")
	}
	return strings.Join(parts, ", ")
}

func outcomes(r *runlog.Run) string {
	var parts []string
	for _, o := range runlog.Fates {
		if n := r.Came(o); n > 0 {
			parts = append(parts, words.Count(n)+" "+string(o))
		}
	}
	return fmt.Sprintf("%s  =  %s", strings.Join(parts, " + "), words.Plural(r.Due(), "operation", "operations"))
}

func stateText(s runlog.State) string {
	switch s {
	case runlog.Succeeded:
		return text.FgGreen.Sprint(string(s))
	case runlog.Partial, runlog.Held, runlog.Skipped:
		return text.FgYellow.Sprint(string(s))
	case runlog.Failed, runlog.Cancelled:
		return text.FgRed.Sprint(string(s))
	case runlog.Queued, runlog.Running:
	}
	return string(s)
}

// verdict says what came of a run and what to do next.
func verdict(r *runlog.Run) []string {
	switch r.State {
	case runlog.Failed, runlog.Cancelled:
		return []string{r.Error.Code + ": " + safeLines(r.Error.Message)}
	case runlog.Held:
		return []string{"Nothing was sent: " + safeLines(r.Error.Message) + ".", "To apply exactly this plan within 24 hours: spillway runs approve " + r.ID}
	case runlog.Partial:
		lines := []string{fmt.Sprintf("%s of %s arrived; %s. Which and why: spillway runs rows %s",
			words.Count(r.Accepted), words.Plural(r.Due()-r.Quarantined, "operation", "operations"), words.Shortfall(&r.Counts), r.ID)}
		if waiting := words.Waiting(r.Errors); waiting != "" {
			lines = append(lines, waiting)
		}
		return lines
	case runlog.Succeeded:
		return succeeded(r)
	case runlog.Queued, runlog.Running, runlog.Skipped:
	}
	return []string{"The run is " + string(r.State) + "."}
}

func succeeded(r *runlog.Run) []string {
	lines := []string{"Nothing to send: the destination has accepted every row as it is."}
	switch {
	case r.Accepted > 0:
		lines[0] = fmt.Sprintf("All %s arrived.", words.Plural(r.Accepted, "operation", "operations"))
		if r.Accepted == 1 {
			lines[0] = "The operation arrived."
		}
	case r.Quarantined > 0:
		lines[0] = "Nothing was sent."
	}
	if r.Quarantined > 0 {
		lines = append(lines, fmt.Sprintf("%s in quarantine. To try again: spillway retry %s", words.Plural(r.Quarantined, "row is", "rows are"), r.Sync))
	}
	if r.Invalid > 0 {
		lines = append(lines, fmt.Sprintf("%s invalid and not sent. Which and why: spillway runs rows %s --outcome invalid",
			words.Plural(r.Invalid, "row is", "rows are"), r.ID))
	}
	return lines
}
