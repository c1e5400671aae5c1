// Package bench measures whole runs against the bare scan of the same rows: make bench.
package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"spillway/warehouse/warehousetest/pgtest"
)

const (
	caseVariable = "SPILLWAY_BENCH_CASE" // set in the processes that are measured
	rounds       = 5                     // of each case, in turns
)

// TestMain is also the main of the processes that are measured: each case is one process of its own, so that the
// system's own accounting says what it took.
func TestMain(m *testing.M) {
	if text := os.Getenv(caseVariable); text != "" {
		if err := runCase(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	pgtest.Main(m)
}

// task is what one measured process does.
type task struct {
	Do    string // scan, plan, adopt
	DSN   string
	Table string
	Dir   string // of the project
}

// figures are what a measured process took.
type figures struct {
	Wall    time.Duration
	CPU     time.Duration
	Anon    int64 // peak of anonymous memory, bytes
	File    int64 // peak of mapped file pages, bytes
	Rows    int64
	Due     int64
	Written int64 // bytes that the state directory grew by
}

// BenchmarkRuns prints the table of docs/performance.md. BENCH_ROWS names the sizes of the model.
func BenchmarkRuns(b *testing.B) {
	sizes := "1000000"
	if s := os.Getenv("BENCH_ROWS"); s != "" {
		sizes = s
	}
	dsn := pgtest.DSN(b)
	var report strings.Builder
	for text := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			b.Fatalf("BENCH_ROWS: %v", err)
		}
		for range b.N {
			report.WriteString(measureSize(b, dsn, n))
		}
	}
	b.Log("\n" + report.String())
	if file := os.Getenv("BENCH_OUT"); file != "" {
		writeReport(b, file, report.String())
	}
}

// measureSize measures all cases on a model of n rows.
func measureSize(b *testing.B, dsn string, n int) string {
	b.Helper()
	load(b, dsn, n)
	dir := newProject(b)
	adopted := measure(b, task{Do: "adopt", DSN: dsn, Table: "customers", Dir: dir})
	if adopted.Rows != int64(n) {
		b.Fatalf("%d of %d rows were adopted", adopted.Rows, n)
	}
	cases := []struct {
		name string
		due  int64
		task task
	}{
		{"bare scan", 0, task{Do: "scan", Table: "customers"}},
		{"nothing changed", 0, task{Do: "plan", Table: "customers", Dir: dir}},
		{"1 % changed, 0.5 % added, 0.5 % removed", int64(n/100 + n/200 + n/200), task{Do: "plan", Table: "customers_some", Dir: dir}},
		{"all changed", int64(n), task{Do: "plan", Table: "customers_all", Dir: dir}},
		{"first run", int64(n), task{Do: "plan", Table: "customers", Dir: newProject(b)}},
	}
	taken := make([][]figures, len(cases))
	for range rounds {
		for i, c := range cases {
			c.task.DSN = dsn
			f := measure(b, c.task)
			if c.task.Do == "plan" && f.Due != c.due {
				b.Fatalf("%s: %d operations are due, and %d should be", c.name, f.Due, c.due)
			}
			taken[i] = append(taken[i], f)
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "### %s rows × 12 columns\n\n", thousands(n))
	out.WriteString("| case | wall s | ratio | client CPU s | ratio | anonymous MB | file pages MB |\n|---|---|---|---|---|---|---|\n")
	for i, c := range cases {
		wall := ratios(taken[i], taken[0], func(f figures) float64 { return f.Wall.Seconds() })
		cpu := ratios(taken[i], taken[0], func(f figures) float64 { return f.CPU.Seconds() })
		fmt.Fprintf(&out, "| %s | %.2f | %.2f | %.2f | %.2f | %.0f | %.0f |\n", c.name,
			median(taken[i], func(f figures) float64 { return f.Wall.Seconds() }), wall,
			median(taken[i], func(f figures) float64 { return f.CPU.Seconds() }), cpu,
			median(taken[i], func(f figures) float64 { return float64(f.Anon) / 1e6 }),
			median(taken[i], func(f figures) float64 { return float64(f.File) / 1e6 }))
	}
	fmt.Fprintf(&out, "\nSnapshot at rest: %.1f bytes a row, keys and identifiers included.\n\n", float64(size(b, dir))/float64(n))
	return out.String()
}

// measure runs t in a process of its own.
func measure(b *testing.B, t task) figures {
	b.Helper()
	text, err := json.Marshal(t)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), caseVariable+"="+string(text), "BENCH_DSN="+t.DSN)
	var out, errout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errout
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s %s: %v\n%s", t.Do, t.Table, err, errout.String())
	}
	var f figures
	if err := json.Unmarshal(out.Bytes(), &f); err != nil {
		b.Fatalf("%s %s: %v\n%s", t.Do, t.Table, err, out.String())
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		f.CPU = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	return f
}

func median(all []figures, of func(figures) float64) float64 {
	values := make([]float64, len(all))
	for i, f := range all {
		values[i] = of(f)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// ratios is the median of the ratios round by round, so that a machine whose speed drifts is fair to both.
func ratios(of, to []figures, figure func(figures) float64) float64 {
	values := make([]float64, len(of))
	for i := range of {
		values[i] = figure(of[i]) / figure(to[i])
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
