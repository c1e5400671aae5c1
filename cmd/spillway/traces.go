package main

import (
	"time"

	"spillway/cmd/spillway/telemetry"
	"spillway/syncer"
)

// traceparentVariable names the trace that the runs of a command continue: what starts commands sets it, as OpenTelemetry
// has it, in the form of W3C Trace Context.
const traceparentVariable = "TRACEPARENT"

// traceTime is how long the end of a command may wait for the collector of traces.
const traceTime = 5 * time.Second

// tracer follows the runs of this process where the environment names a collector, and is nil elsewhere.
func (a *app) tracer() syncer.Tracer {
	if a.traces == nil {
		a.traces = telemetry.OpenTraces(release, a.log)
	}
	if a.traces == nil {
		return nil
	}
	return a.traces
}
