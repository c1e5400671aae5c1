package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"spillway/syncer/runlog"
)

const (
	benchRuns = 10_000
	benchRows = 100_000 // rejected in the newest run
)

// BenchmarkPages asks for pages of a log with 10,000 runs, whose newest has 100,000 rejected rows. Besides the mean it
// tells how long 95 of 100 answers take at most, and how large they are.
func BenchmarkPages(b *testing.B) {
	s, h := newShop(b, func(text string) string { return text })
	for i := range benchRuns {
		at := day.Add(-time.Duration(benchRuns-i) * time.Minute)
		run := runlog.Run{
			ID: ulid.MustNew(ulid.Timestamp(at), ulid.DefaultEntropy()).String(), Sync: []string{"people", "busy"}[i%2], State: runlog.Succeeded,
			Counts: runlog.Counts{Source: 100, Same: 90, Changed: 10, Accepted: 10},
		}
		var rows []runlog.Row
		if i%10 == 0 {
			run.State, run.Accepted, run.Rejected = runlog.Partial, 9, 1
			rows = append(rows, runlog.Row{Key: fmt.Sprint(i), Op: "upsert", Outcome: runlog.RowRejected, Code: "INVALID_EMAIL", Reason: "Email address is invalid"})
		}
		h.enterAt(at, run, rows...)
	}
	few := h.runs[len(h.runs)-1]
	many := runlog.Run{ID: ulid.MustNew(ulid.Timestamp(day.Add(24*time.Hour)), ulid.DefaultEntropy()).String(), Sync: "people", State: runlog.Partial}
	many.Source, many.Added, many.Rejected = benchRows, benchRows, benchRows
	rows := make([]runlog.Row, benchRows)
	for i := range rows {
		rows[i] = runlog.Row{Key: fmt.Sprint(i), ID: fmt.Sprintf("p%d@x.io", i), Op: "upsert", Outcome: runlog.RowRejected, Code: fmt.Sprintf("CODE_%d", i%40), Reason: "Email address is invalid"}
	}
	h.runs = append(h.runs, h.enterAt(day.Add(24*time.Hour), many, rows...))
	for _, page := range []struct{ name, path string }{
		{"overview", "/"},
		{"sync", "/syncs/people"},
		{"runs", "/runs"},
		{"runs of a state", "/runs?state=failed"},
		{"runs long ago", "/runs?cursor=" + ulid.MustNew(ulid.Timestamp(day.Add(-5000*time.Minute)), ulid.DefaultEntropy()).String()},
		{"run", "/runs/" + few.ID},
		{"run of 100,000 rejected rows", "/runs/" + many.ID},
		{"rows of a cause", "/runs/" + many.ID + "?code=CODE_39"},
		{"row by identifier", "/runs/" + many.ID + "?about=p99999@x.io"},
		{"row", "/syncs/people/row?key=99999"},
	} {
		b.Run(page.name, func(b *testing.B) {
			var took []time.Duration
			size := 0
			for b.Loop() {
				start := time.Now()
				w := s.ask(http.MethodGet, page.path, "")
				took = append(took, time.Since(start))
				if size = w.Body.Len(); w.Code != http.StatusOK {
					b.Fatalf("status %d", w.Code)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64(size)/1000, "kB")
		})
	}
}
