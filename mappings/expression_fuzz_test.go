package mappings

import (
	"strings"
	"testing"

	"spillway/destinations"
	"spillway/warehouse"
)

// FuzzExpression holds that no expression, right or wrong, panics, runs away or quotes the row when it fails.
func FuzzExpression(f *testing.F) {
	for _, source := range []string{
		`first_name + ' ' + last_name`, `attrs?.plan.name ?? 'x'`, `let n = logins; n ** 2 / price`, `filter(attrs.n, # > 1)[0:2]`,
		`reduce(1..9, #acc + #, 0)`, `created_at.In(timezone("UTC")).Format("2006") in ["2026"]`, `{"a": [1, -2.5, nil], (first_name): born}`,
		`if active { 1 } else { sortBy(attrs.n, #, "desc") }`, `split(first_name, 'd') | join('-')`, `b"x" == photo`, `#`, `count([nil])`,
		`date(first_name, last_name)`, `max(attrs)`, `not (no_flag and active) or first_name matches "^A"`, `get(attrs, 'id') % 7; 3`,
		`none(attrs.tags, len(#) > 1)`, `findLastIndex(attrs.n, .x == #index)`, `string(toJSON(attrs)) contains "Pro"`,
	} {
		f.Add(source)
	}
	object := destinations.Object{Name: "events", Operations: []destinations.Op{destinations.Insert}, AnyField: true, Nulls: true, AppendOnly: true}
	f.Fuzz(func(t *testing.T, source string) {
		s := Spec{Key: []string{"logins"}, Mode: destinations.Insert, Fields: []Field{{Name: "x", Expr: source}}}
		Check(s)
		m, problems := Compile(s, exprColumns(), object, nil)
		if m == nil {
			if len(problems) == 0 {
				t.Error("neither a mapping nor a problem")
			}
			return
		}
		var a, b Record
		err1, err2 := m.Render(exprRow(), &a), m.Render(exprRow(), &b)
		if (err1 == nil) != (err2 == nil) || string(a.AppendCanonical(nil)) != string(b.AppendCanonical(nil)) {
			t.Errorf("%v and then %v", err1, err2)
		}
		if err1 != nil && strings.Contains(err1.Error(), "Lovelace") {
			t.Error(err1)
		}
		if _, err := a.Fields.MarshalJSON(); err != nil {
			t.Error(err)
		}
		null := make(warehouse.Row, len(exprRow()))
		null[3] = int64(1)
		if err := m.Render(null, &a); err != nil && a.Key == "" {
			t.Error(err)
		}
	})
}
