package project

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spillway/syncer/settings"
)

// dbtManifest is one as dbt writes it, made so long ago.
func dbtManifest(age time.Duration) string {
	return fmt.Sprintf(`{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/manifest/v12.json","generated_at":%q,
		"project_name":"shop","adapter_type":"postgres"},"nodes":{
		"model.shop.dim_customers":{"name":"dim_customers","package_name":"shop","resource_type":"model","version":null,
			"relation_name":"\"analytics\".\"marts\".\"dim_customers\"","depends_on":{"nodes":[]}},
		"model.shop.dim_orders.v1":{"name":"dim_orders","package_name":"shop","resource_type":"model","version":1,"latest_version":2,
			"relation_name":"\"analytics\".\"marts\".\"dim_orders_v1\""},
		"model.shop.dim_orders.v2":{"name":"dim_orders","package_name":"shop","resource_type":"model","version":2,"latest_version":2,
			"relation_name":"\"analytics\".\"marts\".\"dim_orders_v2\""},
		"model.shop.stg_x":{"name":"stg_x","package_name":"shop","resource_type":"model","relation_name":null},
		"seed.shop.countries":{"name":"countries","package_name":"shop","resource_type":"seed","relation_name":"\"analytics\".\"raw\".\"countries\""},
		"test.shop.unique":{"name":"unique","package_name":"shop","resource_type":"test","relation_name":null},
		"model.utils.dim_customers":{"name":"dim_customers","package_name":"utils","resource_type":"model","relation_name":"\"u\".\"c\""},
		"model.a.shared":{"name":"shared","package_name":"a","resource_type":"model","relation_name":"\"a\".\"shared\""},
		"model.b.shared":{"name":"shared","package_name":"b","resource_type":"model","relation_name":"\"b\".\"shared\""}}}`,
		time.Now().Add(-age).UTC().Format(time.RFC3339Nano))
}

// dbtProject writes a project beside a dbt project and loads it. An empty manifest writes none.
func dbtProject(t *testing.T, manifest, model, main string) (*Project, Problems) {
	t.Helper()
	base := write(t, map[string]string{})
	if manifest != "" {
		dir := filepath.Join(base, "dbt", "target")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(manifest), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := withGood(map[string]string{
		FileName:              strings.Replace(goodMain, "[project]\n", "[project]\n"+main+"\n", 1),
		"syncs/contacts.toml": strings.Replace(goodSync, `model = "customers"`, "model = "+model, 1),
	})
	for name, text := range files {
		path := filepath.Join(base, "crm", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(filepath.Join(base, "crm"), testKinds())
}

func TestModelsOfDBTAreReadFromTheirRelations(t *testing.T) {
	t.Parallel()
	for model, relation := range map[string]string{
		`{ dbt = "dim_customers" }`:       `"analytics"."marts"."dim_customers"`,
		`{ dbt = "utils.dim_customers" }`: `"u"."c"`,
		`{ dbt = "dim_orders" }`:          `"analytics"."marts"."dim_orders_v2"`,
		`{ dbt = "dim_orders.v1" }`:       `"analytics"."marts"."dim_orders_v1"`,
		`{ dbt = "countries" }`:           `"analytics"."raw"."countries"`,
		`{ dbt = "b.shared" }`:            `"b"."shared"`,
	} {
		p, problems := dbtProject(t, dbtManifest(time.Hour), model, `dbt = "../dbt"`)
		if err := problems.Err(); err != nil {
			t.Errorf("%s: %v", model, err)
			continue
		}
		if s := p.Syncs[0]; s.SQL != "select * from "+relation || s.Table != relation || !strings.Contains(model, `"`+s.Model+`"`) {
			t.Errorf("%s reads %s as model %s", model, s.SQL, s.Model)
		}
	}
}

func TestWhatIsWrongWithAModelOfDBTIsNamed(t *testing.T) {
	t.Parallel()
	const well, of = `dbt = "../dbt"`, `{ dbt = "dim_customers" }`
	for name, c := range map[string]struct{ manifest, model, main, want string }{
		"a model that is missing":      {dbtManifest(0), `{ dbt = "dim_custmers" }`, well, `there is no dbt model "dim_custmers" in the manifest of 2`},
		"with the nearest name":        {dbtManifest(0), `{ dbt = "dim_custmers" }`, well, "dim_customers"},
		"a test is no model":           {dbtManifest(0), `{ dbt = "unique" }`, well, "there is no dbt model"},
		"an ephemeral model":           {dbtManifest(0), `{ dbt = "stg_x" }`, well, "ephemeral"},
		"a name of two packages":       {dbtManifest(0), `{ dbt = "shared" }`, well, "write a.shared"},
		"no dbt project":               {dbtManifest(0), of, "", `dbt = "../dbt"`},
		"an empty directory":           {dbtManifest(0), of, `dbt = ""`, "must not be empty"},
		"no manifest":                  {"", of, well, "cannot be read"},
		"a manifest that is none":      {"[1]", of, well, "not the JSON of a dbt manifest"},
		"a manifest without its age":   {`{"nodes":{}}`, of, well, "when it was made"},
		"an old manifest":              {dbtManifest(31 * 24 * time.Hour), of, well, "31 days old: run dbt parse"},
		"an older one than is allowed": {dbtManifest(3 * time.Hour), of, well + "\ndbt_max_age = \"2h\"", "run dbt parse"},
		"another system":               {strings.Replace(dbtManifest(0), `"adapter_type":"postgres"`, `"adapter_type":"duckdb"`, 1), of, well, "builds in duckdb"},
		"no name":                      {dbtManifest(0), `{ dbt = "" }`, well, "must not be empty"},
		"nothing":                      {dbtManifest(0), `{ }`, well, "is required"},
		"another key":                  {dbtManifest(0), `{ dbt = "countries", shema = "x" }`, well, "unknown key"},
		"a number":                     {dbtManifest(0), `3`, well, "must be a string or a table"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, problems := dbtProject(t, c.manifest, c.model, c.main)
			if p != nil || !strings.Contains(problems.Error(), c.want) {
				t.Errorf("the problems are %v, want %q in them", problems, c.want)
			}
		})
	}
}

func TestAManifestOfAnyAgeMayBeTaken(t *testing.T) {
	t.Parallel()
	_, problems := dbtProject(t, dbtManifest(1000*24*time.Hour), `{ dbt = "countries" }`, "dbt = \"../dbt\"\ndbt_max_age = \"0s\"")
	if err := problems.Err(); err != nil {
		t.Error(err)
	}
}

func TestOnlyTheManifestOfADBTProjectIsRead(t *testing.T) {
	t.Parallel()
	base := write(t, map[string]string{"secret/manifest.json": dbtManifest(0), "dbt/x": ""})
	if err := os.Symlink("../secret", filepath.Join(base, "dbt", "target")); err != nil {
		t.Fatal(err)
	}
	if _, err := readManifest(filepath.Join(base, "dbt")); err == nil {
		t.Error("a link that leads out of the dbt project was followed")
	}
	if err := os.Remove(filepath.Join(base, "dbt", "target")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(base, "dbt", "target", "manifest.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := readManifest(filepath.Join(base, "dbt")); err == nil || !strings.Contains(err.Error(), "regular") {
		t.Errorf("a directory in the manifest's place gave %v", err)
	}
}

var _ settings.TableDecoder = (*modelRef)(nil)
