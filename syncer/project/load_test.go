package project

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
)

func TestDefaultsStandWhereTheSyncIsSilent(t *testing.T) {
	t.Parallel()
	p := load(t, map[string]string{
		FileName: goodMain + `
[defaults]
schedule = "@daily"
timezone = "Europe/London"
on_removed = "clear"
tags = ["all"]
sql = "select 'default'"
[defaults.guard]
max_removed = "1%"
max_changed = "2%"
[defaults.retry]
attempts = 2
give_up = { runs = 3, age = "3d" }
[defaults.delivery]
rate = "1/s"
[defaults.fields]
source = { value = "warehouse", when = "insert" }
email = "default_email"
attributes.a = "default_a"
attributes.b = "default_b"
`,
		"syncs/contacts.toml": strings.Replace(goodSync, "[fields]", `schedule = "@hourly"
tags = ["own"]
[guard]
max_removed = "5%"
[retry.give_up]
runs = 9
[fields]
attributes.b = "own_b"
source = { column = "source" }`, 1),
		"syncs/silent.toml": "destination = \"hook\"\nobject = \"people\"\nkey = \"id\"\nidentifier = \"email\"\n",
	})
	type fields map[string]string
	type seen struct {
		Schedule, Zone, OnRemoved, SQL string
		Tags                           []string
		MaxRemoved, MaxChanged         string
		Retry                          Retry
		Rate                           destinations.Rate
		Fields                         fields
	}
	see := func(name string) seen {
		s, _ := p.Sync(name)
		f := fields{}
		for _, field := range s.Mapping.Fields {
			f[field.Name] = field.Column
			if field.HasValue {
				f[field.Name], _ = field.Value.(string)
			}
		}
		return seen{
			s.Schedule, s.Timezone.String(), s.OnRemoved, s.SQL, s.Tags, s.Guard.MaxRemoved.String(), s.Guard.MaxChanged.String(),
			s.Retry, s.Delivery.Rate, f,
		}
	}
	once := destinations.Rate{Requests: 1, Per: time.Second}
	want := []seen{
		{
			"@hourly", "Europe/London", "clear", "select * from customers",
			[]string{"own"},
			"5%", "2%",
			Retry{Attempts: 2, GiveUp: GiveUp{Runs: 9, Age: 72 * time.Hour}},
			once,
			fields{"email": "email", "source": "source", "attributes.a": "default_a", "attributes.b": "own_b"},
		},
		{
			"@daily", "Europe/London", "clear", "select 'default'",
			[]string{"all"},
			"1%", "2%",
			Retry{Attempts: 2, GiveUp: GiveUp{Runs: 3, Age: 72 * time.Hour}},
			once,
			fields{"email": "default_email", "source": "warehouse", "attributes.a": "default_a", "attributes.b": "default_b"},
		},
	}
	if diff := cmp.Diff(want, []seen{see("contacts"), see("silent")}); diff != "" {
		t.Errorf("syncs (-want +got):\n%s", diff)
	}
}

func TestATableIsQuotedForItsWarehouse(t *testing.T) {
	t.Parallel()
	p := load(t, map[string]string{"syncs/contacts.toml": strings.Replace(goodSync, `model = "customers"`, `table = "Analytics.my customers"`, 1)})
	s := p.Syncs[0]
	want := []string{"Analytics.my customers", "Analytics.my customers", `select * from "Analytics"."my customers"`}
	if diff := cmp.Diff(want, []string{s.Model, s.Table, s.SQL}); diff != "" {
		t.Errorf("model, table and SQL (-want +got):\n%s", diff)
	}
}

func TestEverySchedulesFormIsTaken(t *testing.T) {
	t.Parallel()
	for _, schedule := range []string{
		"*/15 * * * *", "0 9 * * MON-FRI", "0 0 29 2 *", "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually",
		"@every 10m", "@every 1h30m", "@every 1s",
	} {
		if why := checkSchedule(schedule); why != "" {
			t.Errorf("%q: %s", schedule, why)
		}
	}
}

func TestPlaintextSecretsAreTakenWhereTheProjectAllowsThem(t *testing.T) {
	t.Parallel()
	text := strings.Replace(goodMain, `{ env = "HOOK_TOKEN" }`, `"literal"`, 1)
	text = strings.Replace(text, "[warehouses", "allow_plaintext_secrets = true\n[warehouses", 1)
	p := load(t, map[string]string{FileName: text})
	hook, ok := p.Destinations["hook"].Config.(*hookConfig)
	if !ok {
		t.Fatalf("the settings are %T", p.Destinations["hook"].Config)
	}
	if value, err := hook.Token.Reveal(t.Context()); err != nil || value != "literal" {
		t.Errorf("Reveal() = %q, %v", value, err)
	}
	if at := p.Destinations["hook"].At; at != "spillway.toml:9" {
		t.Errorf("the destination is declared at %s", at)
	}
}

// FuzzLoad puts arbitrary text in place of both files: whatever it is, there is a project or there are problems.
func FuzzLoad(f *testing.F) {
	for _, m := range mistakes() {
		files := m.project()
		f.Add(files[FileName], files["syncs/contacts.toml"])
	}
	mains, syncs := goodFiles()
	for _, text := range mains {
		f.Add(text, goodSync)
	}
	for _, text := range syncs {
		f.Add(goodMain, text)
	}
	root := f.TempDir()
	for _, dir := range []string{modelsDir, syncsDir} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			f.Fatal(err)
		}
	}
	put := func(t *testing.T, path, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, path), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kinds := testKinds()
	f.Fuzz(func(t *testing.T, mainText, syncText string) {
		put(t, FileName, mainText)
		put(t, "models/customers.sql", "select 1")
		put(t, "syncs/contacts.toml", syncText)
		p, problems := Load(root, kinds)
		if (p == nil) == (len(problems) == 0) {
			t.Fatalf("a project and problems, or neither: %v", problems)
		}
		for _, problem := range problems {
			if problem.File == "" || problem.Message == "" || strings.ContainsAny(problem.String(), "\n") {
				t.Errorf("an unusable problem: %q", problem)
			}
		}
	})
}
