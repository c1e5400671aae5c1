package mappings

import (
	"fmt"
	"strings"

	"spillway/destinations"
	"spillway/warehouse"
)

// Render renders row into rec, overwriting what it held. What rec then holds shares no memory that a warehouse may
// use again for its next row. The error is a *RowError; rec.Key is set whenever the key itself is valid, so that
// the row can be kept as present (invariant 5).
func (m *Mapping) Render(row warehouse.Row, rec *Record) error {
	rec.reset(m)
	if len(row) != m.width {
		return &RowError{
			Code:   CodeBadValue,
			Reason: fmt.Sprintf("the row has %d columns, and the mapping was made for %d", len(row), m.width),
		}
	}
	key, buffer, err := m.keyText(row, rec.scratch.key)
	rec.scratch.key = buffer
	if err != nil {
		return err
	}
	rec.Key = key
	for i := range m.fields {
		if err := m.fields[i].render(i, row, rec); err != nil {
			rec.drop()
			return err
		}
	}
	if err := m.identify(rec); err != nil {
		rec.drop()
		return err
	}
	return nil
}

// identify sets the record's identifier.
func (m *Mapping) identify(rec *Record) *RowError {
	if m.identifier < 0 {
		return nil
	}
	f := &m.fields[m.identifier]
	at := rec.slots[m.identifier]
	if at < 0 || rec.Fields[at].Value == nil {
		return &RowError{Code: CodeNullIdentifier, Field: f.name, Reason: "the identifier is null"}
	}
	id := valueText(rec.Fields[at].Value)
	if strings.TrimSpace(id) == "" {
		return &RowError{Code: CodeNullIdentifier, Field: f.name, Reason: "the identifier is blank"}
	}
	if len(id) > maxKey {
		return &RowError{Code: CodeTooLong, Field: f.name, Reason: fmt.Sprintf("the identifier is longer than %d bytes", maxKey)}
	}
	rec.ID, rec.CompareID = id, id
	if m.fold {
		rec.CompareID = strings.ToLower(id)
	}
	return nil
}

// render adds the field, which is the i-th of the mapping, to rec.
func (f *field) render(i int, row warehouse.Row, rec *Record) *RowError {
	value, failed := f.value(row, rec)
	if failed != nil {
		return &RowError{Code: failed.code, Field: f.name, Reason: failed.reason}
	}
	if value == nil && f.onNull == leaveOut {
		return nil
	}
	if !f.takes(value) {
		return &RowError{Code: CodeBadValue, Field: f.name, Reason: "its value is none of those that the field takes: " + listed(f.enum.names)}
	}
	rec.slots[i] = len(rec.Fields)
	v := destinations.FieldValue{Name: f.name, Value: value}
	rec.Fields = append(rec.Fields, v)
	if rec.mapping.insertOnly && !f.insertOnly {
		rec.update = append(rec.update, v)
	}
	return nil
}

// value takes the field's value from its source and renders it.
func (f *field) value(row warehouse.Row, rec *Record) (destinations.Value, *failure) {
	var v any
	switch f.kind {
	case fromConstant:
		return f.constant, nil
	case fromColumn:
		v = row[f.column]
	case fromExpression:
		var failed *failure
		if v, failed = f.expression.run(row, &rec.scratch.frame); failed != nil {
			return nil, failed
		}
		v = zoned(v, f.target)
	}
	if isNull(v) {
		return f.fallback, nil
	}
	if f.values != nil {
		return f.mapped(v)
	}
	value, failed := convert(v, f.target)
	if value == nil && failed == nil {
		return f.fallback, nil
	}
	return value, failed
}

// mapped looks v up in the field's map.
func (f *field) mapped(v any) (destinations.Value, *failure) {
	s, failed := mapText(v)
	if failed != nil {
		return nil, failed
	}
	if value, ok := f.values[s]; ok {
		return value, nil
	}
	if f.hasFallback {
		return f.fallback, nil
	}
	return nil, &failure{CodeUnmapped, "its value is not in the field's map, which has no default"}
}

// mapText returns v as the text by which a map knows it: numbers without digits that say nothing.
func mapText(v any) (string, *failure) {
	s, failed := text(v)
	if failed != nil {
		return "", failed
	}
	switch v.(type) {
	case float64, warehouse.Decimal:
		if plain, ok := plainNumber(s); ok {
			return plain, nil
		}
	}
	return s, nil
}
