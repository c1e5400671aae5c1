package bench

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// driverRows is how many rows are read from each test server.
const driverRows = 1_000_000

// loops are the ways in which the benchmarks of a warehouse's package read the same rows.
var loops = []struct{ name, what string }{
	{"Driver", "the bare driver's own loop"},
	{"Read", "decoded rows"},
	{"Pack", "packed rows, of which those that did not change are never decoded"},
}

// measureDrivers has the warehouses whose systems only a server of ours can stand for read a million rows from it, and
// the bare driver read the same.
func measureDrivers(b *testing.B, s *settings, r *report) {
	b.Helper()
	var out strings.Builder
	out.WriteString("## Warehouse drivers\n\n" +
		"A million rows from the test server of each, which speaks the system's protocol in the same process and has the\n" +
		"messages ready: decoded one by one, packed, and read by the bare driver as its documentation shows.\n\n" +
		"| warehouse | read | rows a second | ns a row | bytes allocated a row | allocations a row | of the driver's time |\n|---|---|---|---|---|---|---|\n")
	for _, w := range []struct{ name, title string }{{"snowflake", "Snowflake"}, {"bigquery", "BigQuery"}} {
		figures := driverFigures(b, w.name, s.rounds)
		bare := figures["Driver"]
		for _, l := range loops {
			f := figures[l.name]
			ratio := middle(quotients(f["ns/op"], bare["ns/op"]))
			ns := middle(f["ns/op"])
			fmt.Fprintf(&out, "| %s | %s | %s | %.0f | %.0f | %.1f | %.2f |\n", w.title, l.what, thousands(int64(1e9/ns)), ns,
				middle(f["B/op"]), middle(f["allocs/op"]), ratio)
			if l.name == "Read" {
				r.target(ratio <= 1.2, "rows from "+w.title+"'s test server", "at most 1.2 × the bare driver's loop", fmt.Sprintf("%.2f", ratio))
			}
		}
	}
	r.section(out.String())
}

// driverFigures returns the figures of a package's benchmarks, one of each round, by benchmark and unit.
func driverFigures(b *testing.B, name string, rounds int) map[string]map[string][]float64 {
	b.Helper()
	figures := map[string]map[string][]float64{}
	for range rounds {
		cmd := exec.CommandContext(b.Context(), "go", "test", "-run", "^$", "-bench", "^Benchmark(Driver|Read|Pack)$", "-benchmem",
			"-benchtime", fmt.Sprintf("%dx", driverRows), "spillway/warehouse/"+name)
		text, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatalf("%v\n%s", err, text)
		}
		for line := range strings.Lines(string(text)) {
			loop, rest, ok := strings.Cut(strings.TrimPrefix(line, "Benchmark"), "-")
			if cells := strings.Fields(rest); ok && strings.HasPrefix(line, "Benchmark") && len(cells) > 2 {
				if figures[loop] == nil {
					figures[loop] = map[string][]float64{}
				}
				for i := 2; i+1 < len(cells); i += 2 {
					n, err := strconv.ParseFloat(cells[i], 64)
					if err != nil {
						b.Fatalf("%s: %v", line, err)
					}
					figures[loop][cells[i+1]] = append(figures[loop][cells[i+1]], n)
				}
			}
		}
	}
	for _, l := range loops {
		if len(figures[l.name]["ns/op"]) != rounds {
			b.Fatalf("the benchmarks of %s gave %v", name, figures)
		}
	}
	return figures
}

func quotients(a, b []float64) []float64 {
	q := make([]float64, len(a))
	for i := range a {
		q[i] = a[i] / b[i]
	}
	return q
}
