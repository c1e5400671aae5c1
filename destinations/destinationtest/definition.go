package destinationtest

import (
	"encoding"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"spillway/destinations"
)

// CheckDefinitions checks that every kind of destination describes itself and each of its settings, as the
// decoder, the JSON Schema and the documentation are made from that.
func CheckDefinitions(t *testing.T, definitions []destinations.Definition) {
	t.Helper()
	names := make([]string, 0, len(definitions))
	for _, d := range definitions {
		if !settingName.MatchString(d.Name) || d.Title == "" || !strings.HasSuffix(d.Docs, ".md") {
			t.Errorf("a definition lacks a name, a title or a page: %q, %q, %q", d.Name, d.Title, d.Docs)
		}
		names = append(names, d.Name)
		config := reflect.TypeOf(d.Config())
		if config == nil || config.Kind() != reflect.Pointer || config.Elem().Kind() != reflect.Struct {
			t.Errorf("%s: the settings are of type %v, which is no pointer to a struct", d.Name, config)
			continue
		}
		checkSettings(t, d.Name, config.Elem())
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("the definitions are not in the order of their names, each once: %v", names)
	}
}

var settingName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func checkSettings(t *testing.T, kind string, config reflect.Type) {
	t.Helper()
	seen := map[string]bool{"type": true}
	for field := range config.Fields() {
		name := field.Tag.Get("toml")
		choices := strings.Split(field.Tag.Get("enum"), ",")
		value, given := field.Tag.Lookup("default")
		switch {
		case !field.IsExported():
			t.Errorf("%s: the setting %s cannot be filled in", kind, field.Name)
		case !settingName.MatchString(name) || seen[name]:
			t.Errorf("%s: %s has no name of its own in TOML: %q", kind, field.Name, name)
		case !strings.HasSuffix(field.Tag.Get("help"), "."):
			t.Errorf("%s: the help of %s is no sentence", kind, name)
		case !takes(field.Type):
			t.Errorf("%s: %s is of type %s, which settings cannot have", kind, name, field.Type)
		case given && field.Tag.Get("required") == "true":
			t.Errorf("%s: %s is required, and yet has a default", kind, name)
		case given && !parses(field.Type, value):
			t.Errorf("%s: the default %q of %s is no %s", kind, value, name, field.Type)
		case given && field.Tag.Get("enum") != "" && !slices.Contains(choices, value):
			t.Errorf("%s: the default %q of %s is none of %v", kind, value, name, choices)
		}
		seen[name] = true
	}
}

// takes says whether a setting may be of type t.
func takes(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[string](), reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[float64](),
		reflect.TypeFor[time.Duration](), reflect.TypeFor[[]string](), reflect.TypeFor[map[string]string](),
		reflect.TypeFor[destinations.Secret](), reflect.TypeFor[map[string]destinations.Secret]():
		return true
	}
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// parses says whether text is a default for a setting of type t.
func parses(t reflect.Type, text string) bool {
	var err error
	switch t {
	case reflect.TypeFor[string]():
	case reflect.TypeFor[bool]():
		_, err = strconv.ParseBool(text)
	case reflect.TypeFor[int]():
		_, err = strconv.Atoi(text)
	case reflect.TypeFor[float64]():
		_, err = strconv.ParseFloat(text, 64)
	case reflect.TypeFor[time.Duration]():
		_, err = time.ParseDuration(text)
	default:
		parser, ok := reflect.TypeAssert[encoding.TextUnmarshaler](reflect.New(t))
		return ok && parser.UnmarshalText([]byte(text)) == nil
	}
	return err == nil
}
