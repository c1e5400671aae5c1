package main

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"

	"spillway/syncer/runlog"
)

// traceTests look at the traces that a collector gets.
func traceTests() map[string]func(*suite) {
	return map[string]func(*suite){
		"a trace":                  testTrace,
		"a trace that goes on":     testTraceGoesOn,
		"a collector that hangs":   testHangingCollector,
		"a collector that is gone": testNoCollector,
	}
}

// traced is a site whose commands send traces to a collector.
func traced(s *suite, rows int) (*site, *collector) {
	p, c := newSite(s, rows), newCollector(s.t)
	p.env = append(p.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.server.URL)
	return p, c
}

const someoneElses = "0af7651916cd43dd8448eb211c80319c"

// testTrace runs a sync that is throttled once and has a row rejected, then one that fails, and then looks for what must
// not be told.
func testTrace(s *suite) {
	t := s.t
	p, c := traced(s, 250)
	p.env = append(p.env, "HOOK_TOKEN="+canarySecret+"token", "OTEL_EXPORTER_OTLP_HEADERS=api-key="+canarySecret+"collector",
		"OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test")
	p.sql("update people set name = $1 || id", canaryValue)
	requests := 0
	p.service.answers(func(r *request) reply {
		requests++
		switch requests {
		case 1:
			return reply{status: 429, body: canaryQuoted, header: map[string]string{"Retry-After": "0"}}
		case 2:
			return reply{body: `{"results":[` + strings.ReplaceAll(results(r, r.Records[0].Key), `"no"`, `"`+canaryQuoted+`"`) + `]}`}
		}
		return reply{}
	})
	c.hasRun(p.run(exitPartial))
	if c.about["service.name"] != "spillway" || c.about["service.version"] != "dev" || c.about["deployment.environment.name"] != "test" {
		t.Errorf("the resource is %v", c.about)
	}

	p.sql("update people set score = score + 1")
	p.env = append(p.env, "OTEL_SERVICE_NAME=crm", "TRACEPARENT=00-"+someoneElses+"-b7ad6b7169203331-01")
	p.service.answers(func(*request) reply {
		return reply{status: 401, body: "you sent " + canarySecret + "token, " + canaryQuoted}
	})
	before := len(c.came())
	c.hasFailed(p.run(exitFailed), c.came()[before:])
	if c.about["service.name"] != "crm" {
		t.Errorf("the resource is %v", c.about)
	}
	for _, canary := range []string{canarySecret, canaryValue, canaryQuoted, "@x.io"} {
		if strings.Contains(c.raw.String(), canary) {
			t.Errorf("%q is told to the collector", canary)
		}
	}

	before = c.requests
	p.service.calm()
	for _, off := range []string{"OTEL_TRACES_SAMPLER=always_off", "OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=none", "OTEL_EXPORTER_OTLP_ENDPOINT="} {
		at := len(p.env)
		p.env = append(p.env, off)
		p.run(exitDone)
		p.env = p.env[:at]
	}
	if c.requests != before {
		t.Errorf("%d requests came that were not asked for", c.requests-before)
	}
}

// hasRun checks the spans of a run of people in which one request was throttled and one row rejected.
func (c *collector) hasRun(run runlog.Run) {
	t, all := c.t, c.came()
	t.Helper()
	oneTrace(t, all)
	request := "run people > sending > POST /people"
	want := []string{
		"run people", "run people > comparing", "run people > extracting", "run people > sending", request, request, request, request,
		"run people > settling",
	}
	if have := slices.Sorted(maps.Values(paths(all))); !slices.Equal(have, want) || run.Requests != 4 {
		t.Errorf("of %d requests there are the spans\n%s", run.Requests, strings.Join(have, "\n"))
	}
	var marked []string
	for _, span := range all {
		has := attributesOf(span.GetAttributes())
		if has["spillway.sync"] != "people" || has["spillway.run.id"] != run.ID || has["spillway.object"] != "people" {
			t.Errorf("%s has the attributes %v", span.GetName(), has)
		}
		if span.GetStatus().GetCode() == tracev1.Status_STATUS_CODE_ERROR {
			marked = append(marked, span.GetName()+" "+has["http.response.status_code"]+" "+has["error.type"])
		}
		if span.GetEndTimeUnixNano() < span.GetStartTimeUnixNano() {
			t.Errorf("%s ends before it begins", span.GetName())
		}
		isRun, isRequest := span.GetName() == "run people", strings.HasPrefix(span.GetName(), "POST")
		if isRun && (has["spillway.run.state"] != "partial" || has["spillway.rows.accepted"] != "249" || has["spillway.rows.rejected"] != "1" || has["spillway.run.trigger"] != "cli") {
			t.Errorf("the run has the attributes %v", has)
		}
		if isRequest && (has["http.request.method"] != "POST" || has["url.template"] != "/people" || has["server.address"] != "127.0.0.1" || has["server.port"] == "") {
			t.Errorf("a request has the attributes %v", has)
		}
	}
	if !slices.Equal(marked, []string{"POST /people 429 429"}) {
		t.Errorf("as errors are marked %v", marked)
	}
}

// hasFailed checks the spans of a failed run in the trace of somebody else.
func (c *collector) hasFailed(run runlog.Run, spans []*tracev1.Span) {
	c.t.Helper()
	for _, span := range spans {
		name := span.GetName()
		if hex.EncodeToString(span.GetTraceId()) != someoneElses {
			c.t.Errorf("%s is in the trace %x", name, span.GetTraceId())
		}
		wrong := name == "run people" || name == "settling" || strings.HasPrefix(name, "POST") // the verdict is settled
		if is := span.GetStatus().GetCode() == tracev1.Status_STATUS_CODE_ERROR; is != wrong {
			c.t.Errorf("%s is marked as an error: %v", name, is)
		}
		if name == "run people" && (attributesOf(span.GetAttributes())["error.type"] != run.Error.Code || hex.EncodeToString(span.GetParentSpanId()) != "b7ad6b7169203331") {
			c.t.Errorf("the failed run is %v", span)
		}
	}
	if len(spans) < 5 {
		c.t.Errorf("there are %d spans", len(spans))
	}
}

// oneTrace checks that spans are of one trace.
func oneTrace(t *testing.T, all []*tracev1.Span) {
	t.Helper()
	for _, span := range all {
		if string(span.GetTraceId()) != string(all[0].GetTraceId()) {
			t.Errorf("%s is in another trace", span.GetName())
		}
	}
}

// paths names spans by those that they are in.
func paths(all []*tracev1.Span) map[string]string {
	by := map[string]*tracev1.Span{}
	for _, span := range all {
		by[string(span.GetSpanId())] = span
	}
	named := map[string]string{}
	for id, span := range by {
		path := span.GetName()
		for parent := by[string(span.GetParentSpanId())]; parent != nil; parent = by[string(parent.GetParentSpanId())] {
			path = parent.GetName() + " > " + path
		}
		if len(span.GetParentSpanId()) > 0 && !strings.HasPrefix(path, "run ") {
			path = "? > " + path
		}
		named[id] = path
	}
	return named
}

// testTraceGoesOn has a daemon run a sync for somebody who traces, and beside it a command.
func testTraceGoesOn(s *suite) {
	t := s.t
	p, c := traced(s, 20)
	d := p.serve()
	status, run := d.ask("POST", "/api/v1/syncs/people/runs", "", "traceparent", "00-"+someoneElses+"-b7ad6b7169203331-01")
	if status != http.StatusAccepted {
		t.Fatalf("%d %v", status, run)
	}
	d.idle()
	p.run(exitDone)
	d.signal(syscall.SIGTERM).exits(exitDone)
	var first, second []*tracev1.Span
	for _, span := range c.came() {
		if hex.EncodeToString(span.GetTraceId()) == someoneElses {
			first = append(first, span)
		} else {
			second = append(second, span)
		}
	}
	for _, want := range []struct {
		spans   []*tracev1.Span
		trigger runlog.Trigger
		n       int
	}{{first, runlog.ByAPI, 6}, {second, runlog.ByCLI, 5}} {
		if len(want.spans) != want.n {
			t.Errorf("there are %d spans of the run by %s", len(want.spans), want.trigger)
		}
		oneTrace(t, want.spans)
		for _, span := range want.spans {
			if has := attributesOf(span.GetAttributes()); span.GetName() == "run people" && has["spillway.run.trigger"] != string(want.trigger) {
				t.Errorf("the run is %v", has)
			}
		}
	}
}

// testHangingCollector has a collector take what it is sent and never answer.
func testHangingCollector(s *suite) {
	t := s.t
	p, c := traced(s, 200)
	start := time.Now()
	p.env[len(p.env)-1] = ""
	p.run(exitDone)
	usual := time.Since(start)
	p.env[len(p.env)-1] = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=" + c.server.URL + "/v1/traces"
	c.hangs = true
	p.sql("update people set score = score + 1")
	done := p.spillway("run").exits(exitDone).says("level=WARN", "traces are lost")
	if done.took > traceTime+usual+10*time.Second { // the machine may be busy
		t.Errorf("it took %s, and %s without a collector", done.took, usual)
	}
	if n := strings.Count(done.stderr, "traces are lost"); n != 1 || c.requests == 0 {
		t.Errorf("of %d requests it is told %d times", c.requests, n)
	}
	p.matches()

	d := p.serve()
	p.sql("update people set score = score + 1")
	p.run(exitDone)
	if ended := d.signal(syscall.SIGTERM).exits(exitDone).says("traces are lost"); ended.took > traceTime+20*time.Second {
		t.Errorf("the daemon took %s to its end", ended.took)
	}
}

// testNoCollector names a collector that is not there, and one that cannot be.
func testNoCollector(s *suite) {
	p := newSite(s, 20)
	for endpoint, words := range map[string]string{
		"http://127.0.0.1:1":  "connection refused",
		"ftp://127.0.0.1":     "no URL of http or https",
		"http://127.0.0.1:1/": "connection refused",
	} {
		p.env = append(p.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint)
		done := p.spillway("run").exits(exitDone).says(words)
		if n := strings.Count(done.stderr, "level=WARN"); n != 1 {
			s.t.Errorf("%s: it is told %d times:\n%s", endpoint, n, done.stderr)
		}
	}
	p.env = append(p.env, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc")
	p.spillway("run").exits(exitDone).says("http/protobuf is the one protocol")
	p.env = append(p.env, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_EXPORTER_OTLP_HEADERS="+canarySecret)
	if done := p.spillway("run").exits(exitDone).says("a setting of OpenTelemetry is not heeded"); strings.Contains(fmt.Sprint(done.stdout, done.stderr), canarySecret) {
		s.t.Errorf("a secret is told: %s", done.stderr)
	}
}
