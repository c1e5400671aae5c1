package warehousetest

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"spillway/warehouse"
)

// chunky is a number of rows that no system puts into one piece.
const chunky = 5000

func (s Suite) values(t *testing.T) {
	t.Parallel()
	w := s.open(t)
	all := s.Own
	for _, c := range Cases() {
		sql, ok := s.Values[c.Name]
		if !ok {
			t.Errorf("the suite lacks the expression for %q", c.Name)
			continue
		}
		if sql != Absent {
			all = append(all, Own{Name: c.Name, SQL: sql, Type: c.Type, Want: c.Want})
		}
	}
	for name := range s.Values {
		if !named(name) {
			t.Errorf("the suite has an expression for %q, which no case is called", name)
		}
	}
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			s.value(t, w, c)
		})
	}
}

func named(name string) bool {
	for _, c := range Cases() {
		if c.Name == name {
			return true
		}
	}
	return false
}

// value reads c alone, as null, and between nulls in many rows.
func (s Suite) value(t *testing.T, w warehouse.Warehouse, c Own) {
	s.compare(t, w, c, "select "+c.SQL+" as v", 1, func(int) bool { return false })
	s.compare(t, w, c, "select case when 1 = 0 then "+c.SQL+" end as v", 1, func(int) bool { return true })
	s.compare(t, w, c, fmt.Sprintf("select case when n %% 3 <> 1 then %s end as v from %s", c.SQL, s.Series(chunky)), chunky,
		func(row int) bool { return row%3 == 1 })
}

// compare runs sql, which gives count rows of c, or null where null says so.
func (s Suite) compare(t *testing.T, w warehouse.Warehouse, c Own, sql string, count int, null func(row int) bool) {
	t.Helper()
	rows := query(t, w, warehouse.Query{SQL: sql})
	columns := rows.Columns()
	if len(columns) != 1 || columns[0].Name != "v" || columns[0].Type != c.Type || columns[0].Native == "" {
		t.Errorf("the columns of %s are\n%swant v %s with its native type", sql, describe(columns), c.Type)
	}
	for i := range count {
		row, err := rows.Next(t.Context())
		if err != nil {
			t.Fatalf("row %d of %d of %s: %v", i, count, sql, err)
		}
		want := c.Want
		if null(i) {
			want = nil
		}
		if d := diff(want, row[0]); d != "" {
			t.Fatalf("row %d of %s (-want +got):\n%s", i, sql, d)
		}
		if at, ok := row[0].(time.Time); ok && at.Location() != time.UTC {
			t.Fatalf("the timestamp of %s is in %s, not in UTC", sql, at.Location())
		}
	}
	if _, err := rows.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Fatalf("after %d rows of %s: %v, want io.EOF", count, sql, err)
	}
}
