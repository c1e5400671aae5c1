package telemetry

import (
	"context"
	"net"
	"strconv"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"spillway/destinations"
	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// runSpans are the spans of one run: the run's own, and that of its present phase.
type runSpans struct {
	tracer trace.Tracer
	common []attribute.KeyValue
	within context.Context //nolint:containedctx // it carries the run's span, and nothing ends with it

	run trace.Span

	mu    sync.Mutex
	inner context.Context //nolint:containedctx // it carries the phase's span
	phase trace.Span      // nil before the first
}

// Trace begins the span of a run.
func (t *Traces) Trace(s *project.Sync, run runlog.Run, parent string) syncer.Trace {
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": parent})
	r := &runSpans{tracer: t.tracer, common: []attribute.KeyValue{
		attribute.String("spillway.sync", run.Sync), attribute.String("spillway.run.id", run.ID),
		attribute.String("spillway.destination", s.Destination), attribute.String("spillway.object", s.Object),
	}}
	r.within, r.run = t.tracer.Start(ctx, "run "+run.Sync, trace.WithAttributes(r.common...),
		trace.WithAttributes(attribute.String("spillway.run.trigger", string(run.Trigger))))
	return r
}

// Phase begins the span of a phase and ends that of the one before it.
func (r *runSpans) Phase(run runlog.Run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave(run)
	r.inner, r.phase = r.tracer.Start(r.within, string(run.Phase), trace.WithAttributes(r.common...))
}

// leave ends the span of the present phase; mu is held.
func (r *runSpans) leave(run runlog.Run) {
	if r.phase == nil {
		return
	}
	if run.State == runlog.Failed || run.State == runlog.Cancelled {
		fail(r.phase, run)
	}
	r.phase.End()
}

// Exchanged makes the span of a request that is over.
func (r *runSpans) Exchanged(x destinations.Exchange) {
	r.mu.Lock()
	within := r.inner
	r.mu.Unlock()
	_, span := r.tracer.Start(within, x.Method+" "+x.Route, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(x.At),
		trace.WithAttributes(r.common...), trace.WithAttributes(asked(x)...))
	if x.Code != "" {
		span.SetAttributes(semconv.ErrorTypeKey.String(x.Code))
		span.SetStatus(codes.Error, x.Code)
	}
	span.End(trace.WithTimestamp(x.At.Add(x.Took)))
}

// asked are the attributes of a request, by the conventions for clients of HTTP.
func asked(x destinations.Exchange) []attribute.KeyValue {
	host, port, err := net.SplitHostPort(x.Server)
	if err != nil { // it has no port
		host = x.Server
	}
	all := []attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String(x.Method), semconv.URLTemplate(x.Route), semconv.ServerAddress(host),
		attribute.Float64("spillway.waited_seconds", x.Waited.Seconds()),
	}
	if n, err := strconv.Atoi(port); err == nil {
		all = append(all, semconv.ServerPort(n))
	}
	if x.Status != 0 {
		all = append(all, semconv.HTTPResponseStatusCode(x.Status))
	}
	if x.Attempt > 1 {
		all = append(all, semconv.HTTPRequestResendCount(x.Attempt-1))
	}
	return all
}

// End ends the run's span. What the destination said stands in the run log: it may quote a row.
func (r *runSpans) End(run runlog.Run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave(run)
	r.run.SetAttributes(attribute.String("spillway.run.state", string(run.State)))
	r.run.SetAttributes(counted(run)...)
	if run.State == runlog.Failed || run.State == runlog.Cancelled {
		fail(r.run, run)
	}
	r.run.End()
}

// fail marks a span with the code of the run's failure.
func fail(span trace.Span, run runlog.Run) {
	code := string(run.State)
	if run.Error != nil {
		code = run.Error.Code
	}
	span.SetAttributes(semconv.ErrorTypeKey.String(code))
	span.SetStatus(codes.Error, code)
}

// counted are the counts of a run.
func counted(run runlog.Run) []attribute.KeyValue {
	c := run.Counts
	return []attribute.KeyValue{
		attribute.Int64("spillway.rows.source", c.Source), attribute.Int64("spillway.rows.same", c.Same),
		attribute.Int64("spillway.rows.added", c.Added), attribute.Int64("spillway.rows.changed", c.Changed),
		attribute.Int64("spillway.rows.removed", c.Removed), attribute.Int64("spillway.rows.carried", c.Carried),
		attribute.Int64("spillway.rows.invalid", c.Invalid), attribute.Int64("spillway.rows.left", c.Left),
		attribute.Int64("spillway.rows.accepted", c.Accepted), attribute.Int64("spillway.rows.rejected", c.Rejected),
		attribute.Int64("spillway.rows.deferred", c.Deferred), attribute.Int64("spillway.rows.unknown", c.Unknown),
		attribute.Int64("spillway.rows.held", c.Held), attribute.Int64("spillway.rows.quarantined", c.Quarantined),
		attribute.Int64("spillway.requests", run.Requests), attribute.Int64("spillway.retries", run.Retries),
		attribute.Int64("spillway.bytes_sent", run.BytesSent), attribute.Float64("spillway.throttled_seconds", seconds(run.ThrottledMS)),
	}
}
