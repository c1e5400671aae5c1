//go:build !noduckdb

package bigquerytest

import (
	"path/filepath"
	"testing"

	duck "github.com/duckdb/duckdb-go-bindings"
)

// database makes a file of DuckDB in which the statements of setup were run. Without statements it is in memory.
func database(t testing.TB, setup []string) string {
	t.Helper()
	if len(setup) == 0 {
		return ""
	}
	path := filepath.Join(t.TempDir(), "tables.duckdb")
	var db duck.Database
	defer duck.Close(&db)
	if duck.Open(path, &db) == duck.StateError {
		t.Fatalf("open %s", path)
	}
	var conn duck.Connection
	defer duck.Disconnect(&conn)
	if duck.Connect(db, &conn) == duck.StateError {
		t.Fatalf("connect to %s", path)
	}
	for _, sql := range setup {
		var result duck.Result
		state := duck.Query(conn, sql, &result)
		message := duck.ResultError(&result)
		duck.DestroyResult(&result)
		if state == duck.StateError {
			t.Fatalf("%s: %s", sql, message)
		}
	}
	return path
}
