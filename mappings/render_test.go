package mappings

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/warehouse"
)

// people is an object that takes any field, has nulls and finds records by any field.
func people() destinations.Object {
	return destinations.Object{
		Name:        "people",
		Operations:  []destinations.Op{destinations.Upsert, destinations.Update, destinations.Insert, destinations.Clear, destinations.Delete},
		Identifiers: []string{"*"},
		MaxBatch:    100,
		AnyField:    true,
		Nulls:       true,
		Clears:      true,
	}
}

// columns of a model with one column of every type, called after it.
func everyColumn() []warehouse.Column {
	return []warehouse.Column{
		{Name: "id", Type: warehouse.Int},
		{Name: "text", Type: warehouse.String},
		{Name: "flag", Type: warehouse.Bool},
		{Name: "count", Type: warehouse.Int},
		{Name: "score", Type: warehouse.Float},
		{Name: "price", Type: warehouse.Numeric, Native: "numeric(12,2)"},
		{Name: "day", Type: warehouse.Day},
		{Name: "at", Type: warehouse.Time},
		{Name: "raw", Type: warehouse.Bytes},
		{Name: "doc", Type: warehouse.JSON, Native: "jsonb"},
	}
}

func everyRow() warehouse.Row {
	return warehouse.Row{
		int64(42), "Ada", true, int64(9007199254740993), 0.1, warehouse.Decimal("12.50"), warehouse.Date("2026-11-20"),
		time.Date(2026, 11, 20, 15, 4, 5, 60_000_000, time.UTC),
		[]byte{1, 2, 255},
		json.RawMessage(`{"a":[1,"x"]}`),
	}
}

// compiled returns the mapping of s, and ends the test with what is wrong with it if there is anything.
func compiled(t testing.TB, s Spec, columns []warehouse.Column, object destinations.Object, fields []destinations.Field) *Mapping {
	t.Helper()
	if s.Key == nil {
		s.Key = []string{columns[0].Name}
	}
	if s.Mode == "" {
		s.Mode = destinations.Upsert
	}
	m, problems := Compile(s, columns, object, fields)
	for _, p := range problems {
		t.Error(p)
	}
	if m == nil {
		t.Fatal("no mapping")
	}
	return m
}

func TestEveryTypeIsSentInItsOwnFormWhenNoneIsNamed(t *testing.T) {
	t.Parallel()
	s := Spec{Identifier: "id"}
	for _, c := range everyColumn() {
		s.Fields = append(s.Fields, Field{Name: c.Name, Column: c.Name})
	}
	m := compiled(t, s, everyColumn(), people(), nil)
	var rec Record
	if err := m.Render(everyRow(), &rec); err != nil {
		t.Fatal(err)
	}
	want := destinations.Fields{
		{Name: "id", Value: json.Number("42")},
		{Name: "text", Value: "Ada"},
		{Name: "flag", Value: true},
		{Name: "count", Value: json.Number("9007199254740993")},
		{Name: "score", Value: json.Number("0.1")},
		{Name: "price", Value: json.Number("12.50")},
		{Name: "day", Value: destinations.Date("2026-11-20")},
		{Name: "at", Value: time.Date(2026, 11, 20, 15, 4, 5, 60_000_000, time.UTC)},
		{Name: "raw", Value: "AQL/"},
		{Name: "doc", Value: json.RawMessage(`{"a":[1,"x"]}`)},
	}
	if diff := cmp.Diff(want, rec.Fields); diff != "" {
		t.Error(diff)
	}
	if rec.Key != "42" || rec.ID != "42" || rec.CompareID != "42" {
		t.Errorf("key %q, identifier %q, compared by %q", rec.Key, rec.ID, rec.CompareID)
	}
}
