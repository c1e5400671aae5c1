// Package runlog keeps what ran, what became of it, and every row that did not arrive with its reason, for people
// to read. It holds keys and identifiers, and values of a row only in samples, where the project asks for them.
package runlog

import (
	"encoding/json"
	"time"
)

// State is the state of a run. The set is closed.
type State string

// The states of a run.
const (
	Queued    State = "queued"
	Running   State = "running"
	Succeeded State = "succeeded"
	Partial   State = "partial" // finished, with rows rejected, deferred or unknown
	Held      State = "held"    // stopped by a guard before anything was sent
	Failed    State = "failed"
	Cancelled State = "cancelled"
	Skipped   State = "skipped"
)

// Terminal reports whether a run in this state is over.
func (s State) Terminal() bool { return s != Queued && s != Running }

// Phase is what a running run is doing.
type Phase string

// The phases of a run, in order.
const (
	Extracting Phase = "extracting" // the warehouse is at work, rows are being read
	Comparing  Phase = "comparing"  // the rows are read; removals and guards are being worked out
	Sending    Phase = "sending"
	Settling   Phase = "settling"
)

// Trigger is what started a run.
type Trigger string

// The triggers of a run.
const (
	ByCLI        Trigger = "cli"
	BySchedule   Trigger = "schedule"
	ByAPI        Trigger = "api"
	ByRetry      Trigger = "retry"
	ByApprove    Trigger = "approve"
	ByDependency Trigger = "dependency"
)

// Run is one run of one sync. Its JSON is the contract of run --json and of the API.
type Run struct {
	ID         string     `json:"id" db:"id"`
	Sync       string     `json:"sync" db:"sync"`
	State      State      `json:"state" db:"state"`
	Phase      Phase      `json:"phase" db:"phase"`
	Trigger    Trigger    `json:"trigger" db:"trigger"`
	StartedAt  time.Time  `json:"started_at" db:"-"`
	FinishedAt *time.Time `json:"finished_at" db:"-"`
	DurationMS int64      `json:"duration_ms" db:"duration_ms"`
	Counts
	Outcomes    Matrix       `json:"outcomes" db:"-"`
	Requests    int64        `json:"requests" db:"requests"`
	Retries     int64        `json:"retries" db:"retries"`
	ThrottledMS int64        `json:"throttled_ms" db:"throttled_ms"`
	BytesSent   int64        `json:"bytes_sent" db:"bytes_sent"`
	Error       *Failure     `json:"error" db:"-"`
	Errors      []ErrorGroup `json:"errors" db:"-"`

	Timings    Timings `json:"timings_ms" db:"-"`
	ConfigHash string  `json:"config_hash" db:"config_hash"`
	Commit     string  `json:"commit,omitempty" db:"git_commit"` // of the project; "-dirty" is appended where it has changes

	Tick *time.Time `json:"scheduled_for,omitempty" db:"-"`   // of the schedule that it was run for
	By   string     `json:"asked_by,omitempty" db:"asked_by"` // who asked for it
}

// Rest gives the operations of the plan that have no outcome yet the outcome o.
func (r *Run) Rest(o Outcome) {
	for _, k := range Kinds {
		n := max(0, r.Planned(k)-r.Outcomes.Sum(k))
		r.Outcomes.Add(k, o, n)
		r.Count(o, n)
	}
}

// Balance checks the identities that every finished run satisfies, and that its outcomes by kind add up to its counts.
func (r *Run) Balance() error {
	if err := r.Counts.Balance(); err != nil {
		return err
	}
	return r.Outcomes.balance(r.Counts)
}

// Timings are milliseconds spent in each phase.
type Timings map[Phase]int64

// Failure is why a run failed or was held.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ErrorGroup counts the rows of a run that have one problem in common.
type ErrorGroup struct {
	Code       string   `json:"code" db:"code"`
	Message    string   `json:"message" db:"message"`
	Count      int64    `json:"count" db:"count"`
	SampleKeys []string `json:"sample_keys" db:"-"`
}

// Outcome is what became of a row. The set is closed.
type Outcome string

// The outcomes of a row.
const (
	RowAccepted    Outcome = "accepted"
	RowRejected    Outcome = "rejected"
	RowDeferred    Outcome = "deferred"
	RowUnknown     Outcome = "unknown"
	RowHeld        Outcome = "held"
	RowQuarantined Outcome = "quarantined"
	RowInvalid     Outcome = "invalid"
)

// Row is one row of a run.
type Row struct {
	Key       string    `json:"key" db:"key"`
	ID        string    `json:"id" db:"identifier"`
	Op        string    `json:"op" db:"op"`
	Outcome   Outcome   `json:"outcome" db:"outcome"`
	Code      string    `json:"code" db:"code"`
	Reason    string    `json:"reason" db:"reason"`
	Attempts  int       `json:"attempts" db:"attempts"` // runs in a row in which this key had a problem, this one included
	FirstSeen time.Time `json:"first_seen" db:"-"`
	LastSeen  time.Time `json:"last_seen" db:"-"`

	// Exchanges are samples of what was said about the row, where AddExchanges was asked for them.
	Exchanges []Exchange `json:"exchanges,omitempty" db:"-"`

	// Untried says that no request was made for the row, and that its reason is the run's. Many such rows tell no
	// more than a few.
	Untried bool `json:"-" db:"-"`
}

// MarshalJSON writes a run with lists that are never null.
func (r Run) MarshalJSON() ([]byte, error) {
	type plain Run
	if r.Errors == nil {
		r.Errors = []ErrorGroup{}
	}
	for i := range r.Errors {
		if r.Errors[i].SampleKeys == nil {
			r.Errors[i].SampleKeys = []string{}
		}
	}
	if r.Timings == nil {
		r.Timings = Timings{}
	}
	return json.Marshal(plain(r))
}
