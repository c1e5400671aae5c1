package runlog

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
)

// flushAt is how many rows are kept in memory before they are written in one transaction.
const flushAt = 500

// Recorder writes one run into the log while it happens. Its methods may be called from several goroutines.
type Recorder struct {
	log      *Log
	run      string
	sync     string
	previous string // the sync's run before this one that came to its rows

	mu      sync.Mutex
	pending []Row
	seq     int64
	lineSeq int64

	sampleSeq int64
	untried   int // rows kept that were not tried
	groups    Groups
}

// Begin enters run into the log, if it was not entered before, and begins to record it.
func (l *Log) Begin(ctx context.Context, run Run) (*Recorder, error) {
	r := &Recorder{log: l, run: run.ID, sync: run.Sync}
	err := l.db.GetContext(ctx, &r.previous, "select coalesce(max(id), '') from runs where sync = ? and source > 0", run.Sync)
	if err == nil {
		err = write(ctx, l.db, beginRun, run)
	}
	if err != nil {
		return nil, fmt.Errorf("enter run %s into the run log: %w", run.ID, err)
	}
	return r, nil
}

// Update writes the run's state, phase and counts as they are now.
func (r *Recorder) Update(ctx context.Context, run Run) error {
	if err := write(ctx, r.log.db, updateRun, run); err != nil {
		return fmt.Errorf("update run %s in the run log: %w", run.ID, err)
	}
	return nil
}

// maxUntried is how many rows that were not tried are kept of a run. A run that is interrupted, or whose destination is
// out of order, has as many as its model has rows, run after run.
const maxUntried = 10_000

// Rows records rows with what became of them. Those that the log does not keep are only grouped.
func (r *Recorder) Rows(ctx context.Context, now time.Time, rows ...Row) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range rows {
		row = r.log.hidden(row)
		row.LastSeen = now
		problem := row.Outcome != RowAccepted
		if problem {
			r.groups.Add(row)
		}
		if r.log.options().Rows == "none" || (!problem && r.log.options().Rows != "all") {
			continue
		}
		if row.Untried {
			if r.untried++; r.untried > maxUntried {
				continue
			}
		}
		r.pending = append(r.pending, row)
	}
	if len(r.pending) < flushAt {
		return nil
	}
	return r.flush(ctx)
}

func (r *Recorder) flush(ctx context.Context) error {
	if len(r.pending) == 0 {
		return nil
	}
	tx, err := r.log.db.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("record rows of run %s: %w", r.run, err)
	}
	for _, row := range r.pending {
		if err = r.insert(ctx, tx, row); err != nil {
			break
		}
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		_ = tx.Rollback() // the first error is the one to report
		return fmt.Errorf("record rows of run %s: %w", r.run, err)
	}
	r.pending = r.pending[:0]
	return nil
}

// insert writes one row. A problem that the sync's previous run had with the same key goes on: its attempts are
// counted on and it keeps the time it was first seen.
func (r *Recorder) insert(ctx context.Context, tx *sqlx.Tx, row Row) error {
	row.Attempts, row.FirstSeen = 1, row.LastSeen
	if row.Outcome != RowAccepted && row.Key != "" {
		known := struct {
			Attempts  int
			FirstSeen int64 `db:"first_seen"`
		}{}
		err := tx.GetContext(ctx, &known, `insert into problems (sync, key, attempts, first_seen, last_seen, last_run)
			values (?, ?, 1, ?, ?, ?)
			on conflict (sync, key) do update set
				attempts = case last_run when excluded.last_run then attempts when ? then attempts + 1 else 1 end,
				first_seen = case when last_run in (excluded.last_run, ?) then first_seen else excluded.first_seen end,
				last_seen = excluded.last_seen, last_run = excluded.last_run
			returning attempts, first_seen`,
			r.sync, row.Key, millis(row.LastSeen), millis(row.LastSeen), r.run, r.previous, r.previous)
		if err != nil {
			return err
		}
		row.Attempts, row.FirstSeen = known.Attempts, fromMillis(known.FirstSeen)
	}
	r.seq++
	_, err := tx.ExecContext(ctx, "insert into rows values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		r.run, r.seq, row.Key, row.ID, row.Op, row.Outcome, row.Code, row.Reason, row.Attempts, millis(row.FirstSeen), millis(row.LastSeen))
	return err
}

// Line records one line of the run's own log.
func (r *Recorder) Line(ctx context.Context, at time.Time, level slog.Level, message string, attrs map[string]any) error {
	text, err := json.Marshal(attrs)
	if err != nil {
		return fmt.Errorf("record a log line of run %s: %w", r.run, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lineSeq++
	if _, err := r.log.db.ExecContext(ctx, "insert into lines values (?, ?, ?, ?, ?, ?)",
		r.run, r.lineSeq, millis(at), level.String(), message, string(text)); err != nil {
		return fmt.Errorf("record a log line of run %s: %w", r.run, err)
	}
	return nil
}

// Groups returns the problems recorded so far, grouped by what they have in common, most frequent first.
func (r *Recorder) Groups() []ErrorGroup {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.groups.List()
}

// Finish writes what is left and the run's final state.
func (r *Recorder) Finish(ctx context.Context, run Run) error {
	r.mu.Lock()
	err := r.flush(ctx)
	r.mu.Unlock()
	if err != nil {
		return err
	}
	for _, g := range run.Errors {
		keys, err := json.Marshal(g.SampleKeys)
		if err == nil {
			_, err = r.log.db.ExecContext(ctx, "insert or replace into error_groups values (?, ?, ?, ?, ?)", run.ID, g.Code, g.Message, g.Count, string(keys))
		}
		if err != nil {
			return fmt.Errorf("record the errors of run %s: %w", run.ID, err)
		}
	}
	return r.Update(ctx, run)
}
