package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"spillway/warehouse"
)

// shape is what a statement returns: its columns and how to read each.
type shape struct {
	columns []warehouse.Column
	codecs  []codec
	oids    []uint32
	formats []int16 // for each column the protocol's format code: 0 text, 1 binary
}

// describe has the server parse and plan nothing but the result's shape; no row is read.
func (s *session) describe(ctx context.Context, sql string) (shape, error) {
	statement, err := s.pg.Prepare(ctx, "", sql, nil)
	if err != nil {
		return shape{}, failure(ctx, sql, err)
	}
	if len(statement.ParamOIDs) > 0 {
		return shape{}, &warehouse.Error{
			Code: "42P02", Message: "the model has parameters such as $1",
			Hint: "write their values into it",
		}
	}
	if len(statement.Fields) == 0 {
		return shape{}, &warehouse.Error{Message: "the model returns no columns", Hint: "a model is one SELECT statement"}
	}
	types, err := s.dialect.types(ctx, s, statement.Fields)
	if err != nil {
		return shape{}, failure(ctx, "", err)
	}
	return types, nil
}

// types finds the codec and the full name of each field's type.
func (s *session) types(ctx context.Context, fields []pgconn.FieldDescription) (shape, error) {
	names, err := s.typeNames(ctx, fields)
	if err != nil {
		return shape{}, err
	}
	known, err := s.codecs(ctx, fields)
	if err != nil {
		return shape{}, err
	}
	var out shape
	for i, f := range fields {
		c := known.of(f.DataTypeOID)
		out.columns = append(out.columns, warehouse.Column{Name: f.Name, Type: c.class, Native: names[i]})
		out.codecs = append(out.codecs, c)
		out.oids = append(out.oids, f.DataTypeOID)
		format := int16(0)
		if c.binary != nil {
			format = 1
		}
		out.formats = append(out.formats, format)
	}
	return out, nil
}

// decode reads one value of a column from the server's bytes, which are nil for null.
func (s shape) decode(column int, src []byte) (warehouse.Value, error) {
	if src == nil {
		return nil, nil
	}
	read := s.codecs[column].text
	if s.formats[column] == 1 {
		read = s.codecs[column].binary
	}
	v, err := read(src)
	if err != nil {
		c := s.columns[column]
		return nil, fmt.Errorf("column %q of type %s: %w", c.Name, c.Native, err)
	}
	return v, nil
}

// agrees reports whether a result has the shape that was described.
func (s shape) agrees(fields []pgconn.FieldDescription) bool {
	if len(fields) != len(s.oids) {
		return false
	}
	for i, f := range fields {
		if f.DataTypeOID != s.oids[i] || f.Format != s.formats[i] || f.Name != s.columns[i].Name {
			return false
		}
	}
	return true
}
