package examples_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"spillway/cmd/spillway/notify"
	destinationsall "spillway/destinations/all"
	"spillway/syncer"
	"spillway/syncer/project"
	warehouseall "spillway/warehouse/all"
)

// projects are the examples, each in a directory of its own, with the syncs it has.
var projects = map[string][]string{
	"quickstart":             {"contacts"},
	"postgres-to-customerio": {"customers", "purchases"},
	"postgres-to-hubspot":    {"companies", "contacts"},
	"postgres-to-intercom":   {"accounts", "users"},
	"postgres-to-mailchimp":  {"subscribers"},
	"postgres-to-salesforce": {"accounts", "contacts"},
	"postgres-to-sendgrid":   {"contacts"},
	"postgres-to-slack":      {"incidents", "orders"},
	"postgres-to-zendesk":    {"accounts", "late_parcels", "users"},
	"http":                   {"people"},
}

func kinds() project.Kinds {
	return project.Kinds{Warehouses: warehouseall.Definitions(), Destinations: destinationsall.Definitions(), Alerts: notify.Definitions()}
}

func TestEveryDirectoryWithAProjectIsTested(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/" + project.FileName)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range files {
		found[filepath.Dir(file)] = true
	}
	want := map[string]bool{}
	for name := range projects {
		want[name] = true
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("examples (-want +got):\n%s", diff)
	}
}

func TestEveryExampleLoadsAndIsValidOffline(t *testing.T) {
	t.Parallel()
	for name, want := range projects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, problems := project.Load(name, kinds())
			if err := problems.Err(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range p.Syncs {
				got = append(got, s.Name)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("syncs (-want +got):\n%s", diff)
			}
			for _, problem := range syncer.CheckOffline(p) {
				t.Error(problem.String())
			}
		})
	}
}

func TestEveryFileOfTheExamplesNamesASchemaThatItSatisfies(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"*/" + project.FileName, "*/syncs/*.toml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				schema := compiled(t, namedSchema(t, file, string(text)))
				if err := schema.Validate(instance(t, string(text))); err != nil {
					t.Errorf("%#v", err)
				}
			})
		}
	}
}

func TestTheSchemasRefuseWhatTheDecoderRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, schema, toml string }{
		{"a key that there is not", "sync", `modle = "customers"`},
		{"a mode that there is not", "sync", `mode = "merge"`},
		{"text where a number stands", "sync", "[delivery]\nbatch = \"many\""},
		{"a kind of warehouse that there is not", "project", "[project]\nname = \"x\"\n[warehouses.w]\ntype = \"oracle\""},
		{"a destination without what it needs", "project", "[project]\nname = \"x\"\n[destinations.d]\ntype = \"http\""},
		{"a destination's key that there is not", "project", "[project]\nname = \"x\"\n[destinations.d]\ntype = \"sandbox\"\nurll = \"x\""},
		{"a table that there is not", "project", "[project]\nname = \"x\"\n[destination.d]\ntype = \"sandbox\""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			schema := compiled(t, filepath.Join("quickstart", ".schema", test.schema+".json"))
			if err := schema.Validate(instance(t, test.toml)); err == nil {
				t.Errorf("the schema takes:\n%s", test.toml)
			}
		})
	}
}

// namedSchema returns the file that the first line of a TOML file names.
func namedSchema(t *testing.T, file, text string) string {
	t.Helper()
	first, _, _ := strings.Cut(text, "\n")
	name, ok := strings.CutPrefix(first, "#:schema ")
	if !ok {
		t.Fatalf("the first line is %q", first)
	}
	return filepath.Join(filepath.Dir(file), filepath.FromSlash(name))
}

func compiled(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	document, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	if err := c.AddResource("schema.json", document); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if schema.DraftVersion != 4 {
		t.Errorf("%s is of draft %d, want 4", file, schema.DraftVersion)
	}
	return schema
}

// instance is a TOML text as a JSON Schema sees it.
func instance(t *testing.T, text string) any {
	t.Helper()
	var value map[string]any
	if _, err := toml.Decode(text, &value); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
