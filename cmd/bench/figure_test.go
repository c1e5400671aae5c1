package bench

import (
	"fmt"
	"os"
	"regexp"
	"runtime/metrics"
	"slices"
	"strconv"
	"time"
)

// memory is the most that a process held at a time, in bytes.
type memory struct {
	Heap     int64 // objects on Go's heap, those not yet collected included
	Anon     int64 // resident pages that are no file's
	File     int64 // resident pages of mapped files
	Resident int64 // both, as the system accounts for it
}

var (
	residentPattern = regexp.MustCompile(`(?m)^(RssAnon|RssFile|VmHWM):\s+(\d+) kB`)
	writtenPattern  = regexp.MustCompile(`(?m)^write_bytes: (\d+)$`)
)

// watchMemory samples the process's memory until the function it returns is called, which returns the peaks.
func watchMemory() func() memory {
	var most memory
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	sample := func() {
		metrics.Read(heap)
		most.Heap = max(most.Heap, int64(heap[0].Value.Uint64()))
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			return // not Linux: the columns stay 0
		}
		for _, m := range residentPattern.FindAllStringSubmatch(string(status), -1) {
			n, _ := strconv.ParseInt(m[2], 10, 64) // the pattern takes digits alone
			at := map[string]*int64{"RssAnon": &most.Anon, "RssFile": &most.File, "VmHWM": &most.Resident}[m[1]]
			*at = max(*at, n*1024)
		}
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			sample()
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() memory {
		close(stop)
		<-done
		return most
	}
}

// written is how many bytes this process has had the system write to disks, those of files removed since included.
func written() int64 {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0 // not Linux
	}
	m := writtenPattern.FindStringSubmatch(string(text))
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(m[1], 10, 64) // the pattern takes digits alone
	return n
}

func wall(f figures) float64  { return f.Wall.Seconds() }
func taken(f figures) float64 { return f.CPU.Seconds() }

func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// median is that of all rounds.
func (t *turn) median(figure func(figures) float64) float64 {
	values := make([]float64, len(t.taken))
	for i, f := range t.taken {
		values[i] = figure(f)
	}
	return middle(values)
}

// ratio is the median of the ratios to another case round by round.
func (t *turn) ratio(to *turn, figure func(figures) float64) float64 {
	values := make([]float64, len(t.taken))
	for i := range t.taken {
		values[i] = figure(t.taken[i]) / figure(to.taken[i])
	}
	return middle(values)
}

func thousands[N int | int64](n N) string {
	text := strconv.FormatInt(int64(n), 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func megabytes(n float64) string {
	if n > 0 && n < 1e5 {
		return "<0.1"
	}
	return fmt.Sprintf("%.1f", n/1e6)
}
