package project

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// mistake is one way to get a project wrong: what is added to the good files, or put in their place.
type mistake struct {
	name  string
	main  string            // after the good spillway.toml
	sync  string            // after the good sync, within [fields]
	top   string            // in place of a line of the good sync that sets the same key, or else its first
	files map[string]string // in place of the good files
}

func mistakes() []mistake {
	return []mistake{
		{name: "no spillway.toml", files: map[string]string{FileName: "-"}},
		{name: "an empty spillway.toml", files: map[string]string{FileName: ""}},
		{name: "a main file that is no TOML", files: map[string]string{FileName: "[project\nname = 3"}},
		{name: "a secret without its quotation marks", files: map[string]string{FileName: "[project]\nname = 'crm'\n[destinations.hook]\ntype='http'\nurl='u'\ntoken = true_canary_value\n"}},
		{name: "a secret as a number with a typing error", files: map[string]string{FileName: "[project]\nname = 'crm'\n[warehouses.x]\ntype='postgres'\ndsn = 0012345canary\n"}},
		{name: "a main file in UTF-16", files: map[string]string{FileName: "\xff\xfe[\x00p\x00"}},
		{name: "a main file that is binary", files: map[string]string{FileName: "[project]\nname = \"\xff\xff\"\n"}},
		{name: "a key twice", main: "url = \"again\"\n"},
		{name: "an unknown table", main: "[warehouse.x]\ntype = \"postgres\"\n"},
		{name: "an unknown table that is near nothing", main: "[zzzzzzzzz]\n"},
		{name: "an unknown key under project", files: map[string]string{FileName: strings.Replace(goodMain, "name =", "naem =", 1)}},
		{name: "a state directory without a name", main: "[state]\ndir = \"\"\n"},
		{name: "a name that is a number", files: map[string]string{FileName: strings.Replace(goodMain, `name = "crm"`, `name = 7`, 1)}},
		{name: "a state directory that is a switch", main: "[state]\ndir = true\n"},
		{name: "a memory that is a number", main: "[state]\nmemory = 64\n"},
		{name: "a memory without a unit", main: "[state]\nmemory = \"64\"\n"},
		{name: "a memory that is too small", main: "[state]\nmemory = \"1MB\"\n"},
		{name: "a memory that is too large", main: "[state]\nmemory = \"1TB\"\n"},
		{name: "an encryption key that stands there itself", main: "[state]\nencryption_key = \"canary\"\n"},
		{name: "a run log that keeps some rows", main: "[runlog]\nrows = \"some\"\n"},
		{name: "a run log with keys in plane text", main: "[runlog]\nkeys = \"plane\"\n"},
		{name: "a retention without a unit", main: "[runlog]\nretention = 30\n"},
		{name: "a retention that is no length of time", main: "[runlog]\nretention = \"a month\"\n"},
		{name: "a retention of no time", main: "[runlog]\nretention = \"0s\"\n"},
		{name: "samples of some rows", main: "[runlog]\nsamples = \"some\"\n"},
		{name: "samples that are a number", main: "[runlog]\nsamples = 1\n"},
		{name: "a mask that is no list", main: "[runlog]\nmask = \"email\"\n"},
		{name: "a mask of nothing", main: "[runlog]\nmask = [\"email\", \" \"]\n"},
		{name: "samples that are too large", main: "[runlog]\nsamples_size = \"2MB\"\n"},
		{name: "a run log in a warehouse that there is not", main: "[runlog]\nwarehouse = \"analytic\"\n"},
		{name: "a run log in a warehouse of a type that cannot be written", main: "[warehouses.local]\ntype = \"duckdb\"\n[runlog]\nwarehouse = \"local\"\n"},
		{name: "a run log in a warehouse whose settings are only for reading", main: "[warehouses.other]\ntype = \"postgres\"\nport = 1\n[runlog]\nwarehouse = \"other\"\n"},
		{name: "tables of a run log without a warehouse", main: "[runlog]\nschema = \"audit\"\nprefix = \"s_\"\n"},
		{name: "tables of a run log whose names need quotes", main: "[runlog]\nwarehouse = \"analytics\"\nschema = \"a b\"\nprefix = \"1;\"\n"},
		{name: "warehouses that are a string", files: map[string]string{FileName: "warehouses = 'x'\n[project]\nname = 'crm'\n[destinations.hook]\ntype='http'\nurl='u'\n"}},
		{name: "a warehouse that is a string", main: "[warehouses]\nother = \"postgres\"\n"},
		{name: "a warehouse without a type", main: "[warehouses.other]\nhost = \"db\"\n"},
		{name: "a warehouse of an unknown type", main: "[warehouses.other]\ntype = \"postgresql\"\n"},
		{name: "a warehouse of a type that nothing is near", main: "[warehouses.other]\ntype = \"oracle\"\n"},
		{name: "a warehouse whose type is a list", main: "[warehouses.other]\ntype = [\"postgres\"]\n"},
		{name: "a warehouse with a blank in its name", main: "[warehouses.\"my db\"]\ntype = \"duckdb\"\n"},
		{name: "a port that is text", main: "[warehouses.other]\ntype = \"postgres\"\nport = \"5432\"\n"},
		{name: "a port out of range", main: "[warehouses.other]\ntype = \"postgres\"\nport = 70000\n"},
		{name: "a port with a fraction", main: "[warehouses.other]\ntype = \"postgres\"\nport = 5432.5\n"},
		{name: "an unknown sslmode", main: "[warehouses.other]\ntype = \"postgres\"\nsslmode = \"verify_full\"\n"},
		{name: "an unknown key of a warehouse", main: "[warehouses.other]\ntype = \"postgres\"\nhots = \"db\"\n"},
		{name: "a literal secret", main: "[warehouses.other]\ntype = \"postgres\"\ndsn = \"postgres://canary\"\n"},
		{name: "a secret that is a number", main: "[warehouses.other]\ntype = \"postgres\"\ndsn = 12345\n"},
		{name: "a secret in place of the name of its variable", main: "[warehouses.other]\ntype = \"postgres\"\ndsn = { env = \"sk-canary-123\" }\n"},
		{name: "a secret from two places", main: "[warehouses.other]\ntype = \"postgres\"\ndsn = { env = \"A\", file = \"b\" }\n"},
		{name: "a secret from nowhere", main: "[warehouses.other]\ntype = \"postgres\"\ndsn = {}\n"},
		{name: "a secret from a vault", main: "[warehouses.other]\ntype = \"postgres\"\ndsn = { fiel = \"b\" }\n"},
		{name: "a secret of a command that is a string", main: "[warehouses.other]\ntype = \"postgres\"\ndsn = { command = \"op read canary\" }\n"},
		{name: "a secret of an empty command", main: "[warehouses.other]\ntype = \"postgres\"\ndsn = { command = [] }\n"},
		{name: "a secret of a file without a name", main: "[warehouses.other]\ntype = \"postgres\"\ndsn = { file = \"\" }\n"},
		{name: "an empty secret where one may be literal", main: "dev_token = \"\"\n"},
		{name: "a destination without its URL", files: map[string]string{FileName: strings.Replace(goodMain, "url =", "#", 1)}},
		{name: "a destination of an unknown type", files: map[string]string{FileName: strings.Replace(goodMain, `"http"`, `"htpp"`, 1)}},
		{name: "a rate without a time", main: "rate = \"50\"\n"},
		{name: "a rate that is a number", main: "rate = 50\n"},
		{name: "a time-out beyond its bounds", main: "timeout = \"1h\"\n"},
		{name: "headers that are numbers", main: "headers = { X-Team = 3 }\n"},
		{name: "secret headers that are literal", main: "secret_headers = { X-Key = \"canary\" }\n"},
		{name: "a switch that is text", main: "verify = \"yes\"\n"},

		{name: "an empty sync", files: map[string]string{"syncs/contacts.toml": ""}},
		{name: "a sync that is no TOML", files: map[string]string{"syncs/contacts.toml": "model = customers\n"}},
		{name: "a sync with a blank in its name", files: map[string]string{"syncs/my contacts.toml": goodSync}},
		{name: "two syncs of one name", files: map[string]string{"syncs/Contacts.toml": goodSync}},
		{name: "an unknown key", top: "idnetifier = \"email\""},
		{name: "an unknown table in a sync", sync: "[gaurd]\nallow_empty = true\n"},
		{name: "an unknown key in a table", sync: "[guard]\nmax_remove = \"10%\"\n"},
		{name: "an unknown model", top: `model = "custmers"`},
		{name: "a model that names its file", top: `model = "customers.sql"`},
		{name: "an empty model", top: `model = ""`},
		{name: "a model and SQL", top: "sql = \"select 1\""},
		{name: "SQL that is only a comment", files: map[string]string{"syncs/contacts.toml": strings.Replace(goodSync, `model = "customers"`, `sql = "-- later"`, 1)}},
		{name: "a table without a name", files: map[string]string{"syncs/contacts.toml": strings.Replace(goodSync, `model = "customers"`, `table = "analytics."`, 1)}},
		{name: "no source at all", files: map[string]string{"syncs/contacts.toml": strings.Replace(goodSync, `model = "customers"`, ``, 1)}},
		{name: "an unknown warehouse", top: `warehouse = "analytic"`},
		{name: "no warehouse where there are two", main: "[warehouses.local]\ntype = \"duckdb\"\n", files: map[string]string{"syncs/contacts.toml": strings.Replace(goodSync, "warehouse =", "#", 1)}},
		{name: "no warehouse where there is none", files: map[string]string{FileName: "[project]\nname = 'crm'\n[destinations.hook]\ntype='http'\nurl='u'\n", "syncs/contacts.toml": strings.Replace(goodSync, "warehouse =", "#", 1)}},
		{name: "an unknown destination", top: `destination = "hok"`},
		{name: "no destination", files: map[string]string{"syncs/contacts.toml": strings.Replace(goodSync, `destination = "hook"`, ``, 1)}},
		{name: "an empty object", top: `object = ""`},
		{name: "an unknown mode", top: `mode = "upsrt"`},
		{name: "an unknown rule for removals", top: `on_removed = "remove"`},
		{name: "a key that is a number", top: `key = 3`},
		{name: "an empty list of keys", top: `key = []`},
		{name: "an empty key", top: `key = ""`},
		{name: "a key with an empty part", top: `key = ["a", ""]`},
		{name: "a key with a part twice", top: `key = ["a", "a"]`},
		{name: "a key with a number in it", top: `key = ["a", 2]`},
		{name: "an identifier that is not mapped", top: `identifier = "mail"`},
		{name: "tags that are one string", top: `tags = "crm"`},
		{name: "a tag with a colon", top: `tags = ["tag:crm"]`},
		{name: "a tag twice", top: `tags = ["crm", "crm"]`},

		{name: "a schedule of four fields", top: `schedule = "* * * *"`},
		{name: "a schedule with a minute too many", top: `schedule = "60 * * * *"`},
		{name: "a schedule with seconds", top: `schedule = "0 0 * * * *"`},
		{name: "a schedule by an unknown word", top: `schedule = "@hourl"`},
		{name: "a schedule every nothing", top: `schedule = "@every 0s"`},
		{name: "a schedule every so often", top: `schedule = "@every so often"`},
		{name: "a schedule with a time zone", top: `schedule = "TZ=UTC"`},
		{name: "a schedule on the 30th of February", top: `schedule = "0 0 30 2 *"`},
		{name: "a schedule that is a list", top: `schedule = ["@hourly"]`},
		{name: "an empty schedule", top: `schedule = ""`},
		{name: "an overlap that is a wish", top: `overlap = "wait"`},
		{name: "a way to catch up that there is not", top: `catch_up = "every"`},
		{name: "a catching up of nothing", top: `catch_up_max = 0`},
		{name: "a jitter without a unit", top: `jitter = 30`},
		{name: "a jitter of days", top: `jitter = "2d"`},
		{name: "a sync after itself", top: `after = ["contacts"]`},
		{name: "a sync after one that there is not", top: `after = ["contact"]`},
		{name: "a sync after another twice", top: `after = ["other", "other"]`, files: map[string]string{"syncs/other.toml": goodSync}},
		{name: "syncs in a circle", top: `after = ["other"]`, files: map[string]string{
			"syncs/other.toml": strings.Replace(goodSync, "[fields]", "after = [\"third\"]\n[fields]", 1),
			"syncs/third.toml": strings.Replace(goodSync, "[fields]", "after = [\"contacts\"]\n[fields]", 1),
		}},
		{name: "an address without a port", main: "[serve]\nlisten = \"127.0.0.1\"\n"},
		{name: "an address with a port that there is not", main: "[serve]\nlisten = \"127.0.0.1:99999\"\n"},
		{name: "a host that is a URL", main: "[serve]\nhosts = [\"https://ops.example.com\"]\n"},
		{name: "a certificate without its key", main: "[serve]\ntls_cert = \"cert.pem\"\n"},
		{name: "a key without its certificate", main: "[serve]\ntls_key = \"key.pem\"\n"},
		{name: "no runs at once", main: "[serve]\nmax_runs = 0\n"},
		{name: "an unknown time zone", top: `timezone = "Europe/Londen"`},
		{name: "a time zone in lower case", top: `timezone = "europe/london"`},
		{name: "the machine's own time zone", top: `timezone = "Local"`},
		{name: "a time zone that is a path", top: `timezone = "../../etc/passwd"`},

		{name: "no fields", files: map[string]string{"syncs/contacts.toml": strings.Replace(goodSync, "[fields]\nemail = \"email\"\n", "", 1)}},
		{name: "fields that are a string", top: `fields = "email"`, files: map[string]string{"syncs/contacts.toml": strings.Replace(goodSync, "[fields]\nemail = \"email\"\n", "", 1)}},
		{name: "a field that is a number", sync: "plan = 3\n"},
		{name: "a field with an unknown key", sync: "plan = { column = \"plan\", defualt = \"Free\" }\n"},
		{name: "a field without a source", sync: "plan = { default = \"Free\" }\n"},
		{name: "a field with two sources", sync: "plan = { column = \"plan\", value = \"Free\" }\n"},
		{name: "a field of an unknown type", sync: "plan = { column = \"plan\", type = \"text\" }\n"},
		{name: "a field with an unknown word for nulls", sync: "plan = { column = \"plan\", on_null = \"skp\" }\n"},
		{name: "a field with an unknown occasion", sync: "plan = { column = \"plan\", when = \"create\" }\n"},
		{name: "a field whose map is a list", sync: "plan = { column = \"plan\", map = [\"a\"] }\n"},
		{name: "a field that is not a number", sync: "plan = { value = nan }\n"},
		{name: "a map to something endless", sync: "plan = { column = \"plan\", map = { a = [1.5, -inf] } }\n"},
		{name: "a field mapped twice under two spellings", sync: "a.b = \"x\"\n\"a.b\" = \"y\"\n"},
		{name: "a field with an empty name", sync: "\"\" = \"x\"\n"},
		{name: "an identifier that is a constant", files: map[string]string{"syncs/contacts.toml": strings.Replace(goodSync, `email = "email"`, `email = { value = "x" }`, 1)}},

		{name: "a share that is no number", sync: "[guard]\nmax_removed = \"ten\"\n"},
		{name: "a share beyond everything", sync: "[guard]\nmax_changed = \"101%\"\n"},
		{name: "a share with a fraction of a row", sync: "[guard]\nmax_removed = 0.1\n"},
		{name: "a share below nothing", sync: "[guard]\nmax_invalid = -1\n"},
		{name: "a switch that is a number", sync: "[guard]\nallow_empty = 1\n"},
		{name: "no attempts", sync: "[retry]\nattempts = 0\n"},
		{name: "too many attempts", sync: "[retry]\nattempts = 21\n"},
		{name: "giving up that is a number", sync: "[retry]\ngive_up = 3\n"},
		{name: "giving up after no runs", sync: "[retry.give_up]\nruns = 0\n"},
		{name: "giving up after a negative time", sync: "[retry.give_up]\nage = \"-1d\"\n"},
		{name: "an empty batch", sync: "[delivery]\nbatch = 0\n"},
		{name: "a delivery rate without a number", sync: "[delivery]\nrate = \"/s\"\n"},
		{name: "too much at once", sync: "[delivery]\nconcurrency = 1000\n"},

		{name: "defaults with an unknown key", main: "[defaults]\nscheduel = \"@hourly\"\n"},
		{name: "defaults with a bad schedule", main: "[defaults]\nschedule = \"often\"\n"},
		{name: "defaults with a bad guard", main: "[defaults.guard]\nmax_removed = \"x\"\n"},
		{name: "defaults with a bad field", main: "[defaults.fields]\nsource = { value = \"x\", nul = 1 }\n"},
		{name: "defaults with a field that has no source", main: "[defaults.fields]\nsource = { default = 1 }\n"},
		{name: "defaults with an unknown destination that no sync uses", main: "[defaults]\ndestination = \"hubspot\"\n"},
		{name: "defaults that are wrong where there are no syncs", main: "[defaults]\nmode = \"mirror\"\n", files: map[string]string{"syncs/contacts.toml": "-"}},

		{name: "an empty file of SQL", files: map[string]string{"models/orders.sql": " \n;\n"}},
		{name: "a model with nothing but comments", files: map[string]string{"models/orders.sql": "-- one\n/* two\nthree */ -- four"}},
		{name: "a model that is not UTF-8", files: map[string]string{"models/orders.sql": "select 1,\n'M\xfcller'\n"}},
		{name: "a model in UTF-16", files: map[string]string{"models/orders.sql": "s\x00e\x00l\x00"}},
		{name: "a directory called like a model", files: map[string]string{"models/orders.sql/x": "select 1"}},
		{name: "a directory called like a sync", files: map[string]string{"syncs/orders.toml/x": "select 1"}},
		{name: "models that are a file", files: map[string]string{"models/customers.sql": "-", "models": "x"}},

		{
			name: "many mistakes in many files", main: "[runlog]\nrows = \"some\"\n[extra]\n",
			top: `mode = "x"`, sync: "plan = 3\n[retry]\nattempts = 99\n",
			files: map[string]string{"models/a.sql": "", "syncs/orders.toml": "model = \"orders\"\nkeys = \"id\"\n"},
		},
	}
}

// files returns the project that the mistake makes of the good one.
func (m mistake) project() map[string]string {
	files := withGood(m.files)
	if main, ok := files[FileName]; ok {
		files[FileName] = main + m.main
	}
	sync, ok := files["syncs/contacts.toml"]
	if !ok {
		return files
	}
	if m.top != "" {
		key, _, _ := strings.Cut(m.top, " ")
		lines := strings.Split(sync, "\n")
		for i, line := range lines {
			if strings.HasPrefix(line, key+" ") {
				lines[i] = m.top
				sync = strings.Join(lines, "\n")
				m.top = ""
				break
			}
		}
		if m.top != "" {
			sync = m.top + "\n" + sync
		}
	}
	files["syncs/contacts.toml"] = sync + m.sync
	return files
}

// TestEveryMistakeIsNamedWithItsPlace holds what is said of each mistake against testdata/problems.txtar, which
// go test -update writes anew.
func TestEveryMistakeIsNamedWithItsPlace(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("testdata", "problems.txtar")
	got := &txtar.Archive{}
	for _, m := range mistakes() {
		p, problems := Load(write(t, m.project()), testKinds())
		if p != nil || len(problems) == 0 {
			t.Errorf("%s: nothing was found wrong", m.name)
		}
		if strings.Contains(problems.Error(), "canary") {
			t.Errorf("%s: a secret is shown:\n%s", m.name, problems)
		}
		got.Files = append(got.Files, txtar.File{Name: m.name, Data: []byte(problems.Error() + "\n")})
	}
	if *update {
		if err := os.WriteFile(golden, txtar.Format(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := txtar.ParseFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(txtar.Format(want)), string(txtar.Format(got))); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
