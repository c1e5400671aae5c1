package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// endTimeout bounds the farewell to a server that may have gone.
const endTimeout = 2 * time.Second

// patience is how many seconds the server waits for a client that reads slowly.
const patience = 600

// noLimit is the sql_select_limit that limits nothing.
const noLimit uint64 = math.MaxUint64

// session is one connection with its read-only transaction, held from begin to end.
type session struct {
	owner *mysql
	conn  *sqlx.Conn
	raw   prepares // the same connection below database/sql, for results without a copy of every value
	id    uint64   // the server's number of the connection
}

// prepares is what the driver's connection does that database/sql hides.
type prepares interface {
	driver.Conn
	driver.ConnPrepareContext
}

// begin opens the transaction in which a model is read, on a new connection where the one in the pool has died.
func (m *mysql) begin(ctx context.Context, limit uint64) (*session, error) {
	s, err := m.tryBegin(ctx, limit)
	if errors.Is(err, errDied) {
		s, err = m.tryBegin(ctx, limit)
	}
	return s, err
}

func (m *mysql) tryBegin(ctx context.Context, limit uint64) (*session, error) {
	conn, err := m.db.Connx(ctx)
	if err != nil {
		return nil, unconnected(ctx, err)
	}
	s := &session{owner: m, conn: conn}
	err = conn.Raw(func(driverConn any) error {
		c, ok := driverConn.(prepares)
		if !ok {
			return fmt.Errorf("the driver gave a connection of type %T", driverConn)
		}
		s.raw = c
		return nil
	})
	if err == nil {
		err = s.open(ctx, m.config, limit)
	}
	if err != nil {
		s.discard()
		if ctx.Err() == nil && died(err) {
			return nil, &warehouse.Error{Message: errDied.Error(), Hint: "try again; see the server's log", Temporary: true, Err: errDied}
		}
		return nil, failure(ctx, err)
	}
	return s, nil
}

// open makes the session what a read needs. What could change how a value reads, or cut a result, is pinned here, after
// the user's own parameters.
func (s *session) open(ctx context.Context, c Config, limit uint64) error {
	var server struct {
		ID      uint64 `db:"id"`
		Version string `db:"version"`
	}
	if err := s.conn.GetContext(ctx, &server, "select connection_id() as id, version() as version"); err != nil {
		return err
	}
	s.id = server.ID
	var statements []string
	if len(c.Parameters) > 0 {
		statements = append(statements, "set "+strings.Join(assignments(c.Parameters), ", "))
	}
	statements = append(statements, pins(server.Version, c.StatementTimeout, limit),
		"set session transaction isolation level repeatable read",
		"set session transaction read only",
		"start transaction with consistent snapshot, read only")
	for _, statement := range statements {
		if _, err := s.conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func pins(version string, timeout time.Duration, limit uint64) string {
	settings := []string{
		"names utf8mb4",
		"time_zone = '+00:00'",
		// CHAR is read without its padding, whatever the mode says.
		"sql_mode = trim(trailing ',' from replace(concat(@@session.sql_mode, ','), 'PAD_CHAR_TO_FULL_LENGTH,', ''))",
		fmt.Sprintf("net_write_timeout = %d", patience),
		fmt.Sprintf("sql_select_limit = %d", limit), // the server's own would cut results silently (invariant 5)
	}
	if strings.Contains(version, "MariaDB") {
		settings = append(settings, fmt.Sprintf("max_statement_time = %f", timeout.Seconds()))
	} else {
		settings = append(settings, fmt.Sprintf("max_execution_time = %d", timeout.Milliseconds()))
	}
	return "set " + strings.Join(settings, ", ")
}

func assignments(parameters map[string]string) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		value := parameters[name]
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			value = sqldb.Literal(strings.ReplaceAll(value, `\`, `\\`))
		}
		list = append(list, "session "+name+" = "+value)
	}
	return list
}

// query prepares and runs a statement. The rows own the session from here on; where there are none, it is ended.
func (s *session) query(ctx context.Context, q warehouse.Query) (*rows, error) {
	stream, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &rows{session: s, limit: q.Limit, asked: ctx, stream: stream, cut: cancel, closing: make(chan struct{})}
	r.forget = context.AfterFunc(ctx, r.cancel)
	if err := r.start(q); err != nil {
		err = r.explain(ctx, err)
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

// tagged begins a statement with its tag, on the same line, so that the server's line numbers hold.
func tagged(q warehouse.Query) string {
	return "/* " + strings.NewReplacer("*/", "* /", "\n", " ", "\r", " ").Replace(q.Tag.String()) + " */ " + q.SQL
}

// end rolls back and gives the connection back, or closes it where it cannot be used again.
func (s *session) end() {
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	if _, err := s.conn.ExecContext(ctx, "rollback"); err == nil {
		_ = s.conn.Close()
		return
	}
	s.discard()
}

// discard closes the connection, so that nothing of its session is left.
func (s *session) discard() {
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
}

// kill has the server end the connection and what runs on it, for a server notices only by its next row that a client
// has gone.
func (s *session) kill() {
	ctx, cancel := context.WithTimeout(context.Background(), graceOfCancel)
	defer cancel()
	_, _ = s.owner.db.ExecContext(ctx, "kill "+strconv.FormatUint(s.id, 10))
}

// died reports whether err says that the connection had gone before it was used.
func died(err error) bool {
	if e, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		return e.Number == 1053 || e.Number == 1927 || e.Number == 4031
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysqldriver.ErrInvalidConn)
}
