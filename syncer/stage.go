package syncer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/mappings"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/warehouse"
)

// chunkRows is how many rows are compared in one call.
const chunkRows = 1024

// rowLog takes rows with what became of them.
type rowLog interface {
	Rows(ctx context.Context, now time.Time, rows ...runlog.Row) error
}

// stager reads a model to its end, compares it with the snapshot and stages what is due. It is steps 1 to 4 of a
// row's way.
type stager struct {
	sync     *project.Sync
	route    *route
	view     diffstore.View
	sheet    *changeset
	rows     rowLog
	observer Observer
	now      func() time.Time

	tally   tally
	chunk   []rendered // of rows that are decoded one by one; nil before the first
	entries []diffstore.Entry
	texts   []byte          // holds the keys and identifiers of the chunk
	rowsOf  []rowOf         // the record of each entry
	void    map[string]bool // keys that the source holds more than once
	seen    int64           // rows that were read, where they are more than were taken

	// insertedBefore are keys that count as the same in insert mode, although another record of them was tried.
	insertedBefore map[string]bool

	claims  claims
	cells   []warehouse.Cell
	fields  detail
	detail  []byte   // of the record that is being staged
	changed []string // of its fields
}

// rowOf is the record of an entry. It says where the key, the identifier and its folded form begin in the texts of the
// chunk, and where that ends.
type rowOf struct {
	*rendered
	key, id, folded, end int
}

func newStager(s *project.Sync, r *route, view diffstore.View, sheet *changeset, rows rowLog, o Observer, now func() time.Time) *stager {
	return &stager{
		sync: s, route: r, view: view, sheet: sheet, rows: rows, observer: o, now: now,
		tally: newTally(r.object), entries: make([]diffstore.Entry, 0, chunkRows),
		void: map[string]bool{}, insertedBefore: map[string]bool{}, claims: newClaims(), fields: newDetail(view, detailWidth(s)),
	}
}

// read streams the model through the mapping and the comparison. When it returns without an error the source was
// read to its proven end and the warehouse is closed.
func (st *stager) read(ctx context.Context, source warehouse.Warehouse, tag warehouse.Tag) (err error) {
	rows, err := source.Query(ctx, warehouse.Query{SQL: st.sync.SQL, Tag: tag})
	if err != nil {
		return st.sourceError(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if err := st.route.bind(rows.Columns()); err != nil {
		return err
	}
	if err := st.sheet.name(st.route.mapping.FieldNames()); err != nil {
		return err
	}
	st.cells = make([]warehouse.Cell, len(rows.Columns()))
	if k, err := newSkim(st, rows); err != nil {
		return err
	} else if k != nil {
		return k.read(ctx)
	}
	st.chunk = newRendered()
	for {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return st.sourceError(err)
		}
		r := &st.chunk[len(st.entries)]
		*r = rendered{record: r.record}
		if r.failed = st.route.mapping.Encode(st.cellsOf(row), r.record); r.failed == nil {
			r.sum, r.first = sums(r.record, st.view.Sum)
		}
		if err := st.take(ctx, r, diffstore.Entry{}, st.tally.counts.Source+1); err != nil {
			return err
		}
	}
	return st.compare(ctx)
}

func (st *stager) sourceError(err error) error {
	return fmt.Errorf("model %s (%s): %w", st.sync.Model, st.route.sourceFile, err)
}

// cellsOf returns the cells of a row, which hold until the next call.
func (st *stager) cellsOf(row warehouse.Row) []warehouse.Cell {
	st.cells = st.cells[:0]
	for _, v := range row {
		st.cells = append(st.cells, warehouse.CellOf(v))
	}
	return st.cells
}

// take takes the record of one row, the number-th of the model, into the chunk, or the error that rendering it came to.
// The entry holds what is known of the row already.
func (st *stager) take(ctx context.Context, r *rendered, e diffstore.Entry, number int64) error {
	st.tally.counts.Source++
	var bad *mappings.RowError
	switch {
	case r.failed == nil:
		e.Sum, e.First = r.sum, r.first
		st.enter(r, e)
	case errors.As(r.failed, &bad):
		if err := st.invalid(ctx, r, number, bad); err != nil {
			return err
		}
	default:
		return fmt.Errorf("render row %d of model %s: %w", number, st.sync.Model, r.failed)
	}
	if len(st.entries) == chunkRows {
		return st.compare(ctx)
	}
	return nil
}

// sums returns the sums of a record's fields: of those that always count, and of all.
func sums(record *mappings.Encoded, sum func(canonical []byte) diffstore.Sum) (always, first diffstore.Sum) {
	always = sum(record.Canonical())
	if !record.HasInsertOnly() {
		return always, always
	}
	return always, sum(record.CanonicalInsert())
}

// enter makes a row an entry of the chunk, whose texts it gets when it is compared.
func (st *stager) enter(r *rendered, e diffstore.Entry) {
	at := rowOf{rendered: r, key: len(st.texts)}
	st.texts = append(st.texts, r.record.Key...)
	at.id = len(st.texts)
	st.texts = append(st.texts, r.record.ID...)
	at.folded = len(st.texts)
	st.texts = append(st.texts, r.record.CompareID...)
	at.end = len(st.texts)
	st.rowsOf, st.entries = append(st.rowsOf, at), append(st.entries, e)
}

// invalid counts a row of which no record can be made. A key that is known keeps its place: an unmappable row is
// present (invariant 5) and hides nothing else (invariant 8).
func (st *stager) invalid(ctx context.Context, r *rendered, number int64, bad *mappings.RowError) error {
	st.tally.counts.Invalid++
	reason := bad.Reason
	if bad.Field != "" {
		reason = "field " + bad.Field + ": " + reason
	}
	if len(r.record.Key) == 0 {
		st.tally.keyless++
		reason = fmt.Sprintf("row %d of the model: %s", number, reason)
	} else {
		st.enter(r, diffstore.Entry{Unmapped: true})
	}
	return st.rows.Rows(ctx, st.now(), runlog.Row{
		Key: string(r.record.Key), Op: string(st.sync.Mode), Outcome: runlog.RowInvalid, Code: bad.Code, Reason: reason,
	})
}

// compare brings the chunk before the snapshot.
func (st *stager) compare(ctx context.Context) error {
	if len(st.entries) == 0 {
		return nil
	}
	texts := string(st.texts) // one for all entries of the chunk
	for n := range st.rowsOf {
		at := &st.rowsOf[n]
		st.entries[n].Key, st.entries[n].ID = texts[at.key:at.id], texts[at.folded:at.end]
	}
	changes, err := st.view.Compare(ctx, st.entries)
	if err != nil {
		return ofState(fmt.Errorf("compare with the snapshot: %w", err))
	}
	if len(changes) != len(st.entries) {
		return fmt.Errorf("compare with the snapshot: %d answers to %d entries", len(changes), len(st.entries))
	}
	for i := range changes {
		at := &st.rowsOf[i]
		r := staged{rendered: at.rendered, id: texts[at.id:at.folded]}
		if err := st.place(ctx, r, &st.entries[i], &changes[i]); err != nil {
			return err
		}
		at.shrink()
	}
	st.entries, st.rowsOf, st.texts = st.entries[:0], st.rowsOf[:0], st.texts[:0]
	st.observer.Read(st.sync.Name, max(st.seen, st.tally.counts.Source))
	return nil
}

// staged is a record of the chunk with its identifier as it is sent.
type staged struct {
	*rendered
	id string
}

// place counts one compared row and stages it if it is due.
func (st *stager) place(ctx context.Context, r staged, e *diffstore.Entry, c *diffstore.Change) error {
	verdict := st.verdict(c.Verdict, c.Known)
	switch verdict {
	case diffstore.Kept:
		return nil
	case diffstore.Duplicate:
		return st.duplicate(ctx, e, c.First)
	case diffstore.Same:
		return st.same(r, e, c)
	case diffstore.Added, diffstore.Changed, diffstore.Carried:
	}
	i := st.item(r, e, c, verdict)
	if err := st.sheet.add(&i); err != nil {
		return err
	}
	if err := st.tally.add(&i); err != nil {
		return err
	}
	if i.Quarantined {
		return nil // as nothing is sent, the record stays under the identifiers that it has
	}
	return st.strays(c.Known, e.ID)
}

// same counts a row that is as the destination accepted it last.
func (st *stager) same(r staged, e *diffstore.Entry, c *diffstore.Change) error {
	st.tally.counts.Same++
	current := e.ID
	if st.sync.Mode == destinations.Insert {
		if c.Verdict == diffstore.Carried {
			st.insertedBefore[strings.Clone(e.Key)] = true
		}
		if c.Known != nil && len(c.Known.IDs) > 0 {
			current = c.Known.IDs[len(c.Known.IDs)-1] // the row may have another by now, but its record stays as it is
		}
	} else if c.Contested {
		spare := st.item(r, e, c, diffstore.Changed)
		spare.Step = contested
		if err := st.sheet.add(&spare); err != nil {
			return err
		}
	}
	return st.strays(c.Known, current)
}

// verdict is the comparison's verdict as the sync's mode takes it: what was inserted once is never sent again.
func (st *stager) verdict(v diffstore.Verdict, k *diffstore.Known) diffstore.Verdict {
	due := v == diffstore.Changed || v == diffstore.Carried
	if due && st.sync.Mode == destinations.Insert && k != nil && k.Accepted {
		return diffstore.Same
	}
	if v == diffstore.Carried && k != nil && unsent(&k.Tried) {
		if k.Accepted {
			return diffstore.Changed
		}
		return diffstore.Added
	}
	return v
}

// unsent reports whether an attempt was intended, and the run stopped before it was sent: see line.settleAll.
func unsent(t *diffstore.Tried) bool {
	return t.Token != diffstore.Token{} && !t.Doubt && t.Refusals == 0 && t.Since.IsZero()
}

// firstVerdict is what verdict was for the first row of a key that turned out to stand twice in the source.
func (st *stager) firstVerdict(e *diffstore.Entry, v diffstore.Verdict) diffstore.Verdict {
	changed := v == diffstore.Changed && st.sync.Mode == destinations.Insert
	if changed || v == diffstore.Carried && st.insertedBefore[e.Key] {
		return diffstore.Same
	}
	return v
}

func (st *stager) item(r staged, e *diffstore.Entry, c *diffstore.Change, verdict diffstore.Verdict) item {
	i := item{
		Step: write, Verdict: verdict, Op: st.sync.Mode, Key: e.Key, ID: r.id, Folded: e.ID,
		Sum: e.Sum, First: e.First, Source: e.Source, Record: r.record, Encoded: r.stored,
	}
	if i.Detail = r.detail; i.Detail == nil {
		st.detail = st.fields.append(st.detail[:0], r.record)
		i.Detail = st.detail
	}
	k := c.Known
	if k == nil {
		return i
	}
	if i.Update = k.Accepted; i.Update && r.record.HasInsertOnly() {
		i.Encoded = nil
	}
	for _, id := range k.IDs {
		if id != e.ID {
			i.Old = append(i.Old, id)
		}
	}
	i.Moved = len(i.Old) > 0
	if verdict == diffstore.Changed {
		i.Changed = st.changedFields(&i, k)
	}
	if verdict == diffstore.Carried || c.Contested && k.Tried.Sum == e.Sum {
		i.Quarantined = givenUp(k.Tried, st.sync.Retry.GiveUp, st.now())
		i.Refusals, i.Code = k.Tried.Refusals, k.Tried.Code
		if k.Tried.Doubt {
			i.Batch = k.Tried.Batch
		}
	}
	st.abridge(&i, c)
	return i
}

// changedFields returns the names of the fields that differ from the record last accepted, until the next call.
func (st *stager) changedFields(i *item, k *diffstore.Known) []string {
	st.changed = st.fields.changed(st.changed[:0], i.Record, i.Detail, k.Detail)
	return st.changed
}

// strays stages the removal of identifiers under which the record of a present key was, or may have been, delivered
// before.
func (st *stager) strays(k *diffstore.Known, current string) error {
	if k == nil {
		return nil
	}
	for _, id := range k.IDs {
		if id == current {
			continue
		}
		st.claims.move(k.Key, id)
		if st.sync.OnRemoved == onRemovedIgnore {
			continue
		}
		i := st.candidate(k, id)
		i.Moved = true
		if err := st.sheet.add(&i); err != nil {
			return err
		}
	}
	return nil
}

// candidate is the removal of one identifier of a key, if nobody else stands under it.
func (st *stager) candidate(k *diffstore.Known, id string) item {
	tried := k.Removals[id]
	i := item{
		Step: candidate, Key: k.Key, ID: id, Folded: id,
		Quarantined: givenUp(tried, st.sync.Retry.GiveUp, st.now()), Refusals: tried.Refusals, Code: tried.Code,
	}
	if tried.Doubt {
		i.Batch = tried.Batch
	}
	return i
}

// duplicate voids every row of a key that the source holds more than once, in whatever order they come.
func (st *stager) duplicate(ctx context.Context, e *diffstore.Entry, first diffstore.Verdict) error {
	rows := 0
	if !e.Unmapped { // an unmapped row was counted as invalid when it was read
		st.tally.counts.Invalid++
		rows++
	}
	switch st.firstVerdict(e, first) {
	case diffstore.Same:
		st.tally.counts.Same--
		st.tally.counts.Invalid++
		rows++
	case diffstore.Added, diffstore.Changed, diffstore.Carried: // its staged item is taken back in the end
		rows++
	case diffstore.Kept, diffstore.Duplicate:
	}
	st.void[strings.Clone(e.Key)] = true
	row := runlog.Row{
		Key: e.Key, ID: e.ID, Op: string(st.sync.Mode), Outcome: runlog.RowInvalid, Code: "duplicate_key",
		Reason: "the model has more than one row of this key; make " + strings.Join(st.sync.Key, ", ") + " unique in it",
	}
	for range rows {
		if err := st.rows.Rows(ctx, st.now(), row); err != nil {
			return err
		}
	}
	return nil
}

// givenUp reports whether a refused record is left alone until it changes or is retried. Rows that were deferred or
// had no answer never count.
func givenUp(t diffstore.Tried, g project.GiveUp, now time.Time) bool {
	if t.Refusals == 0 {
		return false
	}
	return t.Refusals >= g.Runs || (g.Age > 0 && !t.Since.IsZero() && now.Sub(t.Since) >= g.Age)
}
