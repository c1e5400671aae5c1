package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Traces sends spans of runs, their phases and their requests to an OpenTelemetry collector. What it does not take, or not
// in time, is lost: no run waits for it or fails because of it. A nil *Traces sends nothing.
type Traces struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	warn     func(err error) // once
}

// The variables that say where traces go, the first that is set before the others, and how.
var (
	endpoints = []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"}
	protocols = []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"}
	headers   = []string{"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"}
)

// OpenTraces returns nil where the environment names no collector, or says to send it nothing. Everything else that the
// variables of OpenTelemetry say of exporters, batches and samplers is heeded too. What is wrong with them is logged.
func OpenTraces(version string, log *slog.Logger) *Traces {
	name, endpoint := first(endpoints)
	if endpoint == "" || strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil
	}
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		log.Warn("no traces are sent: the collector's address is no URL of http or https", "variable", name)
		return nil
	}
	if name, protocol := first(protocols); protocol != "" && protocol != "http/protobuf" {
		log.Warn("no traces are sent: http/protobuf is the one protocol that is spoken", "variable", name)
		return nil
	}
	otel.SetLogger(logr.New(complaints{log})) // its own writes to stderr, secrets of the environment too
	exporter, err := otlptracehttp.New(context.Background())
	if err != nil {
		log.Warn("no traces are sent", "error", err.Error())
		return nil
	}
	about, err := resource.New(context.Background(),
		resource.WithAttributes(semconv.ServiceName("spillway"), semconv.ServiceVersion(version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv()) // the last one wins
	if err != nil {
		log.Warn("not all is told of this process in traces: OTEL_RESOURCE_ATTRIBUTES is not as it should be")
	}
	t := &Traces{warn: warnOnce(log)}
	t.provider = sdk.NewTracerProvider(sdk.WithBatcher(warning{exporter, t.warn}), sdk.WithResource(about))
	t.tracer = t.provider.Tracer("spillway", trace.WithInstrumentationVersion(version))
	return t
}

// first returns the first of some variables that is set, and its value.
func first(variables []string) (name, value string) {
	for _, name = range variables {
		if value = os.Getenv(name); value != "" {
			return name, value
		}
	}
	return "", ""
}

// Close sends what is left, for so long at most.
func (t *Traces) Close(most time.Duration) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.warn(err)
	}
}

// warning is an exporter whose errors are logged, the first of them.
type warning struct {
	sdk.SpanExporter
	warn func(error)
}

// ExportSpans sends spans. It never fails: nobody could do anything about it.
func (w warning) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if err := w.SpanExporter.ExportSpans(ctx, spans); err != nil {
		w.warn(err)
	}
	return nil
}

// maxComplaint bounds the bytes of a collector's words that are logged.
const maxComplaint = 300

func warnOnce(log *slog.Logger) func(error) {
	var once sync.Once
	return func(err error) {
		once.Do(func() {
			reason := withoutHeaders(err.Error())
			if errors.Is(err, context.DeadlineExceeded) {
				reason = "the collector gave no answer in time"
			}
			log.Warn("traces are lost; this is told once", "error", strings.ToValidUTF8(reason[:min(len(reason), maxComplaint)], ""))
		})
	}
}

// withoutHeaders takes the values of the headers that go to the collector, which are often keys, out of a text.
func withoutHeaders(text string) string {
	for _, name := range headers {
		for pair := range strings.SplitSeq(os.Getenv(name), ",") {
			_, value, _ := strings.Cut(pair, "=")
			plain, err := url.PathUnescape(value)
			for _, secret := range slices.Compact([]string{strings.TrimSpace(value), strings.TrimSpace(plain)}) {
				if err == nil && secret != "" {
					text = strings.ReplaceAll(text, secret, "•••")
				}
			}
		}
	}
	return text
}

// complaints logs what OpenTelemetry finds wrong with its variables, without their values.
type complaints struct{ log *slog.Logger }

func (complaints) Init(logr.RuntimeInfo)            {}
func (complaints) Enabled(int) bool                 { return false }
func (complaints) Info(int, string, ...any)         {}
func (c complaints) WithName(string) logr.LogSink   { return c }
func (c complaints) WithValues(...any) logr.LogSink { return c }
func (c complaints) Error(_ error, what string, _ ...any) {
	c.log.Warn("a setting of OpenTelemetry is not heeded", "setting", what)
}
