package settings

import (
	"encoding"
	"fmt"
	"reflect"
)

// Public returns the settings in the struct v, or in the struct it points to, without its secrets: by name, each as
// JSON can say it. Two structs with the same settings give the same JSON.
func Public(v any) map[string]any {
	value := reflect.ValueOf(v)
	for value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	return public(value)
}

func public(v reflect.Value) map[string]any {
	m := map[string]any{}
	for _, f := range fieldsOf(v.Type()) {
		if at := v.FieldByIndex(f.index); !f.secret() && !at.IsZero() {
			m[f.name] = f.public(at)
		}
	}
	return m
}

func (f field) public(v reflect.Value) any {
	switch f.kind {
	case kindStruct:
		return public(v)
	case kindStructs:
		tables := map[string]any{}
		for key, table := range v.Seq2() {
			tables[key.String()] = public(table)
		}
		return tables
	case kindRaw:
		table, _ := reflect.TypeAssert[*Table](v)
		return Plain(table)
	default: // the others are JSON as they are
	}
	if text, ok := reflect.TypeAssert[encoding.TextMarshaler](v); ok {
		b, err := text.MarshalText()
		if err != nil {
			return fmt.Sprintf("%T", v.Interface())
		}
		return string(b)
	}
	return v.Interface()
}
