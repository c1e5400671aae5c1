package mappings

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"spillway/destinations"
	"spillway/warehouse"
)

// record is a record of fields, as if they had been rendered.
func record(fields destinations.Fields) *Record {
	m := &Mapping{}
	rec := &Record{mapping: m, Fields: fields}
	for i, v := range fields {
		m.fields = append(m.fields, field{name: v.Name})
		rec.slots = append(rec.slots, i)
	}
	m.finish()
	return rec
}

func canonical(fields ...destinations.FieldValue) string {
	return string(record(fields).AppendCanonical(nil))
}

// TestTheCanonicalFormNeverChanges pins its bytes: a change of them would send every record of every user again.
// A form that has to change needs another canonicalVersion.
func TestTheCanonicalFormNeverChanges(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 15, 4, 5, 60_000_000, time.UTC)
	for _, tt := range []struct {
		name  string
		value destinations.Value
		want  string
	}{
		{"null", nil, "01" + "0178" + "6e"},
		{"false", false, "01" + "0178" + "66"},
		{"true", true, "01" + "0178" + "74"},
		{"empty text", "", "01" + "0178" + "7300"},
		{"text", "Ada", "01" + "0178" + "7303416461"},
		{"zero", json.Number("0"), "01" + "0178" + "64" + "3065303b"},
		{"a number", json.Number("-12.50"), "01" + "0178" + "64" + "2d313235652d313b"},
		{"a hundred", json.Number("100"), "01" + "0178" + "64" + "3165323b"},
		{"a day", destinations.Date("2026-11-20"), "01" + "0178" + "440a323032362d31312d3230"},
		{"a time", at, "01" + "0178" + "54" + "ca8583b00d" + "808ece1c"},
		{"a document", json.RawMessage(`{"b":[1.0,"x"],"a":null}`), "01" + "0178" + "6a" + "7b2261223a6e756c6c2c2262223a5b3165302c2278225d7d" + "00"},
		{"a list", []any{"a", json.Number("1"), nil}, "01" + "0178" + "6c03" + "730161" + "643165303b" + "6e"},
	} {
		got := hex.EncodeToString([]byte(canonical(destinations.FieldValue{Name: "x", Value: tt.value})))
		if got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestValuesThatDifferHaveFormsThatDiffer(t *testing.T) {
	t.Parallel()
	distinct := []destinations.Fields{
		{},
		{{Name: "x"}},
		{{Name: "y"}},
		{{Name: "x", Value: ""}},
		{{Name: "x", Value: "0"}},
		{{Name: "x", Value: json.Number("0")}},
		{{Name: "x", Value: false}},
		{{Name: "x", Value: true}},
		{{Name: "x", Value: "false"}},
		{{Name: "x", Value: "null"}},
		{{Name: "x", Value: json.Number("1")}},
		{{Name: "x", Value: json.Number("-1")}},
		{{Name: "x", Value: json.Number("10")}},
		{{Name: "x", Value: json.Number("1.01")}},
		{{Name: "x", Value: json.Number("9007199254740993")}},
		{{Name: "x", Value: json.Number("9007199254740992")}},
		{{Name: "x", Value: "2026-11-20"}},
		{{Name: "x", Value: destinations.Date("2026-11-20")}},
		{{Name: "x", Value: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)}},
		{{Name: "x", Value: time.Date(2026, 11, 20, 0, 0, 0, 1, time.UTC)}},
		{{Name: "x", Value: "2026-11-20T00:00:00Z"}},
		{{Name: "x", Value: json.RawMessage(`"2026-11-20"`)}},
		{{Name: "x", Value: json.RawMessage(`"a"`)}},
		{{Name: "x", Value: "a"}},
		{{Name: "x", Value: json.RawMessage(`["a"]`)}},
		{{Name: "x", Value: []any{"a"}}},
		{{Name: "x", Value: []any{"a", "b"}}},
		{{Name: "x", Value: []any{"b", "a"}}},
		{{Name: "x", Value: []any{[]any{"a"}, "b"}}},
		{{Name: "x", Value: []any{[]any{"a", "b"}}}},
		{{Name: "x", Value: []any{}}},
		{{Name: "x", Value: json.RawMessage(`[]`)}},
		{{Name: "x", Value: json.RawMessage(`{}`)}},
		{{Name: "x", Value: json.RawMessage(`{"a":1}`)}},
		{{Name: "x", Value: json.RawMessage(`{"a":"1"}`)}},
		{{Name: "x", Value: json.RawMessage(`{"a":null}`)}},
		{{Name: "x", Value: json.RawMessage(`[1,2]`)}},
		{{Name: "x", Value: json.RawMessage(`[12]`)}},
		{{Name: "x", Value: json.RawMessage(`"\ud800"`)}},
		{{Name: "x", Value: json.RawMessage(`"\udc00"`)}},
		{{Name: "x", Value: json.RawMessage(`"\\ud800"`)}},
		{{Name: "x", Value: json.Number("not a number")}},
		{{Name: "x", Value: json.RawMessage("not a document")}},
		{{Name: "x", Value: "a"}, {Name: "y", Value: "b"}},
		{{Name: "x", Value: "a\x01yb"}},
		{{Name: "x", Value: "b"}, {Name: "y", Value: "a"}},
	}
	seen := map[string]int{}
	for i, f := range distinct {
		form := canonical(f...)
		if j, ok := seen[form]; ok {
			t.Errorf("%v and %v are the same", distinct[j], f)
		}
		seen[form] = i
	}
}

func TestValuesThatAreTheSameHaveOneForm(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", -5*3600)
	for name, same := range map[string][]destinations.Value{
		"numbers":   {json.Number("1"), json.Number("1.0"), json.Number("1.00"), json.Number("1e0"), json.Number("0.1e1"), json.Number("10E-1"), json.Number("100e-2")},
		"zeros":     {json.Number("0"), json.Number("-0"), json.Number("0.000"), json.Number("0e7"), json.Number("-0.0e-3")},
		"fractions": {json.Number("0.05"), json.Number("5e-2"), json.Number("0.0500"), json.Number("0.5e-1")},
		"hundreds":  {json.Number("1200"), json.Number("1.2e3"), json.Number("12E2"), json.Number("1200.0")},
		"times":     {time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), time.Date(2026, 11, 20, 7, 0, 0, 0, zone)},
		"documents": {
			json.RawMessage(`{"a":[1,{"x":true,"y":null}],"b":"\u00e9\"\n/"}`),
			json.RawMessage(" {\"b\" : \"é\\u0022\\u000A\\/\",\n\"a\":[ 1.0 ,{\"y\":null,\"x\":true} ] } "),
		},
		"pairs": {json.RawMessage(`"\ud83d\ude00"`), json.RawMessage(`"😀"`)},
	} {
		for _, v := range same {
			x := destinations.FieldValue{Name: "x", Value: v}
			if canonical(x) != canonical(destinations.FieldValue{Name: "x", Value: same[0]}) {
				t.Errorf("%s: %v is not %v", name, v, same[0])
			}
		}
	}
}

func TestTheOrderOfFieldsMeansNothing(t *testing.T) {
	t.Parallel()
	fields := destinations.Fields{{Name: "b", Value: "1"}, {Name: "a"}, {Name: "ab", Value: true}, {Name: "", Value: "x"}}
	want := canonical(fields...)
	for range 4 {
		fields = append(fields[1:], fields[0])
		if got := canonical(fields...); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	slices.Reverse(fields)
	if got := canonical(fields...); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAnotherDriversFormsOfARowChangeNothing(t *testing.T) {
	t.Parallel()
	columns := []warehouse.Column{
		{Name: "id", Type: warehouse.String}, {Name: "n", Type: warehouse.Numeric}, {Name: "at", Type: warehouse.Time}, {Name: "doc", Type: warehouse.JSON},
	}
	other := slices.Clone(columns)
	other[1].Type = warehouse.Float
	s := Spec{Identifier: "id"}
	for _, c := range columns {
		s.Fields = append(s.Fields, Field{Name: c.Name, Column: c.Name})
	}
	var a, b Record
	if err := compiled(t, s, columns, people(), nil).Render(warehouse.Row{
		"a", warehouse.Decimal("1.50"), time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), json.RawMessage(`{"a":1,"b":2.50}`),
	}, &a); err != nil {
		t.Fatal(err)
	}
	if err := compiled(t, s, other, people(), nil).Render(warehouse.Row{
		"a", 1.5, time.Date(2026, 11, 20, 1, 0, 0, 0, time.FixedZone("", 3600)), json.RawMessage(`{"b": 2.5, "a": 1}`),
	}, &b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.AppendCanonical(nil), b.AppendCanonical(nil)) {
		t.Errorf("%q\n%q", a.AppendCanonical(nil), b.AppendCanonical(nil))
	}
}

func TestEachFieldStopsWhenItIsTold(t *testing.T) {
	t.Parallel()
	n := 0
	record(destinations.Fields{{Name: "a"}, {Name: "b"}}).EachField(func(string, []byte) bool {
		n++
		return false
	})
	if n != 1 {
		t.Errorf("%d fields", n)
	}
}

// FuzzCanonical holds that records have one canonical form exactly if they say the same.
func FuzzCanonical(f *testing.F) {
	for _, fields := range codecSeeds() {
		stored := AppendFields(nil, fields)
		f.Add(stored, stored)
		f.Add(stored, AppendFields(nil, destinations.Fields{{Name: "x", Value: json.Number("1.0")}}))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, y := rendered(a), rendered(b)
		if x == nil || y == nil {
			return
		}
		same := record(x).AppendCanonical(nil)
		if got := bytes.Equal(same, record(y).AppendCanonical(nil)); got != sameFields(x, y) {
			t.Errorf("one form: %v\n%#v\n%#v", got, x, y)
		}
		slices.Reverse(x)
		if !bytes.Equal(same, record(x).AppendCanonical(nil)) {
			t.Errorf("the order matters: %#v", x)
		}
	})
}

// rendered decodes b as fields that rendering could have made, or returns nil.
func rendered(b []byte) destinations.Fields {
	fields, err := DecodeFields(string(b))
	if err != nil {
		return nil
	}
	names := map[string]bool{}
	for i, v := range fields {
		if names[v.Name] || !renderable(v.Value) {
			return nil
		}
		names[v.Name] = true
		if doc, ok := v.Value.(json.RawMessage); ok && string(doc) == "null" {
			fields[i].Value = nil
		}
	}
	return fields
}

func renderable(v destinations.Value) bool {
	switch v := v.(type) {
	case json.Number:
		return isNumber(string(v)) && len(v) < 50
	case json.RawMessage:
		// Members of one name and halves of pairs are told apart by the form, though decoders take them as one.
		if !json.Valid(v) || strings.Contains(string(v), `\u`) || strings.Count(string(v), `"`) > 2 && strings.Contains(string(v), "{") {
			return false
		}
		_, err := appendCanonicalJSON(nil, v)
		return err == nil && bytes.Equal(v, bytes.ToValidUTF8(v, nil))
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !renderable(e) })
	}
	return true
}

func sameFields(a, b destinations.Fields) bool {
	if len(a) != len(b) {
		return false
	}
	for _, v := range a {
		other, ok := b.Get(v.Name)
		if !ok || !sameValue(v.Value, other) {
			return false
		}
	}
	return true
}

func sameValue(a, b any) bool {
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return false
	}
	switch x := a.(type) {
	case json.Number:
		r, ok1 := new(big.Rat).SetString(string(x))
		s, ok2 := new(big.Rat).SetString(as[json.Number](b).String())
		return ok1 && ok2 && r.Cmp(s) == 0
	case time.Time:
		return x.Equal(as[time.Time](b))
	case json.RawMessage:
		return sameValue(decoded(x), decoded(as[json.RawMessage](b)))
	case map[string]any:
		y := as[map[string]any](b)
		for name := range x {
			if other, ok := y[name]; !ok || !sameValue(x[name], other) {
				return false
			}
		}
		return len(x) == len(y)
	case []any:
		y := as[[]any](b)
		for i := range x {
			if i >= len(y) || !sameValue(x[i], y[i]) {
				return false
			}
		}
		return len(x) == len(y)
	}
	return a == b
}

// as is v, which is known to be a T.
func as[T any](v any) T {
	t, _ := v.(T)
	return t
}

func decoded(doc json.RawMessage) (v any) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return err
	}
	return v
}

// FuzzCanonicalJSON holds the reader of documents to the standard library's idea of what a document is, and of
// which are the same.
func FuzzCanonicalJSON(f *testing.F) {
	for _, doc := range []string{
		`null`, `{"a":[1,{"x":true,"y":null}],"b":"\u00e9\"\n/"}`, `"\ud83d\ude00"`, ` [ ] `, `{}`, `-0.0e+1`, `{"b":1,"a":2}`, `"\`, `[1,]`, `{"a"}`, `tru`, `1 2`, `"a` + "\n" + `"`,
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		form, err := appendCanonicalJSON([]byte("x"), doc)
		if err != nil {
			if json.Valid(doc) && !errors.Is(err, errNumberRange) && !errors.Is(err, errDeepJSON) {
				t.Fatalf("%q: %s", doc, err)
			}
			return
		}
		form = form[1:]
		if !json.Valid(doc) || !json.Valid(form) {
			t.Fatalf("%q is not valid, or %q is not", doc, form)
		}
		again, err := appendCanonicalJSON(nil, form)
		if err != nil || !bytes.Equal(form, again) {
			t.Errorf("%q is %q and then %q, %v", doc, form, again, err)
		}
		if !sameValue(json.RawMessage(doc), json.RawMessage(form)) && !strings.Contains(string(form), `\u`) && noDoubles(form) {
			t.Errorf("%q is not %q", doc, form)
		}
	})
}

// noDoubles reports whether decoding the document form and writing it again keeps all of its members.
func noDoubles(form []byte) bool {
	return bytes.Count(form, []byte(":")) <= 1
}
