package project

import (
	"strings"
	"testing"
)

// hashOf returns the sum of the good sync with files in place of the good ones.
func hashOf(t *testing.T, files map[string]string) string {
	t.Helper()
	s, ok := load(t, files).Sync("contacts")
	if !ok {
		t.Fatal("there is no sync called contacts")
	}
	return s.ConfigHash
}

func inSync(old, replacement string) map[string]string {
	return map[string]string{"syncs/contacts.toml": strings.Replace(goodSync, old, replacement, 1)}
}

func inMain(old, replacement string) map[string]string {
	return map[string]string{FileName: strings.Replace(goodMain, old, replacement, 1)}
}

func TestTheSumChangesWithWhatDecidesARun(t *testing.T) {
	t.Parallel()
	seen := map[string]string{hashOf(t, nil): "the good sync"}
	for name, files := range map[string]map[string]string{
		"the SQL of the model":    {"models/customers.sql": "select * from customers where true"},
		"its source":              inSync(`model = "customers"`, `table = "customers"`),
		"the object":              inSync(`"people"`, `"persons"`),
		"the mode":                inSync("[fields]", "mode = \"update\"\n[fields]"),
		"the key":                 inSync(`"customer_id"`, `"id"`),
		"the parts of the key":    inSync(`"customer_id"`, `["customer", "id"]`),
		"no identifier":           inSync(`identifier = "email"`, ``),
		"what removals do":        inSync("[fields]", "on_removed = \"clear\"\n[fields]"),
		"a column":                inSync(`email = "email"`, `email = "mail"`),
		"a field more":            inSync("[fields]", "[fields]\nplan = \"plan\""),
		"an expression":           inSync("[fields]", "[fields]\nplan = { expr = \"plan\" }"),
		"a constant":              inSync("[fields]", "[fields]\nplan = { value = \"plan\" }"),
		"a constant number":       inSync("[fields]", "[fields]\nplan = { value = 1 }"),
		"a constant fraction":     inSync("[fields]", "[fields]\nplan = { value = 1.0 }"),
		"a constant list":         inSync("[fields]", "[fields]\nplan = { value = [1] }"),
		"a constant time":         inSync("[fields]", "[fields]\nplan = { value = 2026-01-01T00:00:00Z }"),
		"a constant time as text": inSync("[fields]", "[fields]\nplan = { value = \"2026-01-01T00:00:00Z\" }"),
		"a default":               inSync("[fields]", "[fields]\nplan = { column = \"plan\", default = \"x\" }"),
		"a map":                   inSync("[fields]", "[fields]\nplan = { column = \"plan\", map = { a = 1 } }"),
		"a map to fractions":      inSync("[fields]", "[fields]\nplan = { column = \"plan\", map = { a = 1.0 } }"),
		"a type":                  inSync("[fields]", "[fields]\nplan = { column = \"plan\", type = \"string\" }"),
		"what nulls do":           inSync("[fields]", "[fields]\nplan = { column = \"plan\", on_null = \"skip\" }"),
		"an occasion":             inSync("[fields]", "[fields]\nplan = { column = \"plan\", when = \"insert\" }"),
		"the destination's URL":   inMain("example.com", "example.org"),
		"a header":                {FileName: goodMain + "headers = { A = \"b\" }\n"},
		"the destination's name":  {FileName: strings.Replace(goodMain, "destinations.hook", "destinations.hoof", 1), "syncs/contacts.toml": strings.Replace(goodSync, `"hook"`, `"hoof"`, 1)},
		"the warehouse's host":    inMain("[destinations.hook]", "host = \"db\"\n[destinations.hook]"),
		"a default field":         {FileName: goodMain + "[defaults.fields]\nsource = { value = \"w\" }\n"},
	} {
		hash := hashOf(t, files)
		if other, taken := seen[hash]; taken {
			t.Errorf("%s: the sum is that of %s", name, other)
		}
		seen[hash] = name
	}
}

func TestTheSumStaysWithEverythingElse(t *testing.T) {
	t.Parallel()
	want := hashOf(t, nil)
	for name, files := range map[string]map[string]string{
		"another layout": {"syncs/contacts.toml": "# moved about\nidentifier='email'\nobject =    \"people\"\nkey=[\"customer_id\"]\n" +
			"model = \"customers\"\nwarehouse=\"analytics\"\ndestination = \"hook\"\nmode = \"upsert\"\non_removed = 'ignore'\nfields = { email = { column = \"email\", on_null = 'send' } }"},
		"SQL laid out by Windows": {"models/customers.sql": "\ufeffselect * from customers ;\r\n"},
		"a schedule":              inSync("[fields]", "schedule = \"@hourly\"\ntimezone = \"Europe/London\"\n[fields]"),
		"tags":                    inSync("[fields]", "tags = [\"a\"]\n[fields]"),
		"guards and limits":       {"syncs/contacts.toml": goodSync + "[guard]\nallow_empty = true\n[retry]\nattempts = 2\n[delivery]\nbatch = 3\n"},
		"another secret":          inMain("HOOK_TOKEN", "OTHER_TOKEN"),
		"another warehouse's":     {FileName: goodMain + "[warehouses.local]\ntype = \"duckdb\"\n"},
		"a default written out":   {FileName: goodMain + "rate = \"50/s\"\n"},
		"the run log's settings":  {FileName: goodMain + "[runlog]\nrows = \"all\"\n"},
		"another model":           {"models/other.sql": "select 2"},
		"the warehouse left out":  inSync(`warehouse = "analytics"`, ""),
	} {
		if got := hashOf(t, files); got != want {
			t.Errorf("%s: the sum changes", name)
		}
	}
}

func TestTheOrderOfFieldsIsOfNoWeight(t *testing.T) {
	t.Parallel()
	if hashOf(t, inSync("[fields]", "[fields]\nplan = \"plan\"")) != hashOf(t, map[string]string{"syncs/contacts.toml": goodSync + "plan = \"plan\"\n"}) {
		t.Error("the sum depends on the order of the fields")
	}
}
