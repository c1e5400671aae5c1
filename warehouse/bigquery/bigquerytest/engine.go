//go:build !noduckdb

package bigquerytest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"spillway/warehouse"
	"spillway/warehouse/duckdb"
)

// engine evaluates queries in DuckDB.
type engine struct {
	project string

	mu     sync.Mutex
	path   string                // of the file that has the tables; empty where there are none
	tables warehouse.Warehouse   // which reads it
	former []warehouse.Warehouse // files that others took the place of, and that may still be read
}

func newEngine(ctx context.Context, project, path string) (*engine, error) {
	w, err := reads(ctx, path)
	return &engine{project: project, path: path, tables: w}, err
}

// now reads the tables as they are.
func (e *engine) now() warehouse.Warehouse {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tables
}

func (e *engine) close() error {
	var errs []error
	for _, w := range append(e.former, e.now()) {
		errs = append(errs, w.Close())
	}
	return errors.Join(errs...)
}

func reads(ctx context.Context, path string) (warehouse.Warehouse, error) {
	d := duckdb.Definition()
	config := d.Config()
	c, ok := config.(*duckdb.Config)
	if !ok {
		return nil, fmt.Errorf("DuckDB has settings of type %T", config)
	}
	c.Memory, c.Threads, c.Path = "256MB", 1, path
	return d.Open(ctx, c, warehouse.Env{})
}

// statementType is the kind of a statement as BigQuery names it.
func statementType(sql string) string {
	statements := 0
	for _, part := range split(sql) {
		if strings.TrimSpace(part) != "" {
			statements++
		}
	}
	if statements > 1 {
		return "SCRIPT"
	}
	words := strings.Fields(strings.ToUpper(strings.TrimLeft(plain(sql), "( \n\t;")))
	for n := min(3, len(words)); n > 0; n-- {
		if kind, ok := statementTypes[strings.Join(words[:n], " ")]; ok {
			return kind
		}
	}
	return ""
}

var statementTypes = map[string]string{
	"SELECT": "SELECT", "WITH": "SELECT", "FROM": "SELECT", "INSERT": "INSERT", "UPDATE": "UPDATE", "DELETE": "DELETE", "MERGE": "MERGE",
	"TRUNCATE TABLE": "TRUNCATE_TABLE", "CREATE TABLE": "CREATE_TABLE", "CREATE OR REPLACE": "CREATE_TABLE", "CREATE TEMP TABLE": "SCRIPT",
	"CREATE VIEW": "CREATE_VIEW", "CREATE SCHEMA": "CREATE_SCHEMA", "DROP TABLE": "DROP_TABLE", "ALTER TABLE": "ALTER_TABLE", "EXPORT DATA": "EXPORT_DATA", "LOAD DATA": "LOAD_DATA",
	"CALL": "SCRIPT", "DECLARE": "SCRIPT", "BEGIN": "SCRIPT", "EXECUTE IMMEDIATE": "SCRIPT", "ASSERT": "ASSERT", "GRANT": "GRANT",
	"COMMIT TRANSACTION": "COMMIT_TRANSACTION",
}

// plain is sql without its comments and with its texts emptied.
func plain(sql string) string {
	return quoted.ReplaceAllStringFunc(sql, func(part string) string {
		if part[0] == '-' || part[0] == '/' || part[0] == '#' {
			return " "
		}
		return part[:1] + part[:1]
	})
}

func split(sql string) []string { return strings.Split(plain(sql), ";") }

// quoted matches comments, texts and names in quotes.
var quoted = regexp.MustCompile(`(?s)--[^\n]*|/\*.*?\*/|'(?:''|[^'])*'|"(?:""|[^"])*"|` + "`[^`]*`")

// translate makes the names of GoogleSQL those of DuckDB: in double quotes, and without this project.
func (e *engine) translate(sql string) string {
	return quoted.ReplaceAllStringFunc(sql, func(part string) string {
		if part[0] != '`' {
			return part
		}
		names := strings.Split(strings.Trim(part, "`"), ".")
		for i, n := range names {
			names[i] = `"` + strings.ReplaceAll(n, `"`, `""`) + `"`
		}
		return strings.Join(names, ".")
	})
}

// fields describes the result of sql.
func (e *engine) fields(ctx context.Context, sql string) ([]*field, error) {
	if len(strings.TrimSpace(plain(sql))) == 0 {
		return nil, refusal(400, "invalidQuery", "Syntax error: Unexpected end of statement at [1:1]")
	}
	columns, err := e.now().Columns(ctx, e.own(sql))
	if err != nil {
		return nil, e.refused(err)
	}
	var fields []*field
	for _, c := range columns {
		f, err := fieldOf(c.Name, c.Native)
		if err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func (e *engine) own(sql string) string {
	return strings.NewReplacer(`"`+e.project+`".`, "").Replace(e.translate(sql))
}

// open runs sql.
func (e *engine) open(ctx context.Context, sql string) (warehouse.Rows, error) {
	rows, err := e.now().Query(ctx, warehouse.Query{SQL: e.own(sql)})
	if err != nil {
		return nil, e.refused(err)
	}
	return rows, nil
}

// skim counts the rows of sql, and finds the errors in them, until there are more than most.
func (e *engine) skim(ctx context.Context, sql string, most int64) (int64, error) {
	rows, err := e.open(ctx, sql)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	n, err := skip(ctx, rows, most)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, e.refused(err)
	}
	return n, nil
}

// skip passes over rows.
func skip(ctx context.Context, rows warehouse.Rows, most int64) (int64, error) {
	p, ok := rows.(warehouse.Packer)
	if !ok {
		return 0, errors.New("DuckDB's rows cannot be packed")
	}
	p.Pack([]int{0})
	var scratch []byte
	for n := range most {
		var err error
		if scratch, err = p.NextPacked(ctx, scratch[:0]); err != nil {
			return n, err
		}
	}
	return most, nil
}

// refused is an error of DuckDB as BigQuery would report it.
func (e *engine) refused(err error) error {
	d, ok := errors.AsType[*warehouse.Error](err)
	if !ok {
		return err
	}
	return e.refusedAs(d.Code, d.Message)
}

func (e *engine) refusedAs(code, message string) error {
	if table := missingTable.FindStringSubmatch(message); table != nil {
		return refusal(404, "notFound", fmt.Sprintf("Not found: Table %s:main.%s was not found in location %s", e.project, table[1], location))
	}
	if dataset := missingDataset.FindStringSubmatch(message); dataset != nil {
		return refusal(404, "notFound", fmt.Sprintf("Not found: Dataset %s:%s was not found in location %s", e.project, dataset[1], location))
	}
	if code == "Parser Error" {
		return refusal(400, "invalidQuery", "Syntax error: "+message+" at [1:1]")
	}
	return refusal(400, "invalidQuery", message)
}

var (
	missingTable   = regexp.MustCompile(`Table with name (\S+) does not exist`)
	missingDataset = regexp.MustCompile(`Schema with name (\S+) does not exist`)
)
