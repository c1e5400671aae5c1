package mappings

import (
	"fmt"
	"slices"

	"spillway/destinations"
)

// problems collects what is wrong with a mapping.
type problems struct {
	spec  *Spec
	found []Problem
}

// about records a problem of one of the sync's own keys.
func (p *problems) about(key, format string, args ...any) {
	p.found = append(p.found, Problem{At: p.spec.Place(key), Key: key, Message: fmt.Sprintf(format, args...)})
}

// in records a problem of one field.
func (p *problems) in(f *Field, format string, args ...any) {
	p.found = append(p.found, Problem{At: f.At.String(), Field: f.Name, Message: fmt.Sprintf(format, args...)})
}

// Check reports what is wrong with s itself, without a warehouse or a destination.
func Check(s Spec) []Problem {
	p := &problems{spec: &s}
	p.checkSync()
	for i := range s.Fields {
		f := &s.Fields[i]
		p.checkField(f)
		if f.Expr != "" {
			if _, err := compileExpression(f.Expr, nil); err != nil {
				p.in(f, "%s", err)
			}
		}
	}
	return p.found
}

func (p *problems) checkSync() {
	s := p.spec
	if len(s.Key) == 0 {
		p.about("key", "is missing: name the column, or the columns, that tell one row of the model from another")
	}
	for i, column := range s.Key {
		if column == "" {
			p.about("key", "holds an empty name")
		} else if slices.Contains(s.Key[:i], column) {
			p.about("key", "names %s twice", column)
		}
	}
	modes := []string{string(destinations.Upsert), string(destinations.Update), string(destinations.Insert)}
	if !slices.Contains(modes, string(s.Mode)) {
		p.about("mode", "%s", noneOf(string(s.Mode), modes))
	}
	removals := []string{"ignore", string(destinations.Clear), string(destinations.Archive), string(destinations.Delete)}
	if s.OnRemoved != "" && !slices.Contains(removals, s.OnRemoved) {
		p.about("on_removed", "%s", noneOf(s.OnRemoved, removals))
	}
	if len(s.Fields) == 0 {
		p.about("fields", "is empty: name at least the identifier and one field to send")
	}
	for i := range s.Fields {
		if slices.ContainsFunc(s.Fields[:i], func(f Field) bool { return f.Name == s.Fields[i].Name }) {
			p.in(&s.Fields[i], "it is mapped twice")
		}
	}
	p.checkIdentifier()
}

// checkIdentifier holds the identifier to a value of the row itself, sent always: any other would make one record
// of many rows, or could not find the record again.
func (p *problems) checkIdentifier() {
	s := p.spec
	if s.Identifier == "" {
		return
	}
	at := slices.IndexFunc(s.Fields, func(f Field) bool { return f.Name == s.Identifier })
	if at < 0 {
		p.about("identifier", "%q is not mapped: add %s = \"<column>\" to [fields]", s.Identifier, s.Identifier)
		return
	}
	f := &s.Fields[at]
	if f.HasValue {
		p.in(f, "the identifier is a constant: every row would be the same record; take it from a column")
	}
	if f.HasDefault {
		p.in(f, "the identifier has a default: all rows without one would be the same record; leave the default out")
	}
	if f.When == OnInsert {
		p.in(f, "the identifier has when = \"insert\", but finds the record every time; leave it out")
	}
	if f.OnNull != Send {
		p.in(f, "on_null means nothing for the identifier: rows without one are never sent; leave it out")
	}
}

var fieldTypes = []string{
	string(destinations.String), string(destinations.Number), string(destinations.Integer), string(destinations.Boolean),
	string(destinations.DateType), string(destinations.DateTime), string(destinations.JSON), string(destinations.List),
}

func (p *problems) checkField(f *Field) {
	if f.Name == "" {
		p.in(f, "the name of the field is empty")
	}
	switch from := sources(f); len(from) {
	case 0:
		p.in(f, "it has no source: give it one of column, expr and value")
	case 1:
	default:
		p.in(f, "it has more than one source (%s): keep one", listed(from))
	}
	if f.Type != "" && !slices.Contains(fieldTypes, string(f.Type)) {
		p.in(f, "type = %s", noneOf(string(f.Type), fieldTypes))
	}
	if f.HasValue && (len(f.Map) > 0 || f.HasDefault || f.OnNull != Send) {
		p.in(f, "map, default and on_null mean nothing beside value, which is always the same; leave them out")
	}
	if f.Map != nil && len(f.Map) == 0 {
		p.in(f, "map is empty: no value would ever be found in it")
	}
	if f.HasDefault && f.OnNull != Send {
		p.in(f, "on_null means nothing beside default, which takes the place of null; leave one of them out")
	}
	p.checkConstants(f)
}

// sources names where f's value is said to come from.
func sources(f *Field) []string {
	var from []string
	if f.Column != "" {
		from = append(from, "column")
	}
	if f.Expr != "" {
		from = append(from, "expr")
	}
	if f.HasValue {
		from = append(from, "value")
	}
	return from
}

// checkConstants holds the constants of f to the types that a sync file has, and to f's own type if it names one.
func (p *problems) checkConstants(f *Field) {
	if f.HasValue {
		if _, err := constant(f.Value, f.Type); err != nil {
			p.in(f, "value: %s", err)
		}
	}
	if f.HasDefault {
		if _, err := constant(f.Default, f.Type); err != nil {
			p.in(f, "default: %s", err)
		}
	}
	for _, from := range sortedKeys(f.Map) {
		if _, err := constant(f.Map[from], f.Type); err != nil {
			p.in(f, "map: the value for %q: %s", from, err)
		}
	}
}
