//go:build !noduckdb

package bigquerytest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	duck "github.com/duckdb/duckdb-go-bindings"
)

// transaction works on a copy of all tables, which takes their place when it commits. Who reads goes on to read what was
// there before.
type transaction struct {
	engine *engine
	base   string // the file that was copied
	path   string
	db     duck.Database
	conn   duck.Connection
}

func (e *engine) begin() (*transaction, error) {
	e.mu.Lock()
	t := &transaction{engine: e, base: e.path}
	e.mu.Unlock()
	if t.base == "" {
		return nil, errors.New("the stand-in has no tables: give it a Setup")
	}
	content, err := os.ReadFile(t.base)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Dir(t.base), "tables-*.duckdb")
	if err != nil {
		return nil, err
	}
	t.path = file.Name()
	_, err = file.Write(content)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if duck.Open(t.path, &t.db) == duck.StateError || duck.Connect(t.db, &t.conn) == duck.StateError {
		t.shut()
		return nil, errors.New("DuckDB opens no copy of the tables")
	}
	return t, t.execute("set timezone = 'UTC'")
}

// execute runs a statement in DuckDB's dialect.
func (t *transaction) execute(sql string) error {
	var result duck.Result
	defer duck.DestroyResult(&result)
	if duck.Query(t.conn, sql, &result) == duck.StateError {
		code, message, _ := strings.Cut(duck.ResultError(&result), ": ")
		return t.engine.refusedAs(code, message)
	}
	return nil
}

func (t *transaction) commit(ctx context.Context) error {
	if t == nil {
		return refusal(400, "invalidQuery", "Query error: Transaction control statements are supported only in scripts or sessions")
	}
	t.shut()
	tables, err := reads(ctx, t.path)
	if err != nil {
		return err
	}
	e := t.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.path != t.base {
		return errors.Join(refusal(400, "invalidQuery", "Query error: Transaction is aborted due to concurrent update against table "+
			e.project+":ops.table. Transaction ID: "+strconv.Itoa(len(e.former))+" at [1:1]"), tables.Close(), os.Remove(t.path))
	}
	e.former = append(e.former, e.tables)
	e.path, e.tables = t.path, tables
	return nil
}

// abandon undoes the transaction, if there is one.
func (t *transaction) abandon() {
	if t == nil {
		return
	}
	t.shut()
	_ = os.Remove(t.path)
}

func (t *transaction) shut() {
	duck.Disconnect(&t.conn)
	duck.Close(&t.db)
}
