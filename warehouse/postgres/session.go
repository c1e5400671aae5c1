package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// maxName is the length in bytes to which PostgreSQL cuts an application_name.
const maxName = 63

// endTimeout bounds the farewell to a server that may have gone.
const endTimeout = 2 * time.Second

// session is one connection with its read-only transaction, held from begin to end.
type session struct {
	dialect dialect
	conn    *sqlx.Conn
	pg      *pgconn.PgConn // the same connection below database/sql, for results in the server's own bytes
}

// begin opens the transaction in which a model is read, on a new connection where the one in the pool has died.
func (p *postgres) begin(ctx context.Context, tag warehouse.Tag) (*session, error) {
	s, err := p.tryBegin(ctx, tag)
	if errors.Is(err, errDied) {
		s, err = p.tryBegin(ctx, tag)
	}
	return s, err
}

// tryBegin makes settings that last as long as the transaction, so that they hold behind a transaction pooler too.
func (p *postgres) tryBegin(ctx context.Context, tag warehouse.Tag) (*session, error) {
	conn, err := p.db.Connx(ctx)
	if err != nil {
		return nil, failure(ctx, "", err)
	}
	s := &session{dialect: p.dialect, conn: conn}
	err = conn.Raw(func(driverConn any) error {
		c, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the driver gave a connection of type %T", driverConn)
		}
		s.pg = c.Conn().PgConn()
		return nil
	})
	if err == nil {
		_, err = conn.ExecContext(ctx, p.dialect.opening(p.config.StatementTimeout, tag))
	}
	if err != nil {
		err = unopened(ctx, err)
		s.end()
		return nil, err
	}
	return s, nil
}

// opening is sent as one message. What could change how a value reads is pinned here.
func opening(timeout time.Duration, tag warehouse.Tag) string {
	settings := [][2]string{
		{"standard_conforming_strings", "on"},
		{"application_name", applicationName(tag)},
		{"statement_timeout", fmt.Sprintf("%dms", timeout.Milliseconds())},
		{"default_transaction_read_only", "on"},
		{"timezone", "UTC"},
		{"datestyle", "ISO"},
		{"intervalstyle", "iso_8601"},
		{"extra_float_digits", "1"},
		{"bytea_output", "hex"},
		{"client_encoding", "UTF8"},
	}
	var b strings.Builder
	b.WriteString("begin transaction isolation level repeatable read read only")
	for _, s := range settings {
		b.WriteString("; set local " + s[0] + " = " + sqldb.Literal(s[1]))
	}
	return b.String()
}

// applicationName is the tag in as many bytes as the server keeps. The name of the sync is cut, never the run.
func applicationName(tag warehouse.Tag) string {
	name := tag.String()
	if over := len(name) - maxName; over > 0 && len(tag.Sync) > over {
		tag.Sync = strings.ToValidUTF8(tag.Sync[:len(tag.Sync)-over], "")
		name = tag.String()
	}
	return name[:min(len(name), maxName)]
}

// end rolls back and gives the connection back, or closes it where it cannot be used again.
func (s *session) end() {
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	if !s.pg.IsClosed() {
		if _, err := s.conn.ExecContext(ctx, "rollback"); err == nil {
			_ = s.conn.Close()
			return
		}
	}
	s.discard(ctx)
}

// discard closes the connection and waits until the server was told to stop what it is doing.
func (s *session) discard(ctx context.Context) {
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
	select {
	case <-s.pg.CleanupDone():
	case <-ctx.Done():
	}
}
