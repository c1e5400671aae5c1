// Package warehousetest is the suite that every warehouse passes.
//
// It holds, for each class of values, what must come out; a backend supplies the SQL of its dialect that makes it.
// So the same data reads the same whatever system it comes from.
//
//	func TestConformance(t *testing.T) {
//		warehousetest.Run(t, warehousetest.Suite{Open: ..., Values: map[string]string{...}, ...})
//	}
package warehousetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"spillway/warehouse"
)

// Suite is what a backend supplies.
type Suite struct {
	// Open opens the warehouse. The suite closes it.
	Open func(t *testing.T) warehouse.Warehouse

	// Values holds for the name of each Case the expression that makes its value: "'2026-11-20'::date". A system
	// without such a value gives Absent.
	Values map[string]string

	// Own are values that only this system has.
	Own []Own

	// Series is a relation of n rows with one column n that counts from 0. It must stream: 10^12 rows take no
	// memory.
	Series func(n int) string

	// Fail is an expression that fails when the server evaluates it for a row with n = at, and is n otherwise.
	Fail func(at int) string

	// DataError is a query whose failure the system reports with the value of a text literal in its words. Nil stands
	// for a cast of a row's text to an integer, which some systems let pass.
	DataError func(literal string) string

	// Writes are statements that would write something.
	Writes []string

	// Packs says that rows are Packers.
	Packs bool

	// MissingTable is the system's code for a table that does not exist.
	MissingTable string

	// Cut are, each under a name for the way of it, warehouses whose server or driver ends the result of any query before
	// its last row and calls that its end, or calls it nothing: only a fake or a proxy does. The query has 5000 rows of
	// Series at least, or as many as the server likes.
	Cut map[string]func(t *testing.T) warehouse.Warehouse
}

// Absent stands for the expression of a value that a system does not have.
const Absent = "absent"

// prompt is how soon a cancelled call must return, on a busy machine with the race detector too. What it is held against
// never ends.
const prompt = 15 * time.Second

// forever is a number of rows that nobody will live to see.
const forever = 1_000_000_000_000

// Run checks everything that warehouse.Warehouse promises.
func Run(t *testing.T, s Suite) {
	t.Run("values", s.values)
	t.Run("packed", s.packed)
	t.Run("columns", s.columns)
	t.Run("statements", s.statements)
	t.Run("rows", s.rows)
	t.Run("failures", s.failures)
	t.Run("cancelling", s.cancelling)
	t.Run("truncation", s.truncation)
	t.Run("a million rows are read in constant memory", s.memory)
}

func (s Suite) open(t *testing.T) warehouse.Warehouse {
	t.Helper()
	w := s.Open(t)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("close the warehouse: %v", err)
		}
	})
	return w
}

// numbers is a query for n rows of one column n.
func (s Suite) numbers(n int) string { return "select n from " + s.Series(n) }

func query(t *testing.T, w warehouse.Warehouse, q warehouse.Query) warehouse.Rows {
	t.Helper()
	rows, err := w.Query(t.Context(), q)
	if err != nil {
		t.Fatalf("query: %v\n%s", err, q.SQL)
	}
	t.Cleanup(func() {
		if err := rows.Close(); err != nil {
			t.Errorf("close the rows: %v", err)
		}
	})
	return rows
}

// drain reads rows to their end or to the first error, which is nil for io.EOF.
func drain(ctx context.Context, rows warehouse.Rows) ([]warehouse.Row, error) {
	var all []warehouse.Row
	for {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, slices.Clone(row))
	}
}

// read runs sql and returns all of its rows.
func read(t *testing.T, w warehouse.Warehouse, q warehouse.Query) []warehouse.Row {
	t.Helper()
	all, err := drain(t.Context(), query(t, w, q))
	if err != nil {
		t.Fatalf("read: %v\n%s", err, q.SQL)
	}
	return all
}

// works fails the test unless w answers a simple query.
func works(t *testing.T, w warehouse.Warehouse) {
	t.Helper()
	got := read(t, w, warehouse.Query{SQL: "select 1"})
	if diff := diff([]warehouse.Row{{int64(1)}}, got); diff != "" {
		t.Errorf("select 1 (-want +got):\n%s", diff)
	}
}

// diff compares values by their types too; NaN equals itself.
func diff(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return "" // as nearly always, and much sooner known
	}
	return cmp.Diff(want, got, cmpopts.EquateNaNs())
}

// mustNotEnd fails the test where err would be taken for the end of a complete result.
func mustNotEnd(t *testing.T, err error) {
	t.Helper()
	if err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("an incomplete result ended with %v, as a complete one does", err)
	}
}

// promptly runs f and fails the test where it takes long.
func promptly(t *testing.T, what string, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if took := time.Since(start); took > prompt {
		t.Errorf("%s took %s, at most %s are allowed", what, took, prompt)
	}
}

func describe(columns []warehouse.Column) string {
	var text strings.Builder
	for _, c := range columns {
		fmt.Fprintf(&text, "%s %s (%s)\n", c.Name, c.Type, c.Native)
	}
	return text.String()
}
