package diffstoretest

import (
	"context"
	"fmt"
	"slices"

	"spillway/diffstore"
)

// engine is a sync engine in small. It drives a session the way a run must for the store's promises to add up to
// those of a run, and leaves out everything else: rendering, guards, pacing, the run log. Its order of steps is the
// proof that the seam suffices, since the random histories pass through it:
//
//	compare all → work out removals → hand-overs → writes → removals
//
// Between any two of its calls, tick may end the run: as a crash, or as an interruption.
type engine struct {
	view    diffstore.View    // what the steps up to the plan need
	session diffstore.Session // the same, for the steps that send
	remote  *remote
	tick    func() error
	batch   int // records in one batch, at least 1

	staged map[string]*staged         // what is to be written, by key
	spare  map[string]*staged         // contested entries: the same, unless nobody else stands under their identifier
	moved  map[string]staged          // keys that are present, with identifiers that they may have to be removed from
	gone   map[string]staged          // keys that are gone from the source, with their identifiers
	plan   []diffstore.Change         // what Compare said, in the order of the source
	leave  []string                   // what Removed said, in its order
	homes  map[string]string          // where the record of each key stands that was last accepted and not let go since
	sums   func(string) diffstore.Sum // of a value
}

// staged is a key with what is to be done about it.
type staged struct {
	row   row
	entry diffstore.Entry
	old   []string // other identifiers that the key was, or may have been, delivered under
	done  bool     // the write was accepted
}

// run brings the remote to where the rows are, as far as it answers.
func (e *engine) run(ctx context.Context, rows []row) error {
	e.staged, e.spare = map[string]*staged{}, map[string]*staged{}
	e.moved, e.gone = map[string]staged{}, map[string]staged{}
	if err := e.compare(ctx, rows); err != nil {
		return err
	}
	// Only now is the source read to its end: before, a key that was not seen may still come (invariant 5).
	if err := e.findRemoved(ctx); err != nil {
		return err
	}
	if err := e.resolveContested(ctx); err != nil {
		return err
	}
	if err := e.writeAll(ctx); err != nil {
		return err
	}
	// A removal starts only after every write was settled: a key that took over an identifier in this very run
	// must be known to hold it, and an old identifier goes only after the new one was accepted.
	return e.removeAll(ctx)
}

func (e *engine) compare(ctx context.Context, rows []row) error {
	for chunk := range slices.Chunk(rows, 3) {
		if err := e.tick(); err != nil {
			return err
		}
		entries := make([]diffstore.Entry, len(chunk))
		for i, r := range chunk {
			entries[i] = r.entry(e.sums)
		}
		changes, err := e.view.Compare(ctx, entries)
		if err != nil {
			return fmt.Errorf("compare: %w", err)
		}
		for i, c := range changes {
			e.place(&staged{row: chunk[i], entry: entries[i]}, c)
		}
		e.plan = append(e.plan, changes...)
	}
	return nil
}

// place decides what one compared row comes to.
func (e *engine) place(s *staged, c diffstore.Change) {
	key := s.row.key
	if c.Known != nil {
		s.old = slices.DeleteFunc(slices.Clone(c.Known.IDs), func(id string) bool { return id == s.row.id })
	}
	switch c.Verdict {
	case diffstore.Kept:
		// Nothing is known of what the row should be, its identifier included: all stays as it is.
	case diffstore.Duplicate:
		// Every row of the key is void, the first one too, in whatever order they came.
		delete(e.staged, key)
		delete(e.spare, key)
		delete(e.moved, key)
	case diffstore.Same:
		if c.Contested {
			e.spare[key] = s
		}
		if len(s.old) > 0 {
			e.moved[key] = *s
		}
	case diffstore.Added, diffstore.Changed, diffstore.Carried:
		e.staged[key] = s
	}
}

func (e *engine) findRemoved(ctx context.Context) error {
	if err := e.tick(); err != nil {
		return err
	}
	for known, err := range e.view.Removed(ctx) {
		if err != nil {
			return fmt.Errorf("removed: %w", err)
		}
		e.gone[known.Key] = staged{row: row{key: known.Key}, old: known.IDs}
		e.leave = append(e.leave, known.Key)
	}
	return nil
}

// resolveContested decides what the contested entries come to. Where another key that is present was the last to
// write to the identifier, or is about to, the two share it for good, and both are the Same: were each to be sent
// because of the other, they would be sent in every run for ever (invariant 6). Where all keys that are present under
// it are contested, the last to write has gone or moved, and they are sent.
func (e *engine) resolveContested(ctx context.Context) error {
	if len(e.spare) == 0 {
		return nil
	}
	if err := e.tick(); err != nil {
		return err
	}
	var ids []string
	for _, key := range sorted(e.spare) {
		ids = append(ids, e.spare[key].row.id)
	}
	owners, err := e.view.Owners(ctx, ids)
	if err != nil {
		return fmt.Errorf("owners: %w", err)
	}
	for _, key := range sorted(e.spare) {
		s := e.spare[key]
		id := s.row.id
		shared := slices.ContainsFunc(owners[id], func(other string) bool {
			due := e.staged[other]
			return e.spare[other] == nil && (due == nil || due.row.id == id)
		})
		if !shared {
			e.staged[key] = s
		}
	}
	return nil
}

// writeAll sends what is staged, in batches that hold no identifier twice.
func (e *engine) writeAll(ctx context.Context) error {
	queue := sorted(e.staged)
	for len(queue) > 0 {
		var batch []call
		var later []string
		ids := map[string]bool{}
		for _, key := range queue {
			s := e.staged[key]
			if len(batch) == e.batch || ids[s.row.id] {
				later = append(later, key)
				continue
			}
			ids[s.row.id] = true
			batch = append(batch, call{attempt: diffstore.Attempt{Entry: s.entry}, row: s.row})
		}
		queue = later
		if err := e.send(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// removal is an identifier to be removed on behalf of a key.
type removal struct{ key, id string }

// removeAll removes the identifiers of keys that are gone, and the old ones of keys that have moved.
func (e *engine) removeAll(ctx context.Context) error {
	var queue []removal
	for _, key := range sorted(e.gone) {
		for _, id := range e.gone[key].old {
			queue = append(queue, removal{key, id})
		}
	}
	for _, key := range sorted(e.staged) {
		if s := e.staged[key]; s.done { // otherwise the record under the old identifier is all there is of it
			e.moved[key] = *s
		}
	}
	for _, key := range sorted(e.moved) {
		for _, id := range e.moved[key].old {
			queue = append(queue, removal{key, id})
		}
	}
	for len(queue) > 0 {
		if err := e.tick(); err != nil {
			return err
		}
		due, later, err := e.decide(ctx, queue)
		if err != nil {
			return err
		}
		queue = later
		if err := e.send(ctx, due); err != nil {
			return err
		}
	}
	return nil
}

// decide takes from the queue what may be removed now. It asks for owners after the writes, and right before it
// intends, because it is the answers to the writes that decide who owns what.
func (e *engine) decide(ctx context.Context, queue []removal) (due []call, later []removal, err error) {
	var ids []string
	for _, r := range queue {
		ids = append(ids, r.id)
	}
	owners, err := e.view.Owners(ctx, ids)
	if err != nil {
		return nil, nil, fmt.Errorf("owners: %w", err)
	}
	var handed []diffstore.Fate
	taken := map[string]bool{}
	for _, r := range queue {
		owned := slices.ContainsFunc(owners[r.id], func(key string) bool { return key != r.key })
		switch {
		case owned:
			// The record is another key's now, which answers for it from here on.
			handed = append(handed, diffstore.Fate{Key: r.key, ID: r.id, Outcome: diffstore.Gone})
			e.letGo(r.key, r.id)
		case e.awaited(r):
			// A row that is present wants the record, but was not accepted. Removing it would lose what the
			// service keeps under it; handing it over would leave nobody to answer for it. A later run decides.
		case taken[r.id] || len(due) == e.batch:
			later = append(later, r)
		default:
			taken[r.id] = true
			due = append(due, call{attempt: diffstore.Attempt{Entry: diffstore.Entry{Key: r.key, ID: r.id}, Removal: true}, row: row{key: r.key, id: r.id}})
		}
	}
	if len(handed) > 0 {
		if err := e.session.Settle(ctx, handed); err != nil {
			return nil, nil, fmt.Errorf("settle: %w", err)
		}
	}
	return due, later, nil
}

func (e *engine) awaited(r removal) bool {
	for key, s := range e.staged {
		if key != r.key && s.row.id == r.id && !s.done {
			return true
		}
	}
	return false
}

// call is one record, or one removal, of a batch.
type call struct {
	attempt diffstore.Attempt
	row     row
}

// send takes a batch through intent, request and verdicts.
func (e *engine) send(ctx context.Context, batch []call) error {
	if len(batch) == 0 {
		return nil
	}
	if err := e.tick(); err != nil {
		return err
	}
	attempts := make([]diffstore.Attempt, len(batch))
	for i, c := range batch {
		attempts[i] = c.attempt
	}
	tokens, err := e.session.Intend(ctx, attempts) // invariant 2
	if err != nil {
		return fmt.Errorf("intend: %w", err)
	}
	if err := e.tick(); err != nil {
		e.remote.doubt(batch)
		return err
	}
	answers, stop := e.remote.write(batch, tokens)
	if err := e.tick(); err != nil {
		e.remote.doubt(batch)
		return err
	}
	if fates := e.fates(batch, tokens, answers); len(fates) > 0 {
		if err := e.session.Settle(ctx, fates); err != nil { // invariant 1
			return fmt.Errorf("settle: %w", err)
		}
	}
	if stop {
		return errInterrupted
	}
	return e.tick()
}

// fates turns answers into fates, some of which name their tokens. What was not answered has none, and stays in doubt.
func (e *engine) fates(batch []call, tokens []diffstore.Token, answers []answer) []diffstore.Fate {
	var fates []diffstore.Fate
	for i, a := range answers {
		c := batch[i]
		f := diffstore.Fate{Key: c.row.key, At: epoch, Code: "no"}
		if c.attempt.Removal {
			f.ID = c.row.id
		}
		if i%3 != 2 {
			f.Token = tokens[i]
		}
		switch {
		case a == refused:
			f.Outcome = diffstore.Refused
		case a == deferred:
			f.Outcome = diffstore.Returned
		case a == accepted && c.attempt.Removal:
			f.Outcome = diffstore.Gone
			e.letGo(c.row.key, c.row.id)
		case a == accepted:
			f.Outcome = diffstore.Taken
			e.staged[c.row.key].done = true
			e.homes[c.row.key] = c.row.id
		default:
			continue
		}
		fates = append(fates, f)
	}
	return fates
}

func (e *engine) letGo(key, id string) {
	if e.homes[key] == id {
		delete(e.homes, key)
	}
}
