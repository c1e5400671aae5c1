// Package bench measures whole runs against the bare scan of the same rows, deliveries against bare requests, and the
// use that is made of rate limits, and writes docs/performance.md: make bench.
package bench

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"spillway/warehouse/warehousetest/pgtest"
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

// part is one section of the report.
type part struct {
	name    string
	measure func(*testing.B, *settings, *report)
}

func parts() []part {
	return []part{
		{"limiter", measureLimiter},
		{"delivery", measureDelivery},
		{"runs", measureRuns},
		{"duckdb", measureDuckDB},
		{"drivers", measureDrivers},
	}
}

// settings are what the environment says of what is measured.
type settings struct {
	sizes  []int    // BENCH_ROWS: of the model
	rounds int      // BENCH_ROUNDS: how often each case is measured, in turns
	parts  []string // BENCH_PARTS
	file   string   // BENCH_OUT: the page that is written
}

func readSettings(b *testing.B) *settings {
	b.Helper()
	s := &settings{file: os.Getenv("BENCH_OUT")}
	for text := range strings.SplitSeq(variable("BENCH_ROWS", "1000000,5000000"), ",") {
		s.sizes = append(s.sizes, number(b, "BENCH_ROWS", text))
	}
	slices.Sort(s.sizes)
	s.rounds = number(b, "BENCH_ROUNDS", variable("BENCH_ROUNDS", "5"))
	names := make([]string, len(parts()))
	for i, p := range parts() {
		names[i] = p.name
	}
	s.parts = strings.Split(variable("BENCH_PARTS", strings.Join(names, ",")), ",")
	for _, name := range s.parts {
		if !slices.Contains(names, name) {
			b.Fatalf("BENCH_PARTS: there is no part %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	return s
}

func variable(name, otherwise string) string {
	if text := os.Getenv(name); text != "" {
		return text
	}
	return otherwise
}

func number(b *testing.B, name, text string) int {
	b.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 {
		b.Fatalf("%s: %q is no number of at least 1", name, text)
	}
	return n
}

// largest is the largest size, of those up to most if there is one.
func (s *settings) largest(most int) int {
	n := s.sizes[0]
	for _, size := range s.sizes {
		if size <= most {
			n = size
		}
	}
	return n
}

// command is what a person types to measure the same.
func (s *settings) command() string {
	var b strings.Builder
	b.WriteString("make bench")
	for _, name := range []string{"BENCH_ROWS", "BENCH_ROUNDS", "BENCH_PARTS"} {
		if text := os.Getenv(name); text != "" {
			b.WriteString(" " + name + "=" + text)
		}
	}
	return b.String()
}

// BenchmarkReport measures all parts once and writes the page that BENCH_OUT names.
func BenchmarkReport(b *testing.B) {
	s := readSettings(b)
	for range b.N {
		r := newReport(b, s)
		for _, p := range parts() {
			if slices.Contains(s.parts, p.name) {
				p.measure(b, s, r)
			}
		}
		b.Log("\n" + r.text())
		if s.file != "" {
			r.write(b, s.file)
		}
	}
}
