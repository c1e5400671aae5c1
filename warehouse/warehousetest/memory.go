package warehousetest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"spillway/warehouse"
)

const (
	million = 1_000_000

	// A row takes some 500 bytes, so that a result held in memory takes 500 MB.
	maxHeap     = 32 << 20
	maxResident = 160 << 20
)

// memory reads a million wide rows and watches what the process takes. It does not run in parallel, for
// there is one memory for all.
func (s Suite) memory(t *testing.T) {
	w := s.open(t)
	works(t, w)
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	runtime.GC()
	heap, resident := usage()
	rows := query(t, w, warehouse.Query{SQL: fmt.Sprintf(
		"select n, repeat('x', 200) || n as a, repeat('y', 250) || n as b, n * 0.5 as c, n %% 2 = 0 as d from %s", s.Series(million))})
	mostHeap, mostResident := heap, resident
	for i := 0; ; i++ {
		row, err := rows.Next(t.Context())
		if errors.Is(err, io.EOF) {
			if i != million {
				t.Errorf("%d rows came, want %d", i, million)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if row[0] != int64(i) {
			t.Fatalf("row %d is number %v", i, row[0])
		}
		if i%50_000 == 0 {
			h, r := usage()
			mostHeap, mostResident = max(mostHeap, h), max(mostResident, r)
		}
	}
	t.Logf("heap %d MB + %d MB, resident %d MB + %d MB", heap>>20, (mostHeap-heap)>>20, resident>>20, (mostResident-resident)>>20)
	if mostHeap-heap > maxHeap {
		t.Errorf("the heap grew by %d MB, at most %d MB are allowed", (mostHeap-heap)>>20, maxHeap>>20)
	}
	if mostResident-resident > maxResident {
		t.Errorf("the process grew by %d MB, at most %d MB are allowed", (mostResident-resident)>>20, maxResident>>20)
	}
}

// usage returns the bytes in Go's heap, and those that the system holds for the process, or 0 where it does not say.
func usage() (heap, resident int64) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return int64(stats.HeapAlloc), 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kilobytes, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return int64(stats.HeapAlloc), 0
	}
	return int64(stats.HeapAlloc), kilobytes << 10
}
