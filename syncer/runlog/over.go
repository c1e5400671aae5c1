package runlog

import (
	"context"
	"fmt"
	"time"
)

// Span chooses runs that are over.
type Span struct {
	Sync  string    // of this sync; empty takes all
	Since time.Time // begun then or later; zero takes all
	After string    // with an id after this one: the cursor of the next page
	Limit int       // 500 where it is 0
}

// Over returns runs that are over, with their errors, oldest first.
func (l *Log) Over(ctx context.Context, s Span) ([]Run, error) {
	if s.Limit <= 0 {
		s.Limit = 500
	}
	since := int64(0)
	if !s.Since.IsZero() {
		since = millis(s.Since)
	}
	var records []record
	err := l.db.SelectContext(ctx, &records, l.selectRun()+` where (? = '' or sync = ?) and id > ? and started_at >= ?
		and state not in (?, ?) order by id limit ?`, s.Sync, s.Sync, s.After, since, Queued, Running, s.Limit)
	if err != nil {
		return nil, fmt.Errorf("list runs that are over: %w", err)
	}
	return l.whole(ctx, records)
}

// whole returns runs as they stand in the database, with their errors.
func (l *Log) whole(ctx context.Context, records []record) ([]Run, error) {
	runs := make([]Run, 0, len(records))
	for _, r := range records {
		run, err := r.run()
		if err != nil {
			return nil, err
		}
		if run.Errors, err = l.errors(ctx, run.ID); err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}
