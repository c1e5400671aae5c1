package runlog

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"
)

// Delivered returns how many operations were accepted by the runs that began since then.
func (l *Log) Delivered(ctx context.Context, since time.Time) (n int64, err error) {
	var first ulid.ULID // the least id of a run of that time
	if err := first.SetTime(ulid.Timestamp(since)); err != nil {
		return 0, fmt.Errorf("count what was delivered: %w", err)
	}
	if err := l.db.GetContext(ctx, &n, "select coalesce(sum(accepted), 0) from runs where id >= ?", first.String()); err != nil {
		return 0, fmt.Errorf("count what was delivered: %w", err)
	}
	return n, nil
}

// OldestProblem returns since when the oldest of a sync's present problems is known: those of its newest run that came
// to its rows. It is zero where that run had none.
func (l *Log) OldestProblem(ctx context.Context, sync string) (time.Time, error) {
	var at sql.NullInt64
	err := l.db.GetContext(ctx, &at, `select min(first_seen) from problems
		where sync = ? and last_run = (select max(id) from runs where sync = ? and source > 0)`, sync, sync)
	if err != nil {
		return time.Time{}, fmt.Errorf("find the oldest problem of %s: %w", sync, err)
	}
	if !at.Valid {
		return time.Time{}, nil
	}
	return fromMillis(at.Int64), nil
}

// Cause is how a problem that rows have in common appears in the runs of a sync.
type Cause struct {
	FirstRun    string
	First, Last time.Time // starts of the first and the last run that had it, of those looked at
	Runs        int64
}

// causeRuns is how many runs are looked through for a cause.
const causeRuns = 200

// Cause looks through the newest runs of a sync for those that had a group of errors.
func (l *Log) Cause(ctx context.Context, sync, code, message string) (Cause, error) {
	var found struct {
		FirstRun    sql.NullString `db:"first_run"`
		First, Last sql.NullInt64
		Runs        int64
	}
	err := l.db.GetContext(ctx, &found, `select min(r.id) as first_run, min(r.started_at) as first, max(r.started_at) as last, count(*) as runs
		from (select id, started_at from runs where sync = ? order by id desc limit ?) r
		join error_groups g on g.run_id = r.id and g.code = ? and g.message = ?`, sync, causeRuns, code, message)
	if err != nil {
		return Cause{}, fmt.Errorf("find the runs of %s with error %s: %w", sync, code, err)
	}
	if found.Runs == 0 {
		return Cause{}, nil
	}
	return Cause{FirstRun: found.FirstRun.String, First: fromMillis(found.First.Int64), Last: fromMillis(found.Last.Int64), Runs: found.Runs}, nil
}

// Sighting is what one run made of a row.
type Sighting struct {
	Run string
	Row
}

// Sightings returns what the log holds of one key of a sync, given in plain: newest first, and at most so many.
func (l *Log) Sightings(ctx context.Context, sync, key string, most int) ([]Sighting, error) {
	var found []struct {
		Run string `db:"run_id"`
		Row
		First int64 `db:"first_seen"`
		Last  int64 `db:"last_seen"`
	}
	err := l.db.SelectContext(ctx, &found, `select w.run_id, w.key, w.identifier, w.op, w.outcome, w.code, w.reason, w.attempts, w.first_seen, w.last_seen
		from rows w join runs r on r.id = w.run_id where w.key = ? and r.sync = ? order by w.run_id desc, w.seq desc limit ?`, l.Shown(key), sync, most)
	if err != nil {
		return nil, fmt.Errorf("look up a row in the run log: %w", err)
	}
	sightings := make([]Sighting, 0, len(found))
	for _, f := range found {
		f.FirstSeen, f.LastSeen = fromMillis(f.First), fromMillis(f.Last)
		sightings = append(sightings, Sighting{Run: f.Run, Row: f.Row})
	}
	return sightings, nil
}

// Mention is a row that the log knows, by its key as the log shows it.
type Mention struct {
	Sync string `db:"sync"`
	Key  string `db:"key"`
}

// Mentions returns the rows of all syncs that have this key, or that have this identifier and a problem now: at most so
// many, by their syncs. Both are given in plain.
func (l *Log) Mentions(ctx context.Context, text string, most int) (found []Mention, err error) {
	err = l.db.SelectContext(ctx, &found, `select r.sync, w.key from rows w join runs r on r.id = w.run_id where w.key = ?
		union select r.sync, w.key from rows w join runs r on r.id = w.run_id
			where w.run_id in (select distinct last_run from problems) and w.identifier = ?
		order by 1, 2 limit ?`, l.Shown(text), l.Shown(text), most)
	if err != nil {
		return nil, fmt.Errorf("look for a row in the run log: %w", err)
	}
	return found, nil
}
