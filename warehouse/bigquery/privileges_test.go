//go:build !noduckdb

package bigquery

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/warehouse/bigquery/bigquerytest"
)

func TestPrivilegesBeyondReadingAreFound(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{})
	w := openAt(t, s, func(c *Config) { c.Dataset = "analytics" })
	got, err := w.Privileges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"may create datasets in stand-in", "may create tables in stand-in.analytics"}
	if d := cmp.Diff(want, got.Excess); d != "" || len(s.Jobs()) != 0 {
		t.Errorf("%d jobs ran (-want +got):\n%s", len(s.Jobs()), d)
	}
	for _, part := range []string{"jobUser", "readSessionUser", "dataViewer", "serviceAccount:" + got.Role, "`stand-in`.`analytics`"} {
		if !strings.Contains(got.Script, part) {
			t.Errorf("the script lacks %q:\n%s", part, got.Script)
		}
	}

	s.Change(func(b *bigquerytest.Behaviour) { b.ReadOnly = true })
	if got, err = w.Privileges(t.Context()); err != nil || len(got.Excess) != 0 {
		t.Errorf("of an account that only reads: %v, %v", got.Excess, err)
	}
	s.Change(func(b *bigquerytest.Behaviour) {
		b.Refusals = []bigquerytest.Refusal{{
			Operation: bigquerytest.DryRun, Error: bigquerytest.Error{Status: http.StatusForbidden, Reason: "quotaExceeded", Message: "no more"},
		}}
	})
	if _, err := w.Privileges(t.Context()); err == nil {
		t.Error("what could not be asked was answered")
	}
}
