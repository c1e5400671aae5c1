package mappings

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/warehouse"
)

// sameByEncode holds what Encode makes of a row to what Render makes of it, byte by byte.
func sameByEncode(t testing.TB, m *Mapping, row warehouse.Row, rec *Record, e *Encoded) {
	t.Helper()
	cells := make([]warehouse.Cell, len(row))
	for i, v := range row {
		cells[i] = warehouse.CellOf(v)
	}
	wantErr := m.Render(row, rec)
	err := m.Encode(cells, e)
	if diff := cmp.Diff(wantErr, err); diff != "" {
		t.Errorf("the error of %q (-Render +Encode):\n%s", row, diff)
	}
	got, want := [...]string{string(e.Key), string(e.ID), string(e.CompareID)}, [...]string{rec.Key, rec.ID, rec.CompareID}
	if got != want {
		t.Errorf("key and identifier of %q are %q, and of the record %q", row, got, want)
	}
	if err != nil || wantErr != nil {
		return
	}
	if got, want := e.Canonical(), rec.AppendCanonical(nil); string(got) != string(want) {
		t.Errorf("the form of %q is\n%q, and that of the record\n%q", row, got, want)
	}
	if got, want := e.CanonicalInsert(), rec.AppendCanonicalInsert(nil); string(got) != string(want) {
		t.Errorf("the form of %q for an insert is\n%q, and that of the record\n%q", row, got, want)
	}
	if got, want := e.HasInsertOnly(), len(rec.Fields) != len(rec.Update()); got != want {
		t.Errorf("that %q has fields for an insert alone is %v, want %v", row, got, want)
	}
	var stored []byte
	for i, name := range m.FieldNames() {
		if form := e.Stored(i); e.Has(i) {
			stored = append(appendText(stored, name), form...)
		} else if form != nil {
			t.Errorf("a field that %q has not is stored", row)
		}
	}
	var wantStored []byte
	for _, f := range rec.Fields {
		wantStored = AppendValue(appendText(wantStored, f.Name), f.Value)
		if form := e.Stored(slices.Index(m.FieldNames(), f.Name)); StoredSize(form) != ValueSize(f.Value) {
			t.Errorf("field %s of %q has size %d, and stored %d", f.Name, row, ValueSize(f.Value), StoredSize(form))
		}
	}
	if string(stored) != string(wantStored) {
		t.Errorf("%q is stored as\n%q, and its record as\n%q", row, stored, wantStored)
	}
	at := 0
	rec.EachField(func(name string, canonical []byte) bool {
		for ; !e.Has(m.sorted[at]) || m.fields[m.sorted[at]].insertOnly; at++ {
		}
		if form := e.AppendForm(nil, m.sorted[at]); m.fields[m.sorted[at]].name != name || string(form) != string(canonical) {
			t.Errorf("the form of field %s of %q is %q, want %q", name, row, form, canonical)
		}
		at++
		return true
	})
}

// edges are values of each class, and of others that a column of it may hold, at the edges of what a field takes.
func edges(class warehouse.Type) []warehouse.Value {
	switch class {
	case warehouse.String:
		return []warehouse.Value{
			"", " ", "a", "Ada@Example.COM", "ČŠŽ@Éx.io", "K", "\xff", "\x00\n\"\\", "12", "-1.50", " 7 ", "true", "No", "2026-11-20", "2026-11-20 15:04:05+02",
			`{"a": 1}`, "null", "[]", "free", "pro", strings.Repeat("x", 127), strings.Repeat("x", 128), strings.Repeat("x", maxKey+1),
		}
	case warehouse.Bool:
		return []warehouse.Value{true, false}
	case warehouse.Int:
		return []warehouse.Value{
			int64(0), int64(1), int64(-1), int64(10), int64(-1200), int64(math.MaxInt64), int64(math.MinInt64), warehouse.Decimal("18446744073709551615"),
		}
	case warehouse.Float:
		return []warehouse.Value{0.0, math.Copysign(0, -1), 1.5, -1e-9, 1e21, 123456789.0, 0.1, math.NaN(), math.Inf(1), math.MaxFloat64, 5e-324}
	case warehouse.Numeric:
		return []warehouse.Value{
			warehouse.Decimal("0"), warehouse.Decimal("0.00"), warehouse.Decimal("-0.0"), warehouse.Decimal("12.50"), warehouse.Decimal("-100"),
			warehouse.Decimal("0.0010"), warehouse.Decimal("007.5"), warehouse.Decimal(".5"), warehouse.Decimal("x"), warehouse.Decimal(strings.Repeat("9", 200)), math.Inf(-1),
		}
	case warehouse.Day:
		return []warehouse.Value{warehouse.Date("2026-11-20"), warehouse.Date("0001-01-01"), warehouse.Date("2026-02-30"), "infinity", "-0043-03-15"}
	case warehouse.Time:
		return []warehouse.Value{
			time.Date(2026, 11, 20, 15, 4, 5, 0, time.UTC), time.Date(2026, 11, 20, 15, 4, 5, 123456789, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(1969, 12, 31, 23, 59, 59, 999000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 1, time.UTC), time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), "infinity",
		}
	case warehouse.Bytes:
		return []warehouse.Value{[]byte{}, []byte{0, 255}}
	case warehouse.JSON:
		var all []warehouse.Value
		for _, doc := range []string{
			"", "null", " null", `{}`, `{"b":1,"a":[true,null,"x"]}`, `{"a":1.50,"a":2}`, `"text"`, `"\ud800"`, `"K\u0041"`, `12e2`, `1e9999`, `[1,`, "\"\xff\"",
			`["a",1,{"b":[]}]`, strings.Repeat("[", 600) + strings.Repeat("]", 600),
		} {
			all = append(all, json.RawMessage(doc))
		}
		return all
	}
	return nil
}

// anyMapping makes a mapping of several fields over a column of each class twice, and returns the columns.
func anyMapping(r *rand.Rand) (Spec, []warehouse.Column, destinations.Object, []destinations.Field) {
	var columns []warehouse.Column
	for class := warehouse.String; class <= warehouse.JSON; class++ {
		for _, n := range []string{"a", "b"} {
			columns = append(columns, warehouse.Column{Name: class.String() + n, Type: class})
		}
	}
	o := people()
	o.Nulls, o.FoldIdentifier = r.IntN(2) == 0, r.IntN(2) == 0
	s := Spec{Mode: destinations.Upsert, Identifier: "id"}
	for range 1 + r.IntN(2) {
		s.Key = append(s.Key, columns[r.IntN(len(columns))].Name)
	}
	s.Fields = []Field{{Name: "id", Column: columns[r.IntN(len(columns))].Name}}
	var fields []destinations.Field
	types := append([]string{""}, fieldTypes...)
	for n := range 1 + r.IntN(8) {
		f := Field{Name: fmt.Sprintf("f%02d", (n*7)%10), Type: destinations.FieldType(types[r.IntN(len(types))])}
		switch r.IntN(12) {
		case 0:
			f.Value, f.HasValue = "constant", true
		case 1:
			f.Expr = "stringa + '!'"
		default:
			f.Column = columns[r.IntN(len(columns))].Name
		}
		if !f.HasValue && r.IntN(4) == 0 {
			f.Default, f.HasDefault = []any{"12", "true", "2026-11-20", int64(1)}[r.IntN(4)], true
		} else if !f.HasValue {
			f.OnNull = OnNull(r.IntN(3))
		}
		if f.Column != "" && r.IntN(8) == 0 {
			f.Map = map[string]any{"free": "Free", "pro": "Pro", "1": "One", "true": "Yes"}
		}
		if r.IntN(5) == 0 {
			f.When = OnInsert
		}
		if r.IntN(6) == 0 {
			fields = append(fields, destinations.Field{Name: f.Name, Type: destinations.String, Enum: []string{"", "a", "free", "Free", "12"}})
		}
		s.Fields = append(s.Fields, f)
	}
	return s, columns, o, fields
}

// TestEncodeMakesWhatRenderMakes encodes and renders rows of edge values by random mappings.
func TestEncodeMakesWhatRenderMakes(t *testing.T) {
	t.Parallel()
	compiled, encoded, shortened := 0, 0, 0
	var rec Record
	var e Encoded
	values := map[warehouse.Type][]warehouse.Value{}
	for class := warehouse.String; class <= warehouse.JSON; class++ {
		values[class] = edges(class)
	}
	for seed := uint64(0); seed < 10_000 && compiled < 800; seed++ {
		r := rand.New(rand.NewPCG(seed, 3))
		s, columns, o, fields := anyMapping(r)
		m, problems := Compile(s, columns, o, fields)
		if len(problems) > 0 {
			continue
		}
		compiled++
		for range 12 {
			row := make(warehouse.Row, len(columns))
			for i := range row {
				if all := values[columns[i].Type]; r.IntN(12) > 0 {
					row[i] = all[min(r.IntN(len(all)), r.IntN(2*len(all)))]
				}
			}
			sameByEncode(t, m, row, &rec, &e)
			if len(e.Canonical()) > 1 {
				encoded++
			}
			cells := make([]warehouse.Cell, len(row))
			for i, v := range row {
				cells[i] = warehouse.CellOf(v)
			}
			e.reset(m)
			if m.encode(cells, &e) {
				shortened++
			}
			if t.Failed() {
				t.Fatalf("seed %d: %+v", seed, s)
			}
		}
	}
	if compiled < 200 || encoded < 1000 || shortened < 500 {
		t.Errorf("%d mappings were compiled, %d rows encoded, %d of them the short way", compiled, encoded, shortened)
	}
}

func TestValuesBeyondTheirLimitAreNotEncoded(t *testing.T) {
	t.Parallel()
	columns := []warehouse.Column{{Name: "s", Type: warehouse.String}, {Name: "j", Type: warehouse.JSON}, {Name: "n", Type: warehouse.Numeric}}
	s := Spec{Key: []string{"n"}, Identifier: "n", Fields: []Field{{Name: "n", Column: "n"}, {Name: "s", Column: "s"}, {Name: "j", Column: "j"}}}
	m := compiled(t, s, columns, people(), nil)
	for _, n := range []int{maxValue - 2, maxValue - 1, maxValue, maxValue + 1} {
		for _, row := range []warehouse.Row{
			{strings.Repeat("x", n), nil, warehouse.Decimal("1")},
			{nil, json.RawMessage(`"` + strings.Repeat("x", n-2) + `"`), warehouse.Decimal("1")},
			{nil, nil, warehouse.Decimal(strings.Repeat("9", n))},
		} {
			sameByEncode(t, m, row, &Record{}, &Encoded{})
		}
	}
}

func FuzzEncodeMakesWhatRenderMakes(f *testing.F) {
	f.Add("ada", int64(12), 1.5, "12.50", int64(1), uint32(5), `{"a":1}`)
	columns := []warehouse.Column{
		{Name: "s", Type: warehouse.String},
		{Name: "i", Type: warehouse.Int},
		{Name: "f", Type: warehouse.Float},
		{Name: "n", Type: warehouse.Numeric},
		{Name: "t", Type: warehouse.Time},
		{Name: "j", Type: warehouse.JSON},
	}
	s := Spec{Key: []string{"s", "i"}, Identifier: "s"}
	for _, c := range columns {
		s.Fields = append(s.Fields, Field{Name: c.Name, Column: c.Name})
		s.Fields = append(s.Fields, Field{Name: c.Name + "2", Column: c.Name, Type: destinations.String})
	}
	m := compiled(f, s, columns, people(), nil)
	f.Fuzz(func(t *testing.T, text string, n int64, x float64, decimal string, seconds int64, nanos uint32, doc string) {
		sameByEncode(t, m, warehouse.Row{
			text, n, x, warehouse.Decimal(decimal), time.Unix(seconds%(1<<40), int64(nanos%1e9)).UTC(), json.RawMessage(doc),
		}, &Record{}, &Encoded{})
	})
}

func TestCellsAreTheirValues(t *testing.T) {
	t.Parallel()
	for class := warehouse.String; class <= warehouse.JSON; class++ {
		for _, v := range edges(class) {
			c := warehouse.CellOf(v)
			if got := c.Value(); fmt.Sprintf("%T %#v", got, got) != fmt.Sprintf("%T %#v", v, v) {
				t.Errorf("%#v becomes %#v", v, got)
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	m, row := twelve(b)
	cells := make([]warehouse.Cell, len(row))
	for i, v := range row {
		cells[i] = warehouse.CellOf(v)
	}
	var e Encoded
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Encode(cells, &e); err != nil {
			b.Fatal(err)
		}
	}
}
