package mappings

import (
	"maps"
	"slices"
	"strings"

	"spillway/destinations"
	"spillway/warehouse"
)

// Compile checks s against the model's columns and the fields of object, and returns the mapping, or every
// problem there is. Nil columns are not known: nothing is said about them, and there is no mapping. Nil fields
// are not known either: any field is taken. What Check finds, Compile finds too.
func Compile(s Spec, columns []warehouse.Column, object destinations.Object, fields []destinations.Field) (*Mapping, []Problem) {
	c := &compiler{
		problems: problems{spec: &s},
		offline:  columns == nil,
		columns:  columnSet(columns),
		object:   object,
		known:    fields,
	}
	c.checkSync()
	c.checkObject()
	m := &Mapping{width: len(columns), identifier: -1, fold: object.FoldIdentifier}
	c.compileKey(m)
	for i := range s.Fields {
		m.fields = append(m.fields, c.compileField(&s.Fields[i]))
		if s.Fields[i].Name == s.Identifier && s.Identifier != "" {
			m.identifier = i
		}
	}
	c.checkRequired()
	if len(c.found) > 0 || c.offline {
		return nil, c.found
	}
	m.finish()
	m.findReads()
	m.fingerprint = m.sum(c.columns)
	return m, nil
}

// finish derives what rendering needs from the fields.
func (m *Mapping) finish() {
	m.sorted = make([]int, len(m.fields))
	for i := range m.fields {
		m.sorted[i] = i
		f := &m.fields[i]
		f.prefix = appendText(nil, f.name)
		f.direct = f.kind == fromColumn && f.values == nil && f.enum == nil
		m.insertOnly = m.insertOnly || m.fields[i].insertOnly
	}
	slices.SortFunc(m.sorted, func(a, b int) int { return strings.Compare(m.fields[a].name, m.fields[b].name) })
	for _, i := range m.sorted {
		if f := &m.fields[i]; !f.insertOnly {
			m.updates = append(m.updates, f.name)
		}
	}
}

// compiler turns a Spec into a Mapping.
type compiler struct {
	problems
	offline bool
	columns columnSet
	object  destinations.Object
	known   []destinations.Field
}

func (c *compiler) compileKey(m *Mapping) {
	if c.offline {
		return
	}
	for _, name := range c.spec.Key {
		if name == "" {
			continue
		}
		at, err := c.columns.find(name)
		if err != nil {
			c.about("key", "%s", err)
			continue
		}
		m.key = append(m.key, keyColumn{name: name, column: at, class: c.columns[at].Type})
	}
}

// compileField checks f and returns it ready for rendering, if nothing is wrong with it.
func (c *compiler) compileField(f *Field) field {
	before := len(c.found)
	c.checkField(f)
	unsound := len(c.found) > before
	target, known := c.destinationField(f)
	out := field{name: f.Name, insertOnly: f.When == OnInsert, onNull: c.nullRule(f)}
	if len(sources(f)) == 1 {
		c.source(f, &out)
	}
	if unsound || !known && c.known != nil && !c.object.AnyField {
		return out
	}
	out.target = c.targetType(f, target, known, &out)
	c.checkTypes(f, &out)
	if len(target.Enum) > 0 {
		out.enum = &enum{names: target.Enum, set: make(map[string]bool, len(target.Enum))}
		for _, name := range target.Enum {
			out.enum.set[name] = true
		}
	}
	c.constants(f, &out)
	return out
}

// source binds the field to its column or its expression.
func (c *compiler) source(f *Field, out *field) {
	switch {
	case f.HasValue:
		out.kind = fromConstant
	case f.Expr != "":
		out.kind = fromExpression
		program, err := compileExpression(f.Expr, c.columns)
		if err != nil {
			c.in(f, "%s", err)
			return
		}
		out.expression = program
	case !c.offline:
		at, err := c.columns.find(f.Column)
		if err != nil {
			c.in(f, "%s", err)
			return
		}
		out.column = at
		out.columnType = c.columns[at].Type
	}
}

// targetType settles the type that the field is sent in: its own, else the destination's, else the source's.
func (c *compiler) targetType(f *Field, target destinations.Field, known bool, out *field) destinations.FieldType {
	wanted := f.Type
	if known && target.Type != destinations.Any {
		switch {
		case wanted == "" || wanted == target.Type:
			return target.Type
		case wanted == destinations.Integer && target.Type == destinations.Number:
			return wanted
		}
		c.in(f, "type = %q does not suit the destination's field, which takes %s: leave type out, or convert the value in the model's SQL",
			wanted, target.Type)
		return wanted
	}
	if wanted == "" && out.kind == fromColumn && len(f.Map) == 0 && out.columnType != 0 {
		return natural(out.columnType)
	}
	return wanted
}

// checkTypes refuses conversions that no row could pass.
func (c *compiler) checkTypes(f *Field, out *field) {
	identifier := f.Name == c.spec.Identifier && f.Name != ""
	if identifier && !findable(out.target) {
		c.in(f, "a %s cannot find a record: identify by a text, a number or a date", out.target)
	}
	if len(f.Map) > 0 {
		return
	}
	switch out.kind {
	case fromColumn:
		if out.columnType != 0 && !convertible(out.columnType, out.target) {
			column := c.columns[out.column]
			c.in(f, "column %s (%s) cannot be sent as %s: %s", column.Name, nativeType(column), out.target, conversionHint(out.columnType, out.target))
		}
	case fromExpression:
		if out.expression == nil { // which was said
			return
		}
		if err := out.expression.checkResult(out.target); err != nil {
			c.in(f, "%s", err)
		}
	case fromConstant: // rendered by constants
	}
}

func findable(t destinations.FieldType) bool {
	return t != destinations.JSON && t != destinations.List && t != destinations.Boolean
}

func nativeType(c warehouse.Column) string {
	if c.Native != "" {
		return c.Native
	}
	return c.Type.String()
}

func conversionHint(from warehouse.Type, to destinations.FieldType) string {
	switch {
	case to == destinations.List && from == warehouse.String:
		return "make a list of it with expr, as in \"split(column, ',')\""
	case to == destinations.List:
		return "make it a JSON array in the model's SQL"
	case from == warehouse.JSON:
		return "take the value out of the document, with expr or in the model's SQL"
	}
	return "convert it in the model's SQL, or map another column"
}

// constants renders the constants of f once and for all.
func (c *compiler) constants(f *Field, out *field) {
	render := func(what string, v any) destinations.Value {
		value, err := constant(v, out.target)
		if err != nil {
			c.in(f, "%s: %s", what, err)
		} else if out.enum != nil && !out.enum.has(value) {
			c.in(f, "%s is none of the values that the field takes: %s%s", what, listed(out.enum.names), out.enum.hint(value))
		}
		return value
	}
	if f.HasValue {
		out.constant = render("value", f.Value)
	}
	if f.HasDefault {
		out.hasFallback = true
		out.fallback = render("default", f.Default)
	}
	if len(f.Map) > 0 {
		out.values = make(map[string]destinations.Value, len(f.Map))
		for _, from := range sortedKeys(f.Map) {
			out.values[out.lookup(from)] = render("map: the value for \""+from+"\"", f.Map[from])
		}
	}
}

// lookup returns a key of the field's map as the text of the column's values: 1.0 finds a decimal 1.00.
func (f *field) lookup(key string) string {
	switch f.columnType {
	case warehouse.Int, warehouse.Float, warehouse.Numeric:
		if plain, ok := plainNumber(key); ok {
			return plain
		}
	case warehouse.Bool:
		return strings.ToLower(key)
	default:
	}
	return key
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
