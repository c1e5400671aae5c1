package runlog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// record is a run as it stands in the database.
type record struct {
	Run
	Started      int64         `db:"started_at"`
	Finished     sql.NullInt64 `db:"finished_at"`
	ErrorCode    string        `db:"error_code"`
	ErrorMessage string        `db:"error_message"`
	TimingsText  string        `db:"timings"`
	OutcomesText string        `db:"outcomes"`
	Ticked       sql.NullInt64 `db:"tick"`
}

var runColumns = []string{
	"id", "sync", "state", "phase", "trigger", "started_at", "finished_at", "duration_ms",
	"source", "same", "added", "changed", "removed", "carried", "invalid", "left_behind",
	"accepted", "rejected", "deferred", "unknown", "held", "quarantined",
	"requests", "retries", "throttled_ms", "bytes_sent", "error_code", "error_message", "timings", "config_hash", "git_commit", "tick", "asked_by", "outcomes",
}

var (
	insertRun = "insert into runs (" + strings.Join(runColumns, ", ") + ") values (:" + strings.Join(runColumns, ", :") + ")"
	updateRun = "update runs set " + assignments() + " where id = :id"
	beginRun  = insertRun + " on conflict (id) do update set " + assignments()
)

// selectRun begins a query of whole runs, and of more columns. A log that an earlier version wrote is read as it is: only a writer may bring
// it to the present version.
func (l *Log) selectRun(more ...string) string {
	columns := strings.Join(runColumns, ", ")
	if l.version < withTicks {
		columns = strings.Replace(columns, "tick, asked_by", "null as tick, '' as asked_by", 1)
	}
	if l.version < withOutcomes {
		columns = strings.Replace(columns, "outcomes", "'{}' as outcomes", 1)
	}
	return "select " + strings.Join(append([]string{columns}, more...), ", ") + " from runs"
}

func assignments() string {
	sets := make([]string, 0, len(runColumns)-1)
	for _, c := range runColumns[1:] {
		sets = append(sets, c+" = :"+c)
	}
	return strings.Join(sets, ", ")
}

// write carries out insertRun, updateRun or beginRun.
func write(ctx context.Context, db sqlx.ExtContext, statement string, run Run) error {
	r := record{Run: run, Started: millis(run.StartedAt)}
	if run.FinishedAt != nil {
		r.Finished = sql.NullInt64{Int64: millis(*run.FinishedAt), Valid: true}
	}
	if run.Tick != nil {
		r.Ticked = sql.NullInt64{Int64: millis(*run.Tick), Valid: true}
	}
	if run.Error != nil {
		r.ErrorCode, r.ErrorMessage = run.Error.Code, run.Error.Message
	}
	timings, err := json.Marshal(run.Timings)
	if err != nil {
		return err
	}
	outcomes, err := json.Marshal(run.Outcomes)
	if err != nil {
		return err
	}
	r.TimingsText, r.OutcomesText = string(timings), string(outcomes)
	_, err = sqlx.NamedExecContext(ctx, db, statement, r)
	return err
}

func (r record) run() (Run, error) {
	run := r.Run
	run.StartedAt = fromMillis(r.Started)
	if r.Finished.Valid {
		at := fromMillis(r.Finished.Int64)
		run.FinishedAt = &at
	}
	if r.Ticked.Valid {
		at := fromMillis(r.Ticked.Int64)
		run.Tick = &at
	}
	if r.ErrorCode != "" {
		run.Error = &Failure{Code: r.ErrorCode, Message: r.ErrorMessage}
	}
	if err := json.Unmarshal([]byte(r.TimingsText), &run.Timings); err != nil {
		return Run{}, fmt.Errorf("read the timings of run %s: %w", run.ID, err)
	}
	if err := json.Unmarshal([]byte(r.OutcomesText), &run.Outcomes); err != nil {
		return Run{}, fmt.Errorf("read the outcomes of run %s: %w", run.ID, err)
	}
	return run, nil
}

// Filter chooses runs.
type Filter struct {
	Sync   string // of this sync; empty takes all
	State  State  // in this state; empty takes all
	Before string // with an id before this one: the cursor of the next page
	Limit  int    // 50 where it is 0
	Busy   bool   // without those that had nothing to do and succeeded, and without those skipped
	Brief  bool   // their errors are left out
}

// Runs returns runs, newest first.
func (l *Log) Runs(ctx context.Context, f Filter) ([]Run, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	var records []record
	err := l.db.SelectContext(ctx, &records, l.selectRun()+` where (? = '' or sync = ?) and (? = '' or state = ?) and (? = '' or id < ?)
		and (not ? or state not in ('succeeded', 'skipped') or added + changed + removed + carried > 0)
		order by id desc limit ?`, f.Sync, f.Sync, f.State, f.State, f.Before, f.Before, f.Busy, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	runs := make([]Run, 0, len(records))
	for _, r := range records {
		run, err := r.run()
		if err != nil {
			return nil, err
		}
		if !f.Brief {
			if run.Errors, err = l.errors(ctx, run.ID); err != nil {
				return nil, err
			}
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// Run returns the run whose id is, or alone begins with, id; "last" is the newest of all. Its error wraps ErrNotFound
// when there is none or more than one.
func (l *Log) Run(ctx context.Context, id string) (Run, error) {
	if id == "last" {
		runs, err := l.Runs(ctx, Filter{Limit: 1})
		if err == nil && len(runs) == 0 {
			err = fmt.Errorf("%w: nothing has run yet", ErrNotFound)
		}
		if err != nil {
			return Run{}, err
		}
		return runs[0], nil
	}
	prefix := strings.ToUpper(id)
	var records []record
	err := l.db.SelectContext(ctx, &records, l.selectRun()+" where id >= ? and id < ? order by id limit 2", prefix, prefix+"\x7f")
	switch {
	case err != nil:
		return Run{}, fmt.Errorf("read run %s: %w", id, err)
	case len(records) == 0:
		return Run{}, fmt.Errorf("%w as %q; spillway runs list shows those there are", ErrNotFound, id)
	case len(records) > 1 && records[0].ID != prefix:
		return Run{}, fmt.Errorf("%w: more than one begins with %q", ErrNotFound, id)
	}
	run, err := records[0].run()
	if err != nil {
		return Run{}, err
	}
	run.Errors, err = l.errors(ctx, run.ID)
	return run, err
}

func (l *Log) errors(ctx context.Context, run string) ([]ErrorGroup, error) {
	var found []struct {
		ErrorGroup
		SampleKeys string `db:"sample_keys"`
	}
	err := l.db.SelectContext(ctx, &found, "select code, message, count, sample_keys from error_groups where run_id = ? order by count desc, code, message", run)
	if err != nil {
		return nil, fmt.Errorf("read the errors of run %s: %w", run, err)
	}
	groups := make([]ErrorGroup, 0, len(found))
	for _, f := range found {
		if err := json.Unmarshal([]byte(f.SampleKeys), &f.ErrorGroup.SampleKeys); err != nil {
			return nil, fmt.Errorf("read the errors of run %s: %w", run, err)
		}
		groups = append(groups, f.ErrorGroup)
	}
	return groups, nil
}

// RowFilter chooses rows of a run.
type RowFilter struct {
	Outcome Outcome // with this outcome; empty takes all
	Key     string  // of this key, given in plain; empty takes all
	Code    string  // with this code; empty takes all
	Op      string  // of this operation; empty takes all
	About   string  // whose key or identifier this is, in plain; empty takes all
	Problem bool    // without those accepted
	Cursor  string  // where the previous page ended
	Limit   int     // 100 where it is 0
}

// Rows returns rows of a run in the order they were recorded, and the cursor of the next page: empty after the last.
func (l *Log) Rows(ctx context.Context, run string, f RowFilter) (rows []Row, next string, err error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	where, values := l.conditions(f)
	var found []struct {
		Row
		Seq   int64 `db:"seq"`
		First int64 `db:"first_seen"`
		Last  int64 `db:"last_seen"`
	}
	err = l.db.SelectContext(ctx, &found, `select seq, key, identifier, op, outcome, code, reason, attempts, first_seen, last_seen
		from rows where run_id = ? and seq > cast(? as integer)`+where+" order by seq limit ?",
		slices.Concat([]any{run, f.Cursor}, values, []any{f.Limit + 1})...)
	if err != nil {
		return nil, "", fmt.Errorf("read the rows of run %s: %w", run, err)
	}
	if len(found) > f.Limit {
		found = found[:f.Limit]
		next = cursor(found[f.Limit-1].Seq)
	}
	rows = make([]Row, 0, len(found))
	for _, r := range found {
		r.FirstSeen, r.LastSeen = fromMillis(r.First), fromMillis(r.Last)
		rows = append(rows, r.Row)
	}
	return rows, next, nil
}

// conditions are those of f as they stand in a statement, with their values. Only what is asked for stands there, so
// that an index can serve it.
func (l *Log) conditions(f RowFilter) (where string, values []any) {
	var text strings.Builder
	for _, c := range []struct{ column, value string }{
		{"outcome", string(f.Outcome)}, {"key", l.Shown(f.Key)}, {"code", f.Code}, {"op", f.Op},
	} {
		if c.value != "" {
			text.WriteString(" and " + c.column + " = ?")
			values = append(values, c.value)
		}
	}
	if f.About != "" {
		about := l.Shown(f.About)
		text.WriteString(" and (key = ? or identifier = ?)")
		values = append(values, about, about)
	}
	if f.Problem {
		text.WriteString(" and outcome <> ?")
		values = append(values, RowAccepted)
	}
	return text.String(), values
}

// Line is one line of a run's own log.
type Line struct {
	At      time.Time       `json:"at"`
	Level   string          `json:"level"`
	Message string          `json:"message"`
	Attrs   json.RawMessage `json:"attrs"`
}

// Lines returns the log lines of a run.
func (l *Log) Lines(ctx context.Context, run string) (lines []Line, err error) {
	found, err := l.db.QueryxContext(ctx, "select at, level, message, attrs from lines where run_id = ? order by seq", run)
	if err != nil {
		return nil, fmt.Errorf("read the log of run %s: %w", run, err)
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var at int64
		var line Line
		var attrs string
		if err := found.Scan(&at, &line.Level, &line.Message, &attrs); err != nil {
			return nil, fmt.Errorf("read the log of run %s: %w", run, err)
		}
		line.At, line.Attrs = fromMillis(at), json.RawMessage(attrs)
		lines = append(lines, line)
	}
	return lines, found.Err()
}
