// Package warehouse says what a SQL system must do so that the rows of a model can be read from it.
//
// It is a leaf: it knows nothing of destinations, mappings or snapshots. Each system has a package of its own
// below this one, and package warehousetest is the suite that all of them pass.
package warehouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// Warehouse is one SQL system with one set of credentials. Its methods may be called from several goroutines.
type Warehouse interface {
	// Check connects and reads nothing but a constant. Its error says what is wrong and how to mend it.
	Check(ctx context.Context) error

	// Columns describes the result of sql without reading a row of it.
	Columns(ctx context.Context, sql string) ([]Column, error)

	// Query runs q in one statement on one snapshot, in a read-only session wherever the system has one.
	// Cancelling ctx cancels the statement at the system too.
	Query(ctx context.Context, q Query) (Rows, error)

	Close() error
}

// Rows is the result of a query, read once from its first row to its last.
type Rows interface {
	Columns() []Column

	// Next returns the next row, which is valid until the following call. It returns io.EOF only once the
	// result is proven to be complete: the rows read are as many as the system says it sent. A result that
	// ends without that proof gives an error that wraps ErrTruncated.
	Next(ctx context.Context) (Row, error)

	// Close releases the connection. It may be called at any time and more than once.
	Close() error
}

// All yields the rows of a result to its proven end, or the error that it ended with.
func All(ctx context.Context, rows Rows) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for {
			row, err := rows.Next(ctx)
			if errors.Is(err, io.EOF) || !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// Query is one read of a model.
type Query struct {
	SQL   string
	Limit int // at most this many rows; 0 reads all
	Tag   Tag
}

// Tag names the work that a statement belongs to, so that it can be found in the system's own statistics.
type Tag struct {
	Sync string
	Run  string
}

// String gives the tag as it is shown in the system: "spillway contacts 01JD...".
func (t Tag) String() string {
	s := "spillway"
	if t.Sync != "" {
		s += " " + t.Sync
	}
	if t.Run != "" {
		s += " " + t.Run
	}
	return s
}

// Column is one column of a result.
type Column struct {
	Name   string
	Type   Type
	Native string // the system's own name of the type, for people to read: "numeric(12,2)"
}

// Type is the class of values that a column holds besides null.
type Type uint8

// The classes of values, each with the Go type that carries it.
const (
	String  Type = iota + 1 // string: text, enums, UUIDs, times of day and all that has no closer class
	Bool                    // bool
	Int                     // int64; an integer beyond 64 bits is a Decimal
	Float                   // float64
	Numeric                 // Decimal
	Day                     // Date
	Time                    // time.Time, in UTC; a timestamp without a zone is taken as UTC
	Bytes                   // []byte
	JSON                    // json.RawMessage: documents, arrays, structs and maps, in canonical form
)

var typeNames = [...]string{"", "string", "boolean", "integer", "float", "decimal", "date", "timestamp", "bytes", "json"}

func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// Row holds the values of one row in the order of the columns.
type Row []Value

// Value is nil or one of string, bool, int64, float64, Decimal, Date, time.Time, []byte and json.RawMessage.
// No warehouse returns anything else, so that a switch over these is complete.
type Value = any

// Decimal is an exact decimal number as text, in the digits that the system gave: "-12.50". It never holds an
// exponent, a sign "+", or "NaN" and "Infinity", which systems that have them deliver as a float64 in that column.
type Decimal string

// Date is a day without a time or a zone, as "2026-11-20".
type Date string

var (
	_ Value = time.Time{}
	_ Value = json.RawMessage(nil)
)
