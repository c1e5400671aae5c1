package settings

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaOf compiles the draft-04 schema of the settings that v declares.
func schemaOf(t *testing.T, v any) *jsonschema.Schema {
	t.Helper()
	schema := Object(v)
	schema["$schema"], schema["definitions"] = "http://json-schema.org/draft-04/schema#", Definitions()
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", jsonOf(t, schema)); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatalf("the schema is none: %s", err)
	}
	return compiled
}

// jsonOf returns v as the JSON that others would read.
func jsonOf(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	read, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func TestTheSchemaAndTheDecoderAgree(t *testing.T) {
	t.Parallel()
	schema := schemaOf(t, everything{})
	for _, text := range []string{
		``, `text = ""`, `word = "one"`, `yes = false`, `no = true`, `int = 5`, `size = 0`, `float = 1`, `age = "1d12h"`, `even = "12"`,
		`list = []`, `list = ["one"]`, `many = "a"`, `many = ["a", "b"]`, `any = [1]`, `words = { a = "one" }`, `anys = { a = { b = 1 } }`,
		`nested = {}`, `nested = { runs = 2 }`, `tables = { a = { age = "1h" } }`, `raw = { a = 1 }`,
		`token = { env = "A" }`, `token = { file = "a" }`, `token = { command = ["a"] }`, `open = "x"`, `open = { env = "A" }`,
		`headers = { a = { env = "A" } }`,

		`text = 1`, `word = "three"`, `yes = 1`, `no = "x"`, `int = 6`, `int = 1.5`, `int = "1"`, `size = -1`, `float = 1.5`, `float = "1"`,
		`age = 3`, `age = "1w"`, `age = "-1h"`, `list = "one"`, `list = ["three"]`, `many = 1`, `many = [1]`, `words = { a = "three" }`, `words = 1`,
		`anys = 1`, `nested = 1`, `nested = { runs = 0 }`, `nested = { x = 0 }`, `tables = { a = 1 }`, `tables = { a = { x = 1 } }`, `raw = 1`,
		`token = "x"`, `token = {}`, `token = { env = "A", file = "b" }`, `token = { env = "a-b" }`, `token = { env = 1 }`, `token = { file = "" }`,
		`token = { command = "x" }`, `token = { command = [] }`, `token = { vault = "x" }`, `open = ""`, `open = 1`, `headers = { a = "x" }`, `headers = 1`,
		`unknown = 1`,
	} {
		table := parse(t, "f.toml", text)
		var got everything
		taken := len(Decode(table, &got, Options{})) == 0
		err := schema.Validate(jsonOf(t, Plain(table)))
		if (err == nil) != taken {
			t.Errorf("%s: the decoder takes it: %t; the schema: %v", text, taken, err)
		}
	}
}

func TestTheSchemaSaysWhatSettingsAreFor(t *testing.T) {
	t.Parallel()
	properties, ok := Object(hook{})["properties"].(map[string]any)
	if !ok {
		t.Fatal("the schema has no properties")
	}
	for _, s := range Describe(hook{}) {
		property, ok := properties[s.Name].(map[string]any)
		if !ok || property["description"] != s.Help || property["default"] != s.Default {
			t.Errorf("%s: %v", s.Name, property)
		}
	}
}
