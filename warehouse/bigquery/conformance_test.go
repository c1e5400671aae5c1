//go:build !noduckdb

package bigquery

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spillway/warehouse"
	"spillway/warehouse/bigquery/bigquerytest"
	"spillway/warehouse/warehousetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secret is a secret that stands in a test.
type secret string

func (s secret) Reveal(context.Context) (string, error) { return string(s), nil }

// openAt opens a warehouse on a stand-in; change may be nil.
func openAt(t testing.TB, s *bigquerytest.Server, change func(*Config)) *bigquery {
	t.Helper()
	config := Config{
		Project: bigquerytest.Project, StatementTimeout: time.Minute, Endpoint: s.URL, StorageEndpoint: s.StorageAddr, StorageRead: "auto",
	}
	if change != nil {
		change(&config)
	}
	w, err := open(t.Context(), config, warehouse.Env{})
	if err != nil {
		t.Fatal(err)
	}
	b, ok := w.(*bigquery)
	if !ok {
		t.Fatalf("a warehouse of type %T", w)
	}
	b.patience = 2 * time.Second
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func restOnly(c *Config) { c.StorageRead = never }

// cut returns a warehouse whose server loses rows.
func cut(b bigquerytest.Behaviour, change func(*Config)) func(t *testing.T) warehouse.Warehouse {
	return func(t *testing.T) warehouse.Warehouse {
		t.Helper()
		w := openAt(t, bigquerytest.Start(t, b), change)
		w.patience = time.Second
		return w
	}
}

func suite(open func(t *testing.T) warehouse.Warehouse) warehousetest.Suite {
	return warehousetest.Suite{
		Cut: map[string]func(t *testing.T) warehouse.Warehouse{
			"the first page is said to be the last":   cut(bigquerytest.Behaviour{PageRows: 999, CutPages: true}, restOnly),
			"one of two streams ends as if complete":  cut(bigquerytest.Behaviour{Streams: 2, CutStream: 1500}, nil),
			"the only stream ends as if complete":     cut(bigquerytest.Behaviour{CutStream: 4999}, nil),
			"a stream breaks whenever it is taken up": cut(bigquerytest.Behaviour{Breaks: 1 << 30, BreakAt: 2500}, nil),
		},
		Open:         open,
		Values:       values,
		Own:          own,
		Series:       func(n int) string { return fmt.Sprintf("(select range as n from range(%d)) s", n) },
		Fail:         func(at int) string { return fmt.Sprintf("case when n = %d then error('no') else n end", at) },
		Packs:        true,
		MissingTable: "notFound",
		Writes: []string{
			"insert into analytics.log values (1)",
			"update analytics.log set id = 1 where true",
			"delete from analytics.log where true",
			"merge into analytics.log using x on false when not matched then insert row",
			"truncate table analytics.log",
			"create table analytics.other (id int64)",
			"create or replace table analytics.other as select 1 as id",
			"create temp table other as select 1 as id",
			"drop table analytics.log",
			"export data options (uri = 'gs://bucket/*.csv', format = 'CSV') as select 1",
			"load data into analytics.log from files (format = 'CSV', uris = ['gs://bucket/log.csv'])",
			"declare x int64 default 1; select x",
			"begin transaction",
			"call analytics.refresh()",
			"execute immediate 'select 1'",
			"assert 1 = 1",
			"grant `roles/bigquery.dataViewer` on schema analytics to 'user:ada@example.com'",
		},
	}
}

func TestConformanceOverREST(t *testing.T) {
	s := bigquerytest.Start(t, bigquerytest.Behaviour{})
	warehousetest.Run(t, suite(func(t *testing.T) warehouse.Warehouse { return openAt(t, s, restOnly) }))
}

func TestConformanceOverStorageRead(t *testing.T) {
	s := bigquerytest.Start(t, bigquerytest.Behaviour{})
	warehousetest.Run(t, suite(func(t *testing.T) warehouse.Warehouse { return openAt(t, s, nil) }))
	for _, j := range s.Jobs() {
		if j.Sessions > 0 {
			return
		}
	}
	t.Error("no result came over the Storage Read API")
}

func doc(text string) json.RawMessage { return json.RawMessage(text) }

var values = map[string]string{
	"true":                                   "true",
	"false":                                  "false",
	"the least smallint":                     "-32768",
	"the greatest integer":                   "2147483647",
	"the least integer":                      "-2147483648",
	"the greatest bigint":                    "9223372036854775807::bigint",
	"the least bigint":                       "(-9223372036854775808)::bigint",
	"a double":                               "0.1::double",
	"a great double":                         "1.7976931348623157e308::double",
	"a tiny double":                          "5e-324::double",
	"a negative zero":                        "'-0'::double",
	"a double that is no number":             "'NaN'::double",
	"an infinite double":                     "'Infinity'::double",
	"a negative infinite double":             "'-Infinity'::double",
	"a real has the digits that people see":  warehousetest.Absent,
	"a great real":                           warehousetest.Absent,
	"a real that is an integer":              warehousetest.Absent,
	"a decimal keeps its scale":              "(-12.5)::decimal(12,2)",
	"a decimal of zero keeps its scale":      "0.00::decimal(4,2)",
	"a decimal below one":                    "'-0.001'::union(numeric varchar)",
	"a small decimal is never an exponent":   "'0.0000000001'::union(bignumeric varchar)",
	"a decimal without decimals":             "'100000000'::union(numeric varchar)",
	"a decimal of 18 digits":                 "'999999999999999.999'::union(numeric varchar)",
	"a decimal of 38 digits":                 "'-9999999999999999999999999999.9999999999'::union(bignumeric varchar)",
	"a decimal with zeros inside":            "'10000000200000003.0000000400000005'::decimal(38,16)",
	"bytes":                                  `'\x00\x01\x7F\x80\xFF'::blob`,
	"no bytes":                               "''::blob",
	"many bytes":                             `unhex(repeat('ab', 100))`,
	"a text":                                 "'Ada O''Neil'",
	"an empty text":                          "''",
	"a text of twelve bytes":                 "'twelve bytes'",
	"a text of thirteen bytes":               "'thirteen byte'",
	"a text beyond ASCII":                    "'Žofie 佐藤 😀 \u202e'",
	"a text of several lines":                `e'a\n\tb\r\n\\n'`,
	"a long text":                            "repeat('x', 20000)",
	"an enum":                                "'glad'",
	"a UUID is in lower case":                "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'",
	"the greatest UUID":                      "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
	"a bit string":                           "'0101100111'",
	"a date":                                 "'2026-11-20'::date",
	"a date before 1970":                     "'1969-12-31'::date",
	"a leap day":                             "'2024-02-29'::date",
	"the first date":                         "'0001-01-01'::date",
	"the last date":                          "'9999-12-31'::date",
	"a date before Christ is text":           warehousetest.Absent,
	"a date of five digits is text":          warehousetest.Absent,
	"an infinite date is text":               warehousetest.Absent,
	"a negative infinite date is text":       warehousetest.Absent,
	"a timestamp":                            "'2026-11-20 15:04:05.123456'::timestamp",
	"a timestamp before 1970":                "'1969-12-31 23:59:59.999999'::timestamp",
	"a timestamp with a zone is in UTC":      "'2026-11-20 15:04:05.5+02'::timestamptz",
	"the last timestamp":                     "'9999-12-31 23:59:59.999999'::timestamp",
	"a timestamp before Christ is text":      warehousetest.Absent,
	"a timestamp of five digits is text":     warehousetest.Absent,
	"an infinite timestamp is text":          warehousetest.Absent,
	"a negative infinite timestamp is text":  warehousetest.Absent,
	"a time":                                 "'15:04:05'::time",
	"a time with microseconds":               "'15:04:05.000001'::time",
	"midnight":                               "'00:00:00'::time",
	"the end of the day":                     warehousetest.Absent,
	"a time east of UTC":                     warehousetest.Absent,
	"a time west of UTC":                     warehousetest.Absent,
	"an interval":                            "interval '1 year 2 months 3 days 4 hours 5 minutes 6.5 seconds'",
	"a negative interval":                    "-interval '1 year 2 months 3 days 4 hours 5 minutes 6.5 seconds'",
	"an interval of mixed signs":             "interval '1 month -1 day 1 microsecond'",
	"an interval of nothing":                 "interval '0 days'",
	"an interval of many hours":              "interval '100 hours'",
	"a JSON object is canonical":             `'{"é": 0, "b" : "c",  "a":[1, {"y":true,"x":null} ] }'::json`,
	"JSON numbers keep their digits":         "'[1.0, 0.10, 12345678901234567890123, -0.5]'::json",
	"JSON text is not escaped without need":  `'"\u003ca href=\"x\"\u003e\u00e9 \/ \\ \n \ud83d\ude00</a>"'::json`,
	"the last of equal JSON keys stands":     `'{"a":1,"a":2}'::json`,
	"a JSON null is a document":              "'null'::json",
	"an empty JSON object":                   "'{ }'::json",
	"a struct is an object with sorted keys": `{'street': 'O''Neil "St\", (x)', 'no': 7, 'since': '2026-11-20'::date}`,
	"a struct of nulls":                      "{'street': null::varchar, 'no': null::int, 'since': null::date}",
	// BigQuery delivers no null within an array, and an empty array for a null one: see TestArrays.
	"a list of structs":                warehousetest.Absent,
	"a list of integers":               warehousetest.Absent,
	"an empty list":                    warehousetest.Absent,
	"a list of lists":                  warehousetest.Absent,
	"a list of texts":                  warehousetest.Absent,
	"a list of decimals":               warehousetest.Absent,
	"a list of doubles":                warehousetest.Absent,
	"a list of booleans":               warehousetest.Absent,
	"a list of dates":                  warehousetest.Absent,
	"a list of timestamps":             warehousetest.Absent,
	"a list of timestamps with a zone": warehousetest.Absent,
	"a list of bytes is in base64":     warehousetest.Absent,
	"a list of JSON documents":         warehousetest.Absent,
	"a list of intervals":              warehousetest.Absent,
	"a list of UUIDs":                  warehousetest.Absent,
	"a list of enums":                  warehousetest.Absent,
	"a list of times":                  warehousetest.Absent,
}

// own are the values that only BigQuery has.
var own = []warehousetest.Own{
	{Name: "a NUMERIC without a declared scale has no zeros at its end", SQL: "'-12.500'::union(numeric varchar)", Type: warehouse.Numeric, Want: warehouse.Decimal("-12.5")},
	{Name: "a NUMERIC of zero", SQL: "'0.00'::union(numeric varchar)", Type: warehouse.Numeric, Want: warehouse.Decimal("0")},
	{
		Name: "the greatest NUMERIC", SQL: "'99999999999999999999999999999.999999999'::union(numeric varchar)", Type: warehouse.Numeric,
		Want: warehouse.Decimal("99999999999999999999999999999.999999999"),
	},
	{
		Name: "the least NUMERIC", SQL: "'-99999999999999999999999999999.999999999'::union(numeric varchar)", Type: warehouse.Numeric,
		Want: warehouse.Decimal("-99999999999999999999999999999.999999999"),
	},
	{Name: "the smallest NUMERIC", SQL: "'-0.000000001'::union(numeric varchar)", Type: warehouse.Numeric, Want: warehouse.Decimal("-0.000000001")},
	{
		Name: "the greatest BIGNUMERIC", SQL: "'578960446186580977117854925043439539266.34992332820282019728792003956564819967'::union(bignumeric varchar)",
		Type: warehouse.Numeric, Want: warehouse.Decimal("578960446186580977117854925043439539266.34992332820282019728792003956564819967"),
	},
	{
		Name: "the least BIGNUMERIC", SQL: "'-578960446186580977117854925043439539266.34992332820282019728792003956564819968'::union(bignumeric varchar)",
		Type: warehouse.Numeric, Want: warehouse.Decimal("-578960446186580977117854925043439539266.34992332820282019728792003956564819968"),
	},
	{
		Name: "the smallest BIGNUMERIC", SQL: "'0.00000000000000000000000000000000000001'::union(bignumeric varchar)",
		Type: warehouse.Numeric, Want: warehouse.Decimal("0.00000000000000000000000000000000000001"),
	},
	{Name: "a sum of integers beyond 64 bits", SQL: "170141183460469231731687303715884105727::hugeint", Type: warehouse.Numeric, Want: warehouse.Decimal("170141183460469231731687303715884105727")},
	{Name: "geography is WKT", SQL: "'POINT(-122.35 47.62)'::union(geography varchar)", Type: warehouse.String, Want: "POINT(-122.35 47.62)"},
	{Name: "a range of dates", SQL: "'[2026-11-20, 2026-11-22)'::union(range_date varchar)", Type: warehouse.String, Want: "[2026-11-20, 2026-11-22)"},
	{Name: "a range without an end", SQL: "'[2026-11-20, UNBOUNDED)'::union(range_date varchar)", Type: warehouse.String, Want: "[2026-11-20, UNBOUNDED)"},
	{
		Name: "a range of datetimes", SQL: "'[UNBOUNDED, 2026-11-20T15:04:05.5)'::union(range_datetime varchar)", Type: warehouse.String,
		Want: "[UNBOUNDED, 2026-11-20T15:04:05.5Z)",
	},
	{
		Name: "a range of timestamps", SQL: "'[1969-11-20T15:04:05.000001Z, 2026-11-20T00:00:00Z)'::union(range_timestamp varchar)", Type: warehouse.String,
		Want: "[1969-11-20T15:04:05.000001Z, 2026-11-20T00:00:00Z)",
	},
	{Name: "an interval below an hour that is negative", SQL: "-interval '1 second 500 milliseconds'", Type: warehouse.String, Want: "PT-1.5S"},
	{
		Name: "a struct in a struct", SQL: `{'b': [1, 2], 'a': {'z': true, 'y': 'x'}, 'n': '1.50'::union(numeric varchar)}`, Type: warehouse.JSON,
		Want: doc(`{"a":{"y":"x","z":true},"b":[1,2],"n":1.5}`),
	},
	{Name: "a struct with a null array", SQL: `{'b': null::int[], 'a': 1}`, Type: warehouse.JSON, Want: doc(`{"a":1,"b":[]}`)},
	{
		Name: "a struct of all scalars",
		SQL: `{'a': 1.5::double, 'b': '2026-11-20 15:04:05'::timestamp, 'c': '15:04:05.5'::time, 'd': '\x00\xFF'::blob, 'e': '{"y":1, "x":2}'::json,
			'f': interval '1 day', 'g': '[2026-11-20, UNBOUNDED)'::union(range_date varchar), 'h': '2026-11-20 15:04:05+00'::timestamptz, 'i': 7.5::decimal(5,2)}`,
		Type: warehouse.JSON,
		Want: doc(`{"a":1.5,"b":"2026-11-20T15:04:05Z","c":"15:04:05.5","d":"AP8=","e":{"x":2,"y":1},"f":"P1D","g":"[2026-11-20, UNBOUNDED)",` +
			`"h":"2026-11-20T15:04:05Z","i":7.50}`),
	},
}
