package project

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHowItServes(t *testing.T) {
	t.Parallel()
	p := load(t, map[string]string{FileName: goodMain + `
[serve]
listen = "0.0.0.0:8443"
max_runs = 8
hosts = ["ops.example.com", "10.0.0.7"]
behind_proxy = true
tls_cert = "tls/cert.pem"
tls_key = "/etc/tls/key.pem"
`})
	want := Serve{
		Listen: "0.0.0.0:8443", MaxRuns: 8, Hosts: []string{"ops.example.com", "10.0.0.7"}, BehindProxy: true,
		TLSCert: filepath.Join(p.Root, "tls/cert.pem"), TLSKey: "/etc/tls/key.pem",
	}
	if diff := cmp.Diff(want, p.Serve); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Serve{Listen: "127.0.0.1:8400", MaxRuns: 4}, load(t, nil).Serve); diff != "" {
		t.Errorf("by default: %s", diff)
	}
}

func TestWhenASyncRuns(t *testing.T) {
	t.Parallel()
	type when struct {
		Schedule   string
		Overlap    Overlap
		CatchUp    CatchUp
		CatchUpMax int
		Jitter     time.Duration
		After      []string
	}
	p := load(t, map[string]string{
		FileName:              goodMain + "[defaults]\nschedule = \"@hourly\"\njitter = \"90s\"\ncatch_up = \"all\"\n",
		"syncs/contacts.toml": goodSync,
		"syncs/deals.toml":    strings.Replace(goodSync, "[fields]", "after = [\"contacts\"]\noverlap = \"queue\"\n[fields]", 1),
		"syncs/both.toml":     strings.Replace(goodSync, "[fields]", "after = [\"deals\", \"contacts\"]\nschedule = \"@daily\"\ncatch_up_max = 3\n[fields]", 1),
	})
	got := map[string]when{}
	for _, s := range p.Syncs {
		got[s.Name] = when{s.Schedule, s.Overlap, s.CatchUp, s.CatchUpMax, s.Jitter, s.After}
	}
	want := map[string]when{
		"contacts": {"@hourly", SkipOverlap, CatchUpAll, 24, 90 * time.Second, nil},
		"deals":    {"", QueueOverlap, CatchUpAll, 24, 90 * time.Second, []string{"contacts"}}, // it is the other that has a schedule
		"both":     {"@daily", SkipOverlap, CatchUpAll, 3, 90 * time.Second, []string{"deals", "contacts"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsDeclaredOfADestination(t *testing.T) {
	t.Parallel()
	declared := func(main string) string {
		return load(t, map[string]string{FileName: main}).Destinations["hook"].Declared
	}
	good := declared(goodMain)
	if again := declared("# a comment\n" + goodMain + "\n[runlog]\nkeys = \"hash\"\n"); again != good {
		t.Error("the sum moved with what is not of the destination")
	}
	for name, setting := range map[string]string{
		"a rate":                 "rate = \"3/s\"\n",
		"a reference":            "dev_token = { env = \"OTHER\" }\n",
		"a header":               "headers = { A = \"b\" }\n",
		"the header's own value": "headers = { A = \"c\" }\n",
	} {
		if sum := declared(goodMain + setting); sum == good {
			t.Errorf("%s: the sum stayed", name)
		}
	}
}
