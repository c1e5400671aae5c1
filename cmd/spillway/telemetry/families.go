package telemetry

import (
	"strconv"

	"github.com/prometheus/common/model"
)

// family is a metric of which each sync has series: the same lines for each of them.
type family struct {
	name, help string
	kind       model.MetricType
	has        func(*sample) bool // whether a sync has it
	lines      []line
}

// line is one series: what stands before the name of the sync, what stands between that and the value, and the value.
type line struct {
	head, tail string
	value      func(*sample) float64
}

func everySync(*sample) bool       { return true }
func scheduledSync(s *sample) bool { return s.scheduled }
func countedSync(s *sample) bool   { return s.counted }

// families are the metrics of which each sync has series.
func families() []family {
	list := []family{
		gaugeOf("spillway_last_success_timestamp_seconds", "When the newest run ended that succeeded or was partial; 0 where none did.", everySync,
			func(s *sample) float64 { return s.lastSuccess }),
		gaugeOf("spillway_schedule_lag_seconds", "By how much later than its time the newest scheduled run was entered; after the daemon was down, that counts too.", scheduledSync,
			func(s *sample) float64 { return s.lag }),
		gaugeOf("spillway_schedule_overdue_seconds", "For how long a scheduled run has been due that is not entered; it stays near 0 while the scheduler works.", scheduledSync,
			func(s *sample) float64 { return s.overdue }),
		gaugeOf("spillway_held_runs", "1 where the newest run was held by a guard and waits for approval, 0 elsewhere.", everySync,
			func(s *sample) float64 { return one(s.held) }),
		gaugeOf("spillway_quarantined_rows", "Rows that were given up and are not sent, as of the newest run that compared them.", everySync,
			func(s *sample) float64 { return float64(s.quarantined) }),
		gaugeOf("spillway_queued_runs", "Runs that wait for another one or for a place.", everySync,
			func(s *sample) float64 { return float64(s.waiting) }),
		gaugeOf("spillway_running_runs", "Runs in progress.", everySync,
			func(s *sample) float64 { return one(s.running) }),
		gaugeOf("spillway_pending_operations", "Operations of the run in progress that are not settled.", everySync,
			func(s *sample) float64 { return float64(s.pending) }),
		gaugeOf("spillway_sync_paused", "1 where the schedule is paused, 0 elsewhere.", everySync,
			func(s *sample) float64 { return one(s.paused) }),
		counter("spillway_source_rows_total", "Rows that models returned.",
			func(s *sample) float64 { return float64(s.source) }),
		counter("spillway_requests_total", "Requests that runs sent to destinations.",
			func(s *sample) float64 { return float64(s.requests) }),
		counter("spillway_retries_total", "Requests that were sent again.",
			func(s *sample) float64 { return float64(s.retries) }),
		counter("spillway_throttle_wait_seconds_total", "Time that runs waited for the limits of a destination.",
			func(s *sample) float64 { return seconds(s.throttled) }),
		counter("spillway_sent_bytes_total", "Bytes that runs sent to destinations.",
			func(s *sample) float64 { return float64(s.sent) }),
		counters("spillway_runs_total", "Runs that are over, by their state.", labelState, states[:],
			func(s *sample, n int) float64 { return float64(s.runs[n]) }),
		counters("spillway_phase_duration_seconds_total", "Time that runs spent in each phase.", labelPhase, phases[:],
			func(s *sample, n int) float64 { return seconds(s.phases[n]) }),
		counters("spillway_changes_total", "Operations that runs planned, by what was found: rows added, changed and removed, and carried over from an earlier run.", labelChange, changes[:],
			func(s *sample, n int) float64 { return float64(s.changes[n]) }),
		counters("spillway_rows_total", "Operations and invalid rows of runs, by what became of them.", labelOutcome, outcomes[:],
			func(s *sample, n int) float64 { return float64(s.outcomes[n]) }),
	}
	return append(list, runDuration())
}

// named begins a series: the name of the metric, and labels that stand before the one of the sync.
func named(name, before string) string { return name + "{" + before + labelSync + `="` }

const afterSync = `"} `

func gaugeOf(name, help string, has func(*sample) bool, value func(*sample) float64) family {
	return family{name, help, model.MetricTypeGauge, has, []line{{named(name, ""), afterSync, value}}}
}

func counter(name, help string, value func(*sample) float64) family {
	return family{name, help, model.MetricTypeCounter, countedSync, []line{{named(name, ""), afterSync, value}}}
}

// counters is a counter with a label besides the sync, which has a closed set of values.
func counters[V ~string](name, help, label string, values []V, value func(*sample, int) float64) family {
	f := family{name, help, model.MetricTypeCounter, countedSync, make([]line, len(values))}
	for n, v := range values {
		f.lines[n] = line{named(name, label+`="`+string(v)+`",`), afterSync, func(s *sample) float64 { return value(s, n) }}
	}
	return f
}

// runDuration is the one histogram of every sync.
func runDuration() family {
	const name = "spillway_run_duration_seconds"
	f := family{name: name, help: "How long runs took that are over; skipped ones do not count.", kind: model.MetricTypeHistogram, has: countedSync}
	until := func(n int) func(*sample) float64 {
		return func(s *sample) float64 { return float64(total(s.lasted[:n+1])) }
	}
	for n, bound := range durations {
		le := strconv.FormatFloat(bound, 'g', -1, 64)
		f.lines = append(f.lines, line{named(name+"_bucket", ""), `",le="` + le + afterSync, until(n)})
	}
	all := until(len(durations))
	f.lines = append(f.lines,
		line{named(name+"_bucket", ""), `",le="+Inf` + afterSync, all},
		line{named(name+"_sum", ""), afterSync, func(s *sample) float64 { return seconds(s.duration) }},
		line{named(name+"_count", ""), afterSync, all})
	return f
}

func total(numbers []int64) (sum int64) {
	for _, n := range numbers {
		sum += n
	}
	return sum
}
