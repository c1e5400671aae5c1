package settings

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
)

// Options say how tables are decoded.
type Options struct {
	PlaintextSecrets bool     // secrets may stand in the file itself
	Root             string   // where the relative file names of secrets start, and their commands run
	Ignore           []string // keys of the table that are read elsewhere
	Partial          bool     // what is required may be missing
}

// Decode fills the struct that into points to from t, after its defaults. A nil t stands for an absent table: only the
// defaults are set. Every problem is found, not only the first; a setting with a problem keeps its default.
func Decode(t *Table, into any, o Options) Problems {
	d := &decoder{options: o}
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("settings: Decode needs a pointer to a struct, not %T", into))
	}
	d.table(t, v.Elem(), o.Ignore)
	return d.problems
}

type decoder struct {
	options  Options
	problems Problems
}

func (d *decoder) refuse(e Entry, format string, args ...any) {
	d.problems = append(d.problems, e.Problem(format, args...))
}

func (d *decoder) table(t *Table, v reflect.Value, ignore []string) {
	fields := fieldsOf(v.Type())
	for _, f := range fields {
		at := v.FieldByIndex(f.index)
		d.preset(f, at)
		entry, ok := t.Get(f.name)
		switch {
		case ok:
			d.value(f, entry, at)
		case t != nil && f.required && !d.options.Partial:
			d.problems = append(d.problems, t.Problem(f.name, "is required"))
		}
	}
	d.unknown(t, namesOf(fields, ignore))
}

func (d *decoder) unknown(t *Table, known []string) {
	for _, e := range t.Entries() {
		if !slices.Contains(known, e.Name) {
			d.refuse(e, "unknown key%s", Hint(e.Name, known))
		}
	}
}

// preset sets the default of f.
func (d *decoder) preset(f field, v reflect.Value) {
	if f.kind == kindStruct {
		d.table(nil, v, nil)
		return
	}
	if f.preset == "" {
		return
	}
	d.value(f, Entry{place: place{doc: &document{}, key: f.name}, Name: f.name, Value: f.presetValue()}, v)
}

// value sets v, which f declares, to what e holds.
func (d *decoder) value(f field, e Entry, v reflect.Value) {
	if v.Kind() == reflect.Pointer && f.kind != kindRaw {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch f.kind {
	case kindString:
		d.text(f, e, v)
	case kindBool:
		if b, ok := e.Value.(bool); ok {
			v.SetBool(b)
			return
		}
		d.refuse(e, "must be true or false, not %s", nameOf(e.Value))
	case kindInt:
		d.integer(f, e, v)
	case kindFloat:
		d.float(f, e, v)
	case kindDuration:
		d.duration(f, e, v)
	case kindText:
		d.unmarshalText(f, e, v)
	case kindList, kindOneOrMany:
		d.list(f, e, v)
	case kindAny:
		if d.finite(e, e.Value) {
			v.Set(reflect.ValueOf(Plain(e.Value)))
		}
	case kindSecret:
		d.secret(f, e, v)
	case kindDecodesOwn:
		d.ownForm(f, e, v)
	default:
		d.tableValue(f, e, v)
	}
}

// ownForm sets v, which reads its own table, and may read a text too.
func (d *decoder) ownForm(f field, e Entry, v reflect.Value) {
	_, isTable := e.Value.(*Table)
	_, isText := e.Value.(string)
	_, readsText := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr())
	switch {
	case isTable || !readsText:
		d.tableValue(f, e, v)
	case isText:
		d.unmarshalText(f, e, v)
	default:
		d.refuse(e, "must be a string or a table, not %s", nameOf(e.Value))
	}
}

// tableValue sets v to the table that e holds.
func (d *decoder) tableValue(f field, e Entry, v reflect.Value) {
	t, ok := e.Value.(*Table)
	if !ok {
		d.refuse(e, "must be a table, not %s", nameOf(e.Value))
		return
	}
	switch f.kind {
	case kindStruct:
		d.table(t, v, nil)
	case kindRaw:
		v.Set(reflect.ValueOf(t))
	case kindDecodesOwn:
		own, _ := reflect.TypeAssert[TableDecoder](v.Addr())
		d.problems = append(d.problems, own.DecodeTable(t, d.options)...)
	case kindAnything:
		if d.finite(e, t) {
			v.Set(reflect.ValueOf(Plain(t)))
		}
	default:
		d.mapValue(f, t, v)
	}
}

func (d *decoder) mapValue(f field, t *Table, v reflect.Value) {
	m := reflect.MakeMap(v.Type())
	for _, e := range t.Entries() {
		one := reflect.New(v.Type().Elem()).Elem()
		switch f.kind {
		case kindStrings:
			d.text(f, e, one)
		case kindSecrets:
			d.secret(f, e, one)
		case kindStructs:
			d.tableValue(field{kind: kindStruct}, e, one)
		default: // no other kind is a table of its like
		}
		m.SetMapIndex(reflect.ValueOf(e.Name).Convert(v.Type().Key()), one)
	}
	v.Set(m)
}

func (d *decoder) list(f field, e Entry, v reflect.Value) {
	elements, ok := e.Value.([]any)
	s, one := e.Value.(string)
	if one && f.kind == kindOneOrMany {
		elements, ok = []any{s}, true
	}
	if !ok {
		want := "a list of strings"
		if f.kind == kindOneOrMany {
			want = "a string or a list of strings"
		}
		d.refuse(e, "must be %s, not %s", want, nameOf(e.Value))
		return
	}
	if len(elements) == 0 && f.required {
		d.refuse(e, "must not be empty")
		return
	}
	list := reflect.MakeSlice(v.Type(), len(elements), len(elements))
	before := len(d.problems)
	for i, element := range elements {
		at := e
		if !one {
			at = e.at(i, element)
		}
		d.text(f, at, list.Index(i))
	}
	if len(d.problems) == before {
		v.Set(list)
	}
}
