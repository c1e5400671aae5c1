//go:build !noduckdb

package duckdb

import (
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// TestNestedValuesAreReadWhateverTheirVectorsShape reads nested values that come out of filters, joins, unions,
// aggregates and constants, which leave DuckDB's vectors in different shapes, and holds each to DuckDB's own JSON.
func TestNestedValuesAreReadWhateverTheirVectorsShape(t *testing.T) {
	t.Parallel()
	const values = `select n, {'k': n, 's': case when n % 7 = 0 then null else 'text number ' || n end,
			'l': case when n % 5 = 0 then null else list_transform(range(n % 4), x -> {'x': x, 'y': [x::varchar, null]}) end,
			'm': map {'a': n, 'b': null}, 'a': [n, n + 1]::int[2], 'z': {'e': case when n % 2 = 0 then 'even' else 'odd' end::enum('even', 'odd')}} as v
		from (select range as n from range(6000))`
	w := openAt(t, t.TempDir(), Config{})
	for name, sql := range map[string]string{
		"plain":     values,
		"filtered":  "select * from (" + values + ") where n % 3 = 1",
		"joined":    "select a.n, b.v from (" + values + ") a join (" + values + ") b on a.n = b.n * 2 % 6000",
		"left join": "select a.n, b.v from (" + values + ") a left join (" + values + " where n % 11 = 0) b on a.n = b.n",
		"sorted":    "select * from (" + values + ") order by hash(n)",
		"union":     values + " union all select -1, null union all " + values,
		"grouped":   "select n % 50 as n, list(v order by n) as v from (" + values + ") group by 1",
		"unnested":  "select n, unnest([v, null, v]) as v from (" + values + ")",
		"constant":  "select range as n, {'l': [[1, 2], null, []], 's': 'a constant text', 't': {'u': null}} as v from range(5000)",
		"window":    "select n, lag(v, 3) over (order by n) as v from (" + values + ")",
		"distinct":  "select distinct n % 10 as n, v.l as v from (" + values + ")",
		"limited":   "select * from (" + values + ") limit 3000 offset 1000",
		"cte":       "with x as materialized (" + values + ") select a.n, a.v from x a where exists (select 1 from x b where b.n = a.n + 5)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := w.Query(t.Context(), warehouse.Query{SQL: "select n, v, to_json(v)::varchar as j from (" + sql + ") q"})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = rows.Close() }()
			count := 0
			for ; ; count++ {
				row, err := rows.Next(t.Context())
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				var want warehouse.Value
				if text, ok := row[2].(string); ok {
					want = sqldb.Document([]byte(text))
				}
				if reflect.DeepEqual(want, row[1]) {
					continue
				}
				if diff := cmp.Diff(want, row[1]); diff != "" {
					t.Fatalf("row %d, n = %v (-DuckDB's +ours):\n%s", count, row[0], diff)
				}
			}
			if count == 0 {
				t.Error("no rows came")
			}
		})
	}
}
