package bench

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// measureLimiter has the tests of the limiter write their table, and draws the targets from it.
func measureLimiter(b *testing.B, _ *settings, r *report) {
	b.Helper()
	file := filepath.Join(b.TempDir(), "table.md")
	cmd := exec.CommandContext(b.Context(), "go", "test", "-count=1", "-run", "^TestLimitsAreUsedWell$", "spillway/destinations/httpapi")
	cmd.Env = append(os.Environ(), "SPILLWAY_LIMITER_TABLE="+file)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	table, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	targetsOfLimiter(b, string(table), r)
	r.section(`## Rate limits

Minutes of simulated time against services that count requests in three ways. Requests arrive after 30 to 70 ms, which
differ at random: a jitter J of 40 ms. A limit L in any window W can be used up to W/(W+J) without a 429, of which the
client is to reach 0.98 parts. Two syncs on one account share its client, and each gets half of what the account allows.
With a stated limit the client knows L and W and learns J from the answers; without one it has only the 429s to learn
from. The first two strategies are those of golang.org/x/time/rate, for comparison.

` + string(table))
}

// Strategies of the table of limits, of which targets speak.
const (
	alone  = "limit stated"
	shared = "limit stated, two syncs"
)

// targetsOfLimiter reads the table's columns: strategy, service, limit, used, jitter, bound, reachable, refused of all.
func targetsOfLimiter(b *testing.B, table string, r *report) {
	b.Helper()
	least, unknown := map[string]float64{}, 2.0 // parts
	refusedStated, refusedUnknown := map[string]int{}, 0.0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 10 {
			continue
		}
		name := strings.TrimSpace(cells[1])
		if !strings.HasPrefix(name, "limit ") {
			continue
		}
		used, reachable := percent(b, cells[4]), percent(b, cells[7])
		var over, all int
		if _, err := fmt.Sscanf(strings.TrimSpace(cells[8]), "%d of %d", &over, &all); err != nil {
			b.Fatalf("the table of limits: %q: %v", line, err)
		}
		switch name {
		case alone, shared:
			if strings.Contains(cells[2], "sliding") {
				least[name] = min(cmp.Or(least[name], 2), used/reachable)
			}
			refusedStated[name] += over
		case "limit unknown, after a minute":
			unknown = min(unknown, used)
			refusedUnknown = max(refusedUnknown, float64(over)/float64(all))
		}
	}
	if len(least) != 2 || unknown > 1.5 {
		b.Fatalf("the table of limits has no row to judge:\n%s", table)
	}
	for _, stated := range []struct{ name, what string }{
		{alone, "a known limit L in any window W, arrivals with jitter J"}, {shared, "the same limit, with two syncs on one account"},
	} {
		r.target(least[stated.name] >= 0.98 && refusedStated[stated.name] == 0, stated.what,
			"at least 0.98 · W/(W+J) of L, 0 × 429", fmt.Sprintf("%.3f · W/(W+J), %d × 429", least[stated.name], refusedStated[stated.name]))
	}
	r.target(unknown >= 0.85 && refusedUnknown <= 0.015, "an unknown limit, after a minute",
		"at least 85 %, at most 1.5 % × 429", fmt.Sprintf("%.1f %%, %.2f %% × 429", 100*unknown, 100*refusedUnknown))
}

func percent(b *testing.B, cell string) float64 {
	b.Helper()
	n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(cell), " %"), 64)
	if err != nil {
		b.Fatalf("the table of limits: %v", err)
	}
	return n / 100
}
