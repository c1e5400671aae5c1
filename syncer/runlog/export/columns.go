package export

import (
	"time"
	"unicode/utf8"

	"spillway/syncer/runlog"
	"spillway/warehouse"
)

// Row is a row of a run as it is exported: with the keys of runs rows --json, and those that tell where it belongs.
type Row struct {
	Run       string         `json:"run"`
	Sync      string         `json:"sync"`
	Seq       int64          `json:"seq"`
	Key       string         `json:"key"`
	ID        string         `json:"id"`
	Op        string         `json:"op"`
	Outcome   runlog.Outcome `json:"outcome"`
	Code      string         `json:"code"`
	Reason    string         `json:"reason"`
	Attempts  int64          `json:"attempts"`
	FirstSeen time.Time      `json:"first_seen"`
	LastSeen  time.Time      `json:"last_seen"`
}

func newRow(run *runlog.Run, seq int64, r runlog.Row) Row {
	return Row{
		Run: run.ID, Sync: run.Sync, Seq: seq, Key: r.Key, ID: r.ID, Op: r.Op, Outcome: r.Outcome, Code: r.Code, Reason: r.Reason,
		Attempts: int64(r.Attempts), FirstSeen: r.FirstSeen, LastSeen: r.LastSeen,
	}
}

// Error is a group of rows of a run that have one problem in common. Their keys stand in the rows.
type Error struct {
	Run     string `json:"run"`
	Sync    string `json:"sync"`
	Seq     int64  `json:"seq"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Count   int64  `json:"count"`
}

func newError(run *runlog.Run, seq int64, g runlog.ErrorGroup) Error {
	return Error{Run: run.ID, Sync: run.Sync, Seq: seq, Code: g.Code, Message: g.Message, Count: g.Count}
}

// column is a column of a table of the run log.
type column[T any] struct {
	name  string // in files, as in --json
	field string // in a warehouse, where no name needs quotes in any dialect
	class warehouse.Type
	help  string
	value func(*T) warehouse.Value // nil where there is none
}

func text[T any](name, field, help string, value func(*T) string) column[T] {
	return column[T]{name, field, warehouse.String, help, func(record *T) warehouse.Value {
		if s := value(record); s != "" {
			return valid(s)
		}
		return nil
	}}
}

// valid is a text in UTF-8, as encoding/json makes it: a key may hold any bytes.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s)) // with U+FFFD for each byte that is none
}

func number[T any](name, field, help string, value func(*T) int64) column[T] {
	return column[T]{name, field, warehouse.Int, help, func(record *T) warehouse.Value { return value(record) }}
}

func instant[T any](name, field, help string, value func(*T) *time.Time) column[T] {
	return column[T]{name, field, warehouse.Time, help, func(record *T) warehouse.Value {
		if at := value(record); at != nil {
			return at.UTC()
		}
		return nil
	}}
}

type run = runlog.Run

var runColumns = []column[run]{
	text("id", "run_id", "The run. Ids sort by when runs were entered.", func(r *run) string { return r.ID }),
	text("sync", "sync", "Its sync.", func(r *run) string { return r.Sync }),
	text("state", "state", "`succeeded`, `partial`, `held`, `failed`, `cancelled` or `skipped`.", func(r *run) string { return string(r.State) }),
	text("phase", "phase", "The phase that it ended in.", func(r *run) string { return string(r.Phase) }),
	text("trigger", "triggered_by", "`cli`, `schedule`, `api`, `retry`, `approve` or `dependency`.", func(r *run) string { return string(r.Trigger) }),
	instant("started_at", "started_at", "When it began.", func(r *run) *time.Time { return &r.StartedAt }),
	instant("finished_at", "finished_at", "When it ended.", func(r *run) *time.Time { return r.FinishedAt }),
	number("duration_ms", "duration_ms", "How long it took, in milliseconds.", func(r *run) int64 { return r.DurationMS }),
	number("source", "source", "Rows that the model returned.", func(r *run) int64 { return r.Source }),
	number("same", "same", "Of these, equal to what was last accepted.", func(r *run) int64 { return r.Same }),
	number("added", "added", "Of these, never accepted before.", func(r *run) int64 { return r.Added }),
	number("changed", "changed", "Of these, other than what was last accepted.", func(r *run) int64 { return r.Changed }),
	number("removed", "removed", "Rows gone from the source whose removal is sent.", func(r *run) int64 { return r.Removed }),
	number("carried", "carried", "Rows whose value an earlier run tried already.", func(r *run) int64 { return r.Carried }),
	number("invalid", "invalid", "Rows that could not be rendered; never sent.", func(r *run) int64 { return r.Invalid }),
	number("left", "left_behind", "Rows gone from the source of which nothing is sent.", func(r *run) int64 { return r.Left }),
	number("accepted", "accepted", "Operations that the destination accepted.", func(r *run) int64 { return r.Accepted }),
	number("rejected", "rejected", "Operations that it refused.", func(r *run) int64 { return r.Rejected }),
	number("deferred", "deferred", "Operations that were not tried, or may be tried again.", func(r *run) int64 { return r.Deferred }),
	number("unknown", "unknown", "Operations that were sent and not answered.", func(r *run) int64 { return r.Unknown }),
	number("held", "held", "Operations that a guard stopped.", func(r *run) int64 { return r.Held }),
	number("quarantined", "quarantined", "Operations given up until the row changes.", func(r *run) int64 { return r.Quarantined }),
	number("requests", "requests", "Requests sent.", func(r *run) int64 { return r.Requests }),
	number("retries", "retries", "Of these, sent again.", func(r *run) int64 { return r.Retries }),
	number("throttled_ms", "throttled_ms", "Time spent waiting for rate limits, in milliseconds.", func(r *run) int64 { return r.ThrottledMS }),
	number("bytes_sent", "bytes_sent", "Bytes sent.", func(r *run) int64 { return r.BytesSent }),
	text("error_code", "error_code", "Why it failed or was held.", func(r *run) string { return failureOf(r).Code }),
	text("error_message", "error_message", "The same in words.", func(r *run) string { return failureOf(r).Message }),
	number("extracting_ms", "extracting_ms", "Time spent in this phase, in milliseconds.", func(r *run) int64 { return r.Timings[runlog.Extracting] }),
	number("comparing_ms", "comparing_ms", "Likewise.", func(r *run) int64 { return r.Timings[runlog.Comparing] }),
	number("sending_ms", "sending_ms", "Likewise.", func(r *run) int64 { return r.Timings[runlog.Sending] }),
	number("settling_ms", "settling_ms", "Likewise.", func(r *run) int64 { return r.Timings[runlog.Settling] }),
	text("config_hash", "config_hash", "A sum over the sync's configuration.", func(r *run) string { return r.ConfigHash }),
	text("commit", "git_commit", "Of the project, with `-dirty` where it had changes.", func(r *run) string { return r.Commit }),
	instant("scheduled_for", "scheduled_for", "The tick of the schedule that it was run for.", func(r *run) *time.Time { return r.Tick }),
	text("asked_by", "asked_by", "Who asked for it.", func(r *run) string { return r.By }),
}

func failureOf(r *run) runlog.Failure {
	if r.Error == nil {
		return runlog.Failure{}
	}
	return *r.Error
}

var rowColumns = []column[Row]{
	text("run", "run_id", "The run.", func(r *Row) string { return r.Run }),
	text("sync", "sync", "Its sync.", func(r *Row) string { return r.Sync }),
	number("seq", "seq", "The place of the row among those of the run, from 1.", func(r *Row) int64 { return r.Seq }),
	text("key", "row_key", "The model's primary key, as the run log shows it.", func(r *Row) string { return r.Key }),
	text("id", "identifier", "The identifier's value, likewise.", func(r *Row) string { return r.ID }),
	text("op", "op", "`upsert`, `update`, `insert`, `delete`, `archive` or `clear`.", func(r *Row) string { return r.Op }),
	text("outcome", "outcome", "`accepted`, `rejected`, `deferred`, `unknown`, `held`, `quarantined` or `invalid`.", func(r *Row) string { return string(r.Outcome) }),
	text("code", "code", "The code of the problem.", func(r *Row) string { return r.Code }),
	text("reason", "reason", "The same in the destination's own words, which may quote a value.", func(r *Row) string { return r.Reason }),
	number("attempts", "attempts", "Runs in a row in which the key had a problem.", func(r *Row) int64 { return r.Attempts }),
	instant("first_seen", "first_seen", "Since when it has one.", func(r *Row) *time.Time { return &r.FirstSeen }),
	instant("last_seen", "last_seen", "When this was noted.", func(r *Row) *time.Time { return &r.LastSeen }),
}

var errorColumns = []column[Error]{
	text("run", "run_id", "The run.", func(e *Error) string { return e.Run }),
	text("sync", "sync", "Its sync.", func(e *Error) string { return e.Sync }),
	number("seq", "seq", "The place of the cause among those of the run, from 1: the most frequent first.", func(e *Error) int64 { return e.Seq }),
	text("code", "code", "The code that the rows have in common.", func(e *Error) string { return e.Code }),
	text("message", "message", "Their reason without its particulars.", func(e *Error) string { return e.Message }),
	number("count", "row_count", "How many rows they are.", func(e *Error) int64 { return e.Count }),
}
