//go:build !noduckdb

package duckdb

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
	"spillway/warehouse/warehousetest"
)

func writerAt(t *testing.T, project string, c *Config) warehouse.Writer {
	t.Helper()
	w, err := Definition().OpenWriter(t.Context(), c, warehouse.Env{Project: project})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func TestWriter(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	config := Config{Path: "audit.duckdb", Memory: "256MB", Threads: 2}
	warehousetest.Writer(t, func(t *testing.T) warehouse.Writer { return writerAt(t, project, &config) },
		openAt(t, project, config), sqldb.Quote, "")
}

func TestADatabaseInMemoryIsNotWritten(t *testing.T) {
	t.Parallel()
	_, err := Definition().OpenWriter(t.Context(), &Config{}, warehouse.Env{Project: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "set path") {
		t.Errorf("the error is %v", err)
	}
}

// DuckDB would open a file that is being read in the same process a second time, for writing.
func TestAWriterWaitsForModels(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	config := Config{Path: filepath.Join(project, "audit.duckdb")}
	of := warehouse.Table{Name: "runs", Columns: []warehouse.Column{{Name: "run_id", Type: warehouse.String}}}
	writer := writerAt(t, project, &config)
	if err := writer.Create(t.Context(), []warehouse.Table{of}); err != nil {
		t.Fatal(err)
	}
	rows, err := openAt(t, project, config).Query(t.Context(), warehouse.Query{SQL: "select * from runs"})
	if err != nil {
		t.Fatal(err)
	}
	change := warehouse.Replacement{Table: of, Where: []warehouse.Match{{Column: "run_id", Values: []string{"a"}}}}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if err := writer.Replace(impatient, []warehouse.Replacement{change}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a model being read the error is %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- writer.Replace(t.Context(), []warehouse.Replacement{change}) }()
	if err := rows.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("after it: %v", err)
	}
}
