// Package bigquery reads models from Google BigQuery, and writes tables of Spillway's own into it.
//
// A query is first described by a dry run, which costs nothing, gives its columns and refuses whatever is not one
// SELECT statement. It then runs as one job, which sees one snapshot of its tables, with sync and run in its labels. Small
// results come from the REST API, large ones over several streams of the Storage Read API, in no particular order, where
// the account may use it.
//
// A result is complete when as many rows were read as the finished job says it has. The rows of both APIs are counted
// against that same total.
//
// The package stands on the clients that Google generates for both APIs rather than on the iterator above them: that one
// tries a failed job again for ever, loses a stream's error when the last stream ends, and panics on what it cannot decode.
//
// What each type becomes, besides the rules of package sqldb:
//
//	BOOL                         bool
//	INT64                        int64
//	FLOAT64                      float64
//	NUMERIC BIGNUMERIC           Decimal, with the scale that the column declares, otherwise without zeros at its end
//	DATE                         Date
//	DATETIME TIMESTAMP           time.Time in UTC
//	BYTES                        []byte
//	JSON                         JSON
//	ARRAY                        JSON array; BigQuery delivers a null one as an empty one
//	STRUCT                       JSON object
//	STRING GEOGRAPHY             string; geography as WKT
//	TIME INTERVAL                string, as sqldb says
//	RANGE                        string: "[2026-11-20, 2026-11-22)", "[UNBOUNDED, 2026-11-20T15:04:05Z)"
//
// A column of any other type, and a TIMESTAMP of picoseconds, is refused with the advice to cast it.
package bigquery

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"spillway/warehouse"
)

// Definition describes BigQuery.
func Definition() warehouse.Definition {
	return warehouse.Writing(warehouse.Define(warehouse.Definition{
		Name:  "bigquery",
		Title: "BigQuery",
		Docs:  "warehouses/bigquery.md",
		Quote: quote,
	}, open), openWriter)
}

// quote writes a dotted name as GoogleSQL does: `analytics`.`my table`.
func quote(name ...string) string {
	parts := make([]string, len(name))
	for i, n := range name {
		parts[i] = "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(n) + "`"
	}
	return strings.Join(parts, ".")
}

// bigquery is one project with one set of credentials.
type bigquery struct {
	config   Config
	clients  clients
	log      *slog.Logger
	patience time.Duration
	denied   sync.Once // says once that the Storage Read API may not be used
}

var _ warehouse.Estimator = (*bigquery)(nil)

func open(_ context.Context, c Config, env warehouse.Env) (warehouse.Warehouse, error) {
	return newBigquery(c, env)
}

func newBigquery(c Config, env warehouse.Env) (*bigquery, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &bigquery{config: c, clients: clients{config: c}, log: log, patience: patience}, nil
}

// Check runs a query that reads no table, for a dry run alone needs no right to run jobs.
func (b *bigquery) Check(ctx context.Context) error {
	rows, err := b.Query(ctx, warehouse.Query{SQL: "SELECT 1"})
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	_, err = rows.Next(ctx)
	return err
}

func (b *bigquery) Columns(ctx context.Context, sql string) ([]warehouse.Column, error) {
	d, err := b.describe(ctx, warehouse.Query{SQL: sql})
	if err != nil {
		return nil, err
	}
	return d.columns, nil
}

func (b *bigquery) Estimate(ctx context.Context, q warehouse.Query) (warehouse.Estimate, error) {
	d, err := b.describe(ctx, q)
	if err != nil {
		return warehouse.Estimate{}, err
	}
	d.estimate.Limit = b.config.MaximumBytesBilled
	return d.estimate, nil
}

// Query starts the job and does not wait for it: the first Next does.
func (b *bigquery) Query(ctx context.Context, q warehouse.Query) (warehouse.Rows, error) {
	d, err := b.describe(ctx, q)
	if err != nil {
		return nil, err
	}
	j, err := b.start(ctx, q, d.location)
	if err != nil {
		return nil, err
	}
	return newRows(ctx, j, d.shape, q.Limit), nil
}

func (b *bigquery) Close() error { return b.clients.close() }
