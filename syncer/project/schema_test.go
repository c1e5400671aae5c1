package project

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"spillway/syncer/settings"
)

// compile reads a schema as an editor would: from its JSON, as draft-04, itself held against the schema of schemas.
func compile(t *testing.T, schema map[string]any) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatalf("the schema is none: %s", err)
	}
	if compiled.DraftVersion != 4 {
		t.Errorf("the schema is of draft %d", compiled.DraftVersion)
	}
	return compiled
}

// validate holds a TOML file against a schema.
func validate(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	table, problems := settings.Parse("f.toml", []byte(text))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(settings.Plain(table))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(asJSON)))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(document)
}

// goodFiles are files that both the loader and the schemas take.
func goodFiles() (mains, syncs map[string]string) {
	mains = map[string]string{
		"the good one": goodMain,
		"secrets of every form": goodMain + `
dev_token = "open"
secret_headers = { A = { file = "/run/secrets/a" }, B = { command = ["op", "read", "x"] } }
[warehouses.other]
type = "postgres"
dsn = { command = ["pass"] }
`,
		"every table": goodMain + `
headers = { X-Team = "data" }
rate = "100/10s"
timeout = "1m30s"
verify = false
[state]
dir = "/var/lib/x"
memory = "1.5 gb"
encryption_key = { file = "/run/secrets/key" }
[runlog]
rows = "none"
keys = "hash"
retention = "1d12h"
samples = "all"
mask = ["email"]
samples_ttl = "1d"
samples_size = "1 KB"
warehouse = "analytics"
[warehouses.local]
type = "duckdb"
threads = 4
[defaults]
schedule = "@hourly"
warehouse = "analytics"
[defaults.guard]
max_removed = 100
[defaults.fields]
source = { value = "warehouse" }
`,
	}
	syncs = map[string]string{
		"the good one":       goodSync,
		"only what is new":   strings.Replace(goodSync, `model = "customers"`, `table = "a.customers"`, 1),
		"with a schema line": "#:schema ./sync.schema.json\n" + goodSync,
		"everything": `sql = "select 1"
warehouse = "analytics"
destination = "hook"
object = "people"
mode = "insert"
key = ["a", "b"]
identifier = "email"
on_removed = "delete"
schedule = "@every 10m"
timezone = "Europe/London"
tags = ["crm"]
[fields]
email = "email"
a = { column = "a", default = 1, map = { x = true }, type = "json", on_null = "send", when = "insert" }
b = { value = [1, 2] }
c.d.e = "x"
c.d.f = { value = 1.5 }
"g.h" = "y"
[fields.z]
column = "z"
[guard]
max_removed = "0.5%"
max_changed = 0
max_invalid = "100%"
allow_empty = true
allow_keyless = true
[retry]
attempts = 20
give_up = { runs = 1, age = "36h" }
[delivery]
batch = 1
rate = "8/s"
concurrency = 64
`,
	}
	return mains, syncs
}

func TestTheSchemasAndTheLoaderTakeTheSameGoodFiles(t *testing.T) {
	t.Parallel()
	kinds := testKinds()
	both, mainOnly, syncOnly := compile(t, kinds.Schema()), compile(t, kinds.ProjectSchema()), compile(t, kinds.SyncSchema())
	mains, syncs := goodFiles()
	for name, text := range mains {
		if err := validate(t, both, text); err != nil {
			t.Errorf("%s: the schema of both: %s", name, err)
		}
		if err := validate(t, mainOnly, text); err != nil {
			t.Errorf("%s: the schema of the project: %s", name, err)
		}
		if err := validate(t, syncOnly, text); err == nil {
			t.Errorf("%s: the schema of syncs takes a project", name)
		}
		load(t, map[string]string{FileName: text})
	}
	for name, text := range syncs {
		if err := validate(t, both, text); err != nil {
			t.Errorf("%s: the schema of both: %s", name, err)
		}
		if err := validate(t, syncOnly, text); err != nil {
			t.Errorf("%s: the schema of syncs: %s", name, err)
		}
		if err := validate(t, mainOnly, text); err == nil {
			t.Errorf("%s: the schema of the project takes a sync", name)
		}
		load(t, map[string]string{"syncs/contacts.toml": text})
	}
}

// beyondSchema are the mistakes that no schema can see: they are between files, of a secret that the project may allow,
// of a time zone or schedule, or of what depends on another key.
func beyondSchema() map[string]bool {
	beyond := map[string]bool{}
	for _, name := range []string{
		"an unknown model", "a model that names its file", "an unknown warehouse", "no warehouse where there are two",
		"no warehouse where there is none", "an unknown destination", "no destination", "no source at all", "an empty sync",
		"two syncs of one name", "a sync with a blank in its name",
		"SQL that is only a comment", "a table without a name", "a model and SQL",
		"an empty model", "an empty spillway.toml", "a state directory without a name", "an empty schedule",
		"a key with a part twice", "an identifier that is not mapped", "a tag with a colon", "a tag twice",
		"a schedule of four fields", "a schedule with a minute too many", "a schedule with seconds", "a schedule by an unknown word",
		"a schedule every nothing", "a schedule every so often", "a schedule with a time zone", "a schedule on the 30th of February",
		"an unknown time zone", "a time zone in lower case", "the machine's own time zone", "a time zone that is a path",
		"no fields", "a field without a source", "a field mapped twice under two spellings", "a field with an empty name", "an identifier that is a constant",
		"a rate without a time", "a delivery rate without a number", "a retention of no time", "a time-out beyond its bounds", "a memory that is too small", "a memory that is too large",
		"a mask of nothing", "samples that are too large",
		"a jitter of days", "a sync after itself", "a sync after one that there is not", "an address without a port",
		"an address with a port that there is not", "a host that is a URL", "a certificate without its key", "a key without its certificate",
		"a run log in a warehouse that there is not", "a run log in a warehouse of a type that cannot be written",
		"a run log in a warehouse whose settings are only for reading", "tables of a run log without a warehouse",
		"tables of a run log whose names need quotes",
		"defaults with a bad schedule", "defaults with an unknown destination that no sync uses",
	} {
		beyond[name] = true
	}
	return beyond
}

func TestTheSchemaSeesEveryMistakeThatIsOfOneFile(t *testing.T) {
	t.Parallel()
	kinds := testKinds()
	mainSchema, syncSchema := compile(t, kinds.ProjectSchema()), compile(t, kinds.SyncSchema())
	beyond := beyondSchema()
	for _, m := range mistakes() {
		files := m.project()
		good, seen, parsed := withGood(nil), false, files[FileName] != ""
		for path, text := range files {
			if path == FileName && text != good[FileName] || path == "syncs/contacts.toml" && text != good[path] {
				table, problems := settings.Parse(path, []byte(text))
				if len(problems) > 0 {
					parsed = false
					continue
				}
				if _, err := json.Marshal(settings.Plain(table)); err != nil {
					parsed = false // nan and inf, which are no JSON
					continue
				}
				schema := syncSchema
				if path == FileName {
					schema = mainSchema
				}
				seen = seen || validate(t, schema, text) != nil
			} else if good[path] != text {
				parsed = false // a mistake in SQL, or of files' names
			}
		}
		if parsed && seen == beyond[m.name] {
			t.Errorf("%s: the schema sees it: %t, want %t", m.name, seen, !beyond[m.name])
		}
	}
}

func TestTheSchemaIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("testdata", "schema.json")
	got, err := json.MarshalIndent(testKinds().Schema(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the schema (-want +got):\n%s", diff)
	}
	again, err := json.MarshalIndent(testKinds().Schema(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), string(again)+"\n"); diff != "" {
		t.Errorf("made again:\n%s", diff)
	}
}

func TestTheDocumentationListsEverySettingOfTheDesign(t *testing.T) {
	t.Parallel()
	reference := Reference()
	for file, keys := range map[string][]string{
		FileName:       {"project.name", "project.allow_plaintext_secrets", "state.dir", "runlog.rows", "runlog.keys", "runlog.retention", "warehouses", "destinations", "defaults"},
		"syncs/*.toml": {"model", "sql", "table", "guard.max_removed", "retry.give_up.age", "delivery.rate", "timezone", "fields"},
		"fields":       {"column", "expr", "value", "default", "map", "type", "on_null", "when"},
	} {
		for _, key := range keys {
			if !strings.Contains(reference[file], "| `"+key+"` |") {
				t.Errorf("%s: %s is not listed", file, key)
			}
		}
	}
}

func TestTheSchemaAcceptsEveryDurationThatTheLoaderTakes(t *testing.T) {
	t.Parallel()
	schema := compile(t, testKinds().ProjectSchema())
	for _, text := range []string{"0", "1h", "14d", "1d12h", "1.5h", "90m", "3600s", "4000000ms"} {
		if _, err := settings.ParseDuration(text); err != nil {
			t.Fatalf("%s: %s", text, err)
		}
		if err := validate(t, schema, goodMain+"[runlog]\nretention = \""+text+"\"\n"); err != nil {
			t.Errorf("%s: %s", text, err)
		}
	}
}
