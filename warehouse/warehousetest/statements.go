package warehousetest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"spillway/warehouse"
)

func (s Suite) columns(t *testing.T) {
	t.Parallel()
	w := s.open(t)

	t.Run("are the same described and queried", func(t *testing.T) {
		t.Parallel()
		var parts []string
		for _, c := range Cases() {
			if sql := s.Values[c.Name]; sql != Absent && sql != "" {
				parts = append(parts, fmt.Sprintf(`%s as "Column %d"`, sql, len(parts)))
			}
		}
		sql := "select " + strings.Join(parts, ",\n") + " from " + s.Series(2)
		described, err := w.Columns(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		rows := query(t, w, warehouse.Query{SQL: sql})
		if d := diff(described, rows.Columns()); d != "" {
			t.Errorf("described and queried columns (-described +queried):\n%s", d)
		}
		if len(described) != len(parts) || described[0].Name != "Column 0" {
			t.Errorf("%d columns were described, want %d that begin with Column 0:\n%s", len(described), len(parts), describe(described))
		}
	})

	t.Run("are described without running the query", func(t *testing.T) {
		t.Parallel()
		promptly(t, "describing an endless query", func() {
			columns, err := w.Columns(t.Context(), "select count(*) as total from "+s.Series(forever))
			if err != nil || len(columns) != 1 || columns[0].Name != "total" || columns[0].Type != warehouse.Int {
				t.Errorf("columns are %s(error %v), want total as an integer", describe(columns), err)
			}
		})
		if _, err := w.Columns(t.Context(), fmt.Sprintf("select %s as n from %s", s.Fail(0), s.Series(10))); err != nil {
			t.Errorf("describing a query that fails when it runs: %v", err)
		}
	})

	t.Run("of a table that is missing are an error with the system's code", func(t *testing.T) {
		t.Parallel()
		_, err := w.Columns(t.Context(), "select * from no_such_table")
		s.missing(t, err)
	})
}

func (s Suite) missing(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*warehouse.Error](err)
	if !ok || e.Code != s.MissingTable || e.Temporary || !strings.Contains(e.Error(), "no_such_table") {
		t.Errorf("the error is %#v, want code %s, the name of the table, and not temporary", err, s.MissingTable)
	}
}

func (s Suite) statements(t *testing.T) {
	t.Parallel()
	w := s.open(t)
	want := []warehouse.Row{{int64(0)}, {int64(1)}, {int64(2)}}
	numbers := s.numbers(3)
	for name, sql := range map[string]string{
		"may end with a semicolon":            numbers + ";",
		"may end with a comment":              numbers + " -- done; really",
		"may end with a semicolon and more":   numbers + " ;\n-- done\n",
		"may start with a comment":            "/* select 7; */ -- x\n" + numbers,
		"may be a WITH query":                 "with a as (" + numbers + "), b as (select * from a) select n from b",
		"may be ordered and limited":          "select n from " + s.Series(10) + " order by n limit 3;",
		"may hold a semicolon in a text":      "select n from " + s.Series(3) + " where 'a;b' = 'a;b'",
		"may be written in parentheses":       "(" + numbers + ")",
		"may join":                            "select a.n from (" + numbers + ") a join (" + numbers + ") b on a.n = b.n order by 1",
		"may hold a percent sign and a quote": "select n from " + s.Series(3) + ` where '100%s''' <> '"'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, limit := range []int{0, 3, 4} {
				got := read(t, w, warehouse.Query{SQL: sql, Limit: limit, Tag: warehouse.Tag{Sync: "it's", Run: "01JD"}})
				if d := diff(want, got); d != "" {
					t.Errorf("with limit %d (-want +got):\n%s", limit, d)
				}
			}
			got := read(t, w, warehouse.Query{SQL: sql, Limit: 2})
			if d := diff(want[:2], got); d != "" {
				t.Errorf("with limit 2 (-want +got):\n%s", d)
			}
		})
	}
	s.refusals(t, w)
}

func (s Suite) refusals(t *testing.T, w warehouse.Warehouse) {
	refused := map[string]string{
		"nothing is no query":           "",
		"a comment is no query":         "-- select 1",
		"two statements are refused":    "select 1; select 2",
		"a second statement is refused": "select 1; create table gotcha (id int)",
		"parameters are refused":        "select n from " + s.Series(3) + " where n = $1",
		"nonsense is refused":           "selec 1",
	}
	for _, sql := range s.Writes {
		refused["a write is refused: "+sql] = sql
	}
	for name, sql := range refused {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := w.Query(t.Context(), warehouse.Query{SQL: sql})
			if err == nil {
				_, err = drain(t.Context(), rows)
				_ = rows.Close()
			}
			e, ok := errors.AsType[*warehouse.Error](err)
			if !ok || e.Temporary || e.Message == "" {
				t.Errorf("the error is %#v, want a lasting *warehouse.Error", err)
			}
			works(t, w)
		})
	}
}

func (s Suite) rows(t *testing.T) {
	t.Parallel()
	w := s.open(t)

	t.Run("an empty result has columns and ends at once", func(t *testing.T) {
		t.Parallel()
		rows := query(t, w, warehouse.Query{SQL: "select n, 'x' as t from " + s.Series(10) + " where n < 0"})
		if got := rows.Columns(); len(got) != 2 || got[0].Name != "n" || got[1].Name != "t" {
			t.Errorf("columns are %swant n and t", describe(got))
		}
		for range 3 {
			if _, err := rows.Next(t.Context()); !errors.Is(err, io.EOF) {
				t.Fatalf("the end is %v, want io.EOF every time", err)
			}
		}
	})

	t.Run("a limit ends an endless query", func(t *testing.T) {
		t.Parallel()
		promptly(t, "reading 3 of endless rows", func() {
			got := read(t, w, warehouse.Query{SQL: s.numbers(forever), Limit: 3})
			if d := diff([]warehouse.Row{{int64(0)}, {int64(1)}, {int64(2)}}, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	})

	t.Run("may be closed early, twice, and then give an error", func(t *testing.T) {
		t.Parallel()
		rows := query(t, w, warehouse.Query{SQL: s.numbers(forever)})
		if _, err := rows.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		promptly(t, "closing in the middle", func() {
			for range 2 {
				if err := rows.Close(); err != nil {
					t.Error(err)
				}
			}
		})
		_, err := rows.Next(t.Context())
		mustNotEnd(t, err)
		works(t, w)
	})

	t.Run("may be closed at their end, and then give an error", func(t *testing.T) {
		t.Parallel()
		rows := query(t, w, warehouse.Query{SQL: "select 1"})
		if _, err := drain(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
		_, err := rows.Next(t.Context())
		mustNotEnd(t, err)
	})

	t.Run("of several queries at once do not mix", func(t *testing.T) {
		t.Parallel()
		s.concurrent(t, w)
	})
}

func (s Suite) concurrent(t *testing.T, w warehouse.Warehouse) {
	const readers, count = 8, 20_000
	var wg sync.WaitGroup
	for reader := range readers {
		wg.Go(func() {
			rows, err := w.Query(t.Context(), warehouse.Query{
				SQL: fmt.Sprintf("select n + %d as n, 'reader %d' as name from %s", reader*count, reader, s.Series(count)),
			})
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = rows.Close() }()
			for i := range count {
				row, err := rows.Next(t.Context())
				if err != nil {
					t.Errorf("reader %d, row %d: %v", reader, i, err)
					return
				}
				if row[0] != int64(reader*count+i) || row[1] != fmt.Sprintf("reader %d", reader) {
					t.Errorf("reader %d got row %v at %d", reader, row, i)
					return
				}
			}
			if _, err := rows.Next(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("reader %d ended with %v", reader, err)
			}
		})
	}
	wg.Wait()
}
