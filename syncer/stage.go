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
	chunk   []mappings.Record
	entries []diffstore.Entry
	used    int             // records of the chunk that are in use
	void    map[string]bool // keys that the source holds more than once

	// insertedBefore are keys that count as the same in insert mode, although another record of them was tried.
	insertedBefore map[string]bool

	claims  claims
	fields  detail // of the record that is being staged
	scratch []byte
}

func newStager(s *project.Sync, r *route, view diffstore.View, sheet *changeset, rows rowLog, o Observer, now func() time.Time) *stager {
	return &stager{
		sync: s, route: r, view: view, sheet: sheet, rows: rows, observer: o, now: now,
		tally: newTally(), chunk: make([]mappings.Record, chunkRows), entries: make([]diffstore.Entry, 0, chunkRows),
		void: map[string]bool{}, insertedBefore: map[string]bool{}, claims: newClaims(),
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
	if k := newSkim(st, rows); k != nil {
		return k.read(ctx)
	}
	for {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return st.sourceError(err)
		}
		if err := st.take(ctx, row, 0); err != nil {
			return err
		}
	}
	return st.compare(ctx)
}

func (st *stager) sourceError(err error) error {
	return fmt.Errorf("model %s (%s): %w", st.sync.Model, st.route.sourceFile, err)
}

// take renders one row into the chunk. Source is the sum of its values, or 0.
func (st *stager) take(ctx context.Context, row warehouse.Row, source uint64) error {
	st.tally.counts.Source++
	record := &st.chunk[st.used]
	err := st.route.mapping.Render(row, record)
	var bad *mappings.RowError
	switch {
	case errors.As(err, &bad):
		if err := st.invalid(ctx, record, bad); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("render row %d of model %s: %w", st.tally.counts.Source, st.sync.Model, err)
	default:
		e := st.entry(record)
		e.Source = source
		st.entries = append(st.entries, e)
		st.used++
	}
	if st.used == len(st.chunk) || len(st.entries) >= chunkRows {
		return st.compare(ctx)
	}
	return nil
}

// invalid counts a row of which no record can be made. A key that is known keeps its place: an unmappable row is
// present (invariant 5) and hides nothing else (invariant 8).
func (st *stager) invalid(ctx context.Context, record *mappings.Record, bad *mappings.RowError) error {
	st.tally.counts.Invalid++
	reason := bad.Reason
	if bad.Field != "" {
		reason = "field " + bad.Field + ": " + reason
	}
	if record.Key == "" {
		reason = fmt.Sprintf("row %d of the model: %s", st.tally.counts.Source, reason)
	} else {
		st.entries = append(st.entries, diffstore.Entry{Key: record.Key, Unmapped: true})
		st.used++
	}
	return st.rows.Rows(ctx, st.now(), runlog.Row{
		Key: record.Key, Op: string(st.sync.Mode), Outcome: runlog.RowInvalid, Code: bad.Code, Reason: reason,
	})
}

func (st *stager) entry(r *mappings.Record) diffstore.Entry {
	e := diffstore.Entry{Key: r.Key, ID: r.CompareID}
	st.scratch = r.AppendCanonical(st.scratch[:0])
	e.Sum = st.view.Sum(st.scratch)
	e.First = e.Sum
	if len(r.Fields) != len(r.Update()) {
		st.scratch = r.AppendCanonicalInsert(st.scratch[:0])
		e.First = st.view.Sum(st.scratch)
	}
	return e
}

// compare brings the chunk before the snapshot.
func (st *stager) compare(ctx context.Context) error {
	if len(st.entries) == 0 {
		return nil
	}
	changes, err := st.view.Compare(ctx, st.entries)
	if err != nil {
		return ofState(fmt.Errorf("compare with the snapshot: %w", err))
	}
	if len(changes) != len(st.entries) {
		return fmt.Errorf("compare with the snapshot: %d answers to %d entries", len(changes), len(st.entries))
	}
	for i := range changes {
		if err := st.place(ctx, &st.chunk[i], &st.entries[i], &changes[i]); err != nil {
			return err
		}
	}
	st.entries, st.used = st.entries[:0], 0
	st.observer.Read(st.sync.Name, st.tally.counts.Source)
	return nil
}

// place counts one compared row and stages it if it is due.
func (st *stager) place(ctx context.Context, r *mappings.Record, e *diffstore.Entry, c *diffstore.Change) error {
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
	st.tally.add(&i)
	if i.Quarantined {
		return nil // as nothing is sent, the record stays under the identifiers that it has
	}
	return st.strays(c.Known, e.ID)
}

// same counts a row that is as the destination accepted it last.
func (st *stager) same(r *mappings.Record, e *diffstore.Entry, c *diffstore.Change) error {
	st.tally.counts.Same++
	current := e.ID
	if st.sync.Mode == destinations.Insert {
		if c.Verdict == diffstore.Carried {
			st.insertedBefore[e.Key] = true
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

func (st *stager) item(r *mappings.Record, e *diffstore.Entry, c *diffstore.Change, verdict diffstore.Verdict) item {
	i := item{
		Step: write, Verdict: verdict, Op: st.sync.Mode, Key: e.Key, ID: r.ID, Folded: e.ID,
		Sum: e.Sum, First: e.First, Source: e.Source, Fields: r.Fields,
	}
	st.fields.read(r, st.view)
	i.Detail = st.fields.bytes(detailWidth(st.sync))
	k := c.Known
	if k == nil {
		return i
	}
	if k.Accepted {
		i.Fields = r.Update()
	}
	for _, id := range k.IDs {
		if id != e.ID {
			i.Old = append(i.Old, id)
		}
	}
	i.Moved = len(i.Old) > 0
	if verdict == diffstore.Changed {
		i.Changed = st.fields.changed(i.Fields, k.Detail)
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
	st.void[e.Key] = true
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
