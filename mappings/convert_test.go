package mappings

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/warehouse"
)

func TestValuesAreSentInTheTypeAskedFor(t *testing.T) {
	t.Parallel()
	const (
		str, num, integer, boolean = destinations.String, destinations.Number, destinations.Integer, destinations.Boolean
		day, at, doc, list         = destinations.DateType, destinations.DateTime, destinations.JSON, destinations.List
	)
	noon := time.Date(2026, 11, 20, 12, 0, 0, 250_000_000, time.UTC)
	midnight := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		from any
		to   destinations.FieldType
		want destinations.Value
	}{
		{"a decimal as text keeps its scale", warehouse.Decimal("0.100"), str, "0.100"},
		{"a decimal as a number keeps its digits", warehouse.Decimal("0.100"), num, json.Number("0.100")},
		{"a number has no leading zeros", warehouse.Decimal("-007.50"), num, json.Number("-7.50")},
		{"a number has digits before the point", warehouse.Decimal("+.5"), num, json.Number("0.5")},
		{"a number has digits after the point", warehouse.Decimal("5."), num, json.Number("5")},
		{"a long number is exact", warehouse.Decimal("12345678901234567890123456789.01"), num, json.Number("12345678901234567890123456789.01")},
		{"a whole decimal as an integer", warehouse.Decimal("12.00"), integer, json.Number("12")},
		{"an integer beyond 64 bits", warehouse.Decimal("98765432109876543210"), integer, json.Number("98765432109876543210")},
		{"an integer beyond 2^53", int64(9007199254740993), num, json.Number("9007199254740993")},
		{"an integer as text", int64(-5), str, "-5"},
		{"one is true", int64(1), boolean, true},
		{"zero is false", int64(0), boolean, false},
		{"a float's shortest digits", 0.1, num, json.Number("0.1")},
		{"a large float without an exponent", 1e20, num, json.Number("100000000000000000000")},
		{"a huge float with one", 1e300, num, json.Number("1e+300")},
		{"a small float with one", 1e-9, num, json.Number("1e-09")},
		{"a zero without a sign", math.Copysign(0, -1), num, json.Number("0")},
		{"a whole float as an integer", 3.0, integer, json.Number("3")},
		{"a huge whole float as an integer", 1e22, integer, json.Number("10000000000000000000000")},
		{"a float as text", 0.5, str, "0.5"},
		{"a truth value as text", true, str, "true"},
		{"a truth value as a document", true, doc, json.RawMessage("true")},

		{"text as it is", "Ada", str, "Ada"},
		{"text with a NUL as it is", "a\x00b", str, "a\x00b"},
		{"text as a number, trimmed", " 12.50 ", num, json.Number("12.50")},
		{"text as a number with an exponent", "1e5", num, json.Number("1e5")},
		{"text as an integer", "42", integer, json.Number("42")},
		{"text of a whole number as an integer", "42.0", integer, json.Number("42")},
		{"text as true", " Yes", boolean, true},
		{"text as false", "0", boolean, false},
		{"one letter as true", "T", boolean, true},
		{"text as a day", "2026-11-20", day, destinations.Date("2026-11-20")},
		{"text of a time as a day", "2026-11-20 23:59:59", day, destinations.Date("2026-11-20")},
		{"text as a time", "2026-11-20T12:00:00.25Z", at, noon},
		{"text with a space as a time", "2026-11-20 12:00:00.250", at, noon},
		{"text with a zone as a time", "2026-11-20 13:00:00.25+01:00", at, noon},
		{"text with a short zone as a time", "2026-11-20 13:00:00.25+01", at, noon},
		{"text with a zone without a colon as a time", "2026-11-20T13:00:00.25 +0100", at, noon},
		{"text in UTC as a time", "2026-11-20 12:00:00.25 UTC", at, noon},
		{"text without seconds as a time", "2026-11-20T00:00", at, midnight},
		{"text of a day as a time", "2026-11-20", at, midnight},
		{"text as a document", ` {"a": 1} `, doc, json.RawMessage(`{"a": 1}`)},
		{"text of a null as null", "null", doc, nil},

		{"a day as text", warehouse.Date("2026-11-20"), str, "2026-11-20"},
		{"a day as a time", warehouse.Date("2026-11-20"), at, midnight},
		{"a day as a document", warehouse.Date("2026-11-20"), doc, json.RawMessage(`"2026-11-20"`)},
		{"a time as text", noon, str, "2026-11-20T12:00:00.25Z"},
		{"a time as a day", noon, day, destinations.Date("2026-11-20")},
		{"a time of another zone as a time in UTC", noon.In(time.FixedZone("", 3600)), at, noon},
		{"a time of another zone as the day in UTC", time.Date(2026, 11, 21, 0, 30, 0, 0, time.FixedZone("", 3600)), day, destinations.Date("2026-11-20")},
		{"bytes as base64", []byte{0, 255}, str, "AP8="},
		{"a document", json.RawMessage(`{"a":[1.0]}`), doc, json.RawMessage(`{"a":[1.0]}`)},
		{"a document as text", json.RawMessage(`{"a":1}`), str, `{"a":1}`},
		{"a document of text as that text", json.RawMessage(`"A\u0064a"`), str, "Ada"},
		{"a document of a number as text", json.RawMessage(`1.50`), str, "1.50"},
		{"a document that is null as null", json.RawMessage(`null`), str, nil},
		{"a list", json.RawMessage(`["a",1.50,true,null,[2],{"b":1}]`), list, []any{
			"a", json.Number("1.50"), true, nil, []any{json.Number("2")}, json.RawMessage(`{"b":1}`),
		}},
		{"an empty list", json.RawMessage(`[]`), list, []any{}},
		{"null as null", nil, num, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, failed := convert(tt.from, tt.to)
			if failed != nil {
				t.Fatal(failed.reason)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if _, err := (destinations.Fields{{Name: "x", Value: got}}).MarshalJSON(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestValuesThatATypeCannotHoldAreRefusedWithoutQuotingThem(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, tt := range []struct {
		name string
		from any
		to   destinations.FieldType
		code string
	}{
		{"text that is no number", "12a" + secret, destinations.Number, CodeBadValue},
		{"text with a thousands separator", "1,000", destinations.Number, CodeBadValue},
		{"text with a plus", "+1", destinations.Number, CodeBadValue},
		{"text with leading zeros", "007", destinations.Number, CodeBadValue},
		{"text with half a number", "1.", destinations.Number, CodeBadValue},
		{"text in hexadecimal", "0x10", destinations.Number, CodeBadValue},
		{"text with a huge exponent", "1e999999999", destinations.Number, CodeBadValue},
		{"text of NaN", "NaN", destinations.Number, CodeBadValue},
		{"empty text", "", destinations.Number, CodeBadValue},
		{"a number that is none", nan(), destinations.Number, CodeBadValue},
		{"a number that is infinite", math.Inf(-1), destinations.Number, CodeBadValue},
		{"a decimal that is none", warehouse.Decimal("NaN"), destinations.Number, CodeBadValue},
		{"a fraction", warehouse.Decimal("12.01"), destinations.Integer, CodeBadValue},
		{"a float's fraction", 0.5, destinations.Integer, CodeBadValue},
		{"text of a fraction", "1.5", destinations.Integer, CodeBadValue},
		{"two", int64(2), destinations.Boolean, CodeBadValue},
		{"text that is neither", secret, destinations.Boolean, CodeBadValue},
		{"a day that there is not", "2026-02-30", destinations.DateType, CodeBadValue},
		{"a day in another form", "20/11/2026", destinations.DateType, CodeBadValue},
		{"a day of the warehouse that is none", warehouse.Date("infinity"), destinations.DateType, CodeBadValue},
		{"the year zero", warehouse.Date("0000-01-01"), destinations.DateType, CodeBadValue},
		{"a time out of range", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), destinations.DateTime, CodeBadValue},
		{"a time that there is not", "2026-11-20T25:00:00Z", destinations.DateTime, CodeBadValue},
		{"a time with a strange zone", "2026-11-20 12:00:00 CET", destinations.DateTime, CodeBadValue},
		{"text that is no document", "{" + secret, destinations.JSON, CodeBadValue},
		{"a document that is no list", json.RawMessage(`{"a":1}`), destinations.List, CodeBadValue},
		{"text that is not UTF-8", secret + "\xff", destinations.String, CodeBadValue},
		{"a document that is not UTF-8", json.RawMessage("\"\xff\""), destinations.JSON, CodeBadValue},
		{"a list that is not UTF-8", json.RawMessage("[\"\xff\"]"), destinations.List, CodeBadValue},
		{"deep nesting", json.RawMessage(strings.Repeat("[", 5000) + strings.Repeat("]", 5000)), destinations.List, CodeBadValue},
		{"long text", strings.Repeat("a", maxValue+1), destinations.String, CodeTooLong},
		{"long bytes", make([]byte, maxValue), destinations.String, CodeTooLong},
		{"a long document", json.RawMessage(`"` + strings.Repeat("a", maxValue) + `"`), destinations.JSON, CodeTooLong},
		{"a long list", json.RawMessage(`["` + strings.Repeat("a", maxValue) + `"]`), destinations.List, CodeTooLong},
		{"a long number", warehouse.Decimal(strings.Repeat("9", maxValue+1)), destinations.Number, CodeTooLong},
		{"a length of time", time.Hour, destinations.String, CodeBadValue},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, failed := convert(tt.from, tt.to)
			if failed == nil {
				t.Fatalf("sent as %.100v", got)
			}
			if failed.code != tt.code {
				t.Errorf("code %s, want %s", failed.code, tt.code)
			}
			if strings.Contains(failed.reason, secret) {
				t.Errorf("the reason quotes the value: %s", failed.reason)
			}
		})
	}
}

func TestTheLongestTextIsTaken(t *testing.T) {
	t.Parallel()
	if _, failed := convert(strings.Repeat("a", maxValue), destinations.String); failed != nil {
		t.Error(failed.reason)
	}
}

// TestColumnsThatCouldNeverBeSentAreProblems pins which columns may be sent as which types.
func TestColumnsThatCouldNeverBeSentAreProblems(t *testing.T) {
	t.Parallel()
	types := []destinations.FieldType{
		destinations.String, destinations.Number, destinations.Integer, destinations.Boolean,
		destinations.DateType, destinations.DateTime, destinations.JSON, destinations.List,
	}
	for _, tt := range []struct {
		column string
		able   string // a mark for each of types
	}{
		{"text", "xxxxxxx-"},
		{"flag", "x--x--x-"},
		{"count", "xxxx--x-"},
		{"score", "xxx---x-"},
		{"price", "xxx---x-"},
		{"day", "x---xxx-"},
		{"at", "x---xxx-"},
		{"raw", "x-----x-"},
		{"doc", "x-----xx"},
	} {
		for i, to := range types {
			s := Spec{
				Key: []string{"id"}, Mode: destinations.Upsert, Identifier: "id",
				Fields: []Field{{Name: "id", Column: "id"}, {Name: "x", Column: tt.column, Type: to, At: At("syncs/s.toml", 9)}},
			}
			m, problems := Compile(s, everyColumn(), people(), nil)
			if tt.able[i] == 'x' {
				if m == nil {
					t.Errorf("%s as %s: %v", tt.column, to, problems)
				}
				continue
			}
			if m != nil || len(problems) != 1 || problems[0].At != "syncs/s.toml:9" || !strings.Contains(problems[0].Message, "cannot be sent as "+string(to)) {
				t.Errorf("%s as %s: %v", tt.column, to, problems)
			}
		}
	}
}
