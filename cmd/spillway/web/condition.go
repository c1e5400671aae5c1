package web

import (
	"fmt"
	"slices"
	"strings"

	"spillway/cmd/spillway/words"
	"spillway/syncer/daemon"
	"spillway/syncer/runlog"
)

// condition is how something is: in a word, a shape and a class that gives it a colour. Nothing is told by colour alone.
type condition struct{ Word, Shape, Class string }

var conditions = map[runlog.State]condition{
	runlog.Queued:    {"queued", "…", "calm"},
	runlog.Running:   {"running", "▶", "busy"},
	runlog.Succeeded: {"succeeded", "✓", "good"},
	runlog.Partial:   {"partial", "▲", "warn"},
	runlog.Held:      {"held", "■", "warn"},
	runlog.Failed:    {"failed", "✕", "bad"},
	runlog.Cancelled: {"cancelled", "⊘", "bad"},
	runlog.Skipped:   {"skipped", "–", "calm"},
}

// concern orders syncs: what needs attention comes first.
var concern = []string{"failed", "cancelled", "held", "rows missing", "paused", "never ran", "healthy"}

// healthOf says how a sync is, by its latest run.
func healthOf(st daemon.SyncStatus) condition {
	switch {
	case st.Last != nil && st.Last.State == runlog.Held:
		return conditions[runlog.Held]
	case st.Last != nil && (st.Last.State == runlog.Failed || st.Last.State == runlog.Cancelled):
		return conditions[st.Last.State]
	case st.Last != nil && (st.Last.State == runlog.Partial || st.Last.Quarantined > 0):
		return condition{"rows missing", "▲", "warn"}
	case st.Paused:
		return condition{"paused", "⏸", "calm"}
	case st.Last == nil:
		return condition{"never ran", "○", "calm"}
	}
	return condition{"healthy", "✓", "good"}
}

func byConcern(a, b daemon.SyncStatus) int {
	rank := func(s daemon.SyncStatus) int { return slices.Index(concern, healthOf(s).Word) }
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	return strings.Compare(a.Sync.Name, b.Sync.Name)
}

// verdict says in one sentence what came of a run.
func verdict(r *runlog.Run) string {
	due := r.Due() - r.Quarantined
	switch r.State {
	case runlog.Queued:
		return "The run waits for its turn."
	case runlog.Running:
		if r.Phase == runlog.Sending && due > 0 {
			return fmt.Sprintf("%s of %s have arrived so far.", words.Count(r.Accepted), words.Plural(due, "operation", "operations"))
		}
		return fmt.Sprintf("The run is %s: nothing is known of its rows yet.", r.Phase)
	case runlog.Held:
		return fmt.Sprintf("Nothing was sent: %s.", strings.TrimSuffix(r.Error.Message, "."))
	case runlog.Failed, runlog.Cancelled:
		if r.Accepted > 0 {
			return fmt.Sprintf("%s of %s arrived before the run ended.", words.Count(r.Accepted), words.Plural(due, "operation", "operations"))
		}
		return "Nothing arrived."
	case runlog.Partial:
		arrived := fmt.Sprintf("%s of %s arrived; %s.", words.Count(r.Accepted), words.Plural(due, "operation", "operations"), words.Shortfall(&r.Counts))
		return strings.TrimSpace(arrived + " " + words.Waiting(r.Errors))
	case runlog.Skipped:
		return "Nothing was done: another run of the sync was going on."
	case runlog.Succeeded:
	}
	switch {
	case r.Accepted == 1:
		return "The one operation arrived."
	case r.Accepted > 0:
		return fmt.Sprintf("All %s operations arrived.", words.Count(r.Accepted))
	case r.Quarantined > 0:
		return fmt.Sprintf("Nothing was sent: %s.", words.Plural(r.Quarantined, "row stays in quarantine", "rows stay in quarantine"))
	}
	return "Nothing to send: the destination has accepted every row as it is."
}

// median returns the middle of the numbers, 0 of none.
func median(numbers []int64) int64 {
	if len(numbers) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(numbers))
	return sorted[len(sorted)/2]
}
