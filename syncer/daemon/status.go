// Package daemon keeps a project's syncs running: by their schedules, after one another, and when somebody asks.
package daemon

import (
	"errors"
	"time"

	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// What a request of the daemon can meet. Errors wrap these.
var (
	ErrUnknownSync = errors.New("no such sync")
	ErrBusy        = errors.New("the sync is already running") // and its overlap is not queue
	ErrNotRunning  = errors.New("the run is over")             // so that it cannot be cancelled
)

// SyncStatus is how one sync stands.
type SyncStatus struct {
	Sync        *project.Sync
	Paused      bool
	PausedBy    string
	NextRun     time.Time    // zero: none is planned
	Running     *runlog.Run  // in progress
	Queued      []runlog.Run // waiting for it, or for a place
	Last        *runlog.Run  // the newest that is over; skipped runs do not count
	LastSuccess time.Time    // end of the newest that succeeded or was partial; zero: none did
	Progress    Progress     // of Running
}

// Progress is how far a run in progress is.
type Progress struct {
	Read int64 // rows of the model
	Sent int64 // operations that are settled
	Due  int64 // of so many; 0 before it is known
}

// Request asks for a run of one sync.
type Request struct {
	Sync    string
	Trigger runlog.Trigger
	By      string   // who asks: a token's name, "cli" or "page", for the audit log
	Full    bool     // send every row again
	Keys    []string // put these back in line first, although they were rejected or given up

	// IdempotencyKey, when not empty, makes a second request with the same key answer with the run of the first.
	IdempotencyKey string
}

// Reloaded is the outcome of the latest attempt to read the project.
type Reloaded struct {
	At       time.Time
	By       string           // who asked for it; empty for the start, "files" where they changed
	Problems project.Problems // why the project on disk is not the one that runs; nil when it is
}

// Check is the latest check of a warehouse or a destination.
type Check struct {
	Kind    string // "warehouse" or "destination"
	Name    string
	Type    string
	At      time.Time // zero: not checked yet
	Account string    // what was reached
	Error   string    // empty: well
}
