// Package mysql reads models from MySQL 5.7 and later and from MariaDB 10.3 and later.
//
// A query runs as one prepared statement in a read-only transaction with a consistent snapshot, so that it sees one
// state of all InnoDB tables, and begins with a comment that carries sync and run. The session is pinned to UTC and
// utf8mb4; sql_mode is the server's own or the user's. Rows come in the binary protocol, for its text cuts the digits
// of floats.
//
// The protocol declares no number of rows. A result is complete when the server's end packet came and the server then
// answered the next command in its place, SHOW WARNINGS, without a warning that it had cut the result. An end without
// that packet, such as a lost connection, is an error of the driver.
//
// What each type becomes, besides the rules of package sqldb:
//
//	tinyint smallint mediumint int bigint year  int64; an unsigned bigint beyond it is a Decimal
//	bit(n)                                      int64, or a Decimal beyond it
//	float double                                float64
//	decimal                                     Decimal with its scale
//	date                                        Date
//	datetime timestamp                          time.Time in UTC
//	char varchar text enum set                  string
//	time                                        string: "15:04:05.5", "-838:59:59"
//	binary varbinary blob geometry vector       []byte
//	json                                        JSON; of MariaDB, whose JSON is a text, string
//
// A day or an instant that is none, such as "0000-00-00", is text as MySQL writes it.
package mysql

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"

	"github.com/jmoiron/sqlx"

	"spillway/warehouse"
)

// Definition describes MySQL and MariaDB.
func Definition() warehouse.Definition {
	return warehouse.Writing(warehouse.Define(warehouse.Definition{
		Name:  "mysql",
		Title: "MySQL",
		Docs:  "warehouses/mysql.md",
		Quote: quote,
	}, open), openWriter)
}

// quote writes a dotted name in backticks, which mean the same in every sql_mode.
func quote(name ...string) string {
	parts := make([]string, len(name))
	for i, n := range name {
		parts[i] = "`" + strings.ReplaceAll(n, "`", "``") + "`"
	}
	return strings.Join(parts, ".")
}

// mysql is one server with one set of credentials. It connects when it is first used.
type mysql struct {
	config Config
	db     *sqlx.DB
}

func open(_ context.Context, c Config, env warehouse.Env) (warehouse.Warehouse, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	db := sqlx.NewDb(sql.OpenDB(&connector{config: c, log: log}), "mysql")
	db.SetMaxIdleConns(maxIdle)
	db.SetConnMaxIdleTime(maxIdleTime)
	return &mysql{config: c, db: db}, nil
}

func (m *mysql) Check(ctx context.Context) error {
	s, err := m.begin(ctx, noLimit)
	if err != nil {
		return err
	}
	defer s.end()
	var one int
	if err := s.conn.GetContext(ctx, &one, "select 1"); err != nil {
		return failure(ctx, err)
	}
	return nil
}

// Columns runs the statement with a limit of no rows, which the server takes as a reason not to evaluate it. A LIMIT
// of the statement's own comes first, however: such a model is evaluated as far as that.
func (m *mysql) Columns(ctx context.Context, sql string) ([]warehouse.Column, error) {
	rows, err := m.query(ctx, warehouse.Query{SQL: sql}, 0)
	if err != nil {
		return nil, err
	}
	return rows.columns, rows.Close()
}

func (m *mysql) Query(ctx context.Context, q warehouse.Query) (warehouse.Rows, error) {
	limit := noLimit
	if q.Limit > 0 {
		limit = uint64(q.Limit)
	}
	rows, err := m.query(ctx, q, limit)
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (m *mysql) query(ctx context.Context, q warehouse.Query, limit uint64) (*rows, error) {
	if err := isQuery(q.SQL); err != nil {
		return nil, err
	}
	s, err := m.begin(ctx, limit)
	if err != nil {
		return nil, err
	}
	return s.query(ctx, q)
}

func (m *mysql) Close() error { return m.db.Close() }
