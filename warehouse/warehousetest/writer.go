package warehousetest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/warehouse"
)

// table is one that writers are tried with.
func table(schema, name string) warehouse.Table {
	return warehouse.Table{
		Schema: schema, Name: name, Key: []string{"run_id", "seq"},
		Columns: []warehouse.Column{
			{Name: "run_id", Type: warehouse.String},
			{Name: "seq", Type: warehouse.Int},
			{Name: "reason", Type: warehouse.String},
			{Name: "seen_at", Type: warehouse.Time},
		},
	}
}

// Writer holds a writer to its contract. What it wrote is read by w, which reads the same system; schema is one that there
// is, and name that of a table that there is not.
func Writer(t *testing.T, open func(t *testing.T) warehouse.Writer, w warehouse.Warehouse, quote func(...string) string, schema string) {
	t.Helper()
	create := func(t *testing.T, writer warehouse.Writer, tables ...warehouse.Table) {
		t.Helper()
		if err := writer.Create(t.Context(), tables); err != nil {
			t.Fatal(err)
		}
	}
	replace := func(t *testing.T, writer warehouse.Writer, changes ...warehouse.Replacement) {
		t.Helper()
		if err := writer.Replace(t.Context(), changes); err != nil {
			t.Fatal(err)
		}
	}
	content := func(t *testing.T, of warehouse.Table, columns string) []warehouse.Row {
		t.Helper()
		name := quote(of.Name)
		if of.Schema != "" {
			name = quote(append(strings.Split(of.Schema, "."), of.Name)...)
		}
		rows, err := w.Query(t.Context(), warehouse.Query{SQL: "select " + columns + " from " + name + " order by run_id, seq"})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		list := []warehouse.Row{}
		for row, err := range warehouse.All(t.Context(), rows) {
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, slices.Clone(row))
		}
		return list
	}
	at := time.Date(2026, 11, 20, 23, 30, 0, 123456e3, time.UTC)

	t.Run("what is written is read", func(t *testing.T) {
		of, writer := table(schema, "spillway_read"), open(t)
		create(t, writer, of)
		create(t, writer, of)
		hostile := "'; drop table x; -- \\' \"`$1?" + "\n\t=1+1 Zoë 🦆"
		replace(t, writer, warehouse.Replacement{Table: of, Where: runsNamed("a"), Rows: given(
			warehouse.Row{"a", int64(1), hostile, at},
			warehouse.Row{"a", int64(1) << 60, nil, nil},
			warehouse.Row{"b", int64(-3), "zero\x00byte", at.In(time.FixedZone("x", 7200))},
		)})
		want := []warehouse.Row{{"a", int64(1), hostile, at}, {"a", int64(1) << 60, nil, nil}, {"b", int64(-3), "zero\uFFFDbyte", at}}
		if diff := cmp.Diff(want, content(t, of, "run_id, seq, reason, seen_at")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a repetition doubles nothing, and what does not match stays", func(t *testing.T) {
		of, writer := table(schema, "spillway_again"), open(t)
		create(t, writer, of)
		for range 3 {
			replace(t, writer,
				warehouse.Replacement{Table: of, Where: runsNamed("a"), Rows: given(warehouse.Row{"a", int64(1), "x", at}, warehouse.Row{"a", int64(2), "y", at})},
				warehouse.Replacement{Table: of, Where: runsNamed("b", "c"), Rows: given(warehouse.Row{"b", int64(1), "x", at})})
		}
		replace(t, writer, warehouse.Replacement{Table: of, Where: append(runsNamed("a"), warehouse.Match{Column: "reason", Values: []string{"x", "z"}})})
		if diff := cmp.Diff([]warehouse.Row{{"a", int64(2)}, {"b", int64(1)}}, content(t, of, "run_id, seq")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("many rows", func(t *testing.T) {
		of, writer := table(schema, "spillway_many"), open(t)
		create(t, writer, of)
		const n = 3001
		replace(t, writer, warehouse.Replacement{Table: of, Where: runsNamed("a"), Rows: func(yield func(warehouse.Row, error) bool) {
			for i := range int64(n) {
				if !yield(warehouse.Row{"a", i, strings.Repeat("r", 3000) + strconv.FormatInt(i, 10), at}, nil) {
					return
				}
			}
		}})
		if got := len(content(t, of, "seq")); got != n {
			t.Errorf("%d rows, want %d", got, n)
		}
	})
	t.Run("what fails changes nothing", func(t *testing.T) {
		of, writer := table(schema, "spillway_fails"), open(t)
		create(t, writer, of)
		first := warehouse.Replacement{Table: of, Where: runsNamed("a"), Rows: given(warehouse.Row{"a", int64(1), "x", at})}
		replace(t, writer, first)
		broken := errors.New("the run log is broken")
		second := warehouse.Replacement{Table: of, Where: runsNamed("b"), Rows: func(yield func(warehouse.Row, error) bool) {
			_ = yield(warehouse.Row{"b", int64(1), "x", at}, nil) && yield(nil, broken)
		}}
		gone := warehouse.Replacement{Table: of, Where: runsNamed("a")}
		if err := writer.Replace(t.Context(), []warehouse.Replacement{gone, second}); !errors.Is(err, broken) {
			t.Errorf("the error is %v", err)
		}
		if err := writer.Replace(t.Context(), []warehouse.Replacement{gone, {Table: table(schema, "spillway_none"), Where: runsNamed("a")}}); err == nil {
			t.Error("a table that there is not was written")
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if err := writer.Replace(cancelled, []warehouse.Replacement{gone}); !errors.Is(err, context.Canceled) {
			t.Errorf("the error of a cancelled context is %v", err)
		}
		interrupted, interrupt := context.WithCancel(t.Context())
		third := warehouse.Replacement{Table: of, Where: runsNamed("b"), Rows: func(yield func(warehouse.Row, error) bool) {
			for i := range int64(600) { // more than go at a time
				if !yield(warehouse.Row{"b", i, "x", at}, nil) {
					return
				}
			}
			interrupt()
			_ = yield(warehouse.Row{"b", int64(600), "x", at}, nil)
		}}
		if err := writer.Replace(interrupted, []warehouse.Replacement{gone, third}); !errors.Is(err, context.Canceled) {
			t.Errorf("the error of a context that was cancelled in between is %v", err)
		}
		replace(t, writer, warehouse.Replacement{Table: of, Where: runsNamed("z")}) // commits nothing of what failed
		if diff := cmp.Diff([]warehouse.Row{{"a", int64(1)}}, content(t, of, "run_id, seq")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a schema that there is not is named", func(t *testing.T) {
		of := table("no_such_schema", "spillway_none")
		if err := open(t).Create(t.Context(), []warehouse.Table{of}); err == nil || !strings.Contains(err.Error(), "no_such_schema") {
			t.Errorf("the error is %v", err)
		}
	})
}

func runsNamed(runs ...string) []warehouse.Match {
	return []warehouse.Match{{Column: "run_id", Values: runs}}
}

func given(rows ...warehouse.Row) iter.Seq2[warehouse.Row, error] {
	return func(yield func(warehouse.Row, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}
