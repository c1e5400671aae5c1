package postgres

import (
	"strings"
	"testing"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
	"spillway/warehouse/warehousetest"
)

func writerOf(t *testing.T, d warehouse.Definition, config any) warehouse.Writer {
	t.Helper()
	w, err := d.OpenWriter(t.Context(), config, warehouse.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func TestWriter(t *testing.T) {
	t.Parallel()
	dsn := database(t, "create schema audit")
	config := &Config{DSN: secret(dsn), StatementTimeout: time.Minute}
	warehousetest.Writer(t, func(t *testing.T) warehouse.Writer { return writerOf(t, Definition(), config) },
		openDSN(t, dsn, nil), sqldb.Quote, "audit")
}

func TestWriterOfRedshift(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	config := &RedshiftConfig{DSN: secret(redshiftDSN(t, dsn)), StatementTimeout: time.Minute, Parameters: map[string]string{"search_path": "public"}}
	warehousetest.Writer(t, func(t *testing.T) warehouse.Writer { return writerOf(t, Redshift(), config) },
		openDSN(t, dsn, nil), sqldb.Quote, "public")
}

// A role that may not make tables writes those that somebody else made, and is told what it lacks where there are none.
func TestWriterNeedsNoMoreThanItUses(t *testing.T) {
	t.Parallel()
	of := warehouse.Table{Schema: "audit", Name: "runs", Columns: []warehouse.Column{{Name: "run_id", Type: warehouse.String}}}
	other := of
	other.Name = "others"
	dsn := database(t, "create schema audit", "create table audit.runs (run_id text)", "drop role if exists narrow_writer",
		"create role narrow_writer login password 'x'", "grant usage on schema audit to narrow_writer", "grant select, insert, delete on audit.runs to narrow_writer")
	conn := connect(t, dsn)
	t.Cleanup(func() {
		if _, err := conn.Exec(t.Context(), "select 1"); err == nil {
			_, _ = conn.Exec(t.Context(), "drop owned by narrow_writer; drop role narrow_writer")
		}
	})
	w := writerOf(t, Definition(), &Config{DSN: secret(dsn), Parameters: map[string]string{"role": "narrow_writer"}})
	if err := w.Create(t.Context(), []warehouse.Table{of}); err != nil {
		t.Error(err)
	}
	change := warehouse.Replacement{Table: of, Where: []warehouse.Match{{Column: "run_id", Values: []string{"a"}}}}
	if err := w.Replace(t.Context(), []warehouse.Replacement{change}); err != nil {
		t.Error(err)
	}
	err := w.Create(t.Context(), []warehouse.Table{other})
	if err == nil || !strings.Contains(err.Error(), "make the table audit.others") || !strings.Contains(err.Error(), "grant the role CREATE on the schema") {
		t.Errorf("the error is %v", err)
	}
}
