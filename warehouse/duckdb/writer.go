//go:build !noduckdb

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	duck "github.com/duckdb/duckdb-go-bindings"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// writer opens the file for each use and lets go of it at once: as long as one process may write it, no other reads it.
type writer struct{ database database }

func openWriter(ctx context.Context, c Config, env warehouse.Env) (warehouse.Writer, error) {
	w, err := open(ctx, c, env)
	if err != nil {
		return nil, err
	}
	d, ok := w.(*duckdb)
	if !ok {
		return nil, fmt.Errorf("the warehouse is a %T", w)
	}
	if d.database.config.Path == "" {
		return nil, errors.New("a database in memory keeps nothing: set path, or name another warehouse")
	}
	return &writer{database: database{config: d.database.config, base: d.base}}, nil
}

// with runs work on a connection that may write.
func (w *writer) with(ctx context.Context, work func(*writing) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	d := &w.database
	if d.leave, err = files.write(ctx, d.config.Path); err != nil {
		return err
	}
	defer d.shut()
	if err := d.start("READ_WRITE"); err != nil {
		return err
	}
	s := &writing{ctx: ctx}
	if duck.Connect(d.handle, &s.conn) == duck.StateError {
		return errors.New("DuckDB gave no connection")
	}
	defer duck.Disconnect(&s.conn)
	return work(s)
}

func (w *writer) Create(ctx context.Context, tables []warehouse.Table) error {
	return w.with(ctx, func(s *writing) error {
		for _, t := range tables {
			if err := s.run(creation(t)); err != nil {
				return failed("make", t, err)
			}
		}
		return nil
	})
}

// creation makes no primary key: within a transaction DuckDB may not see that a row was deleted.
func creation(t warehouse.Table) string {
	types := map[warehouse.Type]string{warehouse.String: "VARCHAR", warehouse.Int: "BIGINT", warehouse.Time: "TIMESTAMPTZ"}
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = c.Name + " " + types[c.Type]
	}
	return "create table if not exists " + sqldb.TableName(sqldb.Quote, t) + " (" + strings.Join(columns, ", ") + ")"
}

func failed(what string, t warehouse.Table, err error) error {
	return fmt.Errorf("%s the table %s: %w", what, strings.TrimPrefix(t.Schema+"."+t.Name, "."), err)
}

func (w *writer) Replace(ctx context.Context, changes []warehouse.Replacement) error {
	return w.with(ctx, func(s *writing) error {
		if err := s.run("begin transaction"); err != nil {
			return err
		}
		for _, c := range changes {
			if err := s.replace(c); err != nil {
				_ = s.run("rollback") // the first error is the one to report
				return failed("write", c.Table, err)
			}
		}
		return s.run("commit")
	})
}

func (w *writer) Close() error { return nil }

// writing is a connection that may write.
type writing struct {
	ctx  context.Context //nolint:containedctx // it is the life of the connection
	conn duck.Connection
}

func (s *writing) run(sql string) error {
	var result duck.Result
	defer duck.DestroyResult(&result)
	if duck.Query(s.conn, sql, &result) == duck.StateError {
		return failure(duck.ResultError(&result))
	}
	return nil
}

func (s *writing) replace(c warehouse.Replacement) error {
	name := sqldb.TableName(sqldb.Quote, c.Table)
	var conditions []string
	var values []warehouse.Value
	for _, m := range c.Where {
		conditions = append(conditions, m.Column+" in (?"+strings.Repeat(", ?", len(m.Values)-1)+")")
		for _, v := range m.Values {
			values = append(values, v)
		}
	}
	err := s.prepared("delete from "+name+" where "+strings.Join(conditions, " and "), func(execute func([]warehouse.Value) error) error {
		return execute(values)
	})
	if err != nil || c.Rows == nil {
		return err
	}
	columns := make([]string, len(c.Table.Columns))
	for i, column := range c.Table.Columns {
		columns[i] = column.Name
	}
	insert := "insert into " + name + " (" + strings.Join(columns, ", ") + ") values (?" + strings.Repeat(", ?", len(columns)-1) + ")"
	return s.prepared(insert, func(execute func([]warehouse.Value) error) error {
		for row, err := range c.Rows {
			if err == nil {
				err = s.ctx.Err()
			}
			if err == nil {
				err = execute(row)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// prepared has a statement prepared once and executed with values as often as work wants it.
func (s *writing) prepared(sql string, work func(execute func([]warehouse.Value) error) error) error {
	var statement duck.PreparedStatement
	defer duck.DestroyPrepare(&statement)
	if duck.Prepare(s.conn, sql, &statement) == duck.StateError {
		return failure(duck.PrepareError(statement))
	}
	return work(func(values []warehouse.Value) error {
		for i, v := range values {
			if err := bind(statement, duck.IdxT(i+1), v); err != nil {
				return err
			}
		}
		var result duck.Result
		defer duck.DestroyResult(&result)
		if duck.ExecutePrepared(statement, &result) == duck.StateError {
			return failure(duck.ResultError(&result))
		}
		return nil
	})
}

// bind gives a statement one of its values, counted from 1.
func bind(statement duck.PreparedStatement, at duck.IdxT, v warehouse.Value) error {
	state := duck.StateError
	switch v := v.(type) {
	case nil:
		state = duck.BindNull(statement, at)
	case int64:
		state = duck.BindInt64(statement, at, v)
	case string:
		state = duck.BindVarchar(statement, at, sqldb.Fitting(v, 0))
	case time.Time:
		state = duck.BindTimestampTZ(statement, at, duck.NewTimestamp(v.UnixMicro()))
	}
	if state == duck.StateError {
		return fmt.Errorf("DuckDB takes no value of type %T", v)
	}
	return nil
}
