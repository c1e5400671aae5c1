package runlog

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Cursor is how far the schedule of a sync was followed. It outlasts the process.
type Cursor struct {
	Sync     string
	Schedule string    // that the ticks are of
	Ticked   time.Time // ticks up to this time are dealt with
	Followed time.Time // so are successes of the syncs that it runs after
	PausedAt time.Time // zero where it is not paused
	PausedBy string
}

// Cursors returns the cursors of all syncs that have one.
func (l *Log) Cursors(ctx context.Context) (map[string]Cursor, error) {
	var found []struct {
		Sync     string
		Schedule string
		Ticked   int64
		Followed int64
		PausedAt int64  `db:"paused_at"`
		PausedBy string `db:"paused_by"`
	}
	if err := l.db.SelectContext(ctx, &found, "select sync, schedule, ticked, followed, paused_at, paused_by from cursors"); err != nil {
		return nil, fmt.Errorf("read the cursors of schedules: %w", err)
	}
	cursors := make(map[string]Cursor, len(found))
	for _, f := range found {
		c := Cursor{Sync: f.Sync, Schedule: f.Schedule, Ticked: fromMillis(f.Ticked), Followed: fromMillis(f.Followed), PausedBy: f.PausedBy}
		if f.PausedAt != 0 {
			c.PausedAt = fromMillis(f.PausedAt)
		}
		cursors[f.Sync] = c
	}
	return cursors, nil
}

// Move keeps cursors, all or none of them.
func (l *Log) Move(ctx context.Context, cursors ...Cursor) error {
	err := l.transact(ctx, func(tx *sqlx.Tx) error {
		for _, c := range cursors {
			paused := int64(0)
			if !c.PausedAt.IsZero() {
				paused = millis(c.PausedAt)
			}
			if _, err := tx.ExecContext(ctx, "insert or replace into cursors (sync, schedule, ticked, followed, paused_at, paused_by) values (?, ?, ?, ?, ?, ?)",
				c.Sync, c.Schedule, millis(c.Ticked), millis(c.Followed), paused, c.PausedBy); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep the cursors of schedules: %w", err)
	}
	return nil
}

// Drop forgets the cursors of syncs that there are no more.
func (l *Log) Drop(ctx context.Context, syncs ...string) error {
	err := l.transact(ctx, func(tx *sqlx.Tx) error {
		for _, sync := range syncs {
			if _, err := tx.ExecContext(ctx, "delete from cursors where sync = ?", sync); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget the cursors of schedules: %w", err)
	}
	return nil
}

// Newest returns the newest run of a sync that is over and was not skipped, if there is one, and when the newest of its
// successful or partial runs ended: the zero time where there is none.
func (l *Log) Newest(ctx context.Context, sync string) (last *Run, success time.Time, err error) {
	var found []record
	err = l.db.SelectContext(ctx, &found, l.selectRun()+" where sync = ? and state not in (?, ?, ?) order by id desc limit 1", sync, Queued, Running, Skipped)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("find the newest run of %s: %w", sync, err)
	}
	if len(found) == 0 {
		return nil, time.Time{}, nil
	}
	run, err := found[0].run()
	if err != nil {
		return nil, time.Time{}, err
	}
	if run.Errors, err = l.errors(ctx, run.ID); err != nil {
		return nil, time.Time{}, err
	}
	if success, err = l.Succeeded(ctx, sync, Succeeded, Partial); err != nil {
		return nil, time.Time{}, err
	}
	return &run, success, nil
}

// Succeeded returns when the newest run of a sync that is in one of the states ended: the zero time where there is none.
func (l *Log) Succeeded(ctx context.Context, sync string, states ...State) (time.Time, error) {
	query, args, err := sqlx.In("select coalesce(finished_at, 0) from runs where sync = ? and state in (?) order by id desc limit 1", sync, states)
	var ended []int64
	if err == nil {
		err = l.db.SelectContext(ctx, &ended, query, args...)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("find the newest success of %s: %w", sync, err)
	}
	if len(ended) == 0 || ended[0] == 0 {
		return time.Time{}, nil
	}
	return fromMillis(ended[0]), nil
}

// Writable says why the log cannot be written. Nothing stays of the attempt.
func (l *Log) Writable(ctx context.Context) error {
	tx, err := l.db.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write the run log: %w", err)
	}
	_, err = tx.ExecContext(ctx, "insert or replace into settings (name, value) values ('probe', x'00')")
	_ = tx.Rollback() // what matters is that it could be begun and written
	if err != nil {
		return fmt.Errorf("write the run log: %w", err)
	}
	return nil
}
