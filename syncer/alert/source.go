package alert

import (
	"context"
	"time"

	"spillway/syncer/runlog"
	"spillway/syncer/schedule"
)

// Source is what a Keeper looks at.
type Source interface {
	// View returns how the project and its syncs stand now.
	View(ctx context.Context) (View, error)
	// Runs returns the newest runs of a sync, newest first and so many at most.
	Runs(ctx context.Context, sync string, most int) ([]runlog.Run, error)
}

// View is how a project and its syncs stand.
type View struct {
	Project  string
	URL      string // under which people reach the pages; empty: notices have no link
	Alerts   []Alert
	Syncs    []Sync
	Mistakes *Mistakes // of the project on disk; nil where it is the one that runs
}

// Alert is one alert of a project.
type Alert struct {
	Name     string
	Type     string
	Rules    Rules
	Declared string // a sum over all that is written of it
	Notifier Notifier
}

// Sync is how a sync stands.
type Sync struct {
	Name        string
	Schedule    *schedule.Schedule // nil: it has none
	Timetable   string             // the schedule and its time zone in words
	Paused      bool
	Running     *runlog.Run // in progress
	LastEnd     time.Time   // of the newest run that is over
	LastSuccess time.Time   // end of the newest run that came through
}

// Mistakes are why the project on disk was not taken.
type Mistakes struct {
	Count int
	First string
}
