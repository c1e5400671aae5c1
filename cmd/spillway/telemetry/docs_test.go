package telemetry_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oasdiff/yaml"
	dto "github.com/prometheus/client_model/go"

	"spillway/syncer/alert"
	"spillway/syncer/runlog"
)

//go:generate go test -run TestTheTableOfMetricsIsCurrent . -update

const docs = "../../../docs/"

var table = regexp.MustCompile(`(?s)(<!-- metrics -->\n).*?(<!-- end of metrics -->)`)

func TestTheTableOfMetricsIsCurrent(t *testing.T) {
	t.Parallel()
	have, err := os.ReadFile(docs + "metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	if !table.Match(have) {
		t.Fatal("the page has no place for the table")
	}
	want := table.ReplaceAllString(string(have), "${1}"+strings.ReplaceAll(described(t), "$", "$$")+"${2}")
	switch {
	case want == string(have):
	case *update:
		if err := os.WriteFile(docs+"metrics.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("docs/metrics.md is out of date: run make generate")
	}
}

// described is the table of our metrics, made from what is served.
func described(t *testing.T) string {
	t.Helper()
	families := everything(t)
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(families)) {
		family := families[name]
		if !strings.HasPrefix(name, "spillway_") {
			continue
		}
		var labels []string
		for _, l := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		slices.Sort(labels)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, strings.ToLower(family.GetType().String()), strings.Join(labels, ", "), family.GetHelp())
	}
	return b.String()
}

// everything are the metrics of a daemon whose one sync has run.
func everything(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	s := newSite(t, "people")
	s.exports, s.unexported = true, 1
	s.over(worked(runlog.Succeeded))
	s.asked(http.StatusOK, time.Second)
	s.asked(http.StatusBadGateway, time.Second)
	s.asked(0, time.Second)
	s.alerts.Of(func() []alert.Status { return []alert.Status{{Name: "ops", Waiting: 1}} })
	return s.scraped()
}

// queries are the queries of the dashboard and of the alert rules, by where they stand.
func queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	var dashboard struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal(readDoc(t, "grafana-dashboard.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for n, target := range p.Targets {
			all[fmt.Sprintf("panel %q, %d", p.Title, n)] = target.Expr
		}
	}
	for _, r := range rules(t) {
		all["alert "+r.Alert] = r.Expr
	}
	return all
}

type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// rules are the alert rules.
func rules(t *testing.T) []rule {
	t.Helper()
	text, err := yaml.YAMLToJSON(readDoc(t, "alert-rules.yml"))
	var file struct {
		Groups []struct {
			Name  string `json:"name"`
			Rules []rule `json:"rules"`
		} `json:"groups"`
	}
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil || len(file.Groups) != 1 {
		t.Fatal(err, file)
	}
	return file.Groups[0].Rules
}

func readDoc(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(docs + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var (
	metricName = regexp.MustCompile(`\b(?:spillway|go|process)_[a-z0-9_]+`)
	selector   = regexp.MustCompile(`\b(spillway_[a-z_]+)\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`([a-z]+)=(~?)"([^"]*)"`)
)

// TestDashboardAndAlertsAskForWhatThereIs holds every metric, label and value in a query to what is served.
func TestDashboardAndAlertsAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	served := map[string]*dto.MetricFamily{}
	for name, family := range everything(t) {
		served[name] = family
		if family.GetType() == dto.MetricType_HISTOGRAM {
			served[name+"_bucket"], served[name+"_sum"], served[name+"_count"] = family, family, family
		}
	}
	used := map[string]bool{}
	for at, query := range queries(t) {
		names := metricName.FindAllString(query, -1)
		if len(names) == 0 && !strings.HasPrefix(query, "up{") {
			t.Errorf("%s asks for no metric: %s", at, query)
		}
		for _, name := range names {
			if served[name] == nil {
				t.Errorf("%s: there is no metric %s", at, name)
			}
			used[name] = true
		}
		for _, s := range selector.FindAllStringSubmatch(query, -1) {
			for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
				for value := range strings.SplitSeq(m[3], "|") {
					if !strings.HasPrefix(value, "$") && !hasLabel(served[s[1]], m[1], value) {
						t.Errorf("%s: no series of %s has %s=%q", at, s[1], m[1], value)
					}
				}
			}
		}
	}
	for name := range everything(t) {
		histogram := used[name+"_bucket"]
		if strings.HasPrefix(name, "spillway_") && !used[name] && !histogram && name != "spillway_config_reload_timestamp_seconds" {
			t.Errorf("neither the dashboard nor an alert uses %s", name)
		}
	}
}

func hasLabel(family *dto.MetricFamily, name, value string) bool {
	return slices.ContainsFunc(family.GetMetric(), func(m *dto.Metric) bool {
		return slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == name && l.GetValue() == value })
	})
}

// TestAlertsSayWhatToDo: whoever is woken up is told of what, and what to do.
func TestAlertsSayWhatToDo(t *testing.T) {
	t.Parallel()
	var names []string
	for _, r := range rules(t) {
		names = append(names, r.Alert)
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] == "" {
			t.Errorf("%s: %+v", r.Alert, r)
		}
		about := "$labels.sync"
		switch {
		case strings.HasPrefix(r.Expr, "up{"), strings.Contains(r.Expr, "config_reload"), strings.Contains(r.Expr, "unexported"):
			about = ""
		case strings.Contains(r.Expr, "_alert_"):
			about = "$labels.alert"
		case strings.Contains(r.Expr, "by (instance, destination)"):
			about = "$labels.destination"
		}
		if !strings.Contains(r.Annotations["summary"], about) || about == "" && strings.Contains(r.Annotations["summary"], "$labels") {
			t.Errorf("%s: %s", r.Alert, r.Annotations["summary"])
		}
	}
	for _, want := range []string{"NoSuccess", "RunFailed", "RowsRejected", "RunHeld", "ReloadFailed", "SchedulerLate"} {
		if !slices.Contains(names, "Spillway"+want) {
			t.Errorf("there is no alert %s", want)
		}
	}
}
