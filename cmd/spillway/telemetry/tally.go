package telemetry

import (
	"slices"
	"time"

	"spillway/syncer/runlog"
)

// durations are the upper bounds of the buckets of a run's duration, in seconds. A bucket is a series of every sync.
var durations = [...]float64{1, 10, 60, 5 * 60, 30 * 60, 2 * 60 * 60}

// What a tally counts apart, in its order.
var (
	states   = [...]runlog.State{runlog.Succeeded, runlog.Partial, runlog.Held, runlog.Failed, runlog.Cancelled, runlog.Skipped}
	phases   = [...]runlog.Phase{runlog.Extracting, runlog.Comparing, runlog.Sending, runlog.Settling}
	changes  = [...]string{"added", "changed", "removed", "carried"}
	outcomes = [...]runlog.Outcome{
		runlog.RowAccepted, runlog.RowRejected, runlog.RowDeferred, runlog.RowUnknown, runlog.RowHeld, runlog.RowQuarantined, runlog.RowInvalid,
	}
)

// tally is what the runs of one sync did since the process began, in plain numbers: there are tens of thousands of them
// in a large project. Times are in milliseconds.
type tally struct {
	runs      [len(states)]int64
	lasted    [len(durations) + 1]int64 // runs by the first bucket that takes them, the last one without a bound
	duration  int64
	phases    [len(phases)]int64
	changes   [len(changes)]int64
	outcomes  [len(outcomes)]int64
	source    int64
	requests  int64
	retries   int64
	throttled int64
	sent      int64 // bytes
}

// count adds a run that is over.
func (t *tally) count(run *runlog.Run) {
	if n := slices.Index(states[:], run.State); n >= 0 {
		t.runs[n]++
	}
	if len(run.Timings) == 0 {
		return // it never began
	}
	bucket, _ := slices.BinarySearch(durations[:], seconds(run.DurationMS))
	t.lasted[bucket]++
	t.duration += run.DurationMS
	for n, phase := range phases {
		t.phases[n] += run.Timings[phase]
	}
	c := &run.Counts
	add(t.changes[:], c.Added, c.Changed, c.Removed, c.Carried)
	add(t.outcomes[:], c.Accepted, c.Rejected, c.Deferred, c.Unknown, c.Held, c.Quarantined, c.Invalid)
	t.source += c.Source
	t.requests += run.Requests
	t.retries += run.Retries
	t.throttled += run.ThrottledMS
	t.sent += run.BytesSent
}

// add adds to each total its own number.
func add(totals []int64, more ...int64) {
	for n := range totals {
		totals[n] += more[n]
	}
}

func seconds(ms int64) float64 { return (time.Duration(ms) * time.Millisecond).Seconds() }
