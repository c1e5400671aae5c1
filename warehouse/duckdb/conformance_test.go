//go:build !noduckdb

package duckdb

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spillway/warehouse"
	"spillway/warehouse/warehousetest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(holdEnv); path != "" {
		if err := hold(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// openAt opens a warehouse in a project's directory.
func openAt(t *testing.T, project string, c Config) warehouse.Warehouse {
	t.Helper()
	if c.Memory == "" {
		c.Memory, c.Threads = "256MB", 2
	}
	w, err := open(t.Context(), c, warehouse.Env{Project: project})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestConformance(t *testing.T) {
	project := t.TempDir()
	warehousetest.Run(t, warehousetest.Suite{
		Open:         func(t *testing.T) warehouse.Warehouse { return openAt(t, project, Config{}) },
		Values:       values,
		Own:          own,
		Series:       func(n int) string { return fmt.Sprintf("(select range as n from range(%d)) s", n) },
		Fail:         func(at int) string { return fmt.Sprintf("case when n = %d then error('no') else n end", at) },
		Packs:        true,
		MissingTable: "Catalog Error",
		Writes: []string{
			"create table other (id int)",
			"create temp table other (id int)",
			"insert into no_such_table values (1)",
			"copy (select 1) to 'out.csv'",
			"attach 'other.db'",
			"set threads = 4",
			"set memory_limit = '10GB'",
			"pragma enable_profiling",
			"install httpfs",
			"load httpfs",
			"call duckdb_settings()",
			"begin",
			"prepare p as select 1",
			"export database 'out'",
			"checkpoint",
			"use main",
			"vacuum",
		},
	})
}

func doc(text string) json.RawMessage { return json.RawMessage(text) }

var values = map[string]string{
	"true":                                   "true",
	"false":                                  "false",
	"the least smallint":                     "(-32768)::smallint",
	"the greatest integer":                   "2147483647::int",
	"the least integer":                      "(-2147483648)::int",
	"the greatest bigint":                    "9223372036854775807::bigint",
	"the least bigint":                       "(-9223372036854775808)::bigint",
	"a double":                               "0.1::double",
	"a great double":                         "1.7976931348623157e308::double",
	"a tiny double":                          "5e-324::double",
	"a negative zero":                        "'-0'::double",
	"a double that is no number":             "'NaN'::double",
	"an infinite double":                     "'Infinity'::double",
	"a negative infinite double":             "'-Infinity'::double",
	"a real has the digits that people see":  "0.1::float",
	"a great real":                           "3.4028235e38::float",
	"a real that is an integer":              "16777216::float",
	"a decimal keeps its scale":              "(-12.5)::decimal(12,2)",
	"a decimal of zero keeps its scale":      "0.00::decimal(4,2)",
	"a decimal below one":                    "(-0.001)::decimal(4,3)",
	"a small decimal is never an exponent":   "0.0000000001::decimal(18,10)",
	"a decimal without decimals":             "100000000::decimal(9,0)",
	"a decimal of 18 digits":                 "999999999999999.999::decimal(18,3)",
	"a decimal of 38 digits":                 "'-9999999999999999999999999999.9999999999'::decimal(38,10)",
	"a decimal with zeros inside":            "'10000000200000003.0000000400000005'::decimal(38,16)",
	"bytes":                                  `'\x00\x01\x7F\x80\xFF'::blob`,
	"no bytes":                               "''::blob",
	"many bytes":                             `unhex(repeat('ab', 100))`,
	"a text":                                 "'Ada O''Neil'",
	"an empty text":                          "''",
	"a text of twelve bytes":                 "'twelve bytes'",
	"a text of thirteen bytes":               "'thirteen byte'::varchar(13)",
	"a text beyond ASCII":                    "'Žofie 佐藤 😀 \u202e'",
	"a text of several lines":                `e'a\n\tb\r\n\\n'`,
	"a long text":                            "repeat('x', 20000)",
	"an enum":                                "'glad'::enum('sad', 'glad')",
	"a UUID is in lower case":                "'6BA7B810-9DAD-11D1-80B4-00C04FD430C8'::uuid",
	"the greatest UUID":                      "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid",
	"a bit string":                           "'0101100111'::bit",
	"a date":                                 "'2026-11-20'::date",
	"a date before 1970":                     "'1969-12-31'::date",
	"a leap day":                             "'2024-02-29'::date",
	"the first date":                         "'0001-01-01'::date",
	"the last date":                          "'9999-12-31'::date",
	"a date before Christ is text":           "'0044-03-15 (BC)'::date",
	"a date of five digits is text":          "'12026-11-20'::date",
	"an infinite date is text":               "'infinity'::date",
	"a negative infinite date is text":       "'-infinity'::date",
	"a timestamp":                            "'2026-11-20 15:04:05.123456'::timestamp",
	"a timestamp before 1970":                "'1969-12-31 23:59:59.999999'::timestamp",
	"a timestamp with a zone is in UTC":      "'2026-11-20 15:04:05.5+02'::timestamptz",
	"the last timestamp":                     "'9999-12-31 23:59:59.999999'::timestamp",
	"a timestamp before Christ is text":      "'0044-03-15 (BC) 12:00:00.5'::timestamp",
	"a timestamp of five digits is text":     "'12026-11-20 00:00:00+00'::timestamptz",
	"an infinite timestamp is text":          "'infinity'::timestamptz",
	"a negative infinite timestamp is text":  "'-infinity'::timestamp",
	"a time":                                 "'15:04:05'::time",
	"a time with microseconds":               "'15:04:05.000001'::time",
	"midnight":                               "'00:00:00'::time",
	"the end of the day":                     "'24:00:00'::time",
	"a time east of UTC":                     "'15:04:05.5+02'::timetz",
	"a time west of UTC":                     "'15:04:05-03:30'::timetz",
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
	"a list of structs":                      "[{'street': 'a', 'no': 1, 'since': null::date}, null]",
	"a list of integers":                     "[1, null, -3]",
	"an empty list":                          "[]::int[]",
	"a list of lists":                        "[[1, 2], [3, null]]",
	"a list of texts":                        `['', 'NULL', null, 'a,b', '{c}', 'd"e', 'f\g', ' h ']`,
	"a list of decimals":                     "[1.50, -0.05, null]::decimal(8,2)[]",
	"a list of doubles":                      "[0.1, 1e300, 1e-9, 'NaN'::double, 'Infinity'::double, '-Infinity'::double, 1e20]",
	"a list of booleans":                     "[true, false, null]",
	"a list of dates":                        "['2026-11-20', 'infinity', '0044-03-15 (BC)']::date[]",
	"a list of timestamps":                   "['2026-11-20 15:04:05.5', null]::timestamp[]",
	"a list of timestamps with a zone":       "['2026-11-20 15:04:05+02']::timestamptz[]",
	"a list of bytes is in base64":           `['\x00\x01\xFF'::blob, ''::blob]`,
	"a list of JSON documents":               `['{ "a":1}', '[2]', null]::json[]`,
	"a list of intervals":                    "[interval '1 day 2 hours', interval '0 days']",
	"a list of UUIDs":                        "['6BA7B810-9DAD-11D1-80B4-00C04FD430C8']::uuid[]",
	"a list of enums":                        "['sad', null]::enum('sad', 'glad')[]",
	"a list of times":                        "['15:04:05.5']::time[]",
}

// own are the values that only DuckDB has.
var own = []warehousetest.Own{
	{Name: "the least tinyint", SQL: "(-128)::tinyint", Type: warehouse.Int, Want: int64(-128)},
	{
		Name: "the greatest unsigned integers", SQL: "[255::utinyint, 65535::usmallint, 4294967295::uinteger]", Type: warehouse.JSON,
		Want: doc("[255,65535,4294967295]"),
	},
	{Name: "the greatest utinyint", SQL: "255::utinyint", Type: warehouse.Int, Want: int64(255)},
	{Name: "the greatest usmallint", SQL: "65535::usmallint", Type: warehouse.Int, Want: int64(65535)},
	{Name: "the greatest uinteger", SQL: "4294967295::uinteger", Type: warehouse.Int, Want: int64(4294967295)},
	{Name: "a ubigint that fits", SQL: "9223372036854775807::ubigint", Type: warehouse.Int, Want: int64(9223372036854775807)},
	{Name: "the greatest ubigint", SQL: "18446744073709551615::ubigint", Type: warehouse.Int, Want: warehouse.Decimal("18446744073709551615")},
	{Name: "a hugeint that fits", SQL: "(-9223372036854775808)::hugeint", Type: warehouse.Int, Want: int64(-9223372036854775808)},
	{Name: "a hugeint just beyond", SQL: "(-9223372036854775809)::hugeint", Type: warehouse.Int, Want: warehouse.Decimal("-9223372036854775809")},
	{Name: "a sum of bigints", SQL: "(select sum(x) from range(5) r(x))", Type: warehouse.Int, Want: int64(10)},
	{
		Name: "the greatest hugeint", SQL: "170141183460469231731687303715884105727::hugeint", Type: warehouse.Int,
		Want: warehouse.Decimal("170141183460469231731687303715884105727"),
	},
	{
		Name: "the least hugeint", SQL: "(-170141183460469231731687303715884105728)::hugeint", Type: warehouse.Int,
		Want: warehouse.Decimal("-170141183460469231731687303715884105728"),
	},
	{
		Name: "the greatest uhugeint", SQL: "340282366920938463463374607431768211455::uhugeint", Type: warehouse.Int,
		Want: warehouse.Decimal("340282366920938463463374607431768211455"),
	},
	{
		Name: "a bignum", SQL: "'-123456789012345678901234567890123456789012345'::bignum", Type: warehouse.Int,
		Want: warehouse.Decimal("-123456789012345678901234567890123456789012345"),
	},
	{Name: "a bignum of zero", SQL: "'0'::bignum", Type: warehouse.Int, Want: int64(0)},
	{Name: "a small bignum", SQL: "'-7'::bignum", Type: warehouse.Int, Want: int64(-7)},
	{Name: "a decimal in two bytes", SQL: "(-1.5)::decimal(4,1)", Type: warehouse.Numeric, Want: warehouse.Decimal("-1.5")},
	{Name: "a decimal in four bytes", SQL: "12345.6789::decimal(9,4)", Type: warehouse.Numeric, Want: warehouse.Decimal("12345.6789")},
	{Name: "a timestamp in seconds", SQL: "'2026-11-20 15:04:05'::timestamp_s", Type: warehouse.Time, Want: instant("2026-11-20T15:04:05Z")},
	{Name: "a timestamp in milliseconds", SQL: "'1966-11-20 15:04:05.678'::timestamp_ms", Type: warehouse.Time, Want: instant("1966-11-20T15:04:05.678Z")},
	{
		Name: "a timestamp in nanoseconds", SQL: "'2026-11-20 15:04:05.123456789'::timestamp_ns", Type: warehouse.Time,
		Want: instant("2026-11-20T15:04:05.123456789Z"),
	},
	{Name: "an infinite timestamp in seconds", SQL: "'infinity'::timestamp::timestamp_s", Type: warehouse.Time, Want: "infinity"},
	{Name: "an infinite timestamp in nanoseconds", SQL: "'-infinity'::timestamp::timestamp_ns", Type: warehouse.Time, Want: "-infinity"},
	{Name: "a time in nanoseconds", SQL: "'15:04:05.123456789'::time_ns", Type: warehouse.String, Want: "15:04:05.123456789"},
	{Name: "the greatest offset of a time", SQL: "'00:00:00+15:59:59'::timetz", Type: warehouse.String, Want: "00:00:00+15:59:59"},
	{Name: "the least offset of a time", SQL: "'00:00:00-15:59:59'::timetz", Type: warehouse.String, Want: "00:00:00-15:59:59"},
	{Name: "a bit", SQL: "'1'::bit", Type: warehouse.String, Want: "1"},
	{Name: "sixteen bits", SQL: "'0000000011111111'::bit", Type: warehouse.String, Want: "0000000011111111"},
	{Name: "a list of arrays of arrays", SQL: "[[[1, 2], [3, null]], null]::int[2][2][]", Type: warehouse.JSON, Want: doc("[[[1,2],[3,null]],null]")},
	{Name: "a list of arrays", SQL: "[[1, 2], null]::int[2][]", Type: warehouse.JSON, Want: doc("[[1,2],null]")},
	{Name: "a map is an object", SQL: `map {'b': 1, 'a "x"': null}`, Type: warehouse.JSON, Want: doc(`{"a \"x\"":null,"b":1}`)},
	{Name: "a map of numbers", SQL: "map {2: 'x', 10: 'y'}", Type: warehouse.JSON, Want: doc(`{"10":"y","2":"x"}`)},
	{Name: "a map of dates and lists", SQL: "map {'2026-11-20'::date: [1]}", Type: warehouse.JSON, Want: doc(`{"2026-11-20":[1]}`)},
	{Name: "an empty map", SQL: "map {}::map(varchar, int)", Type: warehouse.JSON, Want: doc(`{}`)},
	{
		Name: "a struct of lists and structs", SQL: "{'b': [1, 2], 'a': {'z': true, 'y': null}}", Type: warehouse.JSON,
		Want: doc(`{"a":{"y":null,"z":true},"b":[1,2]}`),
	},
	{Name: "a struct without names", SQL: "row(1, 'x')", Type: warehouse.JSON, Want: doc(`[1,"x"]`)},
	{Name: "a union is its member", SQL: "'x'::union(n int, t varchar)", Type: warehouse.JSON, Want: "x"},
	{Name: "a list of a union", SQL: "[1::union(n int, t varchar), 'x'::union(n int, t varchar), null]", Type: warehouse.JSON, Want: doc(`[1,"x",null]`)},
	{Name: "a text of JSON is text", SQL: `'{"b":1}'::varchar`, Type: warehouse.String, Want: `{"b":1}`},
}

func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}
