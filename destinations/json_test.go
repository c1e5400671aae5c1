package destinations_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"spillway/destinations"
)

// plain is what encoding/json makes of v.
func plain(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func checkJSON(t *testing.T, v destinations.Value) {
	t.Helper()
	want, wrong := plain(v)
	got, err := destinations.AppendJSON([]byte("before "), v)
	if (err != nil) != (wrong != nil) {
		t.Fatalf("%#v: error %v, encoding/json says %v", v, err, wrong)
	}
	if err == nil && string(got) != "before "+string(want) {
		t.Errorf("%#v is written as %s, encoding/json writes %s", v, got, want)
	}
}

func TestValuesAreWrittenAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, v := range []destinations.Value{
		nil, true, false, "", "<a href=\"x\">&amp;</a>", string(every), "Söhne \u2028 \u2029 \u2027 \ufffd 🜁", "cut \xf0\x9f",
		json.Number("0"), json.Number(""), json.Number("-0.10"), json.Number("12345678901234567890.120"), json.Number("1E+400"),
		json.Number("01"), json.Number("1."), json.Number(".5"), json.Number("1e"), json.Number("NaN"), json.Number("-"), json.Number(" 1"),
		destinations.Date("2026-11-20"), time.Date(2026, 11, 20, 12, 0, 0, 120_000_000, time.UTC),
		json.RawMessage(nil), json.RawMessage(" { \"a\" : [ 1.0 , \"<\" ] } "), json.RawMessage(""), json.RawMessage("{"), json.RawMessage("1 2"),
		[]destinations.Value(nil),
		[]destinations.Value{},
		[]destinations.Value{nil, "a", json.Number("1"), []destinations.Value{true}},
		[]destinations.Value{json.Number("x")},
		1.5,
		map[string]int{"<": 1},
		func() {},
	} {
		checkJSON(t, v)
	}
}

func TestTimesAreWrittenInUTCWhereverTheyStand(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.FixedZone("CET", 3600))
	got, err := destinations.AppendJSON(nil, []destinations.Value{at})
	if want := `["2026-11-20T11:00:00Z"]`; err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func TestFieldsAreWrittenInTheirOrder(t *testing.T) {
	t.Parallel()
	fields := destinations.Fields{{Name: "z", Value: "1"}, {Name: "a \"<\"", Value: nil}, {Name: "", Value: json.Number("1.10")}}
	got, err := plain(struct {
		Fields, None destinations.Fields
	}{Fields: fields})
	if want := `{"Fields":{"z":"1","a \"<\"":null,"":1.10},"None":{}}`; err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	if _, err := (destinations.Fields{{Name: "score", Value: json.Number("x")}}).AppendJSON(nil); err == nil || err.Error() != "field score: the value is no number of JSON" {
		t.Errorf("error %v", err)
	}
}

func TestDocumentsNestAsDeepAsEncodingJSONTakesThem(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{9_999, 10_000, 10_001} {
		checkJSON(t, json.RawMessage(strings.Repeat("[", depth)+strings.Repeat("]", depth)))
		checkJSON(t, json.RawMessage(strings.Repeat(`{"a":`, depth)+"1"+strings.Repeat("}", depth)))
	}
}

func FuzzAppendJSON(f *testing.F) {
	f.Add("Ada", "1.50", []byte(`{"a":[1]}`), int64(0))
	f.Add("\u2028\xff\x00<", "-1e9", []byte(`"\u2028"`), int64(1<<40))
	f.Fuzz(func(t *testing.T, text, number string, raw []byte, nanoseconds int64) {
		at := time.Unix(0, nanoseconds).UTC()
		for _, v := range []destinations.Value{
			text, json.Number(number), json.RawMessage(raw), at, destinations.Date(text),
			[]destinations.Value{text, at, nil, json.Number(number)},
		} {
			checkJSON(t, v)
		}
		name, err := destinations.Fields{{Name: text}}.AppendJSON(nil)
		want, wrong := plain(map[string]any{text: nil})
		if err != nil || wrong != nil || string(name) != string(want) {
			t.Errorf("a field called %q is written as %s (%v), encoding/json writes %s (%v)", text, name, err, want, wrong)
		}
	})
}

func BenchmarkFieldsAppendJSON(b *testing.B) {
	fields := destinations.Fields{
		{Name: "email", Value: "customer0000001@example.com"},
		{Name: "name", Value: "Ada Lovelace"},
		{Name: "balance", Value: json.Number("1234.5600")},
		{Name: "active", Value: true},
		{Name: "phone", Value: nil},
		{Name: "created_at", Value: time.Date(2026, 11, 20, 12, 30, 15, 123456000, time.UTC)},
		{Name: "birthday", Value: destinations.Date("1815-12-10")},
		{Name: "tags", Value: []destinations.Value{"vip", "beta"}},
	}
	b.ReportAllocs()
	var into []byte
	for b.Loop() {
		var err error
		if into, err = fields.AppendJSON(into[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

// Bytes that need an escape are found wherever they stand, as texts are looked through eight bytes at a time.
func TestTextIsEscapedAnywhere(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		for at := range 19 {
			text := strings.Repeat("x", at) + string([]byte{byte(c)}) + strings.Repeat("~", 18-at)
			got := string(destinations.AppendText(nil, text))
			var back string
			if err := json.Unmarshal([]byte(got), &back); err != nil {
				t.Fatalf("%q became %s: %v", text, got, err)
			}
			want := strings.ToValidUTF8(text, "\ufffd")
			if back != want {
				t.Errorf("%q became %s, which is %q", text, got, back)
			}
		}
	}
}
