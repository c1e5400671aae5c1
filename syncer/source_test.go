package syncer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"spillway/warehouse"
)

// person is one row of the source. Nothing of it is required.
type person struct {
	Key    any    // string or nil
	Email  string // the identifier; empty is null
	Name   string
	Score  string // rendered as an integer: anything else makes the row invalid
	Doc    string // JSON; empty is null
	Origin string // only sent on insert
	Note   string // not mapped
}

var personColumns = []warehouse.Column{
	{Name: "id", Type: warehouse.String},
	{Name: "email", Type: warehouse.String},
	{Name: "name", Type: warehouse.String},
	{Name: "score", Type: warehouse.String},
	{Name: "doc", Type: warehouse.JSON},
	{Name: "origin", Type: warehouse.String},
	{Name: "note", Type: warehouse.String},
}

// source is a warehouse in memory that holds people.
type source struct {
	mu      sync.Mutex
	columns []warehouse.Column
	people  []person
	next    func(ctx context.Context, n int) error // asked before row n is given, and before the end
	packs   bool                                   // its rows can be had packed
	cells   bool                                   // packed rows have cells
	queries int
	open    int // results that are not closed
}

func (s *source) set(people ...person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people = slices.Clone(people)
}

func (s *source) Check(context.Context) error { return nil }

func (s *source) Columns(context.Context, string) ([]warehouse.Column, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.columns, nil
}

func (s *source) Query(context.Context, warehouse.Query) (warehouse.Rows, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queries++
	s.open++
	rows := &sourceRows{source: s, people: slices.Clone(s.people), next: s.next}
	if s.packs {
		packed := &packedRows{sourceRows: rows}
		if s.cells {
			return celledRows{packed}, nil
		}
		return packed, nil
	}
	return rows, nil
}

func (s *source) Close() error { return nil }

// sourceRows gives rows that share memory with the ones before, as the contract of warehouse.Rows allows.
type sourceRows struct {
	source *source
	people []person
	next   func(context.Context, int) error
	at     int
	closed bool
	row    warehouse.Row
	doc    []byte
}

func (r *sourceRows) Columns() []warehouse.Column { return r.source.columns }

func (r *sourceRows) Next(ctx context.Context) (warehouse.Row, error) {
	if r.closed {
		return nil, errors.New("the rows are closed")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.next != nil {
		if err := r.next(ctx, r.at); err != nil {
			return nil, err
		}
	}
	if r.at == len(r.people) {
		return nil, io.EOF
	}
	p := r.people[r.at]
	r.at++
	for i := range r.doc {
		r.doc[i] = '?'
	}
	r.doc = append(r.doc[:0], p.Doc...)
	var doc warehouse.Value
	if p.Doc != "" {
		doc = json.RawMessage(r.doc)
	}
	r.row = append(r.row[:0], p.Key, text(p.Email), text(p.Name), text(p.Score), doc, text(p.Origin), text(p.Note))
	return r.row, nil
}

// packedRows are the same in packed form too.
type packedRows struct {
	*sourceRows
	chosen []int
	row    warehouse.Row
}

func (r *packedRows) Pack(columns []int) string {
	r.chosen = columns
	return fmt.Sprint(columns)
}

func (r *packedRows) NextPacked(ctx context.Context, dst []byte) ([]byte, error) {
	row, err := r.Next(ctx)
	if err != nil {
		return dst, err
	}
	for _, column := range r.chosen {
		switch v := row[column].(type) {
		case string:
			dst = warehouse.AppendPacked(dst, []byte(v))
		case json.RawMessage:
			dst = warehouse.AppendPacked(dst, v)
		default:
			dst = warehouse.AppendPackedNull(dst)
		}
	}
	return dst, nil
}

func (r *packedRows) Text(dst, packed []byte, n int) ([]byte, bool) {
	value, ok := warehouse.PackedValue(packed, n)
	if !ok || value == nil || personColumns[r.chosen[n]].Type != warehouse.String {
		return dst, false
	}
	return append(dst, value...), true
}

func (r *packedRows) Unpack(packed []byte) (warehouse.Row, error) {
	r.row = append(r.row[:0], make(warehouse.Row, len(personColumns))...)
	for n, column := range r.chosen {
		value, ok := warehouse.PackedValue(packed, n)
		switch {
		case !ok:
			return nil, errors.New("the packed row is too short")
		case value == nil:
		case personColumns[column].Type == warehouse.JSON:
			r.row[column] = json.RawMessage(bytes.Clone(value))
		default:
			r.row[column] = string(value)
		}
	}
	return r.row, nil
}

// celledRows have their cells too.
type celledRows struct{ *packedRows }

func (r celledRows) Cells(packed []byte, row []warehouse.Cell, scratch []byte) ([]byte, error) {
	for n, column := range r.chosen {
		value, ok := warehouse.PackedValue(packed, n)
		if !ok {
			return scratch, errors.New("the packed row is too short")
		}
		from := len(scratch)
		scratch = append(scratch, value...)
		row[column] = warehouse.Cell{Type: personColumns[column].Type, Text: scratch[from:]}
		if value == nil {
			row[column] = warehouse.Cell{}
		}
	}
	return scratch, nil
}

func text(s string) warehouse.Value {
	if s == "" {
		return nil
	}
	return s
}

func (r *sourceRows) Close() error {
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	if !r.closed {
		r.closed = true
		r.source.open--
	}
	return nil
}

// compact is a document as a record holds it.
func compact(doc string) string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(doc)); err != nil {
		return doc
	}
	return b.String()
}
