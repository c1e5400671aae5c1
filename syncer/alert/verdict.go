package alert

import (
	"slices"
	"time"

	"spillway/syncer/runlog"
)

// verdict is what a run or the clock says of a trigger.
type verdict uint8

const (
	unknown verdict = iota // nothing: it stays as it was
	clear
	firing
)

func judged(fires bool) verdict {
	if fires {
		return firing
	}
	return clear
}

// judge says what the last of runs, which are over and in the order of their ends, says of a trigger. Only a run that
// came through clears anything: one that was cancelled, or that the end of the daemon cut off, says nothing.
func (r *Rules) judge(t Trigger, runs []runlog.Run) verdict {
	run := &runs[len(runs)-1]
	through := run.State == runlog.Succeeded || run.State == runlog.Partial
	switch {
	case t == Failed && through, t == Held && through:
		return clear
	case t == Failed && failed(run):
		return fires(r.failuresInARow(runs) >= r.Failures)
	case t == Held:
		return fires(run.State == runlog.Held)
	case t == Rejected && through:
		return judged(run.Rejected > r.Rejected.Of(attempted(run.Counts)))
	case t == Slow && duration(run) > r.Slow && run.State != runlog.Cancelled:
		return firing
	case t == Slow && (through || run.State == runlog.Held):
		return clear
	case t == Rows && (through || run.State == runlog.Held):
		return r.judgeRows(runs)
	}
	return unknown
}

// fires is firing or nothing: where the condition does not hold that is no recovery.
func fires(holds bool) verdict {
	if holds {
		return firing
	}
	return unknown
}

// codeInterrupted is that of runs which the end of their process cut off. They go on by themselves.
const codeInterrupted = "interrupted"

func failed(run *runlog.Run) bool {
	return run.State == runlog.Failed && (run.Error == nil || run.Error.Code != codeInterrupted)
}

func (r *Rules) failuresInARow(runs []runlog.Run) (n int) {
	for i := range slices.Backward(runs) {
		switch state := runs[i].State; {
		case failed(&runs[i]):
			n++
		case state == runlog.Succeeded || state == runlog.Partial:
			return n
		}
	}
	return n
}

// attempted is how many operations a run was to send: those in quarantine are not.
func attempted(c runlog.Counts) int64 { return c.Due() - c.Quarantined }

func duration(run *runlog.Run) time.Duration { return time.Duration(run.DurationMS) * time.Millisecond }

// leastRuns is how many earlier runs there must be before a number of rows is held to them.
const leastRuns = 3

// judgeRows holds the rows of the last run to those of the runs before it.
func (r *Rules) judgeRows(runs []runlog.Run) verdict {
	usual := r.usualRows(runs)
	if usual == 0 {
		return unknown
	}
	apart := runs[len(runs)-1].Source - usual
	return judged(max(apart, -apart) > r.Rows.Of(usual))
}

// usualRows is the median of the rows of the runs before the last one that succeeded, which one of them alone cannot
// move. It is 0 where there are too few to say.
func (r *Rules) usualRows(runs []runlog.Run) int64 {
	var rows []int64
	for i := len(runs) - 2; i >= 0 && len(rows) < r.RowsRuns; i-- {
		if state := runs[i].State; state == runlog.Succeeded || state == runlog.Partial {
			rows = append(rows, runs[i].Source)
		}
	}
	if len(rows) < min(leastRuns, r.RowsRuns) {
		return 0
	}
	slices.Sort(rows)
	return rows[len(rows)/2]
}

// overdueAt is when a sync that succeeded last at a time is overdue; it is zero where that never comes.
func (r *Rules) overdueAt(s *Sync, since time.Time) time.Time {
	at := since
	for range r.Overdue {
		if at = s.Schedule.Next(at); at.IsZero() {
			return at
		}
	}
	return at
}
