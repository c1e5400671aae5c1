package warehousetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"testing"
	"time"

	"spillway/warehouse"
)

// packed holds what warehouse.Packer promises to what Next gives.
func (s Suite) packed(t *testing.T) {
	t.Parallel()
	w := s.open(t)
	if _, ok := query(t, w, warehouse.Query{SQL: "select 1"}).(warehouse.Packer); ok != s.Packs {
		t.Fatalf("that rows can be packed is %v, want %v", ok, s.Packs)
	}
	if !s.Packs {
		return
	}
	t.Run("values", func(t *testing.T) { s.packedValues(t, w) })
	t.Run("columns are packed as they were chosen", func(t *testing.T) { s.packedColumns(t, w) })
	t.Run("packed and decoded rows take turns", func(t *testing.T) { s.packedTurns(t, w) })
	t.Run("a limit holds", func(t *testing.T) {
		rows := query(t, w, warehouse.Query{SQL: s.numbers(10), Limit: 3})
		if got := len(drainPacked(t, rows, 0)); got != 3 {
			t.Errorf("%d rows came, want 3", got)
		}
	})
	for _, at := range []int{0, 1, 2048, 100_000} {
		t.Run(fmt.Sprintf("a query that fails at row %d is an error, not an end", at), func(t *testing.T) {
			rows, err := w.Query(t.Context(), warehouse.Query{SQL: fmt.Sprintf("select %s as n from %s", s.Fail(at), s.Series(200_000))})
			if err != nil {
				return // some fail before they give rows
			}
			p := packer(t, rows, 0)
			for err == nil {
				_, err = p.NextPacked(t.Context(), nil)
			}
			mustNotEnd(t, err)
			if _, again := rows.Next(t.Context()); again == nil || errors.Is(again, io.EOF) {
				t.Errorf("after the failure a row came, or an end: %v", again)
			}
			if err := rows.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("cancelling ends it", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		rows := query(t, w, warehouse.Query{SQL: s.numbers(forever)})
		p := packer(t, rows, 0)
		if _, err := p.NextPacked(ctx, nil); err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := p.NextPacked(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v, want %v", err, context.Canceled)
		}
		s.stopped(t, w, rows, context.Canceled)
	})
	t.Run("closed rows give none", func(t *testing.T) {
		rows := query(t, w, warehouse.Query{SQL: s.numbers(10)})
		p := packer(t, rows, 0)
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := p.NextPacked(t.Context(), nil)
		mustNotEnd(t, err)
	})
}

// packer chooses columns.
func packer(t *testing.T, rows warehouse.Rows, columns ...int) warehouse.Packer {
	t.Helper()
	p, ok := rows.(warehouse.Packer)
	if !ok {
		t.Fatal("the rows cannot be packed")
	}
	p.Pack(columns)
	return p
}

// drainPacked reads rows to their end.
func drainPacked(t *testing.T, rows warehouse.Rows, columns ...int) []string {
	t.Helper()
	p := packer(t, rows, columns...)
	var all []string
	var packed []byte
	for {
		var err error
		if packed, err = p.NextPacked(t.Context(), packed[:0]); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(packed))
	}
}

// packedValues packs every value of the suite, between nulls and in many rows.
func (s Suite) packedValues(t *testing.T, w warehouse.Warehouse) {
	all := s.Own
	for _, c := range Cases() {
		if sql := s.Values[c.Name]; sql != Absent {
			all = append(all, Own{Name: c.Name, SQL: sql, Type: c.Type, Want: c.Want})
		}
	}
	forms := map[string]warehouse.Value{} // by layout and packed form
	for _, c := range all {
		rows := query(t, w, warehouse.Query{SQL: fmt.Sprintf("select case when n %% 3 <> 1 then %s end as v from %s", c.SQL, s.Series(chunky))})
		p, ok := rows.(warehouse.Packer)
		if !ok {
			t.Fatal("the rows cannot be packed")
		}
		layout := p.Pack([]int{0})
		var packed, null []byte
		for i := range chunky {
			const before = "before"
			row, err := p.NextPacked(t.Context(), []byte(before))
			if err != nil {
				t.Fatalf("row %d of %s: %v", i, c.SQL, err)
			}
			form := row[len(before):]
			same := &packed
			if i%3 == 1 {
				same = &null
			}
			if *same == nil {
				*same = form
			}
			if string(row[:len(before)]) != before || string(form) != string(*same) {
				t.Fatalf("row %d of %s is packed otherwise than one like it", i, c.SQL)
			}
		}
		if _, err := p.NextPacked(t.Context(), nil); !errors.Is(err, io.EOF) {
			t.Fatalf("after %d rows of %s: %v, want io.EOF", chunky, c.SQL, err)
		}
		unpacksTo(t, p, c, packed, c.Want)
		unpacksTo(t, p, c, null, nil)
		for form, value := range map[string]warehouse.Value{string(packed): c.Want, string(null): nil} {
			if other, ok := forms[layout+form]; ok && diff(other, value) != "" {
				t.Errorf("%v and %v have one packed form in %s", other, value, layout)
			}
			forms[layout+form] = value
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
}

// unpacksTo checks what a packed row of one column holds.
func unpacksTo(t *testing.T, p warehouse.Packer, c Own, packed []byte, want warehouse.Value) {
	t.Helper()
	row, err := p.Unpack(packed)
	if err != nil {
		t.Errorf("unpack %s: %v", c.SQL, err)
		return
	}
	if d := diff(warehouse.Row{want}, row); d != "" {
		t.Errorf("the unpacked row of %s (-want +got):\n%s", c.SQL, d)
	}
	if celled, ok := p.(warehouse.Celled); ok {
		cells := make([]warehouse.Cell, 1)
		if _, err := celled.Cells(packed, cells, nil); err != nil {
			t.Errorf("the cells of %s: %v", c.SQL, err)
		} else if d := diff(warehouse.Row{want}, warehouse.Row{cells[0].Value()}); d != "" {
			t.Errorf("the cell of %s (-want +got):\n%s", c.SQL, d)
		}
	}
	for i := range packed { // nothing of the row may stand in it
		packed[i] ^= 0xff
	}
	if d := diff(warehouse.Row{want}, row); d != "" {
		t.Errorf("the row of %s shares memory with its packed form (-want +got):\n%s", c.SQL, d)
	}
	for i := range packed {
		packed[i] ^= 0xff
	}
	text, ok := p.Text([]byte("before"), packed, 0)
	wantText, known := plain(c.Type, want)
	if ok && (!known || string(text) != "before"+wantText) {
		t.Errorf("the text of %s is %q, want %q (%v)", c.SQL, text, wantText, known)
	}
	if !ok && want != nil && slices.Contains(keyable, c.Name) {
		t.Errorf("there is no text of %s, which is of a type that keys have", c.SQL)
	}
}

// keyable are values of the types that keys usually have, whose texts every warehouse gives.
var keyable = []string{
	"the greatest integer", "the least integer", "the greatest bigint", "the least bigint", "true", "a text", "an empty text",
	"a text beyond ASCII", "a long text", "an enum", "a UUID is in lower case", "the greatest UUID", "a date", "the first date",
}

// plain is the text of a value as Packer's Text describes it.
func plain(class warehouse.Type, v warehouse.Value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, class == warehouse.String
	case bool:
		return strconv.FormatBool(v), class == warehouse.Bool
	case int64:
		return strconv.FormatInt(v, 10), class == warehouse.Int
	case warehouse.Decimal:
		return string(v), class == warehouse.Int || class == warehouse.Numeric
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), class == warehouse.Time
	case warehouse.Date:
		return string(v), class == warehouse.Day
	}
	return "", false
}

// packedColumns chooses some of several columns, in another order.
func (s Suite) packedColumns(t *testing.T, w warehouse.Warehouse) {
	sql := "select n as a, 'x' as b, case when n = 1 then 'y' end as c, '' as d from " + s.Series(3)
	p := packer(t, query(t, w, warehouse.Query{SQL: sql}), 2, 0)
	for n := range 3 {
		packed, err := p.NextPacked(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		row, err := p.Unpack(packed)
		if err != nil {
			t.Fatal(err)
		}
		want := warehouse.Row{int64(n), nil, nil, nil}
		if n == 1 {
			want[2] = "y"
		}
		if d := diff(want, row); d != "" {
			t.Errorf("row %d (-want +got):\n%s", n, d)
		}
		if text, ok := p.Text(nil, packed, 1); !ok || string(text) != strconv.Itoa(n) {
			t.Errorf("the text of column a is %q (%v), want %d", text, ok, n)
		}
		if _, err := p.Unpack(packed[:len(packed)-1]); err == nil {
			t.Error("a packed row that was cut short was unpacked")
		}
		if celled, ok := p.(warehouse.Celled); ok {
			if _, err := celled.Cells(packed[:len(packed)-1], make([]warehouse.Cell, 4), nil); err == nil {
				t.Error("a packed row that was cut short has cells")
			}
		}
	}
	if a, b := drainPacked(t, query(t, w, warehouse.Query{SQL: "select 'ab' as a, 'c' as b"}), 0, 1),
		drainPacked(t, query(t, w, warehouse.Query{SQL: "select 'a' as a, 'bc' as b"}), 0, 1); a[0] == b[0] {
		t.Error("rows whose values differ in where one ends and the next begins have one packed form")
	}
	layouts := map[string]bool{}
	for _, columns := range [][]int{{0}, {1}, {0, 1}, {1, 0}} {
		rows, ok := query(t, w, warehouse.Query{SQL: sql}).(warehouse.Packer)
		if !ok {
			t.Fatal("the rows cannot be packed")
		}
		layouts[rows.Pack(columns)] = true
	}
	if len(layouts) != 4 {
		t.Errorf("four choices of columns have %d layouts", len(layouts))
	}
}

// packedTurns reads a result by both ways in turns.
func (s Suite) packedTurns(t *testing.T, w warehouse.Warehouse) {
	rows := query(t, w, warehouse.Query{SQL: s.numbers(chunky)})
	p := packer(t, rows, 0)
	for n := range chunky {
		var row warehouse.Row
		var err error
		if n%2 == 0 {
			row, err = rows.Next(t.Context())
		} else {
			var packed []byte
			if packed, err = p.NextPacked(t.Context(), nil); err == nil {
				row, err = p.Unpack(packed)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(warehouse.Row{int64(n)}, row); d != "" {
			t.Fatalf("row %d (-want +got):\n%s", n, d)
		}
	}
	for range 2 {
		if _, err := p.NextPacked(t.Context(), nil); !errors.Is(err, io.EOF) {
			t.Errorf("after the last row: %v, want io.EOF", err)
		}
	}
}
