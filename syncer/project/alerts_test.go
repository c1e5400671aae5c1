package project

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/alert"
	"spillway/syncer/secrets"
)

// bellConfig are the settings of a service that tests tell of things.
type bellConfig struct {
	URL  secrets.Secret `toml:"url" required:"true" help:"Where the bell is."`
	Tone string         `toml:"tone" default:"a" enum:"a,b,h" help:"How it sounds."`
}

func bell() alert.Definition {
	return alert.Define(alert.Definition{Name: "bell", Title: "Bell"}, func(c bellConfig, _ alert.Env) (alert.Notifier, error) {
		if c.Tone == "h" {
			return nil, errors.New("no bell is that high")
		}
		return nil, nil
	})
}

func TestAlertsAndTheirDefaults(t *testing.T) {
	t.Parallel()
	p := load(t, map[string]string{FileName: goodMain + `
[alerts.ops]
type = "bell"
url = { env = "BELL" }

[alerts.data]
type = "bell"
url = { file = "/run/secrets/bell" }
tone = "b"
on = ["failed", "rejected", "rows", "slow"]
syncs = ["contacts", "crm_*"]
failures = 3
rejected = 20
rows = "12.5%"
rows_runs = 5
slow = "90m"
`})
	want := map[string]alert.Rules{
		"ops": {
			On:       []alert.Trigger{alert.Failed, alert.Rejected, alert.Held, alert.Overdue, alert.Reload},
			Failures: 1, Rejected: Share{PerMillion: 50_000, Relative: true}, Overdue: 3, Slow: time.Hour,
			Rows: Share{PerMillion: 500_000, Relative: true}, RowsRuns: 10,
		},
		"data": {
			On: []alert.Trigger{alert.Failed, alert.Rejected, alert.Rows, alert.Slow}, Syncs: []string{"contacts", "crm_*"},
			Failures: 3, Rejected: Share{Rows: 20}, Overdue: 3, Slow: 90 * time.Minute, Rows: Share{PerMillion: 125_000, Relative: true}, RowsRuns: 5,
		},
	}
	got := map[string]alert.Rules{}
	for name, a := range p.Alerts {
		got[name] = a.Rules
		if a.Name != name || a.Kind.Name != "bell" || a.Declared == "" || !strings.HasPrefix(a.At, FileName+":") {
			t.Errorf("%+v", a)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c, ok := p.Alerts["data"].Config.(*bellConfig); !ok || c.Tone != "b" || !c.URL.IsSet() {
		t.Errorf("the bell's own settings are %+v", p.Alerts["data"].Config)
	}
}

func TestMistakesInAlertsAreNamedWithTheirPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                     `alerts.ops.type: is required; known: bell`,
		"type = \"bel\"":                       `alerts.ops.type: there is no type "bel"; did you mean "bell"?`,
		"type = \"bell\"":                      `alerts.ops.url: is required`,
		"type = \"bell\"\nurl = \"https://x\"": `alerts.ops.url: must not stand here itself`,
		ring + "tone = \"c\"":                  `alerts.ops.tone: "c" is not one of a, b, h`,
		ring + "tone = \"h\"":                  `alerts.ops: no bell is that high`,
		ring + "tones = \"a\"":                 `alerts.ops.tones: unknown key; did you mean "tone"?`,
		ring + "fialures = 2":                  `alerts.ops.fialures: unknown key; did you mean "failures"?`,
		ring + "on = []":                       `alerts.ops.on: must not be empty`,
		ring + "on = [\"fialed\"]":             `"fialed" is not one of failed, rejected, held, overdue, slow, rows, reload; did you mean "failed"?`,
		ring + "slow = \"5m\"":                 `alerts.ops.slow: has no effect: on does not have "slow"`,
		ring + "overdue = 1":                   `alerts.ops.overdue: must be between 2 and 1000`,
		ring + "rejected = \"200%\"":           `alerts.ops.rejected: must be a share`,
		ring + "syncs = [\"contact\"]":         `alerts.ops.syncs: there is no sync "contact"; did you mean "contacts"?`,
		ring + "syncs = [\"[a\"]":              `alerts.ops.syncs: "[a" is no pattern`,
	} {
		_, problems := Load(write(t, map[string]string{FileName: goodMain + "\n[alerts.ops]\n" + text + "\n", "syncs/contacts.toml": goodSync, "models/customers.sql": "select 1"}), testKinds())
		found := len(problems) == 1 && strings.Contains(problems[0].String(), want) && problems[0].File == FileName && problems[0].Line > 10
		if !found {
			t.Errorf("%s\nis refused with\n%s\nwant one problem with\n%s", text, problems, want)
		}
	}
}

const ring = "type = \"bell\"\nurl = { env = \"BELL\" }\n"

func TestTheAddressOfThePages(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"https://spillway.example.com": true, "http://10.0.0.7:8400/spillway/": true, "spillway.example.com": false, "https://": false,
		"ftp://x": false, "https://a:b@x": false, "https://x/?a=b": false, "https://x/#a": false,
	} {
		_, problems := Load(write(t, map[string]string{FileName: goodMain + "[serve]\nurl = \"" + address + "\"\n"}), testKinds())
		if (len(problems) == 0) != good {
			t.Errorf("%s: %s", address, problems)
		}
	}
}
