package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/warehousetest"
	"spillway/warehouse/warehousetest/mariadbtest"
)

func TestMain(m *testing.M) { mariadbtest.Main(m) }

// secret is a secret that stands in a test.
type secret string

func (s secret) Reveal(context.Context) (string, error) { return string(s), nil }

// database returns the connection string of a fresh database in which the statements of setup were run.
func database(t *testing.T, setup ...string) string {
	t.Helper()
	dsn := mariadbtest.DSN(t)
	db := connect(t, dsn)
	for _, statement := range setup {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return dsn
}

// connect returns a connection past the warehouse, to change what it reads.
func connect(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := mariadbtest.Connect(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
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

// setup makes a table with one row of what no expression makes.
var setup = []string{
	"create table log (id int)",
	"insert into log values (1)",
	"create sequence counter",
	`create table odd (r float, g float, i float, mood enum('sad','glad'), colours set('red','green','blue'), y year,
		b1 bit(1), b10 bit(10), b64 bit(64), c4 char(4), zd date, zt datetime, pd date, g1 point, u uuid, j json, ts timestamp(3) null,
		blobby blob, tiny tinyint, tinyu tinyint unsigned, med mediumint)`,
	"set @@session.sql_mode = ''",
	`insert into odd values (0.1, 3.4028235e38, 16777216, 'glad', 'red,blue', 2026, b'1', b'0101100111', ~0, 'ab', '0000-00-00',
		'0000-00-00 00:00:00', '2026-11-00', point(1, 2), '6BA7B810-9DAD-11D1-80B4-00C04FD430C8', '{ "b":1, "a":2 }',
		'2026-11-20 15:04:05.25', x'00ff', -128, 255, -8388608)`,
}

func TestConformance(t *testing.T) {
	dsn := database(t, setup...)
	warehousetest.Run(t, warehousetest.Suite{
		Open: func(t *testing.T) warehouse.Warehouse {
			return openDSN(t, dsn, func(c *Config) { c.Parameters = map[string]string{"sql_mode": "ANSI,STRICT_TRANS_TABLES"} })
		},
		Values:       values,
		Own:          own,
		Series:       func(n int) string { return fmt.Sprintf("(select cast(seq as signed) as n from seq_0_to_%d) s", n-1) },
		Fail:         func(at int) string { return fmt.Sprintf("n + 0 * (18446744073709551615 + (n = %d))", at) },
		DataError:    func(text string) string { return "select extractvalue('<a/>', concat('~', " + text + "))" },
		MissingTable: "1146",
		Cut:          cuts(dsn),
		Writes: []string{
			"insert into log values (1)",
			"insert into log values (1) returning id",
			"with gone as (select 1) delete from log",
			"create table other (id int)",
			"create temporary table other (id int)",
			"select nextval(counter)",
			"select 1 into outfile '/tmp/spillway-never'",
			"select 1 into @x",
			"set session transaction read write",
			"commit",
			"rollback",
			"lock tables log write",
			"call nothing()",
			"optimize table log",
			"begin not atomic insert into log values (1); end",
		},
	})
}

const absent = warehousetest.Absent

// column is the expression for a column of the table odd.
func column(name string) string { return "(select " + name + " from odd)" }

var values = map[string]string{
	"true":                                   absent,
	"false":                                  absent,
	"the least smallint":                     "-32768",
	"the greatest integer":                   "2147483647",
	"the least integer":                      "-2147483648",
	"the greatest bigint":                    "9223372036854775807",
	"the least bigint":                       "-9223372036854775808",
	"a double":                               "cast(0.1 as double)",
	"a great double":                         "1.7976931348623157e308",
	"a tiny double":                          "5e-324",
	"a negative zero":                        "-0e0",
	"a double that is no number":             absent,
	"an infinite double":                     absent,
	"a negative infinite double":             absent,
	"a real has the digits that people see":  column("r"),
	"a great real":                           column("g"),
	"a real that is an integer":              column("i"),
	"a decimal keeps its scale":              "cast(-12.5 as decimal(12,2))",
	"a decimal of zero keeps its scale":      "0.00",
	"a decimal below one":                    "-0.001",
	"a small decimal is never an exponent":   "0.0000000001",
	"a decimal without decimals":             "cast(100000000 as decimal(12,0))",
	"a decimal of 18 digits":                 "999999999999999.999",
	"a decimal of 38 digits":                 "-9999999999999999999999999999.9999999999",
	"a decimal with zeros inside":            "10000000200000003.0000000400000005",
	"bytes":                                  "x'00017f80ff'",
	"no bytes":                               "x''",
	"many bytes":                             "unhex(repeat('ab', 100))",
	"a text":                                 "'Ada O''Neil'",
	"an empty text":                          "''",
	"a text of twelve bytes":                 "'twelve bytes'",
	"a text of thirteen bytes":               "cast('thirteen byte' as char(13))",
	"a text beyond ASCII":                    "'Žofie 佐藤 😀 \u202e'",
	"a text of several lines":                `'a\n\tb\r\n\\n'`,
	"a long text":                            "repeat('x', 20000)",
	"an enum":                                column("mood"),
	"a UUID is in lower case":                column("u"),
	"the greatest UUID":                      "cast('FFFFFFFF-ffff-ffff-ffff-ffffffffffff' as uuid)",
	"a bit string":                           absent,
	"a date":                                 "date '2026-11-20'",
	"a date before 1970":                     "date '1969-12-31'",
	"a leap day":                             "date '2024-02-29'",
	"the first date":                         "date '0001-01-01'",
	"the last date":                          "date '9999-12-31'",
	"a date before Christ is text":           absent,
	"a date of five digits is text":          absent,
	"an infinite date is text":               absent,
	"a negative infinite date is text":       absent,
	"a timestamp":                            "timestamp '2026-11-20 15:04:05.123456'",
	"a timestamp before 1970":                "timestamp '1969-12-31 23:59:59.999999'",
	"a timestamp with a zone is in UTC":      "convert_tz(timestamp '2026-11-20 15:04:05.5', '+02:00', @@time_zone)",
	"the last timestamp":                     "timestamp '9999-12-31 23:59:59.999999'",
	"a timestamp before Christ is text":      absent,
	"a timestamp of five digits is text":     absent,
	"an infinite timestamp is text":          absent,
	"a negative infinite timestamp is text":  absent,
	"a time":                                 "time '15:04:05'",
	"a time with microseconds":               "time '15:04:05.000001'",
	"midnight":                               "time '00:00:00'",
	"the end of the day":                     "time '24:00:00'",
	"a time east of UTC":                     absent,
	"a time west of UTC":                     absent,
	"an interval":                            absent,
	"a negative interval":                    absent,
	"an interval of mixed signs":             absent,
	"an interval of nothing":                 absent,
	"an interval of many hours":              absent,
	"a JSON object is canonical":             absent,
	"JSON numbers keep their digits":         absent,
	"JSON text is not escaped without need":  absent,
	"the last of equal JSON keys stands":     absent,
	"a JSON null is a document":              absent,
	"an empty JSON object":                   absent,
	"a struct is an object with sorted keys": absent,
	"a struct of nulls":                      absent,
	"a list of structs":                      absent,
	"a list of integers":                     absent,
	"an empty list":                          absent,
	"a list of lists":                        absent,
	"a list of texts":                        absent,
	"a list of decimals":                     absent,
	"a list of doubles":                      absent,
	"a list of booleans":                     absent,
	"a list of dates":                        absent,
	"a list of timestamps":                   absent,
	"a list of timestamps with a zone":       absent,
	"a list of bytes is in base64":           absent,
	"a list of JSON documents":               absent,
	"a list of intervals":                    absent,
	"a list of UUIDs":                        absent,
	"a list of enums":                        absent,
	"a list of times":                        absent,
}

// own are the values that only MySQL and MariaDB have.
var own = []warehousetest.Own{
	{Name: "true is an integer", SQL: "true", Type: warehouse.Int, Want: int64(1)},
	{Name: "the greatest unsigned bigint", SQL: "18446744073709551615", Type: warehouse.Int, Want: warehouse.Decimal("18446744073709551615")},
	{Name: "a small unsigned bigint", SQL: "cast(7 as unsigned)", Type: warehouse.Int, Want: int64(7)},
	{Name: "the least unsigned bigint beyond bigint", SQL: "9223372036854775808", Type: warehouse.Int, Want: warehouse.Decimal("9223372036854775808")},
	{
		Name: "a decimal of 65 digits", SQL: "99999999999999999999999999999999999.999999999999999999999999999999", Type: warehouse.Numeric,
		Want: warehouse.Decimal("99999999999999999999999999999999999.999999999999999999999999999999"),
	},
	{Name: "a year", SQL: column("y"), Type: warehouse.Int, Want: int64(2026)},
	{Name: "the least tinyint", SQL: column("tiny"), Type: warehouse.Int, Want: int64(-128)},
	{Name: "the greatest unsigned tinyint", SQL: column("tinyu"), Type: warehouse.Int, Want: int64(255)},
	{Name: "the least mediumint", SQL: column("med"), Type: warehouse.Int, Want: int64(-8388608)},
	{Name: "a set", SQL: column("colours"), Type: warehouse.String, Want: "red,blue"},
	{Name: "a char has no padding", SQL: column("c4"), Type: warehouse.String, Want: "ab"},
	{Name: "a date of zero is text", SQL: column("zd"), Type: warehouse.Day, Want: "0000-00-00"},
	{Name: "a datetime of zero is text", SQL: column("zt"), Type: warehouse.Time, Want: "0000-00-00 00:00:00"},
	{Name: "a date without its day is text", SQL: column("pd"), Type: warehouse.Day, Want: "2026-11-00"},
	{Name: "a timestamp to the millisecond", SQL: column("ts"), Type: warehouse.Time, Want: time.Date(2026, 11, 20, 15, 4, 5, 250e6, time.UTC)},
	{Name: "a blob", SQL: column("blobby"), Type: warehouse.Bytes, Want: []byte{0, 0xff}},
	{Name: "a geometry is its bytes", SQL: column("g1"), Type: warehouse.Bytes, Want: []byte(
		"\x00\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf0\x3f\x00\x00\x00\x00\x00\x00\x00\x40")},
	{Name: "a time of many hours", SQL: "time '838:59:59.5'", Type: warehouse.String, Want: "838:59:59.5"},
	{Name: "a negative time", SQL: "time '-12:30:00'", Type: warehouse.String, Want: "-12:30:00"},
	{Name: "the JSON of MariaDB is its text", SQL: column("j"), Type: warehouse.String, Want: `{ "b":1, "a":2 }`},
	{Name: "a null without a type", SQL: "null", Type: warehouse.String, Want: nil},
}
