package project

import (
	"fmt"
	"slices"

	"spillway/destinations"
	"spillway/mappings"
	"spillway/syncer/settings"
)

// fieldForm declares a field that is more than the name of a column.
type fieldForm struct {
	Column  string                 `toml:"column" help:"The column that the value comes from."`
	Expr    string                 `toml:"expr" help:"An expression over the model's columns that makes the value."`
	Value   any                    `toml:"value" help:"A constant."`
	Default any                    `toml:"default" help:"Takes the place of null, and of values that map does not list."`
	Map     map[string]any         `toml:"map" help:"What to send for each value of the source, by its text."`
	Type    destinations.FieldType `toml:"type" enum:"string,number,integer,boolean,date,datetime,json,list" help:"The form in which the value is sent. By default that of the destination's field."`
	OnNull  mappings.OnNull        `toml:"on_null" default:"send" enum:"send,skip,clear" help:"What becomes of a null: it is sent, the field is left out, or the field is cleared the destination's own way."`
	When    mappings.When          `toml:"when" default:"always" enum:"always,insert" help:"Whether the field is sent always, or only when a record is first made."`
}

// fieldsTable is the [fields] of a sync.
type fieldsTable struct {
	fields  []mappings.Field // in the order of the file
	unsound map[string]bool  // those that could not be read as they stand
}

// DecodeTable reads the fields. A key that is only written as a part of longer ones is a part of the field's dotted
// name: custom_attributes.plan = "plan" is the field custom_attributes.plan.
func (f *fieldsTable) DecodeTable(t *settings.Table, o settings.Options) settings.Problems {
	f.unsound = map[string]bool{}
	return f.decode("", t, o)
}

func (f *fieldsTable) decode(prefix string, t *settings.Table, o settings.Options) settings.Problems {
	var problems settings.Problems
	for _, e := range t.Entries() {
		fieldName := prefix + e.Name
		if e.Name == "" {
			problems = append(problems, e.Problem("a field has a name"))
			continue
		}
		if group, ok := e.Value.(*settings.Table); ok && group.Implicit() {
			problems = append(problems, f.decode(fieldName+".", group, o)...)
			continue
		}
		if slices.ContainsFunc(f.fields, func(other mappings.Field) bool { return other.Name == fieldName }) {
			problems = append(problems, e.Problem("the field %s is mapped twice", fieldName))
			continue
		}
		field, found := decodeField(e, o)
		field.Name, field.At = fieldName, mappings.At(e.File(), e.Line())
		f.fields = append(f.fields, field)
		f.unsound[fieldName] = len(found) > 0
		problems = append(problems, found...)
	}
	return problems
}

func decodeField(e settings.Entry, o settings.Options) (mappings.Field, settings.Problems) {
	switch value := e.Value.(type) {
	case string:
		return mappings.Field{Column: value}, nil
	case *settings.Table:
		var form fieldForm
		problems := settings.Decode(value, &form, o)
		return mappings.Field{
			Column: form.Column, Expr: form.Expr,
			Value: form.Value, HasValue: form.Value != nil,
			Default: form.Default, HasDefault: form.Default != nil,
			Map: form.Map, Type: form.Type, OnNull: form.OnNull, When: form.When,
		}, problems
	}
	return mappings.Field{}, settings.Problems{e.Problem(
		`must be the name of a column, or a table such as { column = "NAME" }; a constant is { value = ... }`)}
}

// Shape declares the fields to the schema and the documentation.
func (*fieldsTable) Shape() settings.Shape {
	return settings.Shape{
		Type:   "table of fields",
		Schema: map[string]any{"type": "object", "additionalProperties": reference("field")},
	}
}

func reference(definition string) map[string]any {
	return map[string]any{"$ref": fmt.Sprintf("#/definitions/%s", definition)}
}
