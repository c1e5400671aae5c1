package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"spillway/diffstore"
)

// chunkSize is how many rows one statement looks up.
const chunkSize = 500

func chunks[T any](all []T) iter.Seq[[]T] { return slices.Chunk(all, chunkSize) }

// view compares a source with a snapshot. The view of a sync that never ran has no database.
type view struct {
	*summer
	d    *database
	q    sqlx.QueryerContext // the database, or the transaction that holds still what a view sees
	tx   *sqlx.Tx            // that transaction
	seen *seen
}

func newEmptyView(key []byte) *view {
	return &view{summer: newSummer(key), seen: newSeen(0, key)}
}

// newSnapshotView opens a view of the snapshot as it is now.
func newSnapshotView(ctx context.Context, d *database, key []byte) (*view, error) {
	if err := d.verify(ctx, key); err != nil {
		return nil, err
	}
	// The transaction outlives ctx, which is that of the opening.
	tx, err := d.BeginTxx(context.WithoutCancel(ctx), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, d.failure("open", err)
	}
	v, err := newView(ctx, d, tx, key)
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	v.tx = tx
	return v, nil
}

func newView(ctx context.Context, d *database, q sqlx.QueryerContext, key []byte) (*view, error) {
	var base int64
	if err := sqlx.GetContext(ctx, q, &base, "select coalesce(max(row), 0) from keys"); err != nil {
		return nil, d.failure("open", err)
	}
	return &view{summer: newSummer(key), d: d, q: q, seen: newSeen(base, key)}, nil
}

func (v *view) Close() error {
	err := v.seen.close()
	if v.d == nil {
		return err
	}
	return errors.Join(err, v.tx.Rollback(), v.d.failure("close", v.d.Close()))
}

func (v *view) Size(ctx context.Context) (int64, error) {
	if v.d == nil {
		return 0, nil
	}
	var size int64
	query := fmt.Sprintf("select count(*) from keys where flags & %d and not flags & %d", delivered, left)
	return size, v.d.failure("read", sqlx.GetContext(ctx, v.q, &size, query))
}

func (v *view) Version(ctx context.Context) (string, error) {
	if v.d == nil {
		return "", nil
	}
	var version string
	err := sqlx.GetContext(ctx, v.q, &version, "select lower(hex(nonce)) || '-' || version from about")
	return version, v.d.failure("read", err)
}

// glance is what suffices to know that an entry is the Same.
type glance struct {
	row   int64
	plain bool
	sum   diffstore.Sum
}

func (v *view) Compare(ctx context.Context, entries []diffstore.Entry) ([]diffstore.Change, error) {
	changes := make([]diffstore.Change, len(entries))
	sightings := make([]sighting, len(entries))
	glances, err := v.glance(ctx, entries)
	if err != nil {
		return nil, v.d.failure("read", err)
	}
	var closer []int64
	for i := range entries {
		e, g := &entries[i], &glances[i]
		sightings[i] = sighting{row: g.row, key: e.Key, verdict: diffstore.Same}
		if g.row != 0 && (!g.plain || e.Unmapped || e.Sum != g.sum) {
			closer = append(closer, g.row)
		}
	}
	known, err := v.known(ctx, closer)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		changes[i].Verdict = diffstore.Same
		if k, ok := known[glances[i].row]; ok || glances[i].row == 0 {
			changes[i] = diffstore.Judge(entries[i], k)
		}
		sightings[i].verdict = changes[i].Verdict
	}
	if err := v.seen.visit(ctx, sightings); err != nil {
		return nil, err
	}
	for i, g := range sightings {
		if g.first != 0 {
			changes[i].Verdict, changes[i].First, changes[i].Contested = diffstore.Duplicate, g.first, false
		}
	}
	return changes, nil
}

// glance looks up the entries in the snapshot.
func (v *view) glance(ctx context.Context, entries []diffstore.Entry) ([]glance, error) {
	glances := make([]glance, len(entries))
	if v.d == nil {
		return glances, nil
	}
	at := 0
	for chunk := range chunks(entries) {
		if err := v.glanceChunk(ctx, chunk, glances[at:]); err != nil {
			return nil, err
		}
		at += len(chunk)
	}
	return glances, nil
}

func (v *view) glanceChunk(ctx context.Context, entries []diffstore.Entry, glances []glance) (err error) {
	var query strings.Builder
	query.WriteString("select e.column1, k.row, k.flags, k.sum from (values ")
	args := make([]any, len(entries))
	for i := range entries {
		if i > 0 {
			query.WriteByte(',')
		}
		fmt.Fprintf(&query, "(%d,?)", i)
		args[i] = []byte(entries[i].Key)
	}
	query.WriteString(") e join keys k on k.key = e.column2")
	rows, err := v.q.QueryContext(ctx, query.String(), args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var sum sql.RawBytes
	for rows.Next() {
		var i int
		var row int64
		var f flags
		if err := rows.Scan(&i, &row, &f, &sum); err != nil {
			return err
		}
		glances[i] = glance{row: row, plain: f.has(plain), sum: sum16(sum)}
	}
	return rows.Err()
}

// known returns what is known of the keys in the given rows.
func (v *view) known(ctx context.Context, rows []int64) (map[int64]*diffstore.Known, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	found, err := loadRows(ctx, v.q, rows)
	if err != nil {
		return nil, v.d.failure("read", err)
	}
	known := make(map[int64]*diffstore.Known, len(found))
	for _, s := range found {
		known[s.row] = s.state.Known(s.key)
	}
	return known, nil
}

// Removed reads in chunks, so that the caller may write to a session meanwhile.
func (v *view) Removed(ctx context.Context) iter.Seq2[diffstore.Known, error] {
	return func(yield func(diffstore.Known, error) bool) {
		for last := int64(0); v.d != nil; {
			var rows []int64
			query := fmt.Sprintf("select row from keys where row > ? and flags & %d and not flags & %d order by row limit 4000", delivered, left)
			if err := sqlx.SelectContext(ctx, v.q, &rows, query, last); err != nil {
				yield(diffstore.Known{}, v.d.failure("read", err))
				return
			}
			if len(rows) == 0 {
				return
			}
			last = rows[len(rows)-1]
			rows = slices.DeleteFunc(rows, func(row int64) bool { return v.seen.has(row) && v.seen.mark(row) != 0 })
			if !v.yieldUnseen(ctx, rows, yield) {
				return
			}
		}
	}
}

func (v *view) yieldUnseen(ctx context.Context, rows []int64, yield func(diffstore.Known, error) bool) bool {
	found, err := loadRows(ctx, v.q, rows)
	if err != nil {
		return yield(diffstore.Known{}, v.d.failure("read", err))
	}
	for _, s := range found {
		verdict, err := v.seen.verdict(ctx, s.row, s.key)
		if err != nil {
			return yield(diffstore.Known{}, err)
		}
		if verdict == 0 && !yield(*s.state.Known(s.key), nil) {
			return false
		}
	}
	return true
}

func (v *view) Owners(ctx context.Context, ids []string) (map[string][]string, error) {
	owners := map[string][]string{}
	if v.d == nil || len(ids) == 0 {
		return owners, nil
	}
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	rows, err := rowsOfIDs(ctx, v.q, ids)
	if err != nil {
		return nil, v.d.failure("read", err)
	}
	slices.Sort(rows)
	found, err := loadRows(ctx, v.q, slices.Compact(rows))
	if err != nil {
		return nil, v.d.failure("read", err)
	}
	for _, s := range found {
		verdict, err := v.seen.verdict(ctx, s.row, s.key)
		if err != nil {
			return nil, err
		}
		if verdict == 0 {
			continue
		}
		unsure := verdict == diffstore.Kept || verdict == diffstore.Duplicate
		for _, c := range s.state.Claims {
			if wanted[c.ID] && s.state.Holds(c.ID, unsure) {
				owners[c.ID] = append(owners[c.ID], s.key)
			}
		}
	}
	for _, keys := range owners {
		slices.Sort(keys)
	}
	return owners, nil
}
