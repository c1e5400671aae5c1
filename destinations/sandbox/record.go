package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Record is one record as the sandbox keeps it.
type Record struct {
	ID       int64                      `json:"id"`
	Object   string                     `json:"object"`
	Archived bool                       `json:"archived"`
	Fields   map[string]json.RawMessage `json:"fields"` // no nulls; numbers with the digits they came with
	Created  time.Time                  `json:"created_at"`
	Changed  time.Time                  `json:"changed_at"`
	Latest   Change                     `json:"latest"` // its latest change
}

// Change is one change of a record.
type Change struct {
	Kind    string    `json:"kind"` // created, updated, cleared, restored, archived or deleted
	At      time.Time `json:"at"`
	Request int64     `json:"request"`
	Edits   []Edit    `json:"edits,omitempty"`
}

// Edit is what a change did to one field.
type Edit struct {
	Field string          `json:"field"`
	Old   json.RawMessage `json:"old"`
	New   json.RawMessage `json:"new"`
}

// Query says which records are wanted.
type Query struct {
	Object string // one object's records; empty is all
	Search string // only records with this text in one of their values, whatever its case
	Before int64  // continue after the page that gave this as its next; 0 is the first page
	Limit  int    // at most this many; 0 is all
}

type recordRow struct {
	ID       int64  `db:"id"`
	Object   string `db:"object"`
	Archived bool   `db:"archived"`
	Fields   string `db:"fields"`
	Search   string `db:"search"`
	Created  int64  `db:"created"`
	Changed  int64  `db:"changed"`
	Latest   int64  `db:"latest"`
}

func (r recordRow) record() (Record, error) {
	record := Record{
		ID: r.ID, Object: r.Object, Archived: r.Archived,
		Created: time.UnixMicro(r.Created).UTC(), Changed: time.UnixMicro(r.Changed).UTC(),
	}
	if err := json.Unmarshal([]byte(r.Fields), &record.Fields); err != nil {
		return Record{}, fmt.Errorf("record %d: %w", r.ID, err)
	}
	return record, nil
}

// listedRow is a record with its latest change.
type listedRow struct {
	recordRow
	changeRow `db:"change"`
}

func (r listedRow) record() (Record, error) {
	record, err := r.recordRow.record()
	if err != nil {
		return Record{}, err
	}
	record.Latest, err = r.change()
	return record, err
}

const selectListed = `select r.*, c.id as "change.id", c.object as "change.object", c.record as "change.record", c.kind as "change.kind",
	c.at as "change.at", c.request as "change.request", c.edits as "change.edits"
	from records r join changes c on c.id = r.latest where `

type changeRow struct {
	ID      int64  `db:"id"`
	Object  string `db:"object"`
	Record  int64  `db:"record"`
	Kind    string `db:"kind"`
	At      int64  `db:"at"`
	Request int64  `db:"request"`
	Edits   string `db:"edits"`
}

func (r changeRow) change() (Change, error) {
	c := Change{Kind: r.Kind, At: time.UnixMicro(r.At).UTC(), Request: r.Request}
	if err := json.Unmarshal([]byte(r.Edits), &c.Edits); err != nil {
		return Change{}, fmt.Errorf("change %d: %w", r.ID, err)
	}
	return c, nil
}

// save writes r with one change more. The oldest changes of a record make way.
func (b *batch) save(ctx context.Context, r *Record, kind string, edits []Edit) error {
	fields, err := encode(r.Fields)
	if err != nil {
		return fmt.Errorf("record %d: %w", r.ID, err)
	}
	if r.ID == 0 {
		row, err := b.tx.ExecContext(ctx, `insert into records (object, archived, fields, search, created, changed, latest)
			values (?, 0, '', '', ?, 0, 0)`, b.object.name, b.now)
		if err != nil {
			return err
		}
		if r.ID, err = row.LastInsertId(); err != nil {
			return err
		}
	}
	change, err := b.note(ctx, r.ID, kind, edits)
	if err != nil {
		return err
	}
	_, err = b.tx.ExecContext(ctx, "update records set archived = ?, fields = ?, search = ?, changed = ?, latest = ? where id = ?",
		r.Archived, string(fields), searchable(r.Fields), b.now, change, r.ID)
	if err != nil {
		return err
	}
	return b.index(ctx, r, kind, edits)
}

func (b *batch) note(ctx context.Context, record int64, kind string, edits []Edit) (int64, error) {
	text, err := encode(edits)
	if err != nil {
		return 0, fmt.Errorf("the change of record %d: %w", record, err)
	}
	row, err := b.tx.ExecContext(ctx, `insert into changes (object, record, kind, at, request, edits)
		values (?, ?, ?, ?, ?, ?)`, b.object.name, record, kind, b.now, b.request, string(text))
	if err != nil {
		return 0, err
	}
	if kind != outcomeCreated {
		_, err = b.tx.ExecContext(ctx, `delete from changes where record = ?1 and id <=
			(select id from changes where record = ?1 order by id desc limit 1 offset ?2)`, record, keptChanges)
		if err != nil {
			return 0, err
		}
	}
	return row.LastInsertId()
}

// index keeps the identifiers of r in step with its fields.
func (b *batch) index(ctx context.Context, r *Record, kind string, edits []Edit) error {
	for _, e := range edits {
		if !b.object.identifiedBy(e.Field) {
			continue
		}
		if kind != outcomeCreated {
			if _, err := b.tx.ExecContext(ctx, "delete from identifiers where record = ? and field = ?", r.ID, e.Field); err != nil {
				return err
			}
		}
		value := plain(e.New)
		if value == "" {
			continue
		}
		_, err := b.tx.ExecContext(ctx, "insert into identifiers (object, field, value, record) values (?, ?, ?, ?)",
			b.object.name, e.Field, b.object.key(value), r.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// erase deletes a record with all that was ever known of it. A change without values says that it was there.
func (b *batch) erase(ctx context.Context, id int64) error {
	for _, statement := range []string{
		"delete from changes where record = ?",
		"delete from inserted where record = ?",
		"delete from records where id = ?",
	} {
		if _, err := b.tx.ExecContext(ctx, statement, id); err != nil {
			return err
		}
	}
	_, err := b.note(ctx, id, outcomeDeleted, nil)
	return err
}

func searchable(fields map[string]json.RawMessage) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text.WriteString(strings.ToLower(plain(fields[name])))
		text.WriteByte('\n')
	}
	return text.String()
}

// records returns what q asks for, the newest change first, and where the next page starts, 0 after the last.
func (s *store) records(ctx context.Context, q Query) ([]Record, int64, error) {
	where, args := []string{"1 = 1"}, []any{}
	if q.Object != "" {
		where, args = append(where, "r.object = ?"), append(args, q.Object)
	}
	if q.Search != "" {
		where, args = append(where, "instr(search, ?) > 0"), append(args, strings.ToLower(q.Search))
	}
	if q.Before > 0 {
		where, args = append(where, "latest < ?"), append(args, q.Before)
	}
	limit := -1
	if q.Limit > 0 {
		limit = q.Limit + 1 // one more tells whether there is a next page
	}
	var rows []listedRow
	err := s.db.SelectContext(ctx, &rows, selectListed+strings.Join(where, " and ")+
		" order by latest desc limit "+strconv.Itoa(limit), args...)
	if err != nil {
		return nil, 0, fmt.Errorf("list the records of the sandbox: %w", err)
	}
	next := int64(0)
	if q.Limit > 0 && len(rows) > q.Limit {
		rows = rows[:q.Limit]
		next = rows[len(rows)-1].Latest
	}
	records := make([]Record, len(rows))
	for i, row := range rows {
		if records[i], err = row.record(); err != nil {
			return nil, 0, err
		}
	}
	return records, next, nil
}

// history returns the record of that number with its changes, the newest first.
func (s *store) history(ctx context.Context, object string, id int64) (Record, []Change, error) {
	var row listedRow
	if err := s.db.GetContext(ctx, &row, selectListed+"r.object = ? and r.id = ?", object, id); err != nil {
		return Record{}, nil, fmt.Errorf("record %d: %w", id, err)
	}
	record, err := row.record()
	if err != nil {
		return Record{}, nil, err
	}
	var rows []changeRow
	if err := s.db.SelectContext(ctx, &rows, "select * from changes where record = ? order by id desc", id); err != nil {
		return Record{}, nil, fmt.Errorf("the changes of record %d: %w", id, err)
	}
	changes := make([]Change, len(rows))
	for i, row := range rows {
		if changes[i], err = row.change(); err != nil {
			return Record{}, nil, err
		}
	}
	return record, changes, nil
}

// deletion says that a record was there once.
type deletion struct {
	Object  string `db:"object"`
	Record  int64  `db:"record"`
	At      int64  `db:"at"`
	Request int64  `db:"request"`
}

// deletions returns the latest deletions of an object's records, or of all where object is empty.
func (s *store) deletions(ctx context.Context, object string, limit int) ([]deletion, error) {
	var rows []deletion
	err := s.db.SelectContext(ctx, &rows, `select object, record, at, request from changes
		where kind = 'deleted' and (?1 = '' or object = ?1) order by id desc limit ?2`, object, limit)
	if err != nil {
		return nil, fmt.Errorf("list the deletions of the sandbox: %w", err)
	}
	return rows, nil
}
