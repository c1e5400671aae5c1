package sqldb

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"spillway/warehouse"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		src  string
		want string // "" for an error
	}{
		{"spaces go", " { \"a\" : [ 1 ,\t2 ] }\r\n", `{"a":[1,2]}`},
		{"keys are sorted by their bytes", `{"b":1,"a":2,"B":3,"é":4,"":5}`, `{"":5,"B":3,"a":2,"b":1,"é":4}`},
		{"keys are sorted by what they stand for", `{"\u0062":1,"a":2}`, `{"a":2,"b":1}`},
		{"the last of equal keys stands", `{"a":1,"b":2,"\u0061":{"x":1}}`, `{"a":{"x":1},"b":2}`},
		{"numbers keep their digits", `[1.0,-0,1E+5,12345678901234567890.10]`, `[1.0,-0,1E+5,12345678901234567890.10]`},
		{"needless escapes go", `"\u0041\/\u00e9\ud83d\ude00"`, `"A/é😀"`},
		{"needed escapes stay", `"\u0000\u001f\b\f\n\r\t\"\\"`, `"\u0000\u001f\b\f\n\r\t\"\\"`},
		{"line separators are not escaped", "\"\\u2028\"", "\"\u2028\""},
		{"a lone surrogate is replaced", `"\ud83d x \ude00"`, `"� x �"`},
		{"a high surrogate before another escape is replaced", `"\ud83d\u0041"`, `"�A"`},
		{"a scalar is a document", `null`, `null`},
		{"nothing is no document", ``, ``},
		{"two documents are none", `1 2`, ``},
		{"a trailing comma is refused", `[1,]`, ``},
		{"a missing colon is refused", `{"a" 1}`, ``},
		{"an unquoted key is refused", `{a:1}`, ``},
		{"a leading zero is refused", `01`, ``},
		{"a bare point is refused", `1.`, ``},
		{"a bare exponent is refused", `1e`, ``},
		{"a control character in a text is refused", "\"\n\"", ``},
		{"an unknown escape is refused", `"\x"`, ``},
		{"a short escape is refused", `"\u12"`, ``},
		{"an unclosed text is refused", `"a`, ``},
		{"an unclosed object is refused", `{"a":1`, ``},
		{"NaN is refused", `NaN`, ``},
		{"a word that only begins well is refused", `nul`, ``},
		{"a document nested too deeply is refused", strings.Repeat("[", maxDepth+2) + strings.Repeat("]", maxDepth+2), ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Canonical([]byte(tt.src))
			if (err != nil) != (tt.want == "") || string(got) != tt.want {
				t.Errorf("Canonical gave %s and error %v, want %s", got, err, tt.want)
			}
		})
	}
}

// FuzzCanonical holds Canonical to encoding/json: it takes the same documents, keeps their meaning, and changes
// nothing the second time.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.50,{"b":null}],"a":"x"}`, `"\ud83d\ude00\u0000"`, `[[],{},""]`, `-0.1e+7`, ` true `, `{"":{"":{}}}`, `[1,]`, "\"\\u2028\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, err := Canonical(src)
		if !utf8.Valid(src) {
			return // encoding/json replaces each bad byte, and this package each run of them
		}
		if (err == nil) != json.Valid(src) {
			t.Fatalf("Canonical(%q) gave error %v, json.Valid %t", src, err, json.Valid(src))
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(meaning(t, src), meaning(t, got)); diff != "" {
			t.Errorf("Canonical(%q) changed the meaning (-before +after):\n%s", src, diff)
		}
		if again, err := Canonical(got); err != nil || !bytes.Equal(again, got) {
			t.Errorf("Canonical(%q) gave %s, and %s (error %v) of that", src, got, again, err)
		}
	})
}

func meaning(t *testing.T, src []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDocument(t *testing.T) {
	t.Parallel()
	if got := Document([]byte(`{"a": 1}`)); cmp.Diff(warehouse.Value(json.RawMessage(`{"a":1}`)), got) != "" {
		t.Errorf("a document is %v", got)
	}
	if got := Document([]byte(`{a`)); got != `{a` {
		t.Errorf("what is no document is %v, want the text itself", got)
	}
}

func TestAppendJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		value warehouse.Value
		want  string
	}{
		{"null", nil, `null`},
		{"a boolean", true, `true`},
		{"an integer", int64(math.MinInt64), `-9223372036854775808`},
		{"a decimal", warehouse.Decimal("-12.50"), `-12.50`},
		{"a text", "a\"b<é>\xff", `"a\"b<é>�"`},
		{"a date", warehouse.Date("2026-11-20"), `"2026-11-20"`},
		{"a timestamp", time.Date(2026, 11, 20, 1, 2, 3, 450, time.UTC), `"2026-11-20T01:02:03.00000045Z"`},
		{"bytes", []byte{0, 0xff}, `"AP8="`},
		{"a document", json.RawMessage(`{"a":1}`), `{"a":1}`},
		{"a float without decimals", 100.0, `100`},
		{"a tiny float", 1.5e-7, `1.5e-7`},
		{"a great float", 1e21, `1e+21`},
		{"zero", 0.0, `0`},
		{"no number", math.NaN(), `"NaN"`},
		{"infinite", math.Inf(1), `"Infinity"`},
		{"negative infinite", math.Inf(-1), `"-Infinity"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(AppendJSON(nil, tt.value)); got != tt.want || !json.Valid([]byte(got)) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestFixed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		unscaled int64
		scale    int
		want     warehouse.Decimal
	}{
		{0, 0, "0"},
		{0, 2, "0.00"},
		{5, 2, "0.05"},
		{-5, 2, "-0.05"},
		{-1250, 2, "-12.50"},
		{100, 0, "100"},
		{math.MinInt64, 19, "-0.9223372036854775808"},
		{math.MinInt64, 18, "-9.223372036854775808"},
	}
	for _, tt := range tests {
		if got := Fixed(tt.unscaled, tt.scale); got != tt.want {
			t.Errorf("Fixed(%d, %d) = %s, want %s", tt.unscaled, tt.scale, got, tt.want)
		}
		if got := BigFixed(big.NewInt(tt.unscaled), tt.scale); got != tt.want {
			t.Errorf("BigFixed(%d, %d) = %s, want %s", tt.unscaled, tt.scale, got, tt.want)
		}
	}
}

func TestFloat32(t *testing.T) {
	t.Parallel()
	for f, want := range map[float32]float64{
		0.1: 0.1, -2.5: -2.5, 16777216: 16777216, 34290448: 34290448, 3.4028235e38: 3.4028235e38, 1e-45: 1e-45, 0: 0,
		float32(math.Inf(1)): math.Inf(1),
	} {
		if got := Float32(f); got != want {
			t.Errorf("Float32(%g) = %g, want %g", f, got, want)
		}
	}
	if got := Float32(float32(math.NaN())); !math.IsNaN(got) {
		t.Errorf("Float32(NaN) = %g", got)
	}
	if got := Float32(float32(math.Copysign(0, -1))); !math.Signbit(got) {
		t.Errorf("Float32 lost the sign of zero")
	}
}

func TestDay(t *testing.T) {
	t.Parallel()
	for days, want := range map[int64]warehouse.Value{
		0:          warehouse.Date("1970-01-01"),
		-1:         warehouse.Date("1969-12-31"),
		-719162:    warehouse.Date("0001-01-01"),
		-719163:    "+0000-12-31",
		-719529:    "-0001-12-31",
		2932896:    warehouse.Date("9999-12-31"),
		2932897:    "+10000-01-01",
		2145031948: "+5874868-01-01",
	} {
		if got := Day(days); got != want {
			t.Errorf("Day(%d) = %v, want %v", days, got, want)
		}
	}
}

func TestTimesAndIntervals(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, got, want string }{
		{"midnight", TimeOfDay(0), "00:00:00"},
		{"nanoseconds", TimeOfDay(int64(time.Hour) + 1), "01:00:00.000000001"},
		{"the end of the day", TimeOfDay(int64(24 * time.Hour)), "24:00:00"},
		{"UTC", Offset(0), "+00"},
		{"hours", Offset(-5 * 3600), "-05"},
		{"minutes", Offset(5*3600 + 30*60), "+05:30"},
		{"minutes alone", Offset(-30 * 60), "-00:30"},
		{"seconds", Offset(19*60 + 32), "+00:19:32"},
		{"seconds and no minutes", Offset(3600 + 1), "+01:00:01"},
		{"nothing", Interval(0, 0, 0), "PT0S"},
		{"a month", Interval(1, 0, 0), "P1M"},
		{"years", Interval(-24, 0, 0), "P-2Y"},
		{"a microsecond less", Interval(0, 0, -1), "PT-0.000001S"},
		{"days and minutes", Interval(0, 40, 90_000_000), "P40DT1M30S"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`invalid input syntax for type integer: "ada@x.io"`:    `invalid input syntax for type integer: …`,
		`invalid input syntax for type integer: "a"b"c" today`: `invalid input syntax for type integer: … today`,
		`Could not convert string 'it's' to INT32`:             `Could not convert string … to INT32`,
		`Type INT64 with value -300 can't be cast to INT8`:     `Type INT64 with value … can't be cast to INT8`,
		`Overflow in addition of INT32 (2147483647 + 1)!`:      `Overflow in addition of INT32 (… + …)!`,
		`date/time field value out of range: "2026-13-01"`:     `date/time field value out of range: …`,
		`cannot take 1.5e+10 or 2026-11-20 or 10:30`:           `cannot take … or … or …`,
		`an open quote "hides all`:                             `an open quote …`,
		`an open quote 'hides all`:                             `an open quote …`,
		`division by zero`:                                     `division by zero`,
	} {
		if got := Mask(message); got != want {
			t.Errorf("Mask(%s)\n got %s\nwant %s", message, got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	if got, want := Quote("analytics", `my "odd" table`), `"analytics"."my ""odd"" table"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := Literal("it's"), "'it''s'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzSorted holds the short way to a canonical form to the long one.
func FuzzSorted(f *testing.F) {
	for _, src := range []string{
		`{"a": 1, "b": [true, null, "x"]}`, `{"b":1,"a":2}`, `{"a":1,"a":2}`, `[]`, ` {} `, `"ž"`, `-0.5e+10`, `{"a":{"b":{}},"c":[[]]}`,
		`{"a":1,}`, `[1,]`, `{"a" 1}`, `tru`, `"a`, "\"\xff\"", "\"\x01\"", `{"é":1,"z":2}`, `01`, `[1 2]`, `1 2`, ``,
	} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, ok := appendSorted([]byte("x"), src)
		if !ok {
			return
		}
		p := parser{src: src}
		p.space()
		want, err := p.value([]byte("x"), 0)
		p.space()
		if err != nil || p.pos != len(src) || string(got) != string(want) {
			t.Errorf("%q gives %q, and by the long way %q (%v)", src, got, want, err)
		}
	})
}
