//go:build !noduckdb

// Package duckdb reads models from an embedded DuckDB: from a database file, or from CSV, Parquet and JSON files.
//
// A database file is opened for reading only, and only while a query runs, so that dbt may write it in between. No
// extension is installed or loaded, nothing is fetched over a network, and only a SELECT is run, which writes
// nothing. Relative file names start at the project's directory. The session's time zone is UTC.
//
// Results are streamed in chunks of 2048 rows, not collected. All happens in this process, so that a result is
// complete when the stream ends without an error; there is no second count to hold against it.
//
// What each type becomes, besides the rules of package sqldb:
//
//	BOOLEAN                          bool
//	TINYINT ... BIGINT, UTINYINT ... int64; what does not fit into it, of UBIGINT, HUGEINT, UHUGEINT and BIGNUM, is
//	                                 a Decimal
//	FLOAT DOUBLE                     float64
//	DECIMAL                          Decimal with its scale
//	DATE                             Date
//	TIMESTAMP (all of them)          time.Time in UTC, to the nanosecond
//	BLOB                             []byte
//	JSON                             JSON
//	LIST ARRAY                       JSON array
//	STRUCT                           JSON object; one without names is an array
//	MAP                              JSON object with the keys as text
//	UNION                            as its current member
//	VARCHAR ENUM UUID BIT            string
//	TIME TIMETZ INTERVAL             string, as sqldb says
//
// A column of any other type (VARIANT, GEOMETRY) is refused with the advice to cast it.
package duckdb

import (
	"context"
	"fmt"
	"path/filepath"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// Config is which database is read, and with how much of the machine.
type Config struct {
	Path    string `toml:"path" help:"Database file, opened for reading only; relative to the project. None is an in-memory database for SQL over files."`
	Memory  string `toml:"memory" default:"1GB" help:"Most memory that queries may take before they spill to disk."`
	Threads int    `toml:"threads" default:"2" help:"How many threads run queries."`
}

// Definition describes DuckDB.
func Definition() warehouse.Definition {
	return warehouse.Writing(warehouse.Define(warehouse.Definition{
		Name:  "duckdb",
		Title: "DuckDB",
		Docs:  "warehouses/duckdb.md",
		Quote: sqldb.Quote,
	}, open), openWriter)
}

// duckdb is one database, opened when it is first used.
type duckdb struct {
	base     string // the directory at which relative file names start
	database database
}

func open(_ context.Context, c Config, env warehouse.Env) (warehouse.Warehouse, error) {
	base, err := filepath.Abs(env.Project)
	if err != nil {
		return nil, fmt.Errorf("find the project's directory: %w", err)
	}
	if c.Path == ":memory:" {
		c.Path = ""
	}
	if c.Path != "" && !filepath.IsAbs(c.Path) {
		c.Path = filepath.Join(base, c.Path)
	}
	if c.Threads < 0 {
		return nil, fmt.Errorf("threads is %d: set 1 or more", c.Threads)
	}
	return &duckdb{base: base, database: database{config: c, base: base}}, nil
}

func (d *duckdb) Check(ctx context.Context) error {
	rows, err := d.Query(ctx, warehouse.Query{SQL: "select 1"})
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	_, err = rows.Next(ctx)
	return err
}

func (d *duckdb) Columns(ctx context.Context, sql string) ([]warehouse.Column, error) {
	s, err := d.prepare(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.columns()
}

func (d *duckdb) Query(ctx context.Context, q warehouse.Query) (warehouse.Rows, error) {
	s, err := d.prepare(ctx, q.SQL)
	if err != nil {
		return nil, err
	}
	rows, err := s.stream(q.Limit)
	if err != nil {
		s.close()
		return nil, err
	}
	return rows, nil
}

// Close refuses further queries; those under way may finish.
func (d *duckdb) Close() error { return d.database.close() }
