package warehousetest

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"spillway/warehouse"
)

// Case is one value and what a warehouse must make of it.
type Case struct {
	Name string
	Type warehouse.Type
	Want warehouse.Value
}

// Own is a value that only one system has, with the SQL expression that makes it.
type Own struct {
	Name string
	SQL  string
	Type warehouse.Type
	Want warehouse.Value
}

func doc(text string) json.RawMessage { return json.RawMessage(text) }

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// Cases are the values that systems have in common.
func Cases() []Case {
	var all []Case
	for _, group := range [][]Case{scalars(), texts(), moments(), documents(), lists()} {
		all = append(all, group...)
	}
	return all
}

func scalars() []Case {
	return []Case{
		{"true", warehouse.Bool, true},
		{"false", warehouse.Bool, false},
		{"the least smallint", warehouse.Int, int64(math.MinInt16)},
		{"the greatest integer", warehouse.Int, int64(math.MaxInt32)},
		{"the least integer", warehouse.Int, int64(math.MinInt32)},
		{"the greatest bigint", warehouse.Int, int64(math.MaxInt64)},
		{"the least bigint", warehouse.Int, int64(math.MinInt64)},
		{"a double", warehouse.Float, 0.1},
		{"a great double", warehouse.Float, 1.7976931348623157e308},
		{"a tiny double", warehouse.Float, 5e-324},
		{"a negative zero", warehouse.Float, math.Copysign(0, -1)},
		{"a double that is no number", warehouse.Float, math.NaN()},
		{"an infinite double", warehouse.Float, math.Inf(1)},
		{"a negative infinite double", warehouse.Float, math.Inf(-1)},
		{"a real has the digits that people see", warehouse.Float, 0.1},
		{"a great real", warehouse.Float, 3.4028235e38},
		{"a real that is an integer", warehouse.Float, 16777216.0},
		{"a decimal keeps its scale", warehouse.Numeric, warehouse.Decimal("-12.50")},
		{"a decimal of zero keeps its scale", warehouse.Numeric, warehouse.Decimal("0.00")},
		{"a decimal below one", warehouse.Numeric, warehouse.Decimal("-0.001")},
		{"a small decimal is never an exponent", warehouse.Numeric, warehouse.Decimal("0.0000000001")},
		{"a decimal without decimals", warehouse.Numeric, warehouse.Decimal("100000000")},
		{"a decimal of 18 digits", warehouse.Numeric, warehouse.Decimal("999999999999999.999")},
		{"a decimal of 38 digits", warehouse.Numeric, warehouse.Decimal("-9999999999999999999999999999.9999999999")},
		{"a decimal with zeros inside", warehouse.Numeric, warehouse.Decimal("10000000200000003.0000000400000005")},
		{"bytes", warehouse.Bytes, []byte{0x00, 0x01, 0x7f, 0x80, 0xff}},
		{"no bytes", warehouse.Bytes, []byte{}},
		{"many bytes", warehouse.Bytes, []byte(strings.Repeat("\xab", 100))},
	}
}

func texts() []Case {
	return []Case{
		{"a text", warehouse.String, "Ada O'Neil"},
		{"an empty text", warehouse.String, ""},
		{"a text of twelve bytes", warehouse.String, "twelve bytes"},
		{"a text of thirteen bytes", warehouse.String, "thirteen byte"},
		{"a text beyond ASCII", warehouse.String, "Žofie 佐藤 😀 \u202e"},
		{"a text of several lines", warehouse.String, "a\n\tb\r\n\\n"},
		{"a long text", warehouse.String, strings.Repeat("x", 20_000)},
		{"an enum", warehouse.String, "glad"},
		{"a UUID is in lower case", warehouse.String, "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
		{"the greatest UUID", warehouse.String, "ffffffff-ffff-ffff-ffff-ffffffffffff"},
		{"a bit string", warehouse.String, "0101100111"},
	}
}

func moments() []Case {
	return []Case{
		{"a date", warehouse.Day, warehouse.Date("2026-11-20")},
		{"a date before 1970", warehouse.Day, warehouse.Date("1969-12-31")},
		{"a leap day", warehouse.Day, warehouse.Date("2024-02-29")},
		{"the first date", warehouse.Day, warehouse.Date("0001-01-01")},
		{"the last date", warehouse.Day, warehouse.Date("9999-12-31")},
		{"a date before Christ is text", warehouse.Day, "-0043-03-15"},
		{"a date of five digits is text", warehouse.Day, "+12026-11-20"},
		{"an infinite date is text", warehouse.Day, "infinity"},
		{"a negative infinite date is text", warehouse.Day, "-infinity"},
		{"a timestamp", warehouse.Time, at("2026-11-20T15:04:05.123456Z")},
		{"a timestamp before 1970", warehouse.Time, at("1969-12-31T23:59:59.999999Z")},
		{"a timestamp with a zone is in UTC", warehouse.Time, at("2026-11-20T13:04:05.5Z")},
		{"the last timestamp", warehouse.Time, at("9999-12-31T23:59:59.999999Z")},
		{"a timestamp before Christ is text", warehouse.Time, "-0043-03-15T12:00:00.5Z"},
		{"a timestamp of five digits is text", warehouse.Time, "+12026-11-20T00:00:00Z"},
		{"an infinite timestamp is text", warehouse.Time, "infinity"},
		{"a negative infinite timestamp is text", warehouse.Time, "-infinity"},
		{"a time", warehouse.String, "15:04:05"},
		{"a time with microseconds", warehouse.String, "15:04:05.000001"},
		{"midnight", warehouse.String, "00:00:00"},
		{"the end of the day", warehouse.String, "24:00:00"},
		{"a time east of UTC", warehouse.String, "15:04:05.5+02"},
		{"a time west of UTC", warehouse.String, "15:04:05-03:30"},
		{"an interval", warehouse.String, "P1Y2M3DT4H5M6.5S"},
		{"a negative interval", warehouse.String, "P-1Y-2M-3DT-4H-5M-6.5S"},
		{"an interval of mixed signs", warehouse.String, "P1M-1DT0.000001S"},
		{"an interval of nothing", warehouse.String, "PT0S"},
		{"an interval of many hours", warehouse.String, "PT100H"},
	}
}

func documents() []Case {
	return []Case{
		{"a JSON object is canonical", warehouse.JSON, doc(`{"a":[1,{"x":null,"y":true}],"b":"c","é":0}`)},
		{"JSON numbers keep their digits", warehouse.JSON, doc(`[1.0,0.10,12345678901234567890123,-0.5]`)},
		{"JSON text is not escaped without need", warehouse.JSON, doc(`"<a href=\"x\">é / \\ \n 😀</a>"`)},
		{"the last of equal JSON keys stands", warehouse.JSON, doc(`{"a":2}`)},
		{"a JSON null is a document", warehouse.JSON, doc(`null`)},
		{"an empty JSON object", warehouse.JSON, doc(`{}`)},
		{"a struct is an object with sorted keys", warehouse.JSON, doc(`{"no":7,"since":"2026-11-20","street":"O'Neil \"St\\\", (x)"}`)},
		{"a struct of nulls", warehouse.JSON, doc(`{"no":null,"since":null,"street":null}`)},
		{"a list of structs", warehouse.JSON, doc(`[{"no":1,"since":null,"street":"a"},null]`)},
	}
}

func lists() []Case {
	return []Case{
		{"a list of integers", warehouse.JSON, doc(`[1,null,-3]`)},
		{"an empty list", warehouse.JSON, doc(`[]`)},
		{"a list of lists", warehouse.JSON, doc(`[[1,2],[3,null]]`)},
		{"a list of texts", warehouse.JSON, doc(`["","NULL",null,"a,b","{c}","d\"e","f\\g"," h "]`)},
		{"a list of decimals", warehouse.JSON, doc(`[1.50,-0.05,null]`)},
		{"a list of doubles", warehouse.JSON, doc(`[0.1,1e+300,1e-9,"NaN","Infinity","-Infinity",100000000000000000000]`)},
		{"a list of booleans", warehouse.JSON, doc(`[true,false,null]`)},
		{"a list of dates", warehouse.JSON, doc(`["2026-11-20","infinity","-0043-03-15"]`)},
		{"a list of timestamps", warehouse.JSON, doc(`["2026-11-20T15:04:05.5Z",null]`)},
		{"a list of timestamps with a zone", warehouse.JSON, doc(`["2026-11-20T13:04:05Z"]`)},
		{"a list of bytes is in base64", warehouse.JSON, doc(`["AAH/",""]`)},
		{"a list of JSON documents", warehouse.JSON, doc(`[{"a":1},[2],null]`)},
		{"a list of intervals", warehouse.JSON, doc(`["P1DT2H","PT0S"]`)},
		{"a list of UUIDs", warehouse.JSON, doc(`["6ba7b810-9dad-11d1-80b4-00c04fd430c8"]`)},
		{"a list of enums", warehouse.JSON, doc(`["sad",null]`)},
		{"a list of times", warehouse.JSON, doc(`["15:04:05.5"]`)},
	}
}
