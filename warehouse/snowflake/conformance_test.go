//go:build !noduckdb

package snowflake

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spillway/warehouse"
	"spillway/warehouse/snowflake/snowflaketest"
	"spillway/warehouse/warehousetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secret is a secret that stands in a test.
type secret string

func (s secret) Reveal(context.Context) (string, error) { return string(s), nil }

// settings are those for a server of the package snowflaketest.
func settings(s *snowflaketest.Server) Config {
	return Config{
		Account: snowflaketest.Account, User: snowflaketest.User, Password: secret(snowflaketest.Password),
		Host: s.Host, Port: s.Port, Protocol: "http", ConnectTimeout: 20 * time.Second,
	}
}

func openWith(t testing.TB, c Config) warehouse.Warehouse {
	t.Helper()
	w, err := open(t.Context(), c, warehouse.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func TestConformance(t *testing.T) {
	server := snowflaketest.Start(t)
	warehousetest.Run(t, warehousetest.Suite{
		Open:   func(t *testing.T) warehouse.Warehouse { return openWith(t, settings(server)) },
		Values: values,
		Own:    own,
		Series: func(n int) string {
			if n > 1e9 {
				return fmt.Sprintf("(select range as n from range(%d)) s %s", n, snowflaketest.Endless)
			}
			return fmt.Sprintf("(select range as n from range(%d)) s", n)
		},
		Fail:         func(at int) string { return fmt.Sprintf("case when n = %d then error('no') else n end", at) },
		Packs:        true,
		MissingTable: "002003",
		Writes: []string{
			"create table other (id int)",
			"insert into no_such_table values (1)",
			"merge into a using b on a.id = b.id when matched then delete",
			"copy into @stage from no_such_table",
			"call drop_all()",
			"with p as procedure () returns int language sql as $$ begin return 1; end $$ call p()",
			"select 1 ->> drop table no_such_table",
			"begin return 1; end",
			"execute immediate 'drop table x'",
			"alter session set timezone = 'Asia/Tokyo'",
			"use role accountadmin",
			"put file:///etc/passwd @stage",
			"get @stage file:///tmp",
			"show tables",
		},
	})
}

func doc(text string) json.RawMessage { return json.RawMessage(text) }

// absent is the expression of a value that Snowflake does not have.
const absent = warehousetest.Absent

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
	"a real has the digits that people see":  "0.1::double", // a REAL has 8 bytes
	"a great real":                           "3.4028235e38::double",
	"a real that is an integer":              "16777216::double",
	"a decimal keeps its scale":              "(-12.5)::decimal(12,2)",
	"a decimal of zero keeps its scale":      "0.00::decimal(4,2)",
	"a decimal below one":                    "(-0.001)::decimal(4,3)",
	"a small decimal is never an exponent":   "0.0000000001::decimal(18,10)",
	"a decimal without decimals":             absent, // it is an integer
	"a decimal of 18 digits":                 "999999999999999.999::decimal(18,3)",
	"a decimal of 38 digits":                 "'-9999999999999999999999999999.9999999999'::decimal(38,10)",
	"a decimal with zeros inside":            "'10000000200000003.0000000400000005'::decimal(38,16)",
	"bytes":                                  "to_binary('00017F80FF')",
	"no bytes":                               "to_binary('')",
	"many bytes":                             "to_binary(repeat('ab', 100))",
	"a text":                                 "'Ada O''Neil'",
	"an empty text":                          "''",
	"a text of twelve bytes":                 "'twelve bytes'",
	"a text of thirteen bytes":               "'thirteen byte'::varchar(13)",
	"a text beyond ASCII":                    "'Žofie 佐藤 😀 \u202e'",
	"a text of several lines":                `e'a\n\tb\r\n\\n'`,
	"a long text":                            "repeat('x', 20000)",
	"an enum":                                "'glad'",
	"a UUID is in lower case":                "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'",
	"the greatest UUID":                      "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
	"a bit string":                           absent,
	"a date":                                 "'2026-11-20'::date",
	"a date before 1970":                     "'1969-12-31'::date",
	"a leap day":                             "'2024-02-29'::date",
	"the first date":                         "'0001-01-01'::date",
	"the last date":                          "'9999-12-31'::date",
	"a date before Christ is text":           "'0044-03-15 (BC)'::date",
	"a date of five digits is text":          "'12026-11-20'::date",
	"an infinite date is text":               absent,
	"a negative infinite date is text":       absent,
	"a timestamp":                            "'2026-11-20 15:04:05.123456'::timestamp",
	"a timestamp before 1970":                "'1969-12-31 23:59:59.999999'::timestamp",
	"a timestamp with a zone is in UTC":      "to_timestamp_tz('2026-11-20 15:04:05.5+02', 120)",
	"the last timestamp":                     "'9999-12-31 23:59:59.999999'::timestamp",
	"a timestamp before Christ is text":      "'0044-03-15 (BC) 12:00:00.5'::timestamp",
	"a timestamp of five digits is text":     "'12026-11-20 00:00:00+00'::timestamptz",
	"an infinite timestamp is text":          absent,
	"a negative infinite timestamp is text":  absent,
	"a time":                                 "'15:04:05'::time",
	"a time with microseconds":               "'15:04:05.000001'::time",
	"midnight":                               "'00:00:00'::time",
	"the end of the day":                     absent,
	"a time east of UTC":                     absent,
	"a time west of UTC":                     absent,
	"an interval":                            absent,
	"a negative interval":                    absent,
	"an interval of mixed signs":             absent,
	"an interval of nothing":                 absent,
	"an interval of many hours":              absent,
	"a JSON object is canonical":             `parse_json('{"é": 0, "b" : "c",  "a":[1, {"y":true,"x":null} ] }')`,
	"JSON numbers keep their digits":         "parse_json('[1.0, 0.10, 12345678901234567890123, -0.5]')",
	"JSON text is not escaped without need":  `parse_json('"\u003ca href=\"x\"\u003e\u00e9 \/ \\ \n \ud83d\ude00</a>"')`,
	"the last of equal JSON keys stands":     `parse_json('{"a":1,"a":2}')`,
	"a JSON null is a document":              "parse_json('null')",
	"an empty JSON object":                   "parse_json('{ }')",
	"a struct is an object with sorted keys": `to_object('{ "street": "O''Neil \"St\\\", (x)", "no": 7, "since": "2026-11-20" }')`,
	"a struct of nulls":                      `to_object('{ "street": null, "no": null, "since": null }')`,
	"a list of structs":                      `to_array('[ { "street": "a", "no": 1, "since": null }, undefined ]')`,
	"a list of integers":                     "to_array('[ 1, undefined, -3 ]')",
	"an empty list":                          "to_array('[]')",
	"a list of lists":                        "to_array('[ [ 1, 2 ], [ 3, null ] ]')",
	"a list of texts":                        `to_array('[ "", "NULL", undefined, "a,b", "{c}", "d\"e", "f\\g", " h " ]')`,
	"a list of decimals":                     "to_array('[1.50, -0.05, undefined]')",
	"a list of doubles":                      absent, // it is written with as many digits as it takes in Snowflake: 1.000000000000000e+20
	"a list of booleans":                     "to_array('[true, false, undefined]')",
	"a list of dates":                        absent, // one that is infinite
	"a list of timestamps":                   absent, // as they are written by TIMESTAMP_OUTPUT_FORMAT
	"a list of timestamps with a zone":       absent,
	"a list of bytes is in base64":           absent, // it is in hexadecimal digits
	"a list of JSON documents":               `to_array('[ { "a":1 }, [ 2 ], undefined ]')`,
	"a list of intervals":                    absent,
	"a list of UUIDs":                        `to_array('["6ba7b810-9dad-11d1-80b4-00c04fd430c8"]')`,
	"a list of enums":                        `to_array('["sad", undefined]')`,
	"a list of times":                        absent,
}

// own are the values that only Snowflake has.
var own = []warehousetest.Own{
	{Name: "a number without decimals is an integer", SQL: "100000000::decimal(9,0)", Type: warehouse.Int, Want: int64(100_000_000)},
	{
		Name: "the greatest number", SQL: "'99999999999999999999999999999999999999'::decimal(38,0)", Type: warehouse.Int,
		Want: warehouse.Decimal("99999999999999999999999999999999999999"),
	},
	{
		Name: "the least number", SQL: "'-99999999999999999999999999999999999999'::decimal(38,0)", Type: warehouse.Int,
		Want: warehouse.Decimal("-99999999999999999999999999999999999999"),
	},
	{Name: "an integer just beyond 64 bits", SQL: "(-9223372036854775809)::hugeint", Type: warehouse.Int, Want: warehouse.Decimal("-9223372036854775809")},
	{
		Name: "a number of decimals alone", SQL: "'0.00000000000000000000000000000000000001'::decimal(38,38)", Type: warehouse.Numeric,
		Want: warehouse.Decimal("0.00000000000000000000000000000000000001"),
	},
	{
		Name: "a number that the driver rounds", SQL: "'1234567890.1234567890'::decimal(20,10)", Type: warehouse.Numeric,
		Want: warehouse.Decimal("1234567890.1234567890"),
	},
	{Name: "a timestamp in nanoseconds", SQL: "'2026-11-20 15:04:05.123456789'::timestamp_ns", Type: warehouse.Time, Want: instant("2026-11-20T15:04:05.123456789Z")},
	{Name: "a timestamp in milliseconds", SQL: "'1966-11-20 15:04:05.678'::timestamp_ms", Type: warehouse.Time, Want: instant("1966-11-20T15:04:05.678Z")},
	{Name: "a timestamp in seconds", SQL: "'1966-11-20 15:04:05'::timestamp_s", Type: warehouse.Time, Want: instant("1966-11-20T15:04:05Z")},
	{Name: "a timestamp in local time", SQL: "'2026-11-20 15:04:05.25+01'::timestamptz", Type: warehouse.Time, Want: instant("2026-11-20T14:04:05.25Z")},
	{Name: "a timestamp in a zone before 1970", SQL: "to_timestamp_tz('1969-12-31 12:00:00.25-08', -480)", Type: warehouse.Time, Want: instant("1969-12-31T20:00:00.25Z")},
	{Name: "a decfloat", SQL: "to_decfloat('-1.5e-20')", Type: warehouse.Numeric, Want: warehouse.Decimal("-0.000000000000000000015")},
	{Name: "a great decfloat", SQL: "to_decfloat('12e40')", Type: warehouse.Numeric, Want: warehouse.Decimal("120000000000000000000000000000000000000000")},
	{Name: "a decfloat of nothing", SQL: "to_decfloat('0')", Type: warehouse.Numeric, Want: warehouse.Decimal("0")},
	{
		Name: "a decfloat of 38 digits", SQL: "to_decfloat('-9.9999999999999999999999999999999999999e20')", Type: warehouse.Numeric,
		Want: warehouse.Decimal("-999999999999999999999.99999999999999999"),
	},
	{Name: "a variant of text", SQL: `to_variant('"x"')`, Type: warehouse.JSON, Want: doc(`"x"`)},
	{
		Name: "a variant of what JSON lacks", SQL: `to_variant('{ "a": NaN, "b": -inf, "NaN": undefined, "c": "undefined \" NaN" }')`, Type: warehouse.JSON,
		Want: doc(`{"NaN":null,"a":"NaN","b":"-Infinity","c":"undefined \" NaN"}`),
	},
	{
		Name: "a geography", SQL: `to_geography('{ "type": "Point", "coordinates": [ 4.35, 50.85 ] }')`, Type: warehouse.JSON,
		Want: doc(`{"coordinates":[4.35,50.85],"type":"Point"}`),
	},
}

func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}
