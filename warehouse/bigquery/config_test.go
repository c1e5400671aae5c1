package bigquery

import (
	"context"
	"errors"
	"strings"
	"testing"

	"spillway/warehouse"
)

// text is a secret that stands in a test.
type text string

func (s text) Reveal(context.Context) (string, error) { return string(s), nil }

func TestSettingsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{}, "project is missing"},
		{Config{Project: "p", Dataset: "`d`"}, "without quotes"},
		{Config{Project: "p", MaximumBytesBilled: -1}, "maximum_bytes_billed"},
		{Config{Project: "p", StatementTimeout: -1}, "statement_timeout"},
		{Config{Project: "p", Endpoint: "localhost:9050"}, "endpoint"},
		{Config{Project: "p", Endpoint: "http://localhost:9050", StorageEndpoint: "localhost"}, "storage_endpoint"},
		{Config{Project: "p", StorageEndpoint: "localhost:9060"}, "set endpoint too"},
	} {
		if _, err := open(t.Context(), c.config, warehouse.Env{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want an error about %q", c.config, err, c.want)
		}
	}
}

func TestCredentialsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, credentials := range []string{"", "canary-7f3a", `{"type":"canary-7f3a"}`, `["canary-7f3a"]`} {
		w, err := open(t.Context(), Config{Project: "p", Credentials: text(credentials)}, warehouse.Env{})
		if err != nil {
			t.Fatal(err)
		}
		err = w.Check(t.Context())
		if !errors.Is(err, errCredentials) || strings.Contains(err.Error(), "canary") {
			t.Errorf("with the credentials %q: %v", credentials, err)
		}
		_ = w.Close()
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"http://127.0.0.1:9050":                         "http://127.0.0.1:9050/",
		"http://127.0.0.1:9050/bigquery/v2/":            "http://127.0.0.1:9050/bigquery/v2/",
		"https://bigquery-private.p.googleapis.com":     "https://bigquery-private.p.googleapis.com/bigquery/v2/",
		"https://bigquery.us-east4.rep.googleapis.com/": "https://bigquery.us-east4.rep.googleapis.com/bigquery/v2/",
	} {
		if got := restRoot(endpoint); got != want {
			t.Errorf("the root of %s is %s, want %s", endpoint, got, want)
		}
	}
}

func TestQuotesOfNames(t *testing.T) {
	t.Parallel()
	if got, want := Definition().Quote("my-project", "a`b", `c\d`), "`my-project`.`a\\`b`.`c\\\\d`"; got != want {
		t.Errorf("quoted as %s, want %s", got, want)
	}
}

func TestTheDefaultDatasetMayNameItsProject(t *testing.T) {
	t.Parallel()
	for dataset, want := range map[string]string{"analytics": "p/analytics", "other.analytics": "other/analytics"} {
		project, name := Config{Project: "p", Dataset: dataset}.defaultDataset()
		if project+"/"+name != want {
			t.Errorf("dataset %s is %s/%s, want %s", dataset, project, name, want)
		}
	}
}
