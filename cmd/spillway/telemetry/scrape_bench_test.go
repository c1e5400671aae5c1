package telemetry_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"spillway/syncer/runlog"
)

// manySyncs is how many syncs the daemon of the benchmark has, all of which ran.
const manySyncs = 10_000

// BenchmarkScrape measures one scrape of a daemon of many syncs that all ran. held is what the metrics of these syncs keep
// in memory between scrapes.
func BenchmarkScrape(b *testing.B) {
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			names := make([]string, manySyncs)
			for i := range names {
				names[i] = fmt.Sprintf("sync%05d", i)
			}
			s := newSite(b, names...)
			before := inUse()
			for _, name := range names {
				run := worked(runlog.Succeeded)
				run.Sync = name
				s.over(run)
			}
			held := inUse() - before
			request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			request.Header.Set("Accept-Encoding", encoding)
			b.ReportAllocs()
			var sink counting
			for b.Loop() {
				sink = counting{header: http.Header{}}
				s.handler.ServeHTTP(&sink, request)
			}
			b.ReportMetric(float64(sink.bytes)/1e6, "MB/scrape")
			b.ReportMetric(held/1e6, "MB/held")
		})
	}
}

// inUse is how many bytes of the heap are in use.
func inUse() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// counting is an answer that is thrown away.
type counting struct {
	header http.Header
	bytes  int
}

var _ io.Writer = (*counting)(nil)

func (c *counting) Header() http.Header { return c.header }
func (*counting) WriteHeader(int)       {}

func (c *counting) Write(p []byte) (int, error) {
	c.bytes += len(p)
	return len(p), nil
}
