package syncer

import (
	"fmt"

	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// shareFloor is the number of rows up to which a share never holds a run: a tenth of a handful says nothing.
const shareFloor = 10

// guarded is what the guards say of what was staged. While rows have no key, removals wait whether the run is held or
// not: each of them is in doubt (invariant 5). Whatever is no removal is sent as ever (invariant 8).
func (st *stager) guarded(previous int64) GuardReport {
	t := &st.tally
	report := judgeGuards(st.sync.Guard, t.counts, previous, st.sync.Model)
	if t.removals > 0 && st.doubted() {
		report.Removals = fmt.Sprintf("%s of model %s without a key: any of them may be the row of a record that seems to be gone, so %s for a run in which every row has one; mend the key in the model, or set allow_keyless = true under [guard]",
			rows(t.keyless), st.sync.Model, plural(t.removals, "removal waits", "removals wait"))
	}
	return report
}

// judgeGuards says whether the plan may be sent (invariant 5). previous is the size of the snapshot. The worst
// reason is given.
func judgeGuards(g project.Guard, c runlog.Counts, previous int64, model string) GuardReport {
	held := func(format string, args ...any) GuardReport {
		return GuardReport{Held: true, Reason: fmt.Sprintf(format, args...)}
	}
	if c.Source == 0 && previous > 0 && !g.AllowEmpty {
		return held("model %s gave no rows, and %d are in the snapshot; look at the model and its source. If it is meant to be empty, set allow_empty = true under [guard]", model, previous)
	}
	if limit := allowed(g.MaxRemoved, previous); c.Removed > limit {
		return held("%s of the %d in the snapshot would be removed (%s), and max_removed = %s allows %d; look at what model %s leaves out. If it is right, approve the run that is held, or raise max_removed under [guard]",
			rows(c.Removed), previous, percent(c.Removed, previous), g.MaxRemoved, limit, model)
	}
	if limit := allowed(g.MaxInvalid, c.Source); c.Invalid > limit {
		return held("%s of %d that model %s gave are invalid (%s), and max_invalid = %s allows %d; see the reasons with runs errors, and mend the model or the mapping, or raise max_invalid under [guard]",
			rows(c.Invalid), c.Source, model, percent(c.Invalid, c.Source), g.MaxInvalid, limit)
	}
	if limit := g.MaxChanged.Of(previous); c.Changed > limit {
		return held("%s of the %d in the snapshot would be changed (%s), and max_changed = %s allows %d; look at what changed in model %s or in the mapping. If it is right, approve the run that is held, or raise max_changed under [guard]",
			rows(c.Changed), previous, percent(c.Changed, previous), g.MaxChanged, limit, model)
	}
	return GuardReport{}
}

// allowed is how many rows a share of total lets pass: never fewer than the floor, unless nothing is to pass.
func allowed(s project.Share, total int64) int64 {
	if !s.Relative || s.PerMillion == 0 {
		return s.Of(total)
	}
	return max(shareFloor, s.Of(total))
}

func rows(n int64) string { return plural(n, "row", "rows") }

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func percent(n, of int64) string {
	if of == 0 {
		return "all"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}
