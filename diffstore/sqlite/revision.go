package sqlite

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"

	"spillway/diffstore"
)

// revision is a draft of the states that one transaction changes.
type revision struct {
	*diffstore.Draft
	session *session
	tx      *sqlx.Tx
	loaded  map[string]loaded
}

// loaded is how a state was stored.
type loaded struct {
	row    int64
	claims []diffstore.Claim
}

func (s *session) newRevision(tx *sqlx.Tx) *revision {
	return &revision{Draft: diffstore.NewDraft(), session: s, tx: tx, loaded: map[string]loaded{}}
}

// revise loads the keys, lets change alter them by the rules of package diffstore, and stores what changed.
func (s *session) revise(ctx context.Context, keys []string, change func(context.Context, *revision) error) error {
	if len(keys) == 0 {
		return nil
	}
	return s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		r := s.newRevision(tx)
		rows, err := rowsOfKeys(ctx, tx, keys)
		if err != nil {
			return err
		}
		if err := r.load(ctx, rows); err != nil {
			return err
		}
		if err := change(ctx, r); err != nil {
			return err
		}
		return r.store(ctx)
	})
}

// loadHolders loads the keys that have one of the identifiers.
func (r *revision) loadHolders(ctx context.Context, ids []string) error {
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
	rows, err := rowsOfIDs(ctx, r.tx, ids)
	if err != nil {
		return err
	}
	return r.load(ctx, rows)
}

func (r *revision) load(ctx context.Context, rows []int64) error {
	here := make(map[int64]bool, len(r.loaded))
	for _, l := range r.loaded {
		here[l.row] = true
	}
	rows = slices.DeleteFunc(rows, func(row int64) bool { return here[row] })
	slices.Sort(rows)
	found, err := loadRows(ctx, r.tx, slices.Compact(rows))
	for _, f := range found {
		r.put(f)
	}
	return err
}

func (r *revision) put(f *stored) {
	r.loaded[f.key] = loaded{row: f.row, claims: slices.Clone(f.state.Claims)}
	r.Put(f.key, &f.state)
}

// store writes what the draft changed.
func (r *revision) store(ctx context.Context) error {
	altered := false
	for key, state := range r.Changed() {
		altered = true
		was, there := r.loaded[key]
		var err error
		switch {
		case !state.Empty():
			err = r.save(ctx, key, state, was)
		case there:
			err = r.delete(ctx, key, was.row)
		}
		if err != nil {
			return err
		}
	}
	if !altered {
		return nil
	}
	_, err := r.tx.ExecContext(ctx, "update about set version = version + 1")
	return err
}

func (r *revision) save(ctx context.Context, key string, state *diffstore.State, was loaded) error {
	columns := values(state)
	row := was.row
	var err error
	if row == 0 {
		row = r.session.next
		r.session.next++
		_, err = r.tx.StmtxContext(ctx, r.session.insert).ExecContext(ctx, append([]any{row, []byte(key)}, columns...)...)
	} else {
		_, err = r.tx.StmtxContext(ctx, r.session.update).ExecContext(ctx, append(columns, row)...)
	}
	if err != nil || slices.Equal(was.claims, state.Claims) {
		return err
	}
	if len(was.claims) > 0 {
		if _, err := r.tx.StmtxContext(ctx, r.session.unlist).ExecContext(ctx, row); err != nil {
			return err
		}
	}
	for place := range state.Claims {
		args := append([]any{row, place}, claimValues(&state.Claims[place])...)
		if _, err := r.tx.StmtxContext(ctx, r.session.list).ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func (r *revision) delete(ctx context.Context, key string, row int64) error {
	if _, err := r.tx.ExecContext(ctx, "delete from keys where row = ?", row); err != nil {
		return err
	}
	if _, err := r.tx.StmtxContext(ctx, r.session.unlist).ExecContext(ctx, row); err != nil {
		return err
	}
	return r.session.seen.forget(ctx, row, key)
}
