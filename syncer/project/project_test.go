package project

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/mappings"
	"spillway/syncer/alert"
	"spillway/syncer/secrets"
	"spillway/warehouse"
)

type postgresConfig struct {
	DSN     warehouse.Secret `toml:"dsn" help:"How to connect."`
	Host    string           `toml:"host" help:"The server."`
	Port    int              `toml:"port" default:"5432" min:"1" max:"65535" help:"Its port."`
	SSLMode string           `toml:"sslmode" default:"require" enum:"disable,require,verify-full" help:"How far TLS goes."`
}

type duckdbConfig struct {
	Path    string `toml:"path" help:"A database file."`
	Threads int    `toml:"threads" default:"2" min:"1" help:"Threads."`
}

type hookConfig struct {
	URL     string                         `toml:"url" required:"true" help:"Where to post."`
	Format  string                         `toml:"format" default:"batch" enum:"batch,single" help:"One record or many."`
	Headers map[string]string              `toml:"headers" help:"Sent with each request."`
	Hidden  map[string]destinations.Secret `toml:"secret_headers" help:"Likewise, but secret."`
	Token   destinations.Secret            `toml:"token" help:"The bearer token."`
	Dev     destinations.Secret            `toml:"dev_token" literal:"true" help:"A token that is no secret."`
	Rate    destinations.Rate              `toml:"rate" default:"50/s" help:"Requests."`
	Timeout time.Duration                  `toml:"timeout" default:"60s" min:"1s" max:"10m" help:"Of one request."`
	Verify  *bool                          `toml:"verify" help:"Whether certificates are checked."`
}

// openTestWriter refuses port 1, as a kind of warehouse may refuse settings that are good to read with.
func openTestWriter(_ context.Context, c postgresConfig, _ warehouse.Env) (warehouse.Writer, error) {
	if c.Port == 1 {
		return nil, errors.New("port 1 is only for reading")
	}
	return idleWriter{}, nil
}

type idleWriter struct{ warehouse.Writer }

func (idleWriter) Close() error { return nil }

func testKinds() Kinds {
	quote := func(name ...string) string {
		text := ""
		for i, n := range name {
			if i > 0 {
				text += "."
			}
			text += `"` + n + `"`
		}
		return text
	}
	return Kinds{
		Warehouses: []warehouse.Definition{
			warehouse.Writing(warehouse.Define(warehouse.Definition{Name: "postgres", Title: "PostgreSQL", Quote: quote},
				func(context.Context, postgresConfig, warehouse.Env) (warehouse.Warehouse, error) { return nil, nil }), openTestWriter),
			warehouse.Define(warehouse.Definition{Name: "duckdb", Title: "DuckDB", Quote: quote},
				func(context.Context, duckdbConfig, warehouse.Env) (warehouse.Warehouse, error) { return nil, nil }),
		},
		Destinations: []destinations.Definition{
			destinations.Define(destinations.Definition{Name: "http", Title: "HTTP"},
				func(context.Context, hookConfig, destinations.Env) (destinations.Destination, error) { return nil, nil }),
		},
		Alerts: []alert.Definition{bell()},
	}
}

const goodMain = `[project]
name = "crm"

[warehouses.analytics]
type = "postgres"
dsn = { env = "WAREHOUSE_DSN" }

[destinations.hook]
type = "http"
url = "https://ops.example.com/people"
token = { env = "HOOK_TOKEN" }
`

const goodSync = `model = "customers"
warehouse = "analytics"
destination = "hook"
object = "people"
key = "customer_id"
identifier = "email"

[fields]
email = "email"
`

// write makes a project of files, by path.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, content := range files {
		full := filepath.Join(root, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// load loads a project that must be sound: the good one with files in place of its own.
func load(t *testing.T, files map[string]string) *Project {
	t.Helper()
	p, problems := Load(write(t, withGood(files)), testKinds())
	if err := problems.Err(); err != nil {
		t.Fatalf("the project has problems:\n%s", err)
	}
	return p
}

// withGood adds the files of a sound project to files, save those that are "-" there.
func withGood(files map[string]string) map[string]string {
	all := map[string]string{
		FileName:               goodMain,
		"models/customers.sql": "select * from customers;\n",
		"syncs/contacts.toml":  goodSync,
	}
	for path, content := range files {
		all[path] = content
		if content == "-" {
			delete(all, path)
		}
	}
	return all
}

func TestEverySettingOfTheDesignIsRead(t *testing.T) {
	t.Parallel()
	p := load(t, map[string]string{
		FileName: goodMain + `
[state]
dir = "/var/lib/spillway"
memory = "1.5GB"
encryption_key = { env = "STATE_KEY" }

[runlog]
rows = "all"
keys = "hash"
retention = "90d"
samples = true
mask = ["email", "custom.phone"]
samples_ttl = "2d"
samples_size = "16KB"
warehouse = "analytics"
schema = "audit.raw"
prefix = "crm_"

[destinations.hook.headers]
X-Team = "data"

[defaults]
schedule = "*/15 * * * *"
`,
		"syncs/contacts.toml": `# syncs/contacts.toml
model       = "customers"
warehouse   = "analytics"
destination = "hook"
object      = "contacts"
mode        = "update"
key         = ["account_id", "user_id"]
identifier  = "email"
on_removed  = "archive"
timezone    = "Europe/London"
tags        = ["crm", "daily"]

[fields]
email      = "email"
firstname  = { column = "first_name", default = "there" }
plan       = { column = "plan", map = { free = "Free", pro = "Pro" } }
full_name  = { expr = "first_name + ' ' + last_name" }
source     = { value = "warehouse" }
signup     = { column = "created_at", type = "date" }
lead_score = { column = "score", on_null = "skip" }
first_seen = { column = "created_at", when = "insert" }
custom_attributes.plan = "plan"
"custom_attributes.tier" = "tier"

[guard]
max_removed   = 500
max_changed   = "50%"
allow_empty   = true
allow_keyless = true
max_invalid   = "0.5%"

[retry]
attempts  = 3
give_up   = { runs = 4, age = "7d" }

[delivery]
batch       = 100
rate        = "8/s"
concurrency = 4
`,
	})
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	at := func(line int) mappings.Place { return mappings.At("syncs/contacts.toml", line) }
	want := &Sync{
		Name: "contacts", File: "syncs/contacts.toml",
		Model: "customers", SQL: "select * from customers",
		Warehouse: "analytics", Destination: "hook", Object: "contacts",
		Mode: destinations.Update, Key: []string{"account_id", "user_id"}, Identifier: "email", OnRemoved: "archive",
		Schedule: "*/15 * * * *", Timezone: london, Overlap: SkipOverlap, CatchUp: CatchUpLatest, CatchUpMax: 24,
		Tags: []string{"crm", "daily"},
		Mapping: mappings.Spec{
			Sync: "contacts", Destination: "hook", Object: "contacts",
			Key: []string{"account_id", "user_id"}, Identifier: "email", Mode: destinations.Update, OnRemoved: "archive",
			At: "syncs/contacts.toml", Lines: []mappings.KeyPlace{
				{Key: "model", At: at(2)},
				{Key: "warehouse", At: at(3)},
				{Key: "destination", At: at(4)},
				{Key: "object", At: at(5)},
				{Key: "mode", At: at(6)},
				{Key: "key", At: at(7)},
				{Key: "identifier", At: at(8)},
				{Key: "on_removed", At: at(9)},
				{Key: "timezone", At: at(10)},
				{Key: "tags", At: at(11)},
				{Key: "fields", At: at(13)},
				{Key: "guard", At: at(25)},
				{Key: "retry", At: at(32)},
				{Key: "delivery", At: at(36)},
				{Key: "schedule", At: mappings.At("spillway.toml", 34)},
			},
			Fields: []mappings.Field{
				{Name: "email", Column: "email", At: at(14)},
				{Name: "firstname", Column: "first_name", Default: "there", HasDefault: true, At: at(15)},
				{Name: "plan", Column: "plan", Map: map[string]any{"free": "Free", "pro": "Pro"}, At: at(16)},
				{Name: "full_name", Expr: "first_name + ' ' + last_name", At: at(17)},
				{Name: "source", Value: "warehouse", HasValue: true, At: at(18)},
				{Name: "signup", Column: "created_at", Type: destinations.DateType, At: at(19)},
				{Name: "lead_score", Column: "score", OnNull: mappings.Skip, At: at(20)},
				{Name: "first_seen", Column: "created_at", When: mappings.OnInsert, At: at(21)},
				{Name: "custom_attributes.plan", Column: "plan", At: at(22)},
				{Name: "custom_attributes.tier", Column: "tier", At: at(23)},
			},
		},
		Guard: Guard{
			MaxRemoved: Share{Rows: 500}, MaxChanged: Share{PerMillion: 500_000, Relative: true},
			MaxInvalid: Share{PerMillion: 5_000, Relative: true}, AllowEmpty: true, AllowKeyless: true,
		},
		Retry:    Retry{Attempts: 3, GiveUp: GiveUp{Runs: 4, Age: 7 * 24 * time.Hour}},
		Delivery: Delivery{Batch: 100, Rate: destinations.Rate{Requests: 8, Per: time.Second}, Concurrency: 4, Fields: AllFields},
	}
	if len(p.Syncs) != 1 {
		t.Fatalf("%d syncs were loaded, want 1", len(p.Syncs))
	}
	got := *p.Syncs[0]
	if len(got.ConfigHash) != 64 {
		t.Errorf("the configuration's sum is %q", got.ConfigHash)
	}
	got.ConfigHash = ""
	if diff := cmp.Diff(want, &got, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
		t.Errorf("the sync differs (-want +got):\n%s", diff)
	}
	if s := p.State; s.Dir != "/var/lib/spillway" || s.Memory != 3<<29 || s.EncryptionKey.Origin() != "environment variable STATE_KEY" {
		t.Errorf("the state is kept as %+v", s)
	}
	if diff := cmp.Diff(Runlog{
		Rows: "all", Keys: "hash", Retention: 90 * 24 * time.Hour,
		Samples: ProblemSamples, Mask: []string{"email", "custom.phone"}, SamplesTTL: 48 * time.Hour, SamplesSize: 16 * kilobyte,
		Warehouse: "analytics", Schema: "audit.raw", Prefix: "crm_",
	}, p.Runlog); diff != "" {
		t.Error(diff)
	}
	hook, ok := p.Destinations["hook"].Config.(*hookConfig)
	if !ok {
		t.Fatalf("the destination's settings are %T", p.Destinations["hook"].Config)
	}
	if diff := cmp.Diff(map[string]string{"X-Team": "data"}, hook.Headers); diff != "" {
		t.Error(diff)
	}
	if token, ok := hook.Token.(secrets.Secret); !ok || token.Origin() != "environment variable HOOK_TOKEN" {
		t.Errorf("the token is %T", hook.Token)
	}
}

func TestASyncWithoutItsOwnHasTheDefaultsOfTheDesign(t *testing.T) {
	t.Parallel()
	p := load(t, map[string]string{"syncs/contacts.toml": strings.Replace(goodSync, "warehouse =", "#", 1)})
	s := p.Syncs[0]
	type defaults struct {
		Warehouse, OnRemoved, Schedule, Zone string
		Mode                                 destinations.Op
		Guard                                Guard
		Retry                                Retry
		Delivery                             Delivery
		State                                string
		Runlog                               Runlog
	}
	want := defaults{
		Warehouse: "analytics", OnRemoved: "ignore", Zone: "UTC", Mode: destinations.Upsert,
		Guard: Guard{
			MaxRemoved: Share{PerMillion: 100_000, Relative: true},
			MaxChanged: Share{PerMillion: 1_000_000, Relative: true},
			MaxInvalid: Share{PerMillion: 10_000, Relative: true},
		},
		Retry:    Retry{Attempts: 5, GiveUp: GiveUp{Runs: 10, Age: 14 * 24 * time.Hour}},
		Delivery: Delivery{Fields: AllFields},
		State:    filepath.Join(p.Root, ".spillway"),
		Runlog: Runlog{
			Rows: "problems", Keys: "plain", Retention: 30 * 24 * time.Hour, SamplesTTL: 7 * 24 * time.Hour, SamplesSize: 4 * kilobyte,
			Prefix: "spillway_",
		},
	}
	got := defaults{s.Warehouse, s.OnRemoved, s.Schedule, s.Timezone.String(), s.Mode, s.Guard, s.Retry, s.Delivery, p.State.Dir, p.Runlog}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}
