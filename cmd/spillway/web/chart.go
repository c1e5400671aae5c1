package web

import (
	"fmt"
	"slices"
	"strings"

	"spillway/cmd/spillway/words"
	"spillway/syncer/runlog"
)

// bar is one rectangle of a chart, in units of its viewBox, which is 100 high.
type bar struct {
	X, Y, Width, Height float64
	Class, Label        string
}

// chart is a drawing of bars and, maybe, a line across them. Summary says what it shows to those who do not see it.
type chart struct {
	Width   float64
	Bars    []bar
	Line    float64 // height of a line across; 0 is none
	Summary string
}

const barWidth, barGap = 8.0, 2.0

func place(i int) float64 { return float64(i) * (barWidth + barGap) }

// strip shows how the latest runs ended, the newest to the right: the height tells what the colour does.
func strip(newestFirst []runlog.Run) chart {
	runs := oldestFirst(newestFirst)
	c := chart{Width: place(stripRuns)}
	counts := map[runlog.State]int{}
	heights := map[string]float64{"good": 40, "warn": 70, "bad": 100, "busy": 20, "calm": 12}
	for i, r := range runs {
		counts[r.State]++
		at := conditions[r.State]
		h := heights[at.Class]
		c.Bars = append(c.Bars, bar{place(stripRuns - len(runs) + i), 100 - h, barWidth, h, at.Class, fmt.Sprintf("%s, %s UTC", at.Word, r.StartedAt.UTC().Format("2006-01-02 15:04"))})
	}
	var parts []string
	for state := range conditions {
		if n := counts[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	slices.Sort(parts)
	c.Summary = fmt.Sprintf("The last %s: %s", words.Plural(int64(len(runs)), "run", "runs"), strings.Join(parts, ", "))
	return c
}

// stripRuns is how many runs a strip and the charts of a sync show.
const stripRuns = 30

func oldestFirst(runs []runlog.Run) []runlog.Run {
	turned := slices.Clone(runs[:min(len(runs), stripRuns)])
	slices.Reverse(turned)
	return turned
}

// rowsChart shows what each run delivered, and what it did not.
func rowsChart(newestFirst []runlog.Run) chart {
	runs := oldestFirst(newestFirst)
	c := chart{Width: place(stripRuns)}
	var most, delivered, missing int64 = 1, 0, 0
	for _, r := range runs {
		most = max(most, r.Due())
		delivered += r.Accepted
		missing += r.Due() - r.Accepted
	}
	for i, r := range runs {
		x, scale := place(stripRuns-len(runs)+i), 100/float64(most)
		good, rest := float64(r.Accepted)*scale, float64(r.Due()-r.Accepted)*scale
		label := fmt.Sprintf("%s: %s accepted, %s not", r.StartedAt.UTC().Format("2006-01-02 15:04"), words.Count(r.Accepted), words.Count(r.Due()-r.Accepted))
		c.Bars = append(c.Bars, bar{x, 100 - good, barWidth, good, "good", label}, bar{x, 100 - good - rest, barWidth, rest, "bad", label})
	}
	c.Summary = fmt.Sprintf("Operations in the last %d runs: %s accepted, %s not", len(runs), words.Count(delivered), words.Count(missing))
	return c
}

// durationChart shows how long each run took, with their median as a line.
func durationChart(newestFirst []runlog.Run) chart {
	runs := oldestFirst(newestFirst)
	c := chart{Width: place(stripRuns)}
	took := make([]int64, len(runs))
	for i, r := range runs {
		took[i] = r.DurationMS
	}
	middle := median(took)
	longest := max(1, slices.Max(append(took, 1)))
	for i, r := range runs {
		h := 100 * float64(r.DurationMS) / float64(longest)
		c.Bars = append(c.Bars, bar{
			place(stripRuns - len(runs) + i), 100 - h, barWidth, h, "calm",
			fmt.Sprintf("%s: %s", r.StartedAt.UTC().Format("2006-01-02 15:04"), words.Took(r.DurationMS)),
		})
	}
	if middle > 0 {
		c.Line = 100 - 100*float64(middle)/float64(longest)
	}
	c.Summary = fmt.Sprintf("How long the last %d runs took: half of them %s or less", len(runs), words.Took(middle))
	return c
}

// stage is a part of a run's time.
type stage struct {
	Name  string
	MS    int64
	Share float64 // of the whole, from 0 to 100
	Class string
}

// stages divide the time of a run. What went by waiting for rate limits stands apart from sending.
func stages(r *runlog.Run) []stage {
	sending := r.Timings[runlog.Sending]
	waiting := min(r.ThrottledMS, sending)
	all := []stage{
		{Name: "reading", MS: r.Timings[runlog.Extracting], Class: "reading"},
		{Name: "comparing", MS: r.Timings[runlog.Comparing], Class: "comparing"},
		{Name: "sending", MS: sending - waiting, Class: "sending"},
		{Name: "waiting for rate limits", MS: waiting, Class: "waiting"},
		{Name: "settling", MS: r.Timings[runlog.Settling], Class: "settling"},
	}
	var total int64
	for _, s := range all {
		total += s.MS
	}
	for i := range all {
		if total > 0 {
			all[i].Share = 100 * float64(all[i].MS) / float64(total)
		}
	}
	return all
}

// stageBars draw stages on a line that is 100 wide.
func stageBars(all []stage) []bar {
	var bars []bar
	x := 0.0
	for _, s := range all {
		if s.Share > 0 {
			bars = append(bars, bar{X: x, Width: s.Share, Height: 100, Class: s.Class, Label: s.Name + ": " + words.Took(s.MS)})
		}
		x += s.Share
	}
	return bars
}
