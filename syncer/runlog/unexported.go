package runlog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// unexported are the runs that are over and do not stand in a warehouse yet.
const unexported = " exported = 0 and state not in ('queued', 'running')"

// ExportTo names the place in a warehouse that runs are written to. When it changes, all of them are to be written anew.
func (l *Log) ExportTo(ctx context.Context, place string) error {
	err := l.transact(ctx, func(tx *sqlx.Tx) error {
		var before string
		err := tx.GetContext(ctx, &before, "select value from settings where name = 'export'")
		if err != nil && !errors.Is(err, sql.ErrNoRows) || before == place {
			return err
		}
		if _, err := tx.ExecContext(ctx, "update runs set exported = 0 where exported <> 0"); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "insert or replace into settings (name, value) values ('export', ?)", place)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep where the run log is written to: %w", err)
	}
	return nil
}

// Unexported returns runs that are over and do not stand in the warehouse yet, with their errors: the oldest ones, and at
// most so many.
func (l *Log) Unexported(ctx context.Context, most int) ([]Run, error) {
	var records []record
	if err := l.db.SelectContext(ctx, &records, l.selectRun()+" where"+unexported+" order by id limit ?", most); err != nil {
		return nil, fmt.Errorf("list runs that are not in the warehouse yet: %w", err)
	}
	return l.whole(ctx, records)
}

// Exported keeps that runs stand in the warehouse.
func (l *Log) Exported(ctx context.Context, runs []Run) error {
	err := l.transact(ctx, func(tx *sqlx.Tx) error {
		for i := range runs {
			if _, err := tx.ExecContext(ctx, "update runs set exported = 1 where id = ?", runs[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep which runs stand in the warehouse: %w", err)
	}
	return nil
}

// CountUnexported counts the runs that are over and do not stand in the warehouse yet. With before it counts those that
// ended earlier; a zero one counts all.
func (l *Log) CountUnexported(ctx context.Context, before time.Time) (n int64, err error) {
	if l.version < withExports {
		return 0, nil
	}
	query, args := "select count(*) from runs where"+unexported, []any{}
	if !before.IsZero() {
		query, args = query+" and finished_at < ?", append(args, millis(before))
	}
	if err := l.db.GetContext(ctx, &n, query, args...); err != nil {
		return 0, fmt.Errorf("count runs that are not in the warehouse yet: %w", err)
	}
	return n, nil
}

// Forms are the forms in which the log may show a key.
func (l *Log) Forms(key string) []string { return []string{key, l.hashed(key)} }
