package all

import (
	"reflect"
	"strings"
	"testing"

	"spillway/warehouse"
)

func TestEveryDefinitionIsComplete(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, d := range Definitions() {
		if d.Name == "" || d.Title == "" || d.Docs != "warehouses/"+d.Name+".md" || seen[d.Name] {
			t.Errorf("definition %+v lacks a name, a title or its page, or stands twice", d)
		}
		seen[d.Name] = true
		switch got := d.Quote("a b", "c\"`d"); got {
		case "\"a b\".\"c\"\"`d\"", "`a b`.`c\"``d`", "`a b`.`c\"\\`d`":
		default:
			t.Errorf("%s quotes as %s", d.Name, got)
		}
		settings(t, d)
	}
	for _, name := range []string{"postgres", "redshift", "mysql"} {
		if !seen[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

// settings checks that every setting says what it is, in one sentence.
func settings(t *testing.T, d warehouse.Definition) {
	t.Helper()
	config := reflect.TypeOf(d.Config())
	if config.Kind() != reflect.Pointer || config.Elem().Kind() != reflect.Struct {
		t.Fatalf("the settings of %s are a %s, want a pointer to a struct", d.Name, config)
	}
	for _, f := range reflect.VisibleFields(config.Elem()) {
		name, help := f.Tag.Get("toml"), f.Tag.Get("help")
		if name == "" || name != strings.ToLower(name) || !strings.HasSuffix(help, ".") {
			t.Errorf("%s: setting %s has the name %q and the help %q", d.Name, f.Name, name, help)
		}
	}
	if config != reflect.TypeOf(d.Config()) || d.Config() == d.Config() {
		t.Errorf("%s shares its settings between two uses", d.Name)
	}
}
