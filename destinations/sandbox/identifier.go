package sandbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
)

// identify puts the identifier into given, or says that the two disagree.
func (b *batch) identify(r batchRecord, given map[string]json.RawMessage) (map[string]json.RawMessage, *fault) {
	own, ok := given[b.identifier]
	if !ok {
		f, _ := b.object.field(b.identifier)
		value, bad := f.check(encodeText(r.ID))
		if bad != nil {
			return nil, bad
		}
		given[b.identifier] = value
		return given, nil
	}
	if b.object.key(plain(own)) != b.object.key(r.ID) {
		return nil, refuse("identifier_mismatch", "the id is %q, but the field %s is %q", r.ID, b.identifier, plain(own))
	}
	return given, nil
}

// key is the form in which identifiers are compared.
func (o object) key(id string) string {
	if o.fold {
		return strings.ToLower(id)
	}
	return id
}

func (b *batch) find(ctx context.Context, identifier, id string) (*Record, error) {
	var row recordRow
	err := b.tx.GetContext(ctx, &row, `select r.* from records r join identifiers i on i.record = r.id
		where i.object = ? and i.field = ? and i.value = ?`, b.object.name, identifier, b.object.key(id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil // no record, no fault
	}
	if err != nil {
		return nil, err
	}
	record, err := row.record()
	return &record, err
}

// taken says that another record holds the value that next has of an identifier.
func (b *batch) taken(ctx context.Context, identifier string, next Record) (*fault, error) {
	value := plain(next.Fields[identifier])
	if value == "" {
		return nil, nil // no value, no other record
	}
	other, err := b.find(ctx, identifier, value)
	if err != nil || other == nil || other.ID == next.ID {
		return nil, err
	}
	return refuse("conflict", "%s %q belongs to record %d", identifier, value, other.ID), nil
}
