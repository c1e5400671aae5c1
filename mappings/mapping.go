package mappings

import (
	"fmt"
	"slices"

	"spillway/destinations"
	"spillway/warehouse"
)

// Mapping renders the rows of one model for one object. It never changes, and may be used by several goroutines,
// each with a Record of its own.
type Mapping struct {
	key        []keyColumn
	width      int // how many columns a row has
	fields     []field
	sorted     []int    // the places of fields in the order of their names
	updates    []string // the names of those that are not only sent on insert, in this order
	identifier int      // the place of the identifier in fields, or -1
	fold       bool     // identifiers are the same whatever their case
	insertOnly bool     // some field has when = "insert"

	reads       []int // see Columns
	fingerprint Fingerprint
}

// keyColumn is a column of the primary key.
type keyColumn struct {
	name   string
	column int // its place in the row
	class  warehouse.Type
}

// source is where a field's values come from.
type source uint8

const (
	fromColumn source = iota
	fromExpression
	fromConstant
)

// field is a checked Field.
type field struct {
	name       string
	prefix     []byte // the name as it stands in a canonical form
	direct     bool   // the value is that of a column, converted and no more
	insertOnly bool
	onNull     nullRule
	target     destinations.FieldType // Any where each value is sent in its own type

	kind       source
	column     int // its place in the row
	columnType warehouse.Type
	expression *expression
	constant   destinations.Value

	values      map[string]destinations.Value // by the text of the source's value; nil without a map
	hasFallback bool
	fallback    destinations.Value
	enum        *enum // nil where the field takes any value of its type
}

// enum is the set of values that a field takes.
type enum struct {
	names []string
	set   map[string]bool
}

// has reports whether v, or every element of the list v, is one of the values. Null always is.
func (e *enum) has(v destinations.Value) bool {
	if list, ok := v.([]destinations.Value); ok {
		return !slices.ContainsFunc(list, func(v destinations.Value) bool { return !e.has(v) })
	}
	return v == nil || e.set[valueText(v)]
}

// hint names the value of which v is most likely a misspelling.
func (e *enum) hint(v destinations.Value) string {
	if text, ok := v.(string); ok {
		if near := nearest(text, e.names); near != "" {
			return fmt.Sprintf("; did you mean %s?", near)
		}
	}
	return ""
}

// FieldNames returns the destination fields in the order of the file.
func (m *Mapping) FieldNames() []string {
	names := make([]string, len(m.fields))
	for i := range m.fields {
		names[i] = m.fields[i].name
	}
	return names
}
