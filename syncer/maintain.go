package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"spillway/diffstore"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/warehouse"
)

// Retry puts rejected and quarantined rows of s back in line, so that the next run sends them with their current
// values: those of the given keys, or with the given code of their last rejection, or all. It returns how many.
func (e *Engine) Retry(ctx context.Context, s *project.Sync, keys []string, code string) (int, error) {
	return e.release(ctx, s, func(k diffstore.Known) bool {
		return (len(keys) == 0 || slices.Contains(keys, k.Key)) && (code == "" || refusedWith(k, code))
	})
}

// RetryRun is Retry for the rows that had a problem in one run, as far as the run log kept them: of a log that keeps
// no rows, for all rows. Keys may stand as the run log shows them.
func (e *Engine) RetryRun(ctx context.Context, s *project.Sync, run string, keys []string, code string) (int, error) {
	if len(keys) == 0 && e.project.Runlog.Rows == "none" {
		return e.Retry(ctx, s, nil, code)
	}
	wanted := map[string]bool{}
	for _, key := range keys {
		wanted[key] = true
	}
	if len(keys) == 0 {
		if err := e.problemKeys(ctx, run, wanted); err != nil {
			return 0, err
		}
	}
	return e.release(ctx, s, func(k diffstore.Known) bool {
		return (wanted[k.Key] || wanted[e.runs.Shown(k.Key)]) && (code == "" || refusedWith(k, code))
	})
}

// problemKeys adds the keys, as the run log shows them, of rows that wait to be put back in line.
func (e *Engine) problemKeys(ctx context.Context, run string, keys map[string]bool) error {
	for _, outcome := range []runlog.Outcome{runlog.RowRejected, runlog.RowQuarantined} {
		for cursor := ""; ; {
			rows, next, err := e.runs.Rows(ctx, run, runlog.RowFilter{Outcome: outcome, Cursor: cursor, Limit: 10_000})
			if err != nil {
				return err
			}
			for _, r := range rows {
				keys[r.Key] = true
			}
			if cursor = next; cursor == "" {
				break
			}
		}
	}
	return nil
}

func (e *Engine) release(ctx context.Context, s *project.Sync, match func(diffstore.Known) bool) (n int, err error) {
	session, err := e.store.Begin(ctx, s.Name)
	if err != nil {
		return 0, ofState(fmt.Errorf("open the snapshot of %s: %w", s.Name, err))
	}
	defer func() { err = errors.Join(err, ofState(session.Close())) }()
	n, err = session.Release(ctx, match)
	if err != nil {
		return 0, fmt.Errorf("put rows of %s back in line: %w", s.Name, err)
	}
	return n, nil
}

// refusedWith reports whether the last refusal of a key's record, or of a removal of it, has this code.
func refusedWith(k diffstore.Known, code string) bool {
	for _, removal := range k.Removals {
		if removal.Code == code {
			return true
		}
	}
	return k.Tried.Code == code
}

// Reset forgets the snapshot of s: the next run sends everything again.
func (e *Engine) Reset(ctx context.Context, s *project.Sync) error {
	if err := e.dropHeldPlans(ctx, s.Name); err != nil {
		return err
	}
	if err := e.store.Forget(ctx, s.Name); err != nil {
		return fmt.Errorf("forget the snapshot of %s: %w", s.Name, err)
	}
	return nil
}

// Adopt takes what the model gives now as delivered, without sending anything. It returns how many rows it took and
// how many it could not, because they are invalid.
func (e *Engine) Adopt(ctx context.Context, s *project.Sync) (adopted, invalid int64, err error) {
	route, source, err := e.route(ctx, s)
	if err != nil {
		return 0, 0, err
	}
	sheet, err := createScratchChangeset()
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, sheet.discard()) }()
	// The model is read to its end before the old snapshot is forgotten, so that a failure leaves it as it was.
	st, err := e.stageAll(ctx, s, route, source, sheet)
	if err != nil {
		return 0, 0, err
	}
	if err := e.Reset(ctx, s); err != nil {
		return 0, 0, err
	}
	adopted, err = e.adopt(ctx, s, st)
	return adopted, st.tally.counts.Invalid, err
}

// newcomer returns a name that no sync can have. Its snapshot is empty, and none is made.
func newcomer(s *project.Sync) string { return "adopting " + s.Name }

// stageAll stages every row of the source as one that was never seen, whatever state the snapshot is in. It needs a
// session, not a view: the sums are made with the project's key, which the first session makes.
func (e *Engine) stageAll(ctx context.Context, s *project.Sync, r *route, source warehouse.Warehouse, sheet *changeset) (st *stager, err error) {
	session, err := e.store.Begin(ctx, newcomer(s))
	if err != nil {
		return nil, ofState(fmt.Errorf("open the snapshot of %s: %w", s.Name, err))
	}
	defer func() { err = errors.Join(err, ofState(session.Close())) }()
	st = newStager(s, r, session, sheet, &groupLog{}, e.observer, e.now)
	if err := st.read(ctx, source, warehouse.Tag{Sync: s.Name, Run: "adopt"}); err != nil {
		return nil, err
	}
	return st, st.voidDuplicates()
}

func (e *Engine) adopt(ctx context.Context, s *project.Sync, st *stager) (n int64, err error) {
	session, err := e.store.Begin(ctx, s.Name)
	if err != nil {
		return 0, ofState(fmt.Errorf("open the snapshot of %s: %w", s.Name, err))
	}
	defer func() { err = errors.Join(err, ofState(session.Close())) }()
	var attempts []diffstore.Attempt
	settle := func() error {
		defer func() { attempts = attempts[:0] }()
		if len(attempts) == 0 {
			return nil
		}
		if _, err := session.Intend(ctx, attempts); err != nil {
			return fmt.Errorf("adopt rows of %s: %w", s.Name, err)
		}
		fates := make([]diffstore.Fate, len(attempts))
		for n, a := range attempts {
			fates[n] = diffstore.Fate{Key: a.Entry.Key, Outcome: diffstore.Taken, At: e.now()}
		}
		if err := session.Settle(ctx, fates); err != nil {
			return fmt.Errorf("adopt rows of %s: %w", s.Name, err)
		}
		return nil
	}
	for i, err := range st.sheet.items(write) {
		if err != nil {
			return n, err
		}
		if st.void[i.Key] {
			continue
		}
		n++
		if attempts = append(attempts, i.attempt()); len(attempts) == chunkRows {
			if err := settle(); err != nil {
				return n, err
			}
		}
	}
	return n, settle()
}

// Forget erases every trace of one key of s: from the snapshot, from held plans, from the run log, and from its tables in
// a warehouse. It reports whether there was any in the state directory.
func (e *Engine) Forget(ctx context.Context, s *project.Sync, key string) (found bool, err error) {
	session, err := e.store.Begin(ctx, s.Name)
	if err != nil {
		return false, ofState(fmt.Errorf("open the snapshot of %s: %w", s.Name, err))
	}
	found, err = session.Erase(ctx, key)
	if err = errors.Join(err, ofState(session.Close())); err != nil {
		return false, fmt.Errorf("erase the key from the snapshot of %s: %w", s.Name, err)
	}
	if err := e.dropHeldPlans(ctx, s.Name); err != nil {
		return found, err
	}
	rows, err := e.runs.Forget(ctx, s.Name, key)
	if err == nil {
		err = e.eraseExported(ctx, s, key)
	}
	return found || rows > 0, err
}

// Preview returns the columns of a sync's model or of a model by itself, and its first rows.
func (e *Engine) Preview(ctx context.Context, warehouseName, sql string, limit int) (columns []warehouse.Column, rows []warehouse.Row, err error) {
	w, err := e.Warehouse(ctx, warehouseName)
	if err != nil {
		return nil, nil, err
	}
	result, err := w.Query(ctx, warehouse.Query{SQL: sql, Limit: limit})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, result.Close()) }()
	for row, err := range warehouse.All(ctx, result) {
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, slices.Clone(row))
	}
	return result.Columns(), rows, nil
}
