//go:build !noduckdb

package snowflake

import (
	"strings"
	"testing"

	"spillway/warehouse"
	"spillway/warehouse/snowflake/snowflaketest"
	"spillway/warehouse/warehousetest"
)

func writerAt(t *testing.T, s *snowflaketest.Server) warehouse.Writer {
	t.Helper()
	config := settings(s)
	w, err := Definition().OpenWriter(t.Context(), &config, warehouse.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func TestWriter(t *testing.T) {
	t.Parallel()
	server := snowflaketest.Start(t, snowflaketest.Options{Setup: []string{"create schema OPS"}})
	for name, schema := range map[string]string{"where the connection looks": "", "in a schema": "ops"} {
		t.Run(name, func(t *testing.T) {
			warehousetest.Writer(t, func(t *testing.T) warehouse.Writer { return writerAt(t, server) }, openWith(t, settings(server)), folded, schema)
		})
	}
	for _, st := range server.Statements() {
		if strings.HasPrefix(st.SQL, "insert") && st.Bindings == 0 {
			t.Errorf("no values were bound in %s", st.SQL)
		}
	}
}

func TestWriterHints(t *testing.T) {
	t.Parallel()
	of := warehouse.Table{Schema: "audit", Name: "spillway_runs", Columns: []warehouse.Column{{Name: "run_id", Type: warehouse.String}}}
	for _, c := range []struct {
		name, state, message, want string
		code                       int
	}{
		{"no right", "42501", "SQL access control error: Insufficient privileges to operate on schema 'AUDIT'.", "CREATE TABLE on the schema", 3001},
		{"no schema", "02000", "SQL compilation error: Schema 'OPS.AUDIT' does not exist or not authorized.", "check schema under [runlog]", 2003},
		{"no current database", "22000", "Cannot perform CREATE TABLE. This session does not have a current database.", "check schema under [runlog]", 90105},
		{"another table of the name", "42000", "SQL compilation error: invalid identifier 'RUN_ID'", "another prefix", 904},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := snowflaketest.Start(t)
			server.Fail(snowflaketest.Every(snowflaketest.QueryKind), 2, snowflaketest.Refuse(c.code, c.state, c.message))
			err := writerAt(t, server).Create(t.Context(), []warehouse.Table{of})
			for _, want := range []string{"audit.spillway_runs", c.message, c.want} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
		})
	}
}
