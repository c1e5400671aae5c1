package mappings

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"spillway/destinations"
	"spillway/warehouse"
)

// twelve is a mapping of twelve fields like those of a customer model, and a row of it.
func twelve(tb testing.TB) (*Mapping, warehouse.Row) {
	columns := []warehouse.Column{
		{Name: "customer_id", Type: warehouse.Int},
		{Name: "email", Type: warehouse.String},
		{Name: "first_name", Type: warehouse.String},
		{Name: "last_name", Type: warehouse.String},
		{Name: "revenue", Type: warehouse.Numeric},
		{Name: "created_at", Type: warehouse.Time},
		{Name: "updated_at", Type: warehouse.Time},
		{Name: "active", Type: warehouse.Bool},
		{Name: "subscribed", Type: warehouse.Bool},
		{Name: "logins", Type: warehouse.Int},
		{Name: "phone", Type: warehouse.String},
		{Name: "attrs", Type: warehouse.JSON},
	}
	s := Spec{Identifier: "email"}
	for _, c := range columns {
		s.Fields = append(s.Fields, Field{Name: c.Name, Column: c.Name})
	}
	row := warehouse.Row{
		int64(1234567), "ada.lovelace@example.com", "Ada", "Lovelace", warehouse.Decimal("12345.60"),
		time.Date(2026, 11, 20, 15, 4, 5, 0, time.UTC), time.Date(2026, 11, 20, 15, 4, 5, 123456000, time.UTC),
		true, false, int64(42), nil, json.RawMessage(`{"plan":"pro","seats":12,"tags":["a","b"]}`),
	}
	object := people()
	object.FoldIdentifier = true
	return compiled(tb, s, columns, object, nil), row
}

func BenchmarkRender(b *testing.B) {
	m, row := twelve(b)
	var rec Record
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Render(row, &rec); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonical(b *testing.B) {
	m, row := twelve(b)
	var rec Record
	if err := m.Render(row, &rec); err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = rec.AppendCanonical(dst[:0])
	}
}

func BenchmarkEachField(b *testing.B) {
	m, row := twelve(b)
	var rec Record
	if err := m.Render(row, &rec); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		rec.EachField(func(string, []byte) bool { return true })
	}
}

func BenchmarkFieldsCodec(b *testing.B) {
	m, row := twelve(b)
	var rec Record
	if err := m.Render(row, &rec); err != nil {
		b.Fatal(err)
	}
	stored := string(AppendFields(nil, rec.Fields))
	b.Run("append", func(b *testing.B) {
		var dst []byte
		b.ReportAllocs()
		for b.Loop() {
			dst = AppendFields(dst[:0], rec.Fields)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeFields(stored); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkExpression(b *testing.B) {
	for _, source := range []string{
		`first_name + ' ' + last_name`, `logins > 3 ? 'hot' : 'cold'`, `price * 1.2`, `attrs.plan.name`,
	} {
		b.Run(source, func(b *testing.B) {
			m, row := compiledExpression(b, source, Field{}), exprRow()
			var rec Record
			b.ReportAllocs()
			for b.Loop() {
				if err := m.Render(row, &rec); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMap(b *testing.B) {
	values := map[string]any{}
	for i := range 50 {
		values["plan "+strconv.Itoa(i)] = "Plan " + strconv.Itoa(i)
	}
	object := people()
	object.AppendOnly = true
	m := compiled(b, Spec{Mode: destinations.Insert, Fields: []Field{{Name: "plan", Column: "plan", Map: values}}},
		[]warehouse.Column{{Name: "plan", Type: warehouse.String}}, object, nil)
	var rec Record
	row := warehouse.Row{"plan 7"}
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Render(row, &rec); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	m, row := twelve(b)
	var rec Record
	if err := m.Render(row, &rec); err != nil {
		b.Fatal(err)
	}
	stored := make([]string, len(rec.Fields))
	for n, f := range rec.Fields {
		stored[n] = string(AppendValue(nil, f.Value))
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = dst[:0]
		for _, value := range stored {
			var err error
			if dst, _, err = AppendJSON(dst, value); err != nil {
				b.Fatal(err)
			}
		}
	}
}
