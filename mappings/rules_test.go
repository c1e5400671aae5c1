package mappings

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/warehouse"
)

// oneField is a mapping of the identifier and of f, whose column c is of type columnType.
func oneField(t testing.TB, f Field, columnType warehouse.Type, object destinations.Object, fields []destinations.Field) *Mapping {
	t.Helper()
	f.Name = "x"
	if f.Expr == "" && !f.HasValue {
		f.Column = "c"
	}
	s := Spec{Identifier: "id", Fields: []Field{{Name: "id", Column: "id"}, f}}
	return compiled(t, s, []warehouse.Column{{Name: "id", Type: warehouse.String}, {Name: "c", Type: columnType}}, object, fields)
}

func TestNullsGoByTheirRule(t *testing.T) {
	t.Parallel()
	nulls, clears, neither := people(), people(), people()
	clears.Nulls = false
	neither.Nulls, neither.Clears = false, false
	const absent = "absent"
	for _, tt := range []struct {
		name   string
		object destinations.Object
		rule   OnNull
		want   any
	}{
		{"send, where there is a null", nulls, Send, nil},
		{"clear, where there is a null", nulls, ClearField, nil},
		{"skip, where there is a null", nulls, Skip, absent},
		{"send, where fields can only be cleared", clears, Send, absent},
		{"clear, where fields can only be cleared", clears, ClearField, nil},
		{"skip, where fields can only be cleared", clears, Skip, absent},
		{"send, where there is neither", neither, Send, absent},
		{"skip, where there is neither", neither, Skip, absent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, null := range []any{nil, json.RawMessage("null")} {
				m := oneField(t, Field{OnNull: tt.rule}, warehouse.JSON, tt.object, nil)
				var rec Record
				if err := m.Render(warehouse.Row{"a", null}, &rec); err != nil {
					t.Fatal(err)
				}
				got, ok := rec.Fields.Get("x")
				if !ok {
					got = absent
				}
				if got != tt.want {
					t.Errorf("%v, want %v", got, tt.want)
				}
			}
		})
	}
}

func TestMapsAndDefaults(t *testing.T) {
	t.Parallel()
	plans := map[string]any{"free": "Free", "pro": "Pro"}
	for _, tt := range []struct {
		name  string
		field Field
		value any
		want  any // a RowError's code where the row is invalid
	}{
		{"a default takes the place of null", Field{Default: "there", HasDefault: true}, nil, "there"},
		{"a default leaves empty text alone", Field{Default: "there", HasDefault: true}, "", ""},
		{"a default may be empty", Field{Default: "", HasDefault: true}, nil, ""},
		{"a mapped value", Field{Map: plans}, "pro", "Pro"},
		{"a map knows case", Field{Map: plans}, "Pro", CodeUnmapped},
		{"a value that is not in the map", Field{Map: plans}, "gold", CodeUnmapped},
		{"a value that is not in the map, with a default", Field{Map: plans, Default: "Other", HasDefault: true}, "gold", "Other"},
		{"null with a map and a default", Field{Map: plans, Default: "Other", HasDefault: true}, nil, "Other"},
		{"null with a map stays null", Field{Map: plans}, nil, nil},
		{"an integer by its digits", Field{Map: map[string]any{"1": "one", "02": "two"}}, int64(2), "two"},
		{"a decimal by its value", Field{Map: map[string]any{"1.50": "half"}}, warehouse.Decimal("1.5"), "half"},
		{"a float by its value", Field{Map: map[string]any{"1.0": "one"}}, 1.0, "one"},
		{"a truth value by its word", Field{Map: map[string]any{"TRUE": "yes", "false": "no"}}, true, "yes"},
		{"a day by its text", Field{Map: map[string]any{"2026-11-20": int64(1)}}, warehouse.Date("2026-11-20"), json.Number("1")},
		{"a document of text by that text", Field{Map: plans}, json.RawMessage(`"pro"`), "Pro"},
		{"a mapped value in the field's type", Field{Map: map[string]any{"hot": int64(100)}, Type: destinations.String}, "hot", "100"},
		{"a mapped list", Field{Map: map[string]any{"both": []any{"a", "b"}}}, "both", []any{"a", "b"}},
		{"the result of an expression", Field{Expr: "c == nil ? 'none' : 'some'", Map: map[string]any{"none": "No", "some": "Yes"}}, nil, "No"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := oneField(t, tt.field, typeOf(tt.value), people(), nil)
			var rec Record
			if err := m.Render(warehouse.Row{"a", tt.value}, &rec); err != nil {
				rowError, ok := errors.AsType[*RowError](err)
				if !ok || tt.want != rowError.Code || strings.Contains(rowError.Error(), "gold") {
					t.Errorf("%v, want %v", err, tt.want)
				}
				return
			}
			got, _ := rec.Fields.Get("x")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func typeOf(v any) warehouse.Type {
	switch v.(type) {
	case int64:
		return warehouse.Int
	case float64:
		return warehouse.Float
	case warehouse.Decimal:
		return warehouse.Numeric
	case bool:
		return warehouse.Bool
	case warehouse.Date:
		return warehouse.Day
	case json.RawMessage:
		return warehouse.JSON
	}
	return warehouse.String
}

func TestAFieldTakesOnlyTheValuesThatTheDestinationNames(t *testing.T) {
	t.Parallel()
	one := []destinations.Field{{Name: "x", Type: destinations.String, Enum: []string{"Free", "Pro"}}}
	many := []destinations.Field{{Name: "x", Type: destinations.List, Enum: []string{"Free", "Pro"}}}
	flags := []destinations.Field{{Name: "x", Type: destinations.Boolean, Enum: []string{"true", "false"}}}
	for _, tt := range []struct {
		name   string
		fields []destinations.Field
		value  any
		valid  bool
	}{
		{"one of them", one, "Pro", true},
		{"another", one, "Gold", false},
		{"one of them in another case", one, "pro", false},
		{"null", one, nil, true},
		{"a list of some", many, json.RawMessage(`["Pro"]`), true},
		{"an empty list", many, json.RawMessage(`[]`), true},
		{"a list with another", many, json.RawMessage(`["Pro","Gold"]`), false},
		{"a truth value", flags, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			columnType := typeOf(tt.value)
			if tt.fields[0].Type == destinations.List {
				columnType = warehouse.JSON
			}
			m := oneField(t, Field{}, columnType, people(), tt.fields)
			var rec Record
			err := m.Render(warehouse.Row{"a", tt.value}, &rec)
			if (err == nil) != tt.valid {
				t.Fatal(err)
			}
			if err != nil && err.Error() != "x: its value is none of those that the field takes: Free, Pro (bad_value)" {
				t.Error(err)
			}
		})
	}
}

func TestAnIdentifierIsNeverNullOrBlank(t *testing.T) {
	t.Parallel()
	object := people()
	object.FoldIdentifier = true
	s := Spec{Key: []string{"k"}, Identifier: "email", Fields: []Field{{Name: "email", Column: "email"}, {Name: "x", Column: "k"}}}
	m := compiled(t, s, []warehouse.Column{{Name: "k", Type: warehouse.Int}, {Name: "email", Type: warehouse.String}}, object, nil)
	var rec Record
	for _, tt := range []struct {
		email any
		code  string
	}{
		{nil, CodeNullIdentifier},
		{"", CodeNullIdentifier},
		{" \t", CodeNullIdentifier},
		{strings.Repeat("a", maxKey+1), CodeTooLong},
		{"Ada\xff", CodeBadValue},
	} {
		err, ok := errors.AsType[*RowError](m.Render(warehouse.Row{int64(7), tt.email}, &rec))
		if !ok || err.Code != tt.code || err.Field != "email" {
			t.Errorf("%.20v: %v, want %s", tt.email, err, tt.code)
		}
		if rec.Key != "7" || rec.ID != "" || rec.CompareID != "" || len(rec.Fields) > 0 || len(rec.Update()) > 0 {
			t.Errorf("%.20v leaves %+v", tt.email, rec)
		}
	}
	if err := m.Render(warehouse.Row{int64(7), "Ada.ÜBER@Example.COM"}, &rec); err != nil {
		t.Fatal(err)
	}
	if rec.ID != "Ada.ÜBER@Example.COM" || rec.CompareID != "ada.über@example.com" {
		t.Errorf("identifier %q, compared by %q", rec.ID, rec.CompareID)
	}
}

func TestFieldsOfWhenInsertAreSentOnce(t *testing.T) {
	t.Parallel()
	s := Spec{Identifier: "id", Fields: []Field{
		{Name: "id", Column: "id"}, {Name: "first_seen", Column: "at", When: OnInsert}, {Name: "name", Column: "text"},
	}}
	m := compiled(t, s, everyColumn(), people(), nil)
	render := func(change func(warehouse.Row)) *Record {
		row, rec := everyRow(), new(Record)
		change(row)
		if err := m.Render(row, rec); err != nil {
			t.Fatal(err)
		}
		return rec
	}
	first := render(func(warehouse.Row) {})
	names := func(f destinations.Fields) (names []string) {
		for _, v := range f {
			names = append(names, v.Name)
		}
		return names
	}
	if diff := cmp.Diff([]string{"id", "first_seen", "name"}, names(first.Fields)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"id", "name"}, names(first.Update())); diff != "" {
		t.Error(diff)
	}
	var each []string
	first.EachField(func(name string, canonical []byte) bool {
		each = append(each, name)
		return len(canonical) > 1
	})
	if diff := cmp.Diff([]string{"id", "name"}, each); diff != "" {
		t.Error(diff)
	}
	later := render(func(row warehouse.Row) { row[7] = as[time.Time](row[7]).Add(time.Hour) })
	renamed := render(func(row warehouse.Row) { row[1] = "Augusta" })
	if string(first.AppendCanonical(nil)) != string(later.AppendCanonical(nil)) {
		t.Error("a field of when = \"insert\" takes part in the comparison")
	}
	if string(first.AppendCanonicalInsert(nil)) == string(later.AppendCanonicalInsert(nil)) {
		t.Error("a field of when = \"insert\" takes no part in the first record")
	}
	if string(first.AppendCanonical(nil)) == string(renamed.AppendCanonical(nil)) {
		t.Error("another field takes no part in the comparison")
	}
}

func TestARecordMayBeUsedAgainForAnyMapping(t *testing.T) {
	t.Parallel()
	long := Spec{Identifier: "id"}
	for _, c := range everyColumn() {
		long.Fields = append(long.Fields, Field{Name: c.Name, Column: c.Name, When: When(len(long.Fields) % 2)})
	}
	long.Fields[0].When = Always
	short := Spec{Identifier: "id", Fields: []Field{{Name: "id", Column: "id"}, {Name: "sum", Expr: "count + 1"}}}
	var used Record
	for _, s := range []Spec{long, short, long} {
		m := compiled(t, s, everyColumn(), people(), nil)
		for range 2 {
			var fresh Record
			if err := m.Render(everyRow(), &fresh); err != nil {
				t.Fatal(err)
			}
			if err := m.Render(everyRow(), &used); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fresh.Fields, used.Fields); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(fresh.AppendCanonical(nil), used.AppendCanonical(nil)); diff != "" {
				t.Error(diff)
			}
			if err := m.Render(warehouse.Row{int64(1)}, &used); err == nil {
				t.Error("a row of the wrong width was rendered")
			}
		}
	}
}

func TestARecordKeepsNothingOfTheRowsMemory(t *testing.T) {
	t.Parallel()
	s := Spec{Key: []string{"doc", "raw"}, Identifier: "id"}
	for _, name := range []string{"id", "raw", "doc"} {
		s.Fields = append(s.Fields, Field{Name: name, Column: name})
	}
	s.Fields = append(s.Fields, Field{Name: "list", Column: "doc", Map: map[string]any{`{"a":[1,"x"]}`: "yes"}})
	m := compiled(t, s, everyColumn(), people(), nil)
	row := everyRow()
	var before, after Record
	if err := m.Render(everyRow(), &before); err != nil {
		t.Fatal(err)
	}
	if err := m.Render(row, &after); err != nil {
		t.Fatal(err)
	}
	clear(as[[]byte](row[8]))
	clear(as[json.RawMessage](row[9]))
	if diff := cmp.Diff(before.Fields, after.Fields); diff != "" || before.Key != after.Key {
		t.Errorf("%s\nkeys %s and %s", diff, before.Key, after.Key)
	}
}

func TestAnEmptyRecordSendsNothing(t *testing.T) {
	t.Parallel()
	var rec Record
	if got := rec.AppendCanonical(nil); string(got) != "\x01" || len(rec.Update()) > 0 {
		t.Errorf("%q", got)
	}
	rec.EachField(func(string, []byte) bool {
		t.Error("it has a field")
		return true
	})
}

func TestAMappingServesSeveralGoroutines(t *testing.T) {
	t.Parallel()
	m := compiledExpression(t, `let a = attrs.tags; join(map(a, upper(#) + string(#index)), first_name)`, Field{})
	done := make(chan string)
	for range 4 {
		go func() {
			var rec Record
			for range 200 {
				if err := m.Render(exprRow(), &rec); err != nil {
					done <- err.Error()
					return
				}
			}
			v, _ := rec.Fields.Get("x")
			done <- as[string](v)
		}()
	}
	for range 4 {
		if got := <-done; got != "B0AdaA1AdaB2" {
			t.Error(got)
		}
	}
}

func TestRowTextIsNeverTakenAsAnExpression(t *testing.T) {
	t.Parallel()
	const text = `{{ 7 * 7 }} ${7*7} first_name + 'x' $env["id"]`
	m := oneField(t, Field{Expr: "c + ''"}, warehouse.String, people(), nil)
	var rec Record
	if err := m.Render(warehouse.Row{"a", text}, &rec); err != nil {
		t.Fatal(err)
	}
	if got, _ := rec.Fields.Get("x"); got != text {
		t.Errorf("%q", got)
	}
}
