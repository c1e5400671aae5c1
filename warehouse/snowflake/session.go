package snowflake

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"time"

	sf "github.com/snowflakedb/gosnowflake/v2"

	"spillway/warehouse"
)

// graceOfCancel is how long Snowflake may take to acknowledge that a statement is to be cancelled. Beyond it the
// driver goes on trying by itself.
const graceOfCancel = time.Second

// connector looks the secrets up for each connection, so that rotated ones take effect.
type connector struct{ config Config }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	if wait := c.config.ConnectTimeout; wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	config, err := c.config.resolve(ctx)
	if err != nil {
		return nil, err
	}
	return sf.NewConnector(sf.SnowflakeDriver{}, config).Connect(ctx)
}

func (c connector) Driver() driver.Driver { return sf.SnowflakeDriver{} }

// result is a statement that has run, or was described.
type result struct {
	loader  sf.ArrowStreamLoader
	queryID string
}

// run has Snowflake run q and returns its result, on a new session where the one in the pool has ended. The session
// is free again when it returns, for a result is read without it.
func (s *snowflake) run(ctx context.Context, q warehouse.Query) (result, error) {
	if err := ctx.Err(); err != nil {
		return result{}, err
	}
	if err := readsOnly(q.SQL); err != nil {
		return result{}, err
	}
	found, err := s.tryRun(ctx, q)
	if sessionGone(err) {
		found, err = s.tryRun(ctx, q)
	}
	return found, failure(ctx, err)
}

func (s *snowflake) tryRun(ctx context.Context, q warehouse.Query) (result, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return result{}, err
	}
	var found result
	done := make(chan error, 1)
	go func() {
		var err error
		if found, err = execute(ctx, conn, q); sessionGone(err) {
			discard(conn)
		}
		_ = conn.Close()
		done <- err
	}()
	select {
	case err = <-done:
		return found, err
	case <-ctx.Done():
	}
	// The driver is telling Snowflake to cancel the statement.
	late := time.NewTimer(graceOfCancel)
	defer late.Stop()
	select {
	case err = <-done:
	case <-late.C:
	}
	return result{}, cmp.Or(ctx.Err(), err)
}

// streamer is the driver's connection.
type streamer interface {
	QueryArrowStream(ctx context.Context, sql string, bindings ...driver.NamedValue) (sf.ArrowStreamLoader, error)
}

func execute(ctx context.Context, conn *sql.Conn, q warehouse.Query) (found result, err error) {
	if q.Limit > 0 {
		// It spares Snowflake work. That no more rows are read than asked for does not depend on it.
		limited := limit(ctx, conn, q.Limit)
		defer func() {
			if limited && limit(context.WithoutCancel(ctx), conn, 0) {
				return
			}
			discard(conn)
		}()
	}
	queryID := make(chan string, 1)
	tagged := sf.WithQueryTag(sf.WithMultiStatement(sf.WithQueryIDChan(ctx, queryID), 1), q.Tag.String())
	err = conn.Raw(func(driverConn any) error {
		c, ok := driverConn.(streamer)
		if !ok {
			return fmt.Errorf("the driver gave a connection of type %T", driverConn)
		}
		found.loader, err = c.QueryArrowStream(tagged, q.SQL)
		return err
	})
	select {
	case found.queryID = <-queryID:
	default:
	}
	if err == nil && found.loader == nil {
		err = errors.New("the driver gave no result")
	}
	return found, err
}

// limit has the session's results end after so many rows; 0 lifts it. It reports whether Snowflake agreed.
func limit(ctx context.Context, conn *sql.Conn, rows int) bool {
	_, err := conn.ExecContext(ctx, "alter session set rows_per_resultset = "+strconv.Itoa(rows))
	return err == nil
}

// discard keeps a connection from being used again.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
