// Package alert tells people and their tools when a sync needs them, and when it does not any more: one notice at each
// change of state, and none in between.
//
// What a run or the clock says of one trigger is a verdict. A verdict that differs from the one before is a change, and
// makes a notice. Changes and the notices that no service has acknowledged yet stand in a file of the state directory, so
// that a restart neither repeats nor forgets one.
package alert

import (
	"path"
	"slices"
	"time"

	"spillway/syncer/runlog"
)

// Trigger is what an alert can tell of. The set is closed.
type Trigger string

// The triggers.
const (
	Failed   Trigger = "failed"   // runs of a sync fail
	Rejected Trigger = "rejected" // a run had many of its operations rejected
	Held     Trigger = "held"     // a guard holds a plan, which waits for approval
	Overdue  Trigger = "overdue"  // a sync has had no success for periods of its schedule
	Slow     Trigger = "slow"     // a run takes long
	Rows     Trigger = "rows"     // a model gives many more or many fewer rows than before
	Reload   Trigger = "reload"   // the project on disk has mistakes and is not the one that runs
)

// ofRuns are the triggers on which a run that is over has a verdict.
var ofRuns = []Trigger{Failed, Rejected, Held, Slow, Rows}

// Share is a part of a total: so many of it, or always the same number.
type Share interface {
	Of(total int64) int64
	String() string
}

// Rules say what an alert tells of, and from where on.
type Rules struct {
	On       []Trigger
	Syncs    []string      // patterns of path.Match; none takes every sync
	Failures int           // Failed: so many runs in a row
	Rejected Share         // Rejected: more than this of the operations that a run was to send
	Overdue  int           // Overdue: so many ticks of the schedule
	Slow     time.Duration // Slow: a run takes longer
	Rows     Share         // Rows: the number of rows is further than this from the median of earlier runs
	RowsRuns int           // Rows: of so many earlier runs that succeeded
}

func (r *Rules) has(t Trigger) bool { return slices.Contains(r.On, t) }

// covers reports whether the alert is about a sync.
func (r *Rules) covers(sync string) bool {
	return len(r.Syncs) == 0 || slices.ContainsFunc(r.Syncs, func(pattern string) bool {
		ok, err := path.Match(pattern, sync)
		return ok && err == nil // the project has checked the pattern
	})
}

// State is what a notice says of its trigger.
type State string

// The states of a notice.
const (
	Firing   State = "firing"
	Resolved State = "resolved"
	Testing  State = "test" // somebody asked for it, to see whether it arrives
)

// Notice is what a service is told. It has counts and codes, and never the value of a row (invariant 10).
type Notice struct {
	ID      string    `json:"id"` // the same however often the notice is sent
	Alert   string    `json:"alert"`
	Project string    `json:"project"`
	Trigger Trigger   `json:"trigger"` // empty: a test
	State   State     `json:"state"`
	Sync    string    `json:"sync"` // empty: the project as a whole
	At      time.Time `json:"at"`
	Summary string    `json:"summary"`       // one sentence for people
	Run     *Run      `json:"run,omitempty"` // that brought the change about
	Link    string    `json:"link,omitempty"`
}

// Run is what a notice tells of a run.
type Run struct {
	ID         string       `json:"id"`
	State      runlog.State `json:"state"`
	Trigger    string       `json:"trigger"`
	DurationMS int64        `json:"duration_ms"`
	Code       string       `json:"error_code,omitempty"`
	runlog.Counts
}

func told(run *runlog.Run) *Run {
	r := &Run{ID: run.ID, State: run.State, Trigger: string(run.Trigger), DurationMS: run.DurationMS, Counts: run.Counts}
	if run.Error != nil {
		r.Code = run.Error.Code
	}
	return r
}

// About names what the notice is about, the same for all changes of one thing: its alert, trigger and sync.
func (n Notice) About() string {
	about := n.Project + "/" + n.Alert + "/" + string(n.Trigger)
	if n.State == Testing {
		about += "test"
	}
	if n.Sync != "" {
		about += "/" + n.Sync
	}
	return about
}

// Test is a notice to see whether it arrives.
func Test(project, name, link string, now time.Time) Notice {
	return Notice{
		ID: newID(now), Alert: name, Project: project, State: Testing, At: now.UTC(), Link: link,
		Summary: "This is a test of the alert " + name + ". Nothing is wrong.",
	}
}
