// Package mappings turns the rows of a model into the records that a destination takes.
//
// A mapping is declared in a sync file as a Spec. Compile checks it against the model's columns and the
// destination's fields before the first row is read, and reports everything that is wrong with it at once. The
// Mapping then renders one row at a time; a row that cannot be rendered has a RowError and stops no other.
//
// No error of this package holds a value of a row (invariant 10).
package mappings

import (
	"cmp"
	"slices"

	"spillway/destinations"
)

// Spec is a mapping as it is declared in a sync file, decoded but unchecked.
type Spec struct {
	Sync        string
	Destination string // its name and the object's, for problems
	Object      string

	Key        []string        // the model's primary key columns
	Identifier string          // the destination field that finds a record; empty for objects that only append
	Mode       destinations.Op // Upsert, Update or Insert
	OnRemoved  string          // ignore, clear, archive or delete; empty is ignore
	Fields     []Field         // in the order of the file

	At    string     // where the sync is declared, for problems that concern no single field: "syncs/contacts.toml"
	Lines []KeyPlace // where its keys are, in the order of the file; those that are not given are missing
}

// KeyPlace says where a key of a sync is declared.
type KeyPlace struct {
	Key string
	At  Place
}

// Place returns where key is declared, or the sync where it is not.
func (s *Spec) Place(key string) string {
	at, _ := s.Declared(key)
	return cmp.Or(at, s.At)
}

// Declared returns where key is declared, if it is.
func (s *Spec) Declared(key string) (at string, ok bool) {
	i := slices.IndexFunc(s.Lines, func(l KeyPlace) bool { return l.Key == key })
	if i < 0 {
		return "", false
	}
	return s.Lines[i].At.String(), true
}

// Field says where the value of one destination field comes from. Exactly one of Column, Expr and Value is set.
type Field struct {
	Name string // the destination field

	Column  string
	Expr    string
	Value   any                    // string, int64, float64, bool, time.Time, []any or map[string]any
	Default any                    // takes the place of null, and of values that Map does not list; the same types as Value
	Map     map[string]any         // by the text of the source's value
	Type    destinations.FieldType // empty: that of the destination's field, else the column's own

	At Place // where the field is declared, for problems

	HasValue, HasDefault bool
	OnNull               OnNull
	When                 When
}

// OnNull says what becomes of a field whose value is null.
type OnNull uint8

// What becomes of nulls. A destination that has no null of its own leaves the field alone under Send.
const (
	Send       OnNull = iota // send null
	Skip                     // leave the field out of the record
	ClearField               // clear the field in the destination's own way
)

// UnmarshalText reads "send", "skip" and "clear".
func (o *OnNull) UnmarshalText(text []byte) error {
	switch string(text) {
	case "send":
		*o = Send
	case "skip":
		*o = Skip
	case "clear":
		*o = ClearField
	default:
		return unknownWord("on_null", string(text), "send", "skip", "clear")
	}
	return nil
}

// When says which records a field is part of.
type When uint8

// OnInsert fields are sent when a record is first made, and take no part in comparisons after that.
const (
	Always When = iota
	OnInsert
)

// UnmarshalText reads "always" and "insert".
func (w *When) UnmarshalText(text []byte) error {
	switch string(text) {
	case "always":
		*w = Always
	case "insert":
		*w = OnInsert
	default:
		return unknownWord("when", string(text), "always", "insert")
	}
	return nil
}
