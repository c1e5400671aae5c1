package export

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Sixty thousand rows with long reasons take 50 MB, of which no sink may hold more than a part.
func TestNoSinkHoldsTheTable(t *testing.T) { //nolint:paralleltest // it measures the heap
	reason := strings.Repeat("the destination said no, at length. ", 22)
	for _, format := range []Format{JSONL, CSV, Parquet} {
		var most uint64
		_, err := pour(io.Discard, Options{Format: format}, rowColumns, func(take func(*Row) error) error {
			for i := range int64(60_000) {
				row := Row{Run: "01A", Seq: i, Key: time.Duration(i).String(), Reason: reason + time.Duration(i).String()}
				if err := take(&row); err != nil {
					return err
				}
				if i%20_000 == 0 {
					var m runtime.MemStats
					runtime.GC()
					runtime.GC() // the second empties pools
					runtime.ReadMemStats(&m)
					most = max(most, m.HeapAlloc)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if most > 24<<20 {
			t.Errorf("%s: the heap grew to %d MB", format, most>>20)
		}
	}
}
