package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"spillway/warehouse"
	"spillway/warehouse/warehousetest"
	"spillway/warehouse/warehousetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// secret is a secret that stands in a test.
type secret string

func (s secret) Reveal(context.Context) (string, error) { return string(s), nil }

// database returns the connection string of a fresh database in which the statements of setup were run.
func database(t *testing.T, setup ...string) string {
	t.Helper()
	dsn := pgtest.DSN(t)
	conn := connect(t, dsn)
	for _, sql := range setup {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	return dsn
}

// connect returns a connection past the warehouse, to change what it reads.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// openDSN opens a warehouse; change may be nil.
func openDSN(t *testing.T, dsn string, change func(*Config)) warehouse.Warehouse {
	t.Helper()
	config := Config{DSN: secret(dsn), StatementTimeout: time.Minute, ConnectTimeout: 5 * time.Second}
	if change != nil {
		change(&config)
	}
	w, err := open(t.Context(), config, warehouse.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

var setup = []string{
	"create type mood as enum ('sad', 'glad')",
	"create type address as (street text, no int, since date)",
	`create type "Odd" as ("B ""x""" int[], a address, " " money)`,
	"create domain positive as numeric(8,2) check (value > 0)",
	"create domain tags as text[]",
	"create table log (id int)",
	"create sequence counter",
}

func TestConformance(t *testing.T) {
	dsn := database(t, setup...)
	warehousetest.Run(t, warehousetest.Suite{
		Open:         func(t *testing.T) warehouse.Warehouse { return openDSN(t, dsn, nil) },
		Values:       values,
		Own:          own,
		Series:       func(n int) string { return fmt.Sprintf("(select generate_series(0, %d) as n) s", n-1) },
		Fail:         func(at int) string { return fmt.Sprintf("n + 0 / (n - %d)", at) },
		Packs:        true,
		MissingTable: "42P01",
		Cut:          cuts(dsn),
		Writes: []string{
			"insert into log values (1)",
			"insert into log values (1) returning id",
			"with gone as (delete from log returning id) select * from gone",
			"create table other (id int)",
			"select * into other from log",
			"select nextval('counter')",
			"select id from log for update",
			"copy log to '/tmp/spillway-never'",
			"copy (select 1) to stdout",
			"set transaction read write",
			"commit",
			"rollback",
			"vacuum",
			"select set_config('transaction_read_only', 'off', false)",
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
	"a double":                               "0.1::float8",
	"a great double":                         "1.7976931348623157e308::float8",
	"a tiny double":                          "5e-324::float8",
	"a negative zero":                        "'-0'::float8",
	"a double that is no number":             "'NaN'::float8",
	"an infinite double":                     "'Infinity'::float8",
	"a negative infinite double":             "'-Infinity'::float8",
	"a real has the digits that people see":  "0.1::float4",
	"a great real":                           "3.4028235e38::float4",
	"a real that is an integer":              "16777216::float4",
	"a decimal keeps its scale":              "(-12.5)::numeric(12,2)",
	"a decimal of zero keeps its scale":      "0.00",
	"a decimal below one":                    "-0.001",
	"a small decimal is never an exponent":   "0.0000000001",
	"a decimal without decimals":             "100000000::numeric",
	"a decimal of 18 digits":                 "999999999999999.999",
	"a decimal of 38 digits":                 "-9999999999999999999999999999.9999999999",
	"a decimal with zeros inside":            "10000000200000003.0000000400000005",
	"bytes":                                  `'\x00017f80ff'::bytea`,
	"no bytes":                               "''::bytea",
	"many bytes":                             `decode(repeat('ab', 100), 'hex')`,
	"a text":                                 "'Ada O''Neil'",
	"an empty text":                          "''",
	"a text of twelve bytes":                 "'twelve bytes'",
	"a text of thirteen bytes":               "'thirteen byte'::varchar(13)",
	"a text beyond ASCII":                    "'Žofie 佐藤 😀 \u202e'",
	"a text of several lines":                `e'a\n\tb\r\n\\n'`,
	"a long text":                            "repeat('x', 20000)",
	"an enum":                                "'glad'::mood",
	"a UUID is in lower case":                "'6BA7B810-9DAD-11D1-80B4-00C04FD430C8'::uuid",
	"the greatest UUID":                      "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid",
	"a bit string":                           "b'0101100111'",
	"a date":                                 "'2026-11-20'::date",
	"a date before 1970":                     "'1969-12-31'::date",
	"a leap day":                             "'2024-02-29'::date",
	"the first date":                         "'0001-01-01'::date",
	"the last date":                          "'9999-12-31'::date",
	"a date before Christ is text":           "'0044-03-15 BC'::date",
	"a date of five digits is text":          "'12026-11-20'::date",
	"an infinite date is text":               "'infinity'::date",
	"a negative infinite date is text":       "'-infinity'::date",
	"a timestamp":                            "'2026-11-20 15:04:05.123456'::timestamp",
	"a timestamp before 1970":                "'1969-12-31 23:59:59.999999'::timestamp",
	"a timestamp with a zone is in UTC":      "'2026-11-20 15:04:05.5+02'::timestamptz",
	"the last timestamp":                     "'9999-12-31 23:59:59.999999'::timestamp",
	"a timestamp before Christ is text":      "'0044-03-15 12:00:00.5 BC'::timestamp",
	"a timestamp of five digits is text":     "'12026-11-20 00:00:00'::timestamptz",
	"an infinite timestamp is text":          "'infinity'::timestamptz",
	"a negative infinite timestamp is text":  "'-infinity'::timestamp",
	"a time":                                 "'15:04:05'::time",
	"a time with microseconds":               "'15:04:05.000001'::time",
	"midnight":                               "'00:00'::time",
	"the end of the day":                     "'24:00'::time",
	"a time east of UTC":                     "'15:04:05.5+02'::timetz",
	"a time west of UTC":                     "'15:04:05-03:30'::timetz",
	"an interval":                            "'1 year 2 months 3 days 4 hours 5 minutes 6.5 seconds'::interval",
	"a negative interval":                    "-'1 year 2 months 3 days 4 hours 5 minutes 6.5 seconds'::interval",
	"an interval of mixed signs":             "'1 month -1 day 1 microsecond'::interval",
	"an interval of nothing":                 "'0'::interval",
	"an interval of many hours":              "'100 hours'::interval",
	"a JSON object is canonical":             `'{"é": 0, "b" : "c",  "a":[1, {"y":true,"x":null} ] }'::json`,
	"JSON numbers keep their digits":         "'[1.0, 0.10, 12345678901234567890123, -0.5]'::jsonb",
	"JSON text is not escaped without need":  `'"\u003ca href=\"x\"\u003e\u00e9 \/ \\ \n \ud83d\ude00</a>"'::json`,
	"the last of equal JSON keys stands":     `'{"a":1,"a":2}'::json`,
	"a JSON null is a document":              "'null'::jsonb",
	"an empty JSON object":                   "'{ }'::json",
	"a struct is an object with sorted keys": `row('O''Neil "St\", (x)', 7, '2026-11-20')::address`,
	"a struct of nulls":                      "row(null, null, null)::address",
	"a list of structs":                      "array[row('a', 1, null)::address, null]",
	"a list of integers":                     "array[1, null, -3]",
	"an empty list":                          "'{}'::int[]",
	"a list of lists":                        "array[[1, 2], [3, null]]",
	"a list of texts":                        `array['', 'NULL', null, 'a,b', '{c}', 'd"e', 'f\g', ' h ']`,
	"a list of decimals":                     "array[1.50, -0.05, null]::numeric(8,2)[]",
	"a list of doubles":                      "array[0.1, 1e300, 1e-9, 'NaN', 'Infinity', '-Infinity', 1e20]::float8[]",
	"a list of booleans":                     "array[true, false, null]",
	"a list of dates":                        "array['2026-11-20', 'infinity', '0044-03-15 BC']::date[]",
	"a list of timestamps":                   "array['2026-11-20 15:04:05.5', null]::timestamp[]",
	"a list of timestamps with a zone":       "array['2026-11-20 15:04:05+02']::timestamptz[]",
	"a list of bytes is in base64":           `array['\x0001ff', '']::bytea[]`,
	"a list of JSON documents":               `array['{ "a":1}', '[2]', null]::json[]`,
	"a list of intervals":                    "array['1 day 2 hours', '0']::interval[]",
	"a list of UUIDs":                        "array['6BA7B810-9DAD-11D1-80B4-00C04FD430C8']::uuid[]",
	"a list of enums":                        "array['sad', null]::mood[]",
	"a list of times":                        "array['15:04:05.5']::time[]",
}

// own are the values that only PostgreSQL has.
var own = []warehousetest.Own{
	{Name: "a decimal that is no number is a float", SQL: "'NaN'::numeric", Type: warehouse.Numeric, Want: math.NaN()},
	{Name: "an infinite decimal is a float", SQL: "'-Infinity'::numeric", Type: warehouse.Numeric, Want: math.Inf(-1)},
	{Name: "a decimal of a thousand digits", SQL: "10::numeric ^ 999", Type: warehouse.Numeric, Want: power(999, 16)},
	{Name: "money", SQL: "'-1234567.89'::money", Type: warehouse.Numeric, Want: warehouse.Decimal("-1234567.89")},
	{Name: "little money", SQL: "'0.05'::money", Type: warehouse.Numeric, Want: warehouse.Decimal("0.05")},
	{Name: "a list of money", SQL: "array['1.5', '-2000']::money[]", Type: warehouse.JSON, Want: doc("[1.50,-2000.00]")},
	{Name: "a padded text keeps its padding", SQL: "'ab'::char(4)", Type: warehouse.String, Want: "ab  "},
	{Name: "a name", SQL: "'pg_class'::name", Type: warehouse.String, Want: "pg_class"},
	{Name: "an object's number", SQL: "4294967295::oid", Type: warehouse.Int, Want: int64(4294967295)},
	{Name: "a domain is what is below it", SQL: "12.5::positive", Type: warehouse.Numeric, Want: warehouse.Decimal("12.50")},
	{Name: "a list of a domain", SQL: "array[12.5]::positive[]", Type: warehouse.JSON, Want: doc("[12.50]")},
	{Name: "a domain of lists", SQL: "array['x']::tags", Type: warehouse.JSON, Want: doc(`["x"]`)},
	{
		Name: "a struct in a struct", SQL: `row('{1,NULL}', row('a,b', null, null)::address, '$1,234.50')::"Odd"`, Type: warehouse.JSON,
		Want: doc(`{" ":1234.50,"B \"x\"":[1,null],"a":{"no":null,"since":null,"street":"a,b"}}`),
	},
	{Name: "a list with a lower bound", SQL: "'[0:1]={1,2}'::int[]", Type: warehouse.JSON, Want: doc("[1,2]")},
	{Name: "an anonymous row is text", SQL: "row(1, 'a b')", Type: warehouse.String, Want: `(1,"a b")`},
	{Name: "an address of the network", SQL: "'10.0.0.0/8'::cidr", Type: warehouse.String, Want: "10.0.0.0/8"},
	{Name: "a list of network addresses", SQL: "array['10.0.0.1']::inet[]", Type: warehouse.JSON, Want: doc(`["10.0.0.1"]`)},
	{Name: "a range", SQL: "'[2026-11-20,2026-11-22)'::daterange", Type: warehouse.String, Want: "[2026-11-20,2026-11-22)"},
	{Name: "a point", SQL: "point(1, 2)", Type: warehouse.String, Want: "(1,2)"},
	{
		Name: "a list of boxes has its own delimiter", SQL: "array['(1,1),(0,0)', '(2,2),(0,0)']::box[]", Type: warehouse.JSON,
		Want: doc(`["(1,1),(0,0)","(2,2),(0,0)"]`),
	},
	{Name: "XML", SQL: "'<a/>'::xml", Type: warehouse.String, Want: "<a/>"},
	{Name: "a vector of integers is text", SQL: "'1 2'::int2vector", Type: warehouse.String, Want: "1 2"},
	{Name: "a literal without a type", SQL: "'x'", Type: warehouse.String, Want: "x"},
	{Name: "a JSON number keeps its exponent", SQL: "'1e2'::json", Type: warehouse.JSON, Want: doc("1e2")},
	{Name: "an offset of seconds", SQL: "'15:04:05+00:19:32'::timetz", Type: warehouse.String, Want: "15:04:05+00:19:32"},
	{Name: "the first timestamp of all", SQL: "'4713-01-01 00:00:00 BC'::timestamp", Type: warehouse.Time, Want: "-4712-01-01T00:00:00Z"},
	{
		Name: "the last timestamp of all", SQL: "'294276-12-31 23:59:59.999999'::timestamp", Type: warehouse.Time,
		Want: "+294276-12-31T23:59:59.999999Z",
	},
	{
		Name: "a list of timestamps of all times", SQL: "array['0044-03-15 12:00:00.5 BC', '12026-11-20 00:00:01', '-infinity']::timestamp[]",
		Type: warehouse.JSON, Want: doc(`["-0043-03-15T12:00:00.5Z","+12026-11-20T00:00:01Z","-infinity"]`),
	},
}

// power is 10^n with so many decimals of zero.
func power(n, decimals int) warehouse.Decimal {
	text := []byte("1")
	for range n {
		text = append(text, '0')
	}
	text = append(text, '.')
	for range decimals {
		text = append(text, '0')
	}
	return warehouse.Decimal(text)
}
