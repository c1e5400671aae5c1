package syncer

import (
	"context"
	"regexp"

	"spillway/destinations"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// Tracer is told of each run when it begins. Parent is the W3C traceparent of whoever asked for it, or empty.
type Tracer interface {
	Trace(s *project.Sync, run runlog.Run, parent string) Trace
}

// Trace follows one run. Its methods must return at once, and keep no value of a record (invariant 10).
type Trace interface {
	Phase(run runlog.Run)              // which enters the phase that it says, with what it has counted
	Exchanged(x destinations.Exchange) // in the phase of sending; from several goroutines
	End(run runlog.Run)                // which is over
}

// untraced is a Trace that takes no notice.
type untraced struct{}

func (untraced) Phase(runlog.Run)                {}
func (untraced) Exchanged(destinations.Exchange) {}
func (untraced) End(runlog.Run)                  {}

// meter counts what the run sends, and has each exchange told where somebody follows the run.
func (r *runner) meter() *destinations.Meter {
	meter := &destinations.Meter{}
	if r.engine.options.Tracer == nil {
		return meter
	}
	return meter.Watched(r.trace.Exchanged)
}

type parentKey struct{}

// traceparent is the form of a traceparent of W3C Trace Context, version 00.
var traceparent = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// WithParent returns a ctx with which the runs that are asked for continue the trace of a W3C traceparent. With anything
// else they have traces of their own.
func WithParent(ctx context.Context, parent string) context.Context {
	if !traceparent.MatchString(parent) {
		parent = ""
	}
	return context.WithValue(ctx, parentKey{}, parent)
}

// Parent returns the traceparent that ctx was given, or an empty text.
func Parent(ctx context.Context) string {
	parent, _ := ctx.Value(parentKey{}).(string)
	return parent
}
