package sandbox

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"spillway/destinations"
)

const (
	keptChanges  = 20   // of one record
	keptRequests = 1000 // in the log
	keptTokens   = 24 * time.Hour
)

// batch applies one request in one transaction.
type batch struct {
	tx         *sqlx.Tx
	object     object
	op         destinations.Op
	identifier string
	request    int64
	now        int64
}

// apply carries out a request and writes it to the request log, in one transaction.
func (s *store) apply(ctx context.Context, o object, r batchRequest, now time.Time) ([]batchResult, error) {
	var results []batchResult
	err := s.write(ctx, func(tx *sqlx.Tx) error {
		ctx := context.WithoutCancel(ctx)
		entry := Request{At: now, Source: r.Source, Object: o.name, Operation: r.Operation}
		id, err := logRequest(ctx, tx, entry)
		if err != nil {
			return err
		}
		b := &batch{tx: tx, object: o, op: destinations.Op(r.Operation), identifier: r.Identifier, request: id, now: now.UnixMicro()}
		if results, err = b.run(ctx, r.Records); err != nil {
			return err
		}
		entry.ID = id
		return settleRequest(ctx, tx, entry, results, r.Records)
	})
	if err != nil {
		return nil, fmt.Errorf("apply a batch of %s: %w", o.name, err)
	}
	slices.SortStableFunc(results, func(a, b batchResult) int {
		return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(number(a.RecordID), number(b.RecordID)))
	})
	return results, nil
}

func number(id string) int64 {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0 // a record that is not there
	}
	return n
}

func (b *batch) run(ctx context.Context, records []batchRecord) ([]batchResult, error) {
	if b.op == destinations.Insert {
		old := time.UnixMicro(b.now).Add(-keptTokens).UnixMicro()
		if _, err := b.tx.ExecContext(ctx, "delete from inserted where at < ?", old); err != nil {
			return nil, err
		}
	}
	results := make([]batchResult, 0, len(records))
	seen := make(map[string]bool, len(records))
	for _, r := range records {
		id := b.object.key(r.ID)
		if seen[id] {
			results = append(results, r.refused(refuse("duplicate_in_batch", "%s %q stands in this request already", b.identifier, r.ID)))
			continue
		}
		seen[id] = true
		result, err := b.one(ctx, r)
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

func (r batchRecord) refused(f *fault) batchResult {
	return batchResult{Ref: r.Ref, Status: statusError, Code: f.code, Message: f.message}
}

func (r batchRecord) done(id int64, outcome string) batchResult {
	result := batchResult{Ref: r.Ref, Status: statusOK, Outcome: outcome}
	if id > 0 {
		result.RecordID = strconv.FormatInt(id, 10)
	}
	return result
}

// one applies one record. All reasons to refuse it are found before anything is written for it.
func (b *batch) one(ctx context.Context, r batchRecord) (batchResult, error) {
	if r.ID == "" {
		return r.refused(refuse("required_field", "%s cannot be empty", b.identifier)), nil
	}
	if b.op == destinations.Insert && r.Token != "" {
		if result, again, err := b.replay(ctx, r); again || err != nil {
			return result, err
		}
	}
	found, err := b.find(ctx, b.identifier, r.ID)
	if err != nil {
		return batchResult{}, err
	}
	switch b.op {
	case destinations.Archive, destinations.Delete:
		return b.remove(ctx, r, found)
	case destinations.Insert:
		if found != nil {
			return r.refused(refuse("conflict", "%s %q exists already: record %d", b.identifier, r.ID, found.ID)), nil
		}
	case destinations.Update:
		if found == nil || found.Archived {
			return r.refused(refuse("not_found", "no record has %s %q", b.identifier, r.ID)), nil
		}
	case destinations.Clear:
		if found == nil {
			return r.done(0, outcomeAbsent), nil
		}
	case destinations.Upsert:
	}
	return b.set(ctx, r, found)
}

// set writes the fields of r into the record found, or into a new one.
func (b *batch) set(ctx context.Context, r batchRecord, found *Record) (batchResult, error) {
	given, bad := b.read(r)
	if bad != nil {
		return r.refused(bad), nil
	}
	next := Record{Object: b.object.name, Fields: map[string]json.RawMessage{}}
	if found != nil {
		next = *found
		next.Fields = maps.Clone(found.Fields)
	}
	edits := merge(next.Fields, given)
	for _, f := range b.object.fields {
		if f.Required && isNull(next.Fields[f.Name]) {
			return r.refused(refuse("required_field", "%s is missing", f.Name)), nil
		}
	}
	for _, name := range b.object.identifiers {
		if bad, err := b.taken(ctx, name, next); bad != nil || err != nil {
			if err != nil {
				return batchResult{}, err
			}
			return r.refused(bad), nil
		}
	}
	outcome := b.outcome(found, edits)
	if b.op != destinations.Clear {
		next.Archived = false
	}
	if outcome == outcomeUnchanged {
		return r.done(next.ID, outcome), nil
	}
	if err := b.save(ctx, &next, outcome, edits); err != nil {
		return batchResult{}, err
	}
	if b.op == destinations.Insert && r.Token != "" {
		if err := b.remember(ctx, r, next.ID); err != nil {
			return batchResult{}, err
		}
	}
	return r.done(next.ID, outcome), nil
}

// The outcomes of a record that was not refused. They are also the kinds of changes.
const (
	outcomeCreated   = "created"
	outcomeUpdated   = "updated"
	outcomeCleared   = "cleared"
	outcomeRestored  = "restored"
	outcomeArchived  = "archived"
	outcomeDeleted   = "deleted"
	outcomeUnchanged = "unchanged"
	outcomeAbsent    = "absent"
)

func (b *batch) outcome(found *Record, edits []Edit) string {
	switch {
	case found == nil:
		return outcomeCreated
	case found.Archived && b.op != destinations.Clear:
		return outcomeRestored
	case len(edits) == 0:
		return outcomeUnchanged
	case b.op == destinations.Clear:
		return outcomeCleared
	}
	return outcomeUpdated
}

// read checks the fields of r and adds the identifier, which always stands in the record.
func (b *batch) read(r batchRecord) (map[string]json.RawMessage, *fault) {
	given := map[string]json.RawMessage{}
	if len(r.Fields) > 0 && json.Unmarshal(r.Fields, &given) != nil || given == nil {
		return nil, refuse("invalid_fields", "fields must be an object")
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		f, ok := b.object.field(name)
		if !ok {
			return nil, refuse("unknown_field", "%s have no field %q", b.object.name, name)
		}
		if b.op == destinations.Clear {
			if f.Required || b.object.identifiedBy(name) {
				delete(given, name) // a record without these could not be found again
				continue
			}
			given[name] = nil
		}
		value, bad := f.check(given[name])
		if bad != nil {
			return nil, bad
		}
		given[name] = value
	}
	if b.op == destinations.Clear {
		return given, nil
	}
	return b.identify(r, given)
}

// merge sets given in fields and returns what that changes, by the name of the field. A null removes a field.
func merge(fields, given map[string]json.RawMessage) []Edit {
	var edits []Edit
	for _, name := range slices.Sorted(maps.Keys(given)) {
		before, after := fields[name], given[name]
		if isNull(before) && isNull(after) || string(before) == string(after) {
			continue
		}
		edits = append(edits, Edit{Field: name, Old: before, New: after})
		if isNull(after) {
			delete(fields, name)
		} else {
			fields[name] = after
		}
	}
	return edits
}

func (b *batch) remove(ctx context.Context, r batchRecord, found *Record) (batchResult, error) {
	if found == nil {
		return r.done(0, outcomeAbsent), nil
	}
	if b.op == destinations.Archive {
		if found.Archived {
			return r.done(found.ID, outcomeUnchanged), nil
		}
		found.Archived = true
		return r.done(found.ID, outcomeArchived), b.save(ctx, found, outcomeArchived, nil)
	}
	return r.done(found.ID, outcomeDeleted), b.erase(ctx, found.ID)
}
