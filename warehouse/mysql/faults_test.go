package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/warehousetest/middleman"
)

// numbers is a query of n wide rows.
func numbers(n int) string {
	return fmt.Sprintf("select seq as n, repeat('x', 500) as filler from seq_1_to_%d", n)
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

func TestACutConnectionIsNeverAnEnd(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	const rows = 5000
	measure := middleman.Cut(1<<40, false)
	w := openDSN(t, middleman.Between(t, dsn, measure.Answer), nil)
	if n, err := readAll(t.Context(), query(t, w, warehouse.Query{SQL: numbers(rows)})); err != nil || n != rows {
		t.Fatalf("%d rows came, error %v", n, err)
	}
	whole := measure.Passed()
	for _, cut := range []int64{1, 4, 9, 30, 64, 100, 500, 507, 2000, whole / 3, whole / 2, whole * 97 / 100, whole - 300} {
		t.Run(fmt.Sprintf("%d bytes before the end", cut), func(t *testing.T) {
			t.Parallel()
			w := openDSN(t, middleman.Between(t, dsn, middleman.Cut(whole-cut, false).Answer), nil)
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

func TestAKilledConnectionIsATemporaryError(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	w := openDSN(t, dsn, nil)
	rows, err := w.Query(t.Context(), warehouse.Query{SQL: numbers(100_000_000)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	if _, err := rows.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, dsn).ExecContext(t.Context(), fmt.Sprintf("kill %d", sessionOf(t, rows))); err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(t.Context(), rows); !warehouse.Temporary(err) {
		t.Errorf("the error is %v, want a temporary one", err)
	}
}

func sessionOf(t *testing.T, r warehouse.Rows) uint64 {
	t.Helper()
	own, ok := r.(*rows)
	if !ok {
		t.Fatalf("the rows are %T", r)
	}
	return own.session.id
}

func TestAConnectionThatDiedInThePoolIsReplaced(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	w := openDSN(t, dsn, nil)
	rows := query(t, w, warehouse.Query{SQL: "select 1"})
	id := sessionOf(t, rows)
	if _, err := readAll(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, dsn).ExecContext(t.Context(), fmt.Sprintf("kill %d", id)); err != nil {
		t.Fatal(err)
	}
	if err := w.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAWrongPasswordIsALastingErrorWithoutThePassword(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(database(t))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("spillway", "hunter2canary")
	err = openDSN(t, u.String(), nil).Check(t.Context())
	e, ok := errors.AsType[*warehouse.Error](err)
	if !ok || e.Code != "1045" || e.Temporary || e.Hint == "" || strings.Contains(err.Error(), "canary") {
		t.Errorf("the error is %v, want 1045 with a hint, lasting, and without the password", err)
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
		"nobody listens":        "mysql://u:canary@" + closed + "/db",
		"nobody answers":        "mysql://u:canary@" + silent.Addr().String() + "/db",
		"the name is unknown":   "mysql://u:canary@no-such-host.invalid/db",
		"the socket is missing": "u:canary@unix(/no/such/socket)/db",
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
