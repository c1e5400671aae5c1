package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"spillway/warehouse"
	"spillway/warehouse/warehousetest/middleman"
)

// numbers is a query of n wide rows.
func numbers(n int) string {
	return fmt.Sprintf("select n, repeat('x', 500) as filler from (select generate_series(1, %d) as n) s", n)
}

// readAll reads until the result ends or fails and says how many rows came; the error is nil at a proven end.
func readAll(ctx context.Context, rows warehouse.Rows) (int, error) {
	for n := 0; ; n++ {
		_, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

func query(t *testing.T, w warehouse.Warehouse, q warehouse.Query) warehouse.Rows {
	t.Helper()
	rows, err := w.Query(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rows.Close() })
	return rows
}

func address(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func TestACutConnectionIsNeverAnEnd(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	const rows = 5000
	whole := measure(t, dsn, rows)
	for _, reset := range []bool{false, true} {
		for _, share := range []float64{0.02, 0.3, 0.7, 0.99, 0.9999} {
			name := fmt.Sprintf("after %g of the bytes, reset %t", share, reset)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				scissors := middleman.Cut(int64(float64(whole)*share), reset)
				w := openDSN(t, middleman.Between(t, dsn, scissors.Answer), nil)
				var n int
				r, err := w.Query(t.Context(), warehouse.Query{SQL: numbers(rows)})
				if err == nil {
					defer func() { _ = r.Close() }()
					if n, err = readAll(t.Context(), r); err != nil && !errors.Is(err, warehouse.ErrTruncated) {
						t.Errorf("the error %v does not say that the result was cut short", err)
					}
				}
				if err == nil || errors.Is(err, io.EOF) || !warehouse.Temporary(err) {
					t.Errorf("after %d of %d rows the result ended with %v, want a temporary error", n, rows, err)
				}
			})
		}
	}
}

// measure says how many bytes a whole result takes.
func measure(t *testing.T, dsn string, rows int) int64 {
	t.Helper()
	scissors := middleman.Cut(1<<40, false)
	w := openDSN(t, middleman.Between(t, dsn, scissors.Answer), nil)
	if n, err := readAll(t.Context(), query(t, w, warehouse.Query{SQL: numbers(rows)})); err != nil || n != rows {
		t.Fatalf("%d rows came, error %v", n, err)
	}
	return scissors.Passed()
}

func TestATerminatedServerProcessIsATemporaryError(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	w := openDSN(t, dsn, nil)
	tag := warehouse.Tag{Sync: "contacts", Run: "01JDTERMINATE"}
	rows := query(t, w, warehouse.Query{SQL: numbers(10_000_000), Tag: tag})
	if _, err := rows.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, dsn).Exec(t.Context(),
		"select pg_terminate_backend(pid) from pg_stat_activity where application_name = '"+tag.String()+"'"); err != nil {
		t.Fatal(err)
	}
	n, err := readAll(t.Context(), rows)
	e, ok := errors.AsType[*warehouse.Error](err)
	if !ok || !e.Temporary || e.Code != "57P01" && !errors.Is(err, warehouse.ErrTruncated) {
		t.Errorf("after %d rows the result ended with %v, want a temporary error", n, err)
	}
	if err := w.Check(t.Context()); err != nil {
		t.Errorf("the warehouse cannot be used again: %v", err)
	}
}

func TestADeadConnectionInThePoolIsReplaced(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	conn := connect(t, dsn)
	w := openDSN(t, dsn, nil)
	for range 5 {
		if err := w.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(),
			"select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Check(t.Context()); err != nil {
		t.Errorf("after the idle connection was ended: %v", err)
	}
}

func TestAStatementTimeoutIsALastingError(t *testing.T) {
	t.Parallel()
	w := openDSN(t, database(t), func(c *Config) { c.StatementTimeout = 200 * time.Millisecond })
	start := time.Now()
	rows, err := w.Query(t.Context(), warehouse.Query{SQL: "select pg_sleep(60)"})
	if err == nil {
		_, err = readAll(t.Context(), rows)
		_ = rows.Close()
	}
	e, ok := errors.AsType[*warehouse.Error](err)
	if !ok || e.Code != "57014" || e.Temporary || !strings.Contains(e.Hint, "statement_timeout") {
		t.Errorf("the error is %#v, want 57014 with a hint", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestAQuerySeesOneStateOfTheDatabase(t *testing.T) {
	t.Parallel()
	dsn := database(t, "create table people (id int, name text)",
		"insert into people select n, 'before' from generate_series(1, 50000) n")
	w := openDSN(t, dsn, nil)
	rows := query(t, w, warehouse.Query{SQL: "select name from people"})
	if _, err := rows.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, dsn)
	for _, sql := range []string{
		"update people set name = 'after'", "insert into people select n, 'after' from generate_series(1, 1000) n", "vacuum people",
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	count := 1
	for ; ; count++ {
		row, err := rows.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if row[0] != "before" {
			t.Fatalf("row %d is of another state: %v", count, row)
		}
	}
	if count != 50000 {
		t.Errorf("%d rows came, want 50000", count)
	}
}

// activity says how many statements run under an application name.
func activity(t *testing.T, conn *pgx.Conn, name string) (count int) {
	t.Helper()
	err := conn.QueryRow(t.Context(), "select count(*) from pg_stat_activity where application_name = $1 and state = 'active'", name).Scan(&count)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

func TestCancellingEndsTheStatementAtTheServer(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	conn := connect(t, dsn)
	endings := map[string]func(cancel func(), rows warehouse.Rows){
		"by the context":     func(cancel func(), _ warehouse.Rows) { cancel() },
		"by closing":         func(_ func(), rows warehouse.Rows) { _ = rows.Close() },
		"by both, in a race": func(cancel func(), rows warehouse.Rows) { go cancel(); _ = rows.Close() },
	}
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			w := openDSN(t, dsn, nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			tag := warehouse.Tag{Sync: "contacts", Run: "01JDCANCEL"}
			rows, err := w.Query(ctx, warehouse.Query{SQL: numbers(100_000_000), Tag: tag})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rows.Next(ctx); err != nil {
				t.Fatal(err)
			}
			if got := activity(t, conn, tag.String()); got != 1 {
				t.Fatalf("%d statements run as %q, want 1", got, tag)
			}
			start := time.Now()
			end(cancel, rows)
			_, err = rows.Next(t.Context())
			if err == nil || errors.Is(err, io.EOF) {
				t.Errorf("after the cancel Next gave %v", err)
			}
			_ = rows.Close()
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("ending took %s", took)
			}
			for range 100 { // the server needs a moment to see that its client has gone
				if activity(t, conn, tag.String()) == 0 {
					return
				}
				<-time.After(20 * time.Millisecond)
			}
			t.Error("the statement still runs at the server")
		})
	}
}

// passwordServer asks for a password and takes none, as PostgreSQL words it.
func passwordServer(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { askPassword(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		conns.Wait()
	})
	return l.Addr().String()
}

func askPassword(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	backend := pgproto3.NewBackend(conn, conn)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	backend.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := backend.Flush(); err != nil {
		return
	}
	if err := backend.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
		return
	}
	if _, err := backend.Receive(); err != nil {
		return
	}
	backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: `password authentication failed for user "reader"`})
	_ = backend.Flush()
}

func TestAWrongPasswordIsALastingErrorWithoutThePassword(t *testing.T) {
	t.Parallel()
	dsn := "postgres://reader:hunter2canary@" + passwordServer(t) + "/warehouse?sslmode=disable"
	err := openDSN(t, dsn, nil).Check(t.Context())
	e, ok := errors.AsType[*warehouse.Error](err)
	if !ok || e.Code != "28P01" || e.Temporary || e.Hint == "" || strings.Contains(err.Error(), "canary") {
		t.Errorf("the error is %v, want 28P01 with a hint, lasting, and without the password", err)
	}
}

func TestAMissingDatabaseIsALastingError(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(database(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/no_such_database"
	e, ok := errors.AsType[*warehouse.Error](openDSN(t, u.String(), nil).Check(t.Context()))
	if !ok || e.Code != "3D000" || e.Temporary {
		t.Errorf("the error is %#v, want 3D000 and lasting", e)
	}
}

func TestAServerThatCannotBeReachedIsATemporaryError(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	for name, dsn := range map[string]string{
		"nobody listens":        "postgres://u:canary@" + closed + "/db",
		"nobody answers":        "postgres://u:canary@" + silent.Addr().String() + "/db",
		"the name is unknown":   "postgres://u:canary@no-such-host.invalid/db",
		"the socket is missing": "host=/no/such/dir user=u password=canary",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := openDSN(t, dsn, func(c *Config) { c.ConnectTimeout = 300 * time.Millisecond })
			err := w.Check(t.Context())
			if !warehouse.Temporary(err) || errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "canary") {
				t.Errorf("the error is %v, want a temporary one without the password", err)
			}
		})
	}
}
