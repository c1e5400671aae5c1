// Package web is the daemon's face: the HTTP API under /api/v1, the pages for people, health, metrics, and who may do
// what at them.
package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"spillway/cmd/spillway/web/access"
	"spillway/cmd/spillway/web/audit"
	"spillway/syncer"
	"spillway/syncer/alert"
	"spillway/syncer/daemon"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// Syncs are what a daemon has to say of its syncs, and takes for them. Errors wrap daemon.ErrUnknownSync and
// daemon.ErrBusy.
type Syncs interface {
	Syncs(ctx context.Context) ([]daemon.SyncStatus, error)
	Sync(ctx context.Context, name string) (daemon.SyncStatus, error)
	Trigger(ctx context.Context, r daemon.Request) (runlog.Run, error)
	Pause(ctx context.Context, sync, by string) error
	Resume(ctx context.Context, sync, by string) error
	Known(ctx context.Context, sync, key string) (*syncer.KnownRow, error) // nil: the snapshot does not know the key
}

// Snapshots are what a daemon does to what it remembers of deliveries. Errors wrap daemon.ErrUnknownSync and
// daemon.ErrBusy.
type Snapshots interface {
	Reset(ctx context.Context, sync string) error
	Adopt(ctx context.Context, sync string) (adopted, invalid int64, err error)
	Forget(ctx context.Context, sync, key string) (found bool, err error)
}

// Plans are what a daemon takes for the plans of held runs. Errors wrap runlog.ErrNotFound, daemon.ErrBusy and
// syncer.ErrApproval.
type Plans interface {
	Review(ctx context.Context, run string, from, most int, shown func(field string) bool) (syncer.Review, error)
	Approve(ctx context.Context, run, by string) (runlog.Run, error)
	Discard(ctx context.Context, run, by string) (runlog.Run, error)
}

// Runs are what a daemon takes for runs that there are. Errors wrap runlog.ErrNotFound, daemon.ErrUnknownSync, daemon.ErrBusy, daemon.ErrNotRunning and
// syncer.ErrApproval.
type Runs interface {
	Cancel(ctx context.Context, run, by string) (runlog.Run, error)
	Retry(ctx context.Context, run string, keys []string, code, by string) (released int, started runlog.Run, err error)
	RetrySync(ctx context.Context, sync string, keys []string, code, by string) (released int, started runlog.Run, err error)
	Wait(ctx context.Context, run string, d time.Duration) (runlog.Run, error)
	Runs() *runlog.Log
}

// Health is how a daemon is.
type Health interface {
	Project() *project.Project
	Reloaded() daemon.Reloaded
	Reload(ctx context.Context, by string) error
	Checks() []daemon.Check
	CheckNow(ctx context.Context)
	Ready(ctx context.Context) error
}

// Daemon is what the API and the pages stand before.
type Daemon interface {
	Syncs
	Snapshots
	Plans
	Runs
	Health
}

// Options say what is served, and to whom.
type Options struct {
	Daemon  Daemon
	Tokens  *access.Tokens
	Audit   *audit.Log
	Log     *slog.Logger
	Metrics http.Handler          // of GET /metrics; nil tells of the process alone
	Alerts  func() []alert.Status // how those of the project stand; nil where there are none
	Build   Build
	Now     func() time.Time // nil is the system's clock

	// Open lets whoever comes without a token do everything: on the loopback interface alone.
	Open bool
	// Hosts are the names by which the daemon may be called, besides the loopback ones; without ports.
	Hosts []string
	// HTTPS says that browsers come by https, be it to a proxy before the daemon.
	HTTPS bool
	// BehindProxy says that the address of whoever asks is the last one of X-Forwarded-For.
	BehindProxy bool
}

// Build is the program that serves.
type Build struct{ Version, Commit string }

type server struct {
	Options
	sessions *access.Sessions
	throttle *access.Throttle
	mux      *http.ServeMux
	table    []route
}

// New returns what answers all requests of a daemon.
func New(o Options) http.Handler {
	s := newServer(o)
	return s.secured(s.mux)
}

func newServer(o Options) *server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Metrics == nil {
		o.Metrics = ProcessMetrics(o.Build)
	}
	s := &server{Options: o, sessions: access.NewSessions(o.Tokens), throttle: access.NewThrottle(), mux: http.NewServeMux()}
	s.table = s.routes()
	for _, rt := range s.table {
		if rt.scope < access.Public || rt.scope > access.Approve {
			panic(fmt.Sprintf("route %s %s has no scope", rt.method, rt.pattern))
		}
		s.mux.Handle(rt.method+" "+rt.pattern, s.guarded(rt))
	}
	s.mux.HandleFunc("/", s.unrouted)
	return s
}
