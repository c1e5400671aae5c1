package alert

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"spillway/syncer/runlog"
	"spillway/syncer/settings"
)

// firingText says what a run brought to light, in a sentence.
func (r *Rules) firingText(t Trigger, runs []runlog.Run) string {
	run := &runs[len(runs)-1]
	switch t {
	case Failed:
		code := "for a reason that is in its log"
		if run.Error != nil {
			code = "with " + run.Error.Code
		}
		if n := r.failuresInARow(runs); n > 1 {
			return fmt.Sprintf("%s failed %s, %d runs in a row.", run.Sync, code, n)
		}
		return fmt.Sprintf("%s failed %s.", run.Sync, code)
	case Rejected:
		return fmt.Sprintf("%s: %s of %s operations were rejected; %s is allowed.", run.Sync,
			humanize.Comma(run.Rejected), humanize.Comma(attempted(run.Counts)), r.Rejected)
	case Held:
		return fmt.Sprintf("%s is held by a guard: nothing was sent, and its plan of %s operations waits for approval.", run.Sync, humanize.Comma(run.Held))
	case Slow:
		return fmt.Sprintf("A run of %s took %s; %s is allowed.", run.Sync, rounded(duration(run)), settings.FormatDuration(r.Slow))
	case Rows:
		return fmt.Sprintf("The model of %s gave %s rows; it usually gives %s, and a difference of %s is allowed.", run.Sync,
			humanize.Comma(run.Source), humanize.Comma(r.usualRows(runs)), r.Rows)
	default: // no run has a verdict on the others
		return run.Sync + ": " + string(t)
	}
}

// clearText says that what a run showed is as it should be.
func (r *Rules) clearText(t Trigger, runs []runlog.Run) string {
	run := &runs[len(runs)-1]
	switch t {
	case Failed:
		return run.Sync + " does not fail any more: a run came through."
	case Rejected:
		return fmt.Sprintf("%s: %s of %s operations were rejected, which is allowed.", run.Sync, humanize.Comma(run.Rejected), humanize.Comma(attempted(run.Counts)))
	case Held:
		return run.Sync + " is not held any more: a run came through."
	case Slow:
		return fmt.Sprintf("A run of %s took %s, which is allowed.", run.Sync, rounded(duration(run)))
	case Rows:
		return fmt.Sprintf("The model of %s gave %s rows, about as many as usual.", run.Sync, humanize.Comma(run.Source))
	default:
		return run.Sync + ": " + string(t) + " is over"
	}
}

func overdueText(sync string, success, since time.Time, periods int) string {
	if success.IsZero() {
		return fmt.Sprintf("%s has had no success since %s, when its schedule began: %d periods of it have passed.", sync, minute(since), periods)
	}
	return fmt.Sprintf("%s has had no success since %s: %d periods of its schedule have passed.", sync, minute(success), periods)
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// rounded writes a duration to the second: "1h12m5s", "20m".
func rounded(d time.Duration) string {
	text := max(time.Second, d.Round(time.Second)).String()
	if whole, ok := strings.CutSuffix(text, "m0s"); ok {
		text = whole + "m"
	}
	if whole, ok := strings.CutSuffix(text, "h0m"); ok {
		text = whole + "h"
	}
	return text
}

func reloadText(p *Mistakes) string {
	problems := "a problem"
	if p.Count > 1 {
		problems = humanize.Comma(int64(p.Count)) + " problems, the first"
	}
	return fmt.Sprintf("The project on disk was not taken, and the one before it goes on: it has %s at %s.", problems, p.First)
}
