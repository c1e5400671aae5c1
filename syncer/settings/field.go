package settings

import (
	"context"
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"spillway/syncer/secrets"
)

// field is one setting as its struct tags declare it.
type field struct {
	index    []int
	name     string
	help     string
	preset   string // the default, as a person would write it
	enum     []string
	required bool
	literal  bool // a secret that may stand in the file itself
	min, max string
	typ      reflect.Type
	kind     kind
}

// kind is the form in which a setting is written.
type kind uint8

const (
	kindString kind = iota + 1
	kindBool
	kindInt
	kindFloat
	kindDuration
	kindText       // an encoding.TextUnmarshaler
	kindList       // a list of strings
	kindOneOrMany  // a string or a list of strings
	kindAny        // whatever TOML can say
	kindStrings    // a table of strings
	kindAnything   // a table of anything
	kindStruct     // a table with known keys
	kindStructs    // a table of such tables
	kindSecret     // a reference to a secret
	kindSecrets    // a table of such references
	kindRaw        // a table that is read elsewhere
	kindDecodesOwn // a TableDecoder, which may be an encoding.TextUnmarshaler too
)

// Strings is a list of strings that may be written as one string.
type Strings []string

// TableDecoder is a setting that reads its own table.
type TableDecoder interface {
	DecodeTable(t *Table, o Options) Problems
}

// Shaped is a setting whose form its Go type does not tell.
type Shaped interface {
	Shape() Shape
}

// Shape is the form of a setting: the word that the documentation has for it, and its JSON Schema.
type Shape struct {
	Type   string
	Schema map[string]any
}

type revealer interface {
	Reveal(ctx context.Context) (string, error)
}

// fieldsOf reads the declarations of a struct type. A declaration that is wrong is the programmer's mistake, and panics:
// every test that touches the type finds it.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		if sf.Anonymous && sf.Type.Kind() == reflect.Struct && sf.Tag.Get("toml") == "" {
			for _, f := range fieldsOf(sf.Type) {
				f.index = append([]int{i}, f.index...)
				fields = append(fields, f)
			}
			continue
		}
		if !sf.IsExported() || sf.Tag.Get("toml") == "-" {
			continue
		}
		fields = append(fields, newField(t, i, sf))
	}
	return fields
}

func newField(t reflect.Type, i int, sf reflect.StructField) field {
	f := field{
		index:    []int{i},
		name:     sf.Tag.Get("toml"),
		help:     sf.Tag.Get("help"),
		preset:   sf.Tag.Get("default"),
		required: sf.Tag.Get("required") == "true",
		literal:  sf.Tag.Get("literal") == "true",
		min:      sf.Tag.Get("min"),
		max:      sf.Tag.Get("max"),
		typ:      sf.Type,
		kind:     kindOf(sf.Type),
	}
	if enum := sf.Tag.Get("enum"); enum != "" {
		f.enum = strings.Split(enum, ",")
	}
	switch {
	case f.name == "":
		panic(fmt.Sprintf("settings: %s.%s has no toml tag", t, sf.Name))
	case f.help == "":
		panic(fmt.Sprintf("settings: %s.%s has no help tag", t, sf.Name))
	case f.kind == 0:
		panic(fmt.Sprintf("settings: %s.%s is of type %s, which no setting can have", t, sf.Name, sf.Type))
	}
	f.checkPreset(t)
	return f
}

// checkPreset panics on a default that the setting itself would refuse.
func (f field) checkPreset(t reflect.Type) {
	if f.preset == "" {
		return
	}
	d := &decoder{}
	d.preset(f, reflect.New(f.typ).Elem())
	if len(d.problems) > 0 {
		panic(fmt.Sprintf("settings: the default of %s in %s: %s", f.name, t, d.problems[0].Message))
	}
}

// presetValue returns the default as a file would hold it.
func (f field) presetValue() any {
	switch f.kind {
	case kindBool:
		if b, err := strconv.ParseBool(f.preset); err == nil {
			return b
		}
	case kindInt:
		if n, err := strconv.ParseInt(f.preset, 10, 64); err == nil {
			return n
		}
	case kindFloat:
		if n, err := strconv.ParseFloat(f.preset, 64); err == nil {
			return n
		}
	case kindList:
		var list []any
		for part := range strings.SplitSeq(f.preset, ",") {
			list = append(list, part)
		}
		return list
	default: // the others are written as text
	}
	return f.preset
}

func kindOf(t reflect.Type) kind {
	switch {
	case t == reflect.TypeFor[*Table]():
		return kindRaw
	case t == reflect.TypeFor[Strings]():
		return kindOneOrMany
	case t == reflect.TypeFor[time.Duration]():
		return kindDuration
	case isSecret(t):
		return kindSecret
	case reflect.PointerTo(t).Implements(reflect.TypeFor[TableDecoder]()):
		return kindDecodesOwn
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return kindText
	}
	switch t.Kind() {
	case reflect.String:
		return kindString
	case reflect.Bool:
		return kindBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return kindInt
	case reflect.Float32, reflect.Float64:
		return kindFloat
	case reflect.Struct:
		return kindStruct
	case reflect.Pointer:
		if k := kindOf(t.Elem()); k <= kindText {
			return k
		}
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return kindAny
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return kindList
		}
	case reflect.Map:
		return mapKind(t)
	default: // no setting can have the others
	}
	return 0
}

func mapKind(t reflect.Type) kind {
	if t.Key().Kind() != reflect.String {
		return 0
	}
	switch kindOf(t.Elem()) {
	case kindString:
		return kindStrings
	case kindAny:
		return kindAnything
	case kindStruct:
		return kindStructs
	case kindSecret:
		return kindSecrets
	default:
		return 0
	}
}

// isSecret holds for secrets.Secret and for every interface that it satisfies and that can reveal it.
func isSecret(t reflect.Type) bool {
	secret := reflect.TypeFor[secrets.Secret]()
	if t.Kind() != reflect.Interface {
		return t == secret
	}
	return t.Implements(reflect.TypeFor[revealer]()) && secret.Implements(t)
}

func (f field) secret() bool { return f.kind == kindSecret || f.kind == kindSecrets }

// structType is the struct that the setting's table, or each of its tables, is read into.
func (f field) structType() reflect.Type {
	if f.kind == kindStructs {
		return f.typ.Elem()
	}
	return f.typ
}

func namesOf(fields []field, more []string) []string {
	names := slices.Clone(more)
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}

func structOf(v any) reflect.Type {
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}
