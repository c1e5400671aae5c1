package runlog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Order is what a run is to do beside running. The zero Order is an ordinary run.
type Order struct {
	Full bool     `json:"full,omitempty"` // every row is sent again
	Keys []string `json:"keys,omitempty"` // these are put back in line first
	Held string   `json:"held,omitempty"` // the held run whose plan it applies

	Trace string `json:"trace,omitempty"` // the W3C traceparent of whoever asked for it
}

// Entry is a run that enters the log before it runs.
type Entry struct {
	Run     Run       // queued; or over at once, such as skipped
	Order   Order     // of a queued run
	Request string    // names the request that asked for it; empty where it has no name
	Follows time.Time // successes of other syncs up to this time are answered by it; zero for none

	Replaces string // a run that leaves the queue for it; empty for none
}

// ErrTicked is wrapped by the refusal of a second run for one tick, as after the clock was put back.
var ErrTicked = errors.New("the tick was run before")

// ticked reports whether err is that of a second run for one tick.
func ticked(err error, run Run) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && run.Tick != nil && e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE && strings.Contains(e.Error(), "runs.tick")
}

// Enter writes a run into the log and the queue. The cursor of its sync moves to its tick with it, or not at all, so
// that a crash neither loses a tick nor runs one twice.
func (l *Log) Enter(ctx context.Context, e Entry) error {
	err := l.transact(ctx, func(tx *sqlx.Tx) error {
		if err := write(ctx, tx, insertRun, e.Run); err != nil {
			return err
		}
		if !e.Run.State.Terminal() {
			order, err := json.Marshal(e.Order)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `insert into queue (run_id, task) values (?, ?)`, e.Run.ID, string(order)); err != nil {
				return err
			}
		}
		if e.Request != "" {
			if _, err := tx.ExecContext(ctx, "insert into requests (sync, name, run_id) values (?, ?, ?)", e.Run.Sync, e.Request, e.Run.ID); err != nil {
				return err
			}
		}
		if e.Replaces != "" {
			if _, err := tx.ExecContext(ctx, "delete from queue where run_id = ?", e.Replaces); err != nil {
				return err
			}
		}
		return advance(ctx, tx, e)
	})
	if ticked(err, e.Run) {
		err = ErrTicked
	}
	if err != nil {
		return fmt.Errorf("enter run %s of %s into the run log: %w", e.Run.ID, e.Run.Sync, err)
	}
	return nil
}

// advance moves the cursor of the run's sync.
func advance(ctx context.Context, tx *sqlx.Tx, e Entry) error {
	if e.Run.Tick != nil {
		if _, err := tx.ExecContext(ctx, "update cursors set ticked = max(ticked, ?) where sync = ?", millis(*e.Run.Tick), e.Run.Sync); err != nil {
			return err
		}
	}
	if !e.Follows.IsZero() {
		if _, err := tx.ExecContext(ctx, "update cursors set followed = max(followed, ?) where sync = ?", millis(e.Follows), e.Run.Sync); err != nil {
			return err
		}
	}
	return nil
}

// Waiting is a run of the queue.
type Waiting struct {
	Run   Run
	Order Order
}

// Queue returns the runs that were entered and not taken out of the queue, in the order in which they were entered: those
// that wait, and those that were going on when the process ended.
func (l *Log) Queue(ctx context.Context) ([]Waiting, error) {
	var found []struct {
		record
		Task string `db:"task"`
	}
	if err := l.db.SelectContext(ctx, &found, l.selectRun("task")+" join queue on queue.run_id = runs.id order by runs.rowid"); err != nil {
		return nil, fmt.Errorf("read the queue of runs: %w", err)
	}
	queue := make([]Waiting, 0, len(found))
	for _, f := range found {
		run, err := f.run()
		if err != nil {
			return nil, err
		}
		w := Waiting{Run: run}
		if err := json.Unmarshal([]byte(f.Task), &w.Order); err != nil {
			return nil, fmt.Errorf("read what run %s is to do: %w", run.ID, err)
		}
		queue = append(queue, w)
	}
	return queue, nil
}

// Reorder replaces what a run of the queue is to do.
func (l *Log) Reorder(ctx context.Context, run string, o Order) error {
	order, err := json.Marshal(o)
	if err == nil {
		_, err = l.db.ExecContext(ctx, "update queue set task = ? where run_id = ?", string(order), run)
	}
	if err != nil {
		return fmt.Errorf("keep what run %s is to do: %w", run, err)
	}
	return nil
}

// Leave takes a run out of the queue.
func (l *Log) Leave(ctx context.Context, run string) error {
	if _, err := l.db.ExecContext(ctx, "delete from queue where run_id = ?", run); err != nil {
		return fmt.Errorf("take run %s out of the queue: %w", run, err)
	}
	return nil
}

// Withdraw ends a run that never began, or one that waited for approval, and takes it out of the queue.
func (l *Log) Withdraw(ctx context.Context, run Run) error {
	err := l.transact(ctx, func(tx *sqlx.Tx) error {
		if err := write(ctx, tx, updateRun, run); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "delete from queue where run_id = ?", run.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("withdraw run %s: %w", run.ID, err)
	}
	return nil
}

// Requested returns the run that a named request for a sync led to. It reports whether there was such a request.
func (l *Log) Requested(ctx context.Context, sync, request string) (run Run, ok bool, err error) {
	var id string
	err = l.db.GetContext(ctx, &id, "select run_id from requests where sync = ? and name = ?", sync, request)
	if errors.Is(err, sql.ErrNoRows) {
		return Run{}, false, nil
	}
	if err != nil {
		return Run{}, false, fmt.Errorf("look for an earlier request: %w", err)
	}
	run, err = l.Run(ctx, id)
	return run, err == nil, err
}

// transact carries out work in one transaction.
func (l *Log) transact(ctx context.Context, work func(*sqlx.Tx) error) error {
	tx, err := l.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	if err := work(tx); err != nil {
		_ = tx.Rollback() // the first error is the one to report
		return err
	}
	return tx.Commit()
}
