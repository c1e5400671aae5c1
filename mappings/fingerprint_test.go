package mappings

import (
	"encoding/hex"
	"slices"
	"testing"

	"spillway/destinations"
	"spillway/warehouse"
)

// printed is a mapping to take fingerprints of.
type printed struct {
	spec    Spec
	columns []warehouse.Column
	object  destinations.Object
	fields  []destinations.Field
}

func newPrinted() *printed {
	return &printed{
		spec: Spec{
			Key: []string{"id"}, Identifier: "email",
			Fields: []Field{
				{Name: "email", Column: "email"},
				{Name: "plan", Column: "plan", Map: map[string]any{"free": "Free", "pro": "Pro"}},
				{Name: "name", Expr: "first"},
				{Name: "source", Value: "warehouse", HasValue: true},
			},
		},
		columns: []warehouse.Column{
			{Name: "id", Type: warehouse.Int},
			{Name: "email", Type: warehouse.String},
			{Name: "plan", Type: warehouse.String},
			{Name: "first", Type: warehouse.String},
			{Name: "last", Type: warehouse.String},
		},
		object: people(),
	}
}

func (p *printed) fingerprint(t *testing.T) Fingerprint {
	t.Helper()
	return compiled(t, p.spec, p.columns, p.object, p.fields).Fingerprint()
}

func TestTheFingerprintChangesWithWhatDecidesARecord(t *testing.T) {
	t.Parallel()
	taken := func(types ...destinations.Field) func(*printed) {
		return func(p *printed) {
			p.fields = append([]destinations.Field{{Name: "email"}, {Name: "plan"}, {Name: "name"}, {Name: "source"}}, types...)
			p.fields = slices.DeleteFunc(p.fields[:4], func(f destinations.Field) bool {
				return slices.ContainsFunc(types, func(n destinations.Field) bool { return n.Name == f.Name })
			})
			p.fields = append(p.fields, types...)
		}
	}
	seen := map[Fingerprint]string{newPrinted().fingerprint(t): "nothing"}
	for name, change := range map[string]func(*printed){
		"another key":                        func(p *printed) { p.spec.Key = []string{"last"} },
		"a second key column":                func(p *printed) { p.spec.Key = []string{"id", "last"} },
		"its order":                          func(p *printed) { p.spec.Key = []string{"last", "id"} },
		"another identifier":                 func(p *printed) { p.spec.Identifier = "name" },
		"identifiers whatever their case":    func(p *printed) { p.object.FoldIdentifier = !p.object.FoldIdentifier },
		"another column of a field":          func(p *printed) { p.spec.Fields[0].Column = "last" },
		"another type of a column":           func(p *printed) { p.columns[1].Type = warehouse.Int },
		"another name of a column":           func(p *printed) { p.columns[3].Name, p.spec.Fields[2].Expr = "given", "given" },
		"another value of a map":             func(p *printed) { p.spec.Fields[1].Map["pro"] = "pro" },
		"another key of a map":               func(p *printed) { p.spec.Fields[1].Map["team"] = "Team" },
		"no map":                             func(p *printed) { p.spec.Fields[1].Map = nil },
		"a default":                          func(p *printed) { p.spec.Fields[1].Default, p.spec.Fields[1].HasDefault = "none", true },
		"a default of a field without a map": func(p *printed) { p.spec.Fields[2].Default, p.spec.Fields[2].HasDefault = "none", true },
		"another expression":                 func(p *printed) { p.spec.Fields[2].Expr = "upper(first)" },
		"a column in place of it":            func(p *printed) { p.spec.Fields[2].Expr, p.spec.Fields[2].Column = "", "first" },
		"another constant":                   func(p *printed) { p.spec.Fields[3].Value = "Warehouse" },
		"a constant of another type":         func(p *printed) { p.spec.Fields[3].Value = true },
		"another rule for nulls":             func(p *printed) { p.spec.Fields[2].OnNull = Skip },
		"a field of inserts":                 func(p *printed) { p.spec.Fields[2].When = OnInsert },
		"another type of a field":            func(p *printed) { p.spec.Fields[2].Type = destinations.JSON },
		"another name of a field":            func(p *printed) { p.spec.Fields[2].Name = "full_name" },
		"a field more":                       func(p *printed) { p.spec.Fields = append(p.spec.Fields, Field{Name: "last", Column: "last"}) },
		"a field less":                       func(p *printed) { p.spec.Fields = p.spec.Fields[:3] },
		"another type at the destination":    taken(destinations.Field{Name: "name", Type: destinations.String}),
		"a set of values at the destination": taken(destinations.Field{Name: "plan", Type: destinations.String, Enum: []string{"Free", "Pro"}}),
		"another set of values":              taken(destinations.Field{Name: "plan", Type: destinations.String, Enum: []string{"Free", "Pro", "Max"}}),
	} {
		p := newPrinted()
		change(p)
		print := p.fingerprint(t)
		if same, ok := seen[print]; ok {
			t.Errorf("with %s the fingerprint is the same as with %s", name, same)
		}
		seen[print] = name
	}
}

func TestTheFingerprintStaysWithWhatDecidesNoRecord(t *testing.T) {
	t.Parallel()
	want := newPrinted().fingerprint(t)
	for name, change := range map[string]func(*printed){
		"a column that nothing reads": func(p *printed) { p.columns = append(p.columns, warehouse.Column{Name: "new", Type: warehouse.JSON}) },
		"another type of such a one":  func(p *printed) { p.columns[4].Type = warehouse.Bytes },
		"other places of columns":     func(p *printed) { p.columns = slices.Insert(p.columns, 0, warehouse.Column{Name: "new"}) },
		"another order of fields":     func(p *printed) { slices.Reverse(p.spec.Fields) },
		"another place in a file":     func(p *printed) { p.spec.Fields[0].At = At("syncs/other.toml", 3) },
	} {
		p := newPrinted()
		change(p)
		if got := p.fingerprint(t); got != want {
			t.Errorf("with %s the fingerprint is another", name)
		}
	}
}

// TestFingerprintsAreThoseOfEarlierReleases holds the form of what is summed: when it changes, every row of every sync
// is rendered once more, though none is sent.
func TestFingerprintsAreThoseOfEarlierReleases(t *testing.T) {
	t.Parallel()
	f := newPrinted().fingerprint(t)
	const want = "3636e56fb81f231d0a2ac42ef30b16d48996a09db43044543db89bb05100f8a2"
	if got := hex.EncodeToString(f[:]); got != want {
		t.Errorf("the fingerprint is %s, want %s", got, want)
	}
}
