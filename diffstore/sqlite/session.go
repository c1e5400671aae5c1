package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/jmoiron/sqlx"

	"spillway/diffstore"
)

// session is a view that also writes. Each call that writes is one transaction, which is durable when it returns.
type session struct {
	*view
	release func()

	mu     sync.Mutex // one writer at a time
	next   int64      // the next free row; never one that this session has used before
	dirty  bool       // the seal is broken
	insert *sqlx.Stmt
	update *sqlx.Stmt
	unlist *sqlx.Stmt
	list   *sqlx.Stmt
}

var _ diffstore.Session = (*session)(nil)

func newSession(ctx context.Context, d *database, key []byte, release func()) (*session, error) {
	if err := d.verify(ctx, key); err != nil {
		return nil, err
	}
	v, err := newView(ctx, d, d.DB, key)
	if err != nil {
		return nil, err
	}
	s := &session{view: v, release: release, next: v.seen.base + 1}
	if err := s.prepare(ctx); err != nil {
		return nil, d.failure("open", err)
	}
	if err := s.leaveInDoubt(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *session) prepare(ctx context.Context) error {
	for _, p := range []struct {
		to  **sqlx.Stmt
		sql string
	}{
		{&s.insert, "insert into keys values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{&s.update, `update keys set flags = ?, sum = ?, detail = ?, id = ?, tried_sum = ?, tried_id = ?, token = ?,
			batch = ?, refusals = ?, since = ?, code = ?, next_sum = ?, next_detail = ?, prior_shadow = ? where row = ?`},
		{&s.unlist, "delete from ids where row = ?"},
		{&s.list, "insert into ids values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
	} {
		var err error
		if *p.to, err = s.d.PreparexContext(ctx, p.sql); err != nil { //nolint:sqlclosecheck // Close closes them
			return err
		}
	}
	return nil
}

// leaveInDoubt ends what an earlier session left under way. The doubt was noted when it was intended.
func (s *session) leaveInDoubt(ctx context.Context) error {
	var found bool
	query := fmt.Sprintf("select exists (select 1 from keys where flags & %[1]d) or exists (select 1 from ids where flags & %[1]d)", open)
	if err := s.d.GetContext(ctx, &found, query); err != nil || !found {
		return s.d.failure("open", err)
	}
	return s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, fmt.Sprintf(`
			update keys set flags = flags & ~%[1]d, next_sum = null, next_detail = null, prior_shadow = null where flags & %[2]d;
			update ids set flags = flags & ~%[1]d where flags & %[2]d`, underWay, open))
		return err
	})
}

// Close closes the session. What is not settled is in doubt from now on.
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.release()
	err := s.seen.close()
	for _, stmt := range []*sqlx.Stmt{s.insert, s.update, s.unlist, s.list} {
		err = errors.Join(err, stmt.Close())
	}
	if !s.dirty {
		return errors.Join(err, s.d.failure("close", s.d.Close()))
	}
	return errors.Join(err, s.d.closeSealed(context.Background()))
}

// write runs change in a transaction of its own.
func (s *session) write(ctx context.Context, change func(context.Context, *sqlx.Tx) error) error {
	if !s.dirty {
		if err := s.d.breakSeal(); err != nil {
			return err
		}
		s.dirty = true
	}
	tx, err := s.d.BeginTxx(ctx, nil)
	if err != nil {
		return s.d.failure("write to", err)
	}
	// Statements are short and many: they are not interrupted one by one. Commit finds a cancelled context.
	if err := change(context.WithoutCancel(ctx), tx); err != nil {
		return errors.Join(s.d.failure("write to", err), ignoreDone(tx.Rollback()))
	}
	return s.d.failure("write to", tx.Commit())
}

// ignoreDone drops the error of rolling back what a cancelled context or SQLite itself has rolled back.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

func (s *session) Intend(ctx context.Context, attempts []diffstore.Attempt) (tokens []diffstore.Token, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := make([]string, len(attempts))
	ids := make([]string, len(attempts))
	for i, a := range attempts {
		keys[i], ids[i] = a.Entry.Key, a.Entry.ID
	}
	err = s.revise(ctx, keys, func(ctx context.Context, r *revision) error {
		if err := r.loadHolders(ctx, ids); err != nil {
			return err
		}
		tokens, err = r.Intend(attempts, newToken)
		return err
	})
	return tokens, err
}

func (s *session) Settle(ctx context.Context, fates []diffstore.Fate) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := make([]string, len(fates))
	for i, f := range fates {
		keys[i] = f.Key
	}
	return s.revise(ctx, keys, func(ctx context.Context, r *revision) error {
		var ids []string
		for _, f := range fates {
			if id, ok := r.Attempted(f); ok {
				ids = append(ids, id)
			}
		}
		if err := r.loadHolders(ctx, ids); err != nil {
			return err
		}
		return r.Settle(fates)
	})
}

func newToken() (t diffstore.Token) {
	_, _ = rand.Read(t[:]) // never fails: the program ends first
	return t
}

func (s *session) Release(ctx context.Context, match func(diffstore.Known) bool) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	released := 0
	for last := int64(0); ; {
		var rows []int64
		err := s.d.SelectContext(ctx, &rows, `
			select row from keys where refusals > 0 and row > ?1
			union select row from ids where refusals > 0 and row > ?1
			order by row limit 500`, last)
		if err != nil || len(rows) == 0 {
			return released, s.d.failure("read", err)
		}
		last = rows[len(rows)-1]
		found, err := loadRows(ctx, s.d, rows)
		if err != nil {
			return released, s.d.failure("read", err)
		}
		found = slices.DeleteFunc(found, func(f *stored) bool { return !match(*f.state.Known(f.key)) })
		if len(found) == 0 {
			continue
		}
		err = s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
			r := s.newRevision(tx)
			for _, f := range found {
				r.put(f)
				r.Release(f.key)
			}
			return r.store(ctx)
		})
		if err != nil {
			return released, err
		}
		released += len(found)
	}
}

// Erase overwrites what it deletes (secure_delete), and empties the write-ahead log. While a view is open that has to
// wait for a later session.
func (s *session) Erase(ctx context.Context, key string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, err := rowsOfKeys(ctx, s.d, []string{key})
	if err != nil || len(rows) == 0 {
		return false, s.d.failure("read", err)
	}
	err = s.revise(ctx, []string{key}, func(_ context.Context, r *revision) error {
		return r.Settle([]diffstore.Fate{{Key: key, Outcome: diffstore.Gone}})
	})
	if err != nil {
		return false, err
	}
	_, err = s.d.checkpoint(ctx)
	return true, err
}
