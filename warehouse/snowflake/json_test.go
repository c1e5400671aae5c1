//go:build !noduckdb

package snowflake

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"spillway/warehouse"
	"spillway/warehouse/snowflake/snowflaketest"
	"spillway/warehouse/warehousetest"
)

// TestResultsInJSONReadAsThoseInArrow holds the packed rows of both formats to be the same bytes: Snowflake chooses the
// format, and a row may not seem to have changed for that.
func TestResultsInJSONReadAsThoseInArrow(t *testing.T) {
	t.Parallel()
	arrow := openWith(t, settings(snowflaketest.Start(t)))
	json := openWith(t, settings(snowflaketest.Start(t, snowflaketest.Options{JSON: true, ChunkRows: 2048})))
	all := own
	for name, sql := range values {
		if sql != absent && name != "a long text" { // which takes a hundred megabytes
			all = append(all, warehousetest.Own{Name: name, SQL: sql})
		}
	}
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			sql := fmt.Sprintf("select n, case when n %% 3 <> 1 then %s end as v from range(2500) r(n)", c.SQL)
			layout, want := packAll(t, arrow, sql)
			layoutOfJSON, got := packAll(t, json, sql)
			if layout != layoutOfJSON {
				t.Errorf("the layouts are\n%s\nand in JSON\n%s", layout, layoutOfJSON)
			}
			if len(want) != 2500 || len(got) != len(want) {
				t.Fatalf("%d rows came, and in JSON %d", len(want), len(got))
			}
			for i := range want {
				if want[i] != got[i] {
					t.Fatalf("row %d is packed as %x, and from JSON as %x", i, want[i], got[i])
				}
			}
		})
	}
}

// packAll reads a result packed.
func packAll(t *testing.T, w warehouse.Warehouse, sql string) (layout string, packed []string) {
	t.Helper()
	rows, err := w.Query(t.Context(), warehouse.Query{SQL: sql})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	p, ok := rows.(warehouse.Packer)
	if !ok {
		t.Fatal("the rows cannot be packed")
	}
	layout = p.Pack([]int{0, 1})
	for {
		row, err := p.NextPacked(t.Context(), nil)
		if errors.Is(err, io.EOF) {
			return layout, packed
		}
		if err != nil {
			t.Fatal(err)
		}
		packed = append(packed, string(row))
	}
}
