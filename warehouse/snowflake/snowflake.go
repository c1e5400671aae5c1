// Package snowflake reads models from Snowflake, and writes tables of Spillway's own into it.
//
// A query is one statement, whose result Snowflake keeps whole before the first row of it is read. Its QUERY_TAG
// carries sync and run. Snowflake has no read-only sessions: what is not one SELECT is refused before it is sent, and
// the role should be able to do no more. The session is pinned to UTC, GeoJSON and unlimited results. A result is
// complete when the total that Snowflake declared for it, and for each of its chunks, equals the rows that were read.
//
// Values are read from Arrow as Snowflake sends it, or from JSON where it sends that; the driver's own conversion, which
// rounds decimals, is not used.
//
// What each type becomes, besides the rules of package sqldb:
//
//	BOOLEAN                      bool
//	NUMBER without decimals      int64, or a Decimal beyond it
//	NUMBER with decimals         Decimal with its scale
//	DECFLOAT                     Decimal
//	FLOAT                        float64
//	DATE                         Date
//	TIMESTAMP_NTZ, _LTZ, _TZ     time.Time in UTC
//	VARCHAR                      string
//	BINARY                       []byte
//	TIME                         string, as sqldb says
//	VARIANT OBJECT ARRAY MAP     JSON; what is undefined in them is null
//	GEOGRAPHY GEOMETRY           JSON: GeoJSON
//	all others                   string as Snowflake writes it
package snowflake

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"time"

	sf "github.com/snowflakedb/gosnowflake/v2"

	"spillway/warehouse"
	"spillway/warehouse/snowflake/quiet"
	"spillway/warehouse/sqldb"
)

// Definition describes Snowflake.
func Definition() warehouse.Definition {
	return warehouse.Writing(warehouse.Define(warehouse.Definition{
		Name:  "snowflake",
		Title: "Snowflake",
		Docs:  "warehouses/snowflake.md",
		Quote: sqldb.Quote,
	}, open), openWriter)
}

const (
	maxIdle     = 2
	maxIdleTime = time.Minute
	maxLifetime = 3 * time.Hour // the tokens with which a session is renewed last for four
)

// silenced is the driver's logger turned off: it writes to stderr what is returned as an error anyway.
var silenced = sf.GetLogger().SetLogLevel("off")

// snowflake is one account with one set of credentials. It connects when it is first used.
type snowflake struct {
	log *slog.Logger
	db  *sql.DB
}

func open(_ context.Context, c Config, env warehouse.Env) (warehouse.Warehouse, error) {
	return newSnowflake(c, env)
}

func newSnowflake(c Config, env warehouse.Env) (*snowflake, error) {
	if err := errors.Join(append(quiet.Errors, silenced)...); err != nil {
		return nil, err
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	db := sql.OpenDB(connector{config: c})
	db.SetMaxIdleConns(maxIdle)
	db.SetConnMaxIdleTime(maxIdleTime)
	db.SetConnMaxLifetime(maxLifetime)
	return &snowflake{log: log, db: db}, nil
}

func (s *snowflake) Check(ctx context.Context) error {
	r, err := s.Query(ctx, warehouse.Query{SQL: "select 1"})
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	for {
		if _, err := r.Next(ctx); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (s *snowflake) Columns(ctx context.Context, sql string) ([]warehouse.Column, error) {
	found, err := s.run(sf.WithDescribeOnly(ctx), warehouse.Query{SQL: sql})
	if err != nil {
		return nil, err
	}
	return columnsOf(describe(found.loader)), nil
}

func (s *snowflake) Query(ctx context.Context, q warehouse.Query) (warehouse.Rows, error) {
	found, err := s.run(ctx, q)
	if err != nil {
		return nil, err
	}
	return newRows(ctx, found, q.Limit)
}

// Close ends the sessions that are idle. Results whose reading has begun can be read to their end.
func (s *snowflake) Close() error { return s.db.Close() }
