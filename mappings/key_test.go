package mappings

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/warehouse"
)

// keyed is a mapping of one constant, whose key is made of columns called k0, k1 and so on.
func keyed(t testing.TB, types ...warehouse.Type) *Mapping {
	t.Helper()
	s := Spec{Mode: destinations.Insert, Fields: []Field{{Name: "x", Value: "x", HasValue: true}}}
	var columns []warehouse.Column
	for i, columnType := range types {
		name := "k" + string(rune('0'+i))
		s.Key = append(s.Key, name)
		columns = append(columns, warehouse.Column{Name: name, Type: columnType})
	}
	object := people()
	object.AppendOnly = true
	return compiled(t, s, columns, object, nil)
}

func TestAKeyIsItsColumnsText(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	for _, tt := range []struct {
		name string
		row  warehouse.Row
		want string
	}{
		{"text as it is, blanks included", warehouse.Row{" a\tb "}, " a\tb "},
		{"an integer's digits", warehouse.Row{int64(-9223372036854775808)}, "-9223372036854775808"},
		{"true", warehouse.Row{true}, "true"},
		{"a decimal without zeros that say nothing", warehouse.Row{warehouse.Decimal("0042.500")}, "42.5"},
		{"a whole decimal as an integer", warehouse.Row{warehouse.Decimal("42.00")}, "42"},
		{"a decimal zero without a sign", warehouse.Row{warehouse.Decimal("-0.00")}, "0"},
		{"a long decimal exactly", warehouse.Row{warehouse.Decimal("123456789012345678901234567890.1")}, "123456789012345678901234567890.1"},
		{"a float's shortest digits", warehouse.Row{0.1}, "0.1"},
		{"a day", warehouse.Row{warehouse.Date("2026-11-20")}, "2026-11-20"},
		{"a time in UTC", warehouse.Row{time.Date(2026, 11, 20, 1, 0, 0, 500, zone)}, "2026-11-20T00:00:00.0000005Z"},
		{"bytes in base64", warehouse.Row{[]byte{0, 255}}, "AP8="},
		{"a document with sorted names", warehouse.Row{json.RawMessage(`{"b":1.0, "a":"x"}`)}, `{"a":"x","b":1e0}`},
		{"several columns as an array", warehouse.Row{"a", int64(7)}, `["a",7]`},
		{"text that looks like two parts stays one", warehouse.Row{"a", "b|c"}, `["a","b|c"]`},
		{"and so does the other half", warehouse.Row{"a|b", "c"}, `["a|b","c"]`},
		{"a number and its text differ", warehouse.Row{"1", "2"}, `["1","2"]`},
		{"a blank part is a part", warehouse.Row{"", "x"}, `["","x"]`},
		{"quotes and control characters are escaped", warehouse.Row{"\"\\\n<", "ü"}, `["\"\\\u000a<","ü"]`},
		{"parts of other types", warehouse.Row{true, warehouse.Date("2026-11-20"), warehouse.Decimal("1.50"), []byte{1}}, `[true,"2026-11-20",1.5,"AQ=="]`},
		{"a document as a part", warehouse.Row{json.RawMessage(`[1,2]`), "x"}, `[[1e0,2e0],"x"]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			types := make([]warehouse.Type, len(tt.row))
			for i := range types {
				types[i] = warehouse.String // what a key may be does not depend on it
			}
			var rec Record
			if err := keyed(t, types...).Render(tt.row, &rec); err != nil {
				t.Fatal(err)
			}
			if rec.Key != tt.want {
				t.Errorf("key %q, want %q", rec.Key, tt.want)
			}
		})
	}
}

func TestAKeyThatNamesNoRowIsInvalid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		row  warehouse.Row
		want string
	}{
		{"null", warehouse.Row{nil}, CodeNullKey},
		{"JSON's null", warehouse.Row{json.RawMessage("null")}, CodeNullKey},
		{"empty text", warehouse.Row{""}, CodeNullKey},
		{"white space", warehouse.Row{" \t\u00a0\n"}, CodeNullKey},
		{"empty bytes", warehouse.Row{[]byte{}}, CodeNullKey},
		{"a null part", warehouse.Row{"a", nil}, CodeNullKey},
		{"too long", warehouse.Row{strings.Repeat("a", maxKey+1)}, CodeTooLong},
		{"a part too long", warehouse.Row{"a", strings.Repeat("a", maxKey+1)}, CodeTooLong},
		{"parts too long together", warehouse.Row{strings.Repeat("a", maxKey-10), strings.Repeat("a", maxKey-10)}, CodeTooLong},
		{"text that is not UTF-8", warehouse.Row{"a\xffb"}, CodeBadValue},
		{"a part that is not UTF-8", warehouse.Row{"a\xffb", "a"}, CodeBadValue},
		{"a float that is no number", warehouse.Row{nan()}, CodeBadValue},
		{"a time out of range", warehouse.Row{time.Date(20260, 1, 1, 0, 0, 0, 0, time.UTC)}, CodeBadValue},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var rec Record
			rec.Key = "the key of the row before"
			err, ok := errors.AsType[*RowError](keyed(t, make([]warehouse.Type, len(tt.row))...).Render(tt.row, &rec))
			if !ok || err.Code != tt.want {
				t.Fatalf("%v, want %s", err, tt.want)
			}
			if rec.Key != "" {
				t.Errorf("the key is %q", rec.Key)
			}
		})
	}
}

func nan() float64 {
	zero := 0.0
	return zero / zero
}

func FuzzKey(f *testing.F) {
	f.Add("a", "b|c", int64(0))
	f.Add("a|b", "c", int64(0))
	f.Add("", `","`, int64(-1))
	f.Add(`"`, `\`, int64(1))
	f.Add("\u2028", "\x00", int64(9))
	m := keyed(f, warehouse.String, warehouse.String, warehouse.Int)
	single := keyed(f, warehouse.String)
	f.Fuzz(func(t *testing.T, a, b string, n int64) {
		var rec Record
		if err := m.Render(warehouse.Row{a, b, n}, &rec); err != nil {
			if utf8.ValidString(a) && utf8.ValidString(b) && len(a)+len(b) < maxKey/6-30 {
				t.Fatal(err)
			}
			return
		}
		// Whoever can read the parts back from the text proves that no others have this text.
		var parts []any
		d := json.NewDecoder(strings.NewReader(rec.Key))
		d.UseNumber()
		if err := d.Decode(&parts); err != nil {
			t.Fatalf("%q: %s", rec.Key, err)
		}
		number, _ := as[json.Number](parts[2]).Int64()
		if diff := cmp.Diff([]any{a, b, n}, []any{parts[0], parts[1], number}); diff != "" {
			t.Errorf("%q\n%s", rec.Key, diff)
		}
		if err := single.Render(warehouse.Row{a}, &rec); err == nil && rec.Key != a {
			t.Errorf("key %q of %q", rec.Key, a)
		}
	})
}

// FuzzNumberKey holds numbers to one text for each value, and one value for each text.
func FuzzNumberKey(f *testing.F) {
	for _, s := range []string{"0", "-0.0", "1.50", "001", "1e3", "-12.340e-2", ".5", "5.", "99999999999999999999.0001"} {
		f.Add(s, "1.5")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, okX := plainNumber(a)
		y, okY := plainNumber(b)
		if !okX || !okY {
			return
		}
		r, ok1 := rational(warehouse.Decimal(a))
		s, ok2 := rational(warehouse.Decimal(b))
		if !ok1 || !ok2 {
			return
		}
		if (x == y) != (r.Cmp(s) == 0) {
			t.Errorf("%q is %q and %q is %q", a, x, b, y)
		}
		if again, ok := plainNumber(x); !ok || again != x {
			t.Errorf("%q is %q at first and then %q", a, x, again)
		}
		canonicalX, _ := appendNumber(nil, a)
		canonicalY, _ := appendNumber(nil, b)
		if (string(canonicalX) == string(canonicalY)) != (x == y) {
			t.Errorf("%q is %q and %q is %q", a, canonicalX, b, canonicalY)
		}
		if exact, ok := exactNumber(a); !ok || !json.Valid([]byte(exact)) {
			t.Errorf("%q is sent as %q", a, exact)
		} else if e, ok := rational(warehouse.Decimal(exact)); !ok || e.Cmp(r) != 0 {
			t.Errorf("%q is sent as %q, which is another number", a, exact)
		}
	})
}
