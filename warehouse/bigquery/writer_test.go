//go:build !noduckdb

package bigquery

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/warehouse"
	"spillway/warehouse/bigquery/bigquerytest"
	"spillway/warehouse/warehousetest"
)

// writerAt opens a writer on a stand-in; change may be nil.
func writerAt(t *testing.T, s *bigquerytest.Server, change func(*Config)) warehouse.Writer {
	t.Helper()
	config := Config{Project: bigquerytest.Project, Endpoint: s.URL}
	if change != nil {
		change(&config)
	}
	w, err := Definition().OpenWriter(t.Context(), &config, warehouse.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func TestWriter(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{Setup: []string{"create schema ops"}})
	warehousetest.Writer(t, func(t *testing.T) warehouse.Writer { return writerAt(t, s, nil) }, openAt(t, s, nil), quote, "ops")
	alone, inSession := 0, 0
	for _, j := range s.Jobs() {
		switch {
		case j.Parameters > 0 && j.Session != "":
			inSession++
		case j.Parameters > 0:
			alone++
		case strings.Contains(j.SQL, "INSERT"):
			t.Errorf("there are no parameters with %s", j.SQL)
		}
	}
	if alone == 0 || inSession == 0 {
		t.Errorf("%d scripts ran alone and %d in sessions", alone, inSession)
	}
	if n := s.Sessions(); n > 0 {
		t.Errorf("%d sessions were not ended", n)
	}
}

var runs = warehouse.Table{Schema: "ops", Name: "spillway_runs", Key: []string{"run_id"}, Columns: []warehouse.Column{
	{Name: "run_id", Type: warehouse.String}, {Name: "reason", Type: warehouse.String},
}}

// replacing puts so many rows in place of those of run a, whose texts JSON makes six times as long.
func replacing(n int, last func() error) warehouse.Replacement {
	return warehouse.Replacement{
		Table: runs, Where: []warehouse.Match{{Column: "run_id", Values: []string{"a"}}},
		Rows: func(yield func(warehouse.Row, error) bool) {
			for range n {
				if !yield(warehouse.Row{"a", strings.Repeat("<", 4000)}, nil) {
					return
				}
			}
			if err := last(); err != nil {
				yield(nil, err)
			}
		},
	}
}

func TestASessionEndsWithWhatFailsInIt(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{Setup: []string{
		"create schema ops", "create table ops.spillway_runs (run_id varchar, reason varchar)", "insert into ops.spillway_runs values ('a', 'x')",
	}})
	w := writerAt(t, s, nil)
	broken := errors.New("the run log is broken")
	if err := w.Replace(t.Context(), []warehouse.Replacement{replacing(300, func() error { return broken })}); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
	interrupted, interrupt := context.WithCancel(t.Context())
	err := w.Replace(interrupted, []warehouse.Replacement{replacing(300, func() error { interrupt(); return nil })})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error of a cancelled context is %v", err)
	}
	if n := s.Sessions(); n > 0 {
		t.Errorf("%d sessions were not ended", n)
	}
	rows, err := openAt(t, s, nil).Query(t.Context(), warehouse.Query{SQL: "select reason from ops.spillway_runs"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var got []warehouse.Value
	for row, err := range warehouse.All(t.Context(), rows) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row[0])
	}
	if diff := cmp.Diff([]warehouse.Value{"x"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWriterHints(t *testing.T) {
	t.Parallel()
	setup := []string{"create schema ops"}
	made := append(slices.Clone(setup), "create table ops.spillway_runs (run_id varchar, reason varchar)")
	for _, c := range []struct {
		name      string
		behaviour bigquerytest.Behaviour
		table     func(*warehouse.Table)
		want      string
		temporary bool
	}{
		{name: "no right", behaviour: bigquerytest.Behaviour{Setup: setup, ReadOnly: true}, want: "roles/bigquery.dataEditor"},
		{name: "no dataset named", table: func(t *warehouse.Table) { t.Schema = "" }, want: "set schema under [runlog]"},
		{
			name: "no such dataset", behaviour: bigquerytest.Behaviour{Setup: setup},
			table: func(t *warehouse.Table) { t.Schema = "audit" }, want: "check schema under [runlog]",
		},
		{
			name: "another table of the name", want: "another prefix",
			behaviour: bigquerytest.Behaviour{Setup: append(slices.Clone(setup), "create table ops.spillway_runs (id varchar)")},
		},
		{
			name: "two writers at a time", want: "somebody else wrote the table", temporary: true,
			behaviour: bigquerytest.Behaviour{Setup: made, JobError: &bigquerytest.Error{
				Status: 400, Reason: "invalidQuery", Message: "Query error: Transaction is aborted due to concurrent update against table p:ops.t. Transaction ID: 1 at [2:1]",
			}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, of := writerAt(t, bigquerytest.Start(t, c.behaviour), nil), runs
			if c.table != nil {
				c.table(&of)
			}
			err := w.Create(t.Context(), []warehouse.Table{of})
			if err == nil {
				err = w.Replace(t.Context(), []warehouse.Replacement{replacing(1, func() error { return nil })})
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q is not in %v", c.want, err)
			}
			if e, ok := errors.AsType[*warehouse.Error](err); c.temporary && (!ok || !e.Temporary) {
				t.Errorf("it is not temporary: %v", err)
			}
		})
	}
}

// A job whose submission was not acknowledged runs once, under the id that it was given.
func TestAScriptIsSubmittedOnce(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{Setup: []string{"create schema ops", "create table ops.spillway_runs (run_id varchar, reason varchar)"}})
	s.Change(func(b *bigquerytest.Behaviour) {
		lost := bigquerytest.Error{Status: 503, Reason: "backendError", Message: "try again", Late: true}
		b.Refusals = []bigquerytest.Refusal{{Operation: bigquerytest.Insert, Error: lost}}
	})
	inDefault := replacing(3, func() error { return nil })
	inDefault.Table.Schema = ""
	w := writerAt(t, s, func(c *Config) { c.Dataset = "ops" })
	if err := w.Replace(t.Context(), []warehouse.Replacement{inDefault}); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Jobs()); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
}
