// Package postgres reads models from PostgreSQL 12 and later, and from Amazon Redshift, see Redshift.
//
// A query runs as one statement in a REPEATABLE READ READ ONLY transaction, so that it sees one state of the
// database, and its application_name carries sync and run. The session is pinned to UTC, ISO dates, ISO intervals
// and full float digits; search_path and the rest are the user's own. A result is complete when the server's own
// total ("SELECT 200000") equals the rows that were read.
//
// What each type becomes, besides the rules of package sqldb:
//
//	boolean                              bool
//	smallint integer bigint oid          int64
//	real double precision                float64
//	numeric                              Decimal with its scale; NaN and ±Infinity are float64
//	money                                Decimal with as many decimals as the server's lc_monetary has
//	date                                 Date
//	timestamp, timestamp with time zone  time.Time in UTC
//	bytea                                []byte
//	json jsonb                           JSON
//	arrays                               JSON array, one within another for each dimension
//	composite types                      JSON object; an anonymous row is text as PostgreSQL writes it
//	domains                              as the type below
//	text varchar char name enums uuid    string; char(n) keeps its padding
//	time interval                        string, as sqldb says
//	all others                           string as PostgreSQL writes it: ranges, inet, bit, xml, hstore, ...
package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"

	"github.com/jmoiron/sqlx"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// Definition describes PostgreSQL.
func Definition() warehouse.Definition {
	return warehouse.Writing(warehouse.Define(warehouse.Definition{
		Name:  "postgres",
		Title: "PostgreSQL",
		Docs:  "warehouses/postgres.md",
		Quote: sqldb.Quote,
	}, open), openWriter)
}

// postgres is one database with one set of credentials. It connects when it is first used.
type postgres struct {
	config  Config
	dialect dialect
	db      *sqlx.DB
}

func open(_ context.Context, c Config, env warehouse.Env) (warehouse.Warehouse, error) {
	p, err := newPostgres(c, env)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func newPostgres(c Config, env warehouse.Env) (*postgres, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	connector, err := c.connector(log)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection to PostgreSQL: %w", err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "pgx")
	db.SetMaxIdleConns(maxIdle)
	db.SetConnMaxIdleTime(maxIdleTime)
	return &postgres{config: c, dialect: native{}, db: db}, nil
}

func (p *postgres) Check(ctx context.Context) error {
	s, err := p.begin(ctx, warehouse.Tag{})
	if err != nil {
		return err
	}
	defer s.end()
	var one int
	if err := s.conn.GetContext(ctx, &one, "select 1"); err != nil {
		return failure(ctx, "", err)
	}
	return nil
}

func (p *postgres) Columns(ctx context.Context, sql string) ([]warehouse.Column, error) {
	s, err := p.begin(ctx, warehouse.Tag{})
	if err != nil {
		return nil, err
	}
	defer s.end()
	shape, err := s.describe(ctx, sql)
	if err != nil {
		return nil, err
	}
	return shape.columns, nil
}

func (p *postgres) Query(ctx context.Context, q warehouse.Query) (warehouse.Rows, error) {
	s, err := p.begin(ctx, q.Tag)
	if err != nil {
		return nil, err
	}
	rows, err := s.query(ctx, q)
	if err != nil {
		s.end()
		return nil, err
	}
	return rows, nil
}

func (p *postgres) Close() error { return p.db.Close() }
