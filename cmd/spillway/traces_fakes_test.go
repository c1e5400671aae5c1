package main

import (
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes traces as an OpenTelemetry collector does.
type collector struct {
	t      *testing.T
	server *httptest.Server
	hangs  bool // it takes requests and gives no answer

	mu       sync.Mutex
	spans    []*tracev1.Span
	about    map[string]string // the attributes of the resource
	raw      strings.Builder   // all that came
	requests int
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{t: t, about: map[string]string{}}
	c.server = httptest.NewServer(c)
	t.Cleanup(func() {
		c.server.CloseClientConnections()
		c.server.Close()
	})
	return c
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	var err error
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, err = gzip.NewReader(r.Body)
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(body)
	}
	var request collectorv1.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(text, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.t.Errorf("the collector got %s %s: %v", r.Method, r.URL, err)
	}
	c.take(text, &request)
	if c.hangs {
		<-r.Context().Done()
	}
}

func (c *collector) take(text []byte, request *collectorv1.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.raw.Write(text)
	for _, of := range request.GetResourceSpans() {
		maps.Copy(c.about, attributesOf(of.GetResource().GetAttributes()))
		for _, in := range of.GetScopeSpans() {
			c.spans = append(c.spans, in.GetSpans()...)
		}
	}
}

// attributesOf are the texts of attributes by their names.
func attributesOf(list []*commonv1.KeyValue) map[string]string {
	all := map[string]string{}
	for _, kv := range list {
		switch v := kv.GetValue().GetValue().(type) {
		case *commonv1.AnyValue_StringValue:
			all[kv.GetKey()] = v.StringValue
		default:
			_, all[kv.GetKey()], _ = strings.Cut(kv.GetValue().String(), ":")
		}
	}
	return all
}

// came returns what came so far.
func (c *collector) came() []*tracev1.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spans
}
