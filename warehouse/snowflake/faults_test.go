//go:build !noduckdb

package snowflake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/snowflake/snowflaketest"
)

// manyRows are some chunks beyond those that are fetched ahead.
const manyRows = 60_000

// numbers is a query of manyRows rows.
var numbers = fmt.Sprintf("select n, repeat('x', 100) as filler from (select range as n from range(%d)) s", manyRows)

// readAll reads until the result ends or fails and says how many rows came; the error is nil at a proven end.
func readAll(ctx context.Context, rows warehouse.Rows) (int, error) {
	for n := 0; ; n++ {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if row[0] != int64(n) {
			return n, fmt.Errorf("row %d is number %v", n, row[0])
		}
	}
}

// run reads a whole result.
func run(t *testing.T, w warehouse.Warehouse, sql string) (int, error) {
	t.Helper()
	rows, err := w.Query(t.Context(), warehouse.Query{SQL: sql, Tag: warehouse.Tag{Sync: "contacts", Run: "01JD"}})
	if err != nil {
		return 0, err
	}
	defer func() {
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}()
	return readAll(t.Context(), rows)
}

// lastChunk is the number of the last chunk of manyRows rows: 2048 are in the answer itself, and 8192 in each.
const lastChunk = (manyRows-2048+8191)/8192 - 1

func TestAChunkThatFailsTwiceAndThenSucceedsIsFetchedAgain(t *testing.T) {
	t.Parallel()
	short := func(s *snowflaketest.Server) snowflaketest.Fault { return s.Short }
	plain := func(f snowflaketest.Fault) func(*snowflaketest.Server) snowflaketest.Fault {
		return func(*snowflaketest.Server) snowflaketest.Fault { return f }
	}
	for _, tt := range []struct {
		name  string
		fault func(*snowflaketest.Server) snowflaketest.Fault
		chunk int
		json  bool
	}{
		{"the storage is busy", plain(snowflaketest.Status(503)), 5, false}, // the driver takes its time
		{"the storage refuses", plain(snowflaketest.Status(403)), 5, false},
		{"the storage refuses JSON", plain(snowflaketest.Status(403)), 5, true},
		{"the first chunk is cut", plain(snowflaketest.Cut(0.7)), 0, false},
		{"a chunk is cut", plain(snowflaketest.Cut(0.7)), 5, false},
		{"the last chunk is cut", plain(snowflaketest.Cut(0.7)), lastChunk, false},
		{"a chunk of JSON is cut", plain(snowflaketest.Cut(0.7)), 5, true},
		{"rows are missing at the end", short, 5, false},
		{"rows of JSON are missing at the end", short, 5, true},
		{"it is empty", plain(snowflaketest.Status(200)), 5, false},
		{"it is empty, and not JSON", plain(snowflaketest.Status(200)), 5, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := snowflaketest.Start(t, snowflaketest.Options{JSON: tt.json})
			server.Fail(snowflaketest.Chunk(tt.chunk), 2, tt.fault(server))
			n, err := run(t, openWith(t, settings(server)), numbers)
			if n != manyRows || err != nil {
				t.Errorf("%d rows came, and the error %v", n, err)
			}
			if got, want := server.Requests(snowflaketest.ChunkKind), lastChunk+1+2; got != want {
				t.Errorf("%d chunks were asked for, want %d", got, want)
			}
		})
	}
}

func TestAResultThatIsCutShortIsNeverAnEnd(t *testing.T) {
	t.Parallel()
	const ever = 1 << 30
	for name, fault := range map[string]func(*snowflaketest.Server){
		"rows are missing in the last chunk":     func(s *snowflaketest.Server) { s.Fail(snowflaketest.Chunk(lastChunk), ever, s.Short) },
		"rows are missing in a chunk":            func(s *snowflaketest.Server) { s.Fail(snowflaketest.Chunk(3), ever, s.Short) },
		"the last chunk is not told of":          func(s *snowflaketest.Server) { s.OmitLastChunk() },
		"the connection is always lost":          func(s *snowflaketest.Server) { s.Fail(snowflaketest.Chunk(lastChunk), ever, snowflaketest.Cut(0.9)) },
		"the connection is lost at the very end": func(s *snowflaketest.Server) { s.Fail(snowflaketest.Chunk(lastChunk), ever, snowflaketest.Cut(0.999)) },
		"the storage always refuses":             func(s *snowflaketest.Server) { s.Fail(snowflaketest.Chunk(lastChunk), ever, snowflaketest.Status(403)) },
	} {
		for _, json := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, JSON %t", name, json), func(t *testing.T) {
				t.Parallel()
				server := snowflaketest.Start(t, snowflaketest.Options{JSON: json})
				fault(server)
				n, err := run(t, openWith(t, settings(server)), numbers)
				if err == nil || errors.Is(err, io.EOF) || !warehouse.Temporary(err) {
					t.Fatalf("after %d of %d rows the result ended with %v, want a temporary error", n, manyRows, err)
				}
				if e, ok := errors.AsType[*warehouse.Error](err); !errors.Is(err, warehouse.ErrTruncated) && (!ok || e.Code != "262000") {
					t.Errorf("the error %v does not say that the result was cut short", err)
				}
				if strings.Contains(err.Error(), "/chunks/") {
					t.Errorf("the error %v shows the address of a chunk", err)
				}
			})
		}
	}
}

func TestASlowStatementIsWaitedFor(t *testing.T) {
	t.Parallel()
	server := snowflaketest.Start(t, snowflaketest.Options{Hold: 10 * time.Millisecond})
	w := openWith(t, settings(server))
	n, err := run(t, w, "select 0, count(*) from range(15000) a, range(15000) b where (a.range * b.range) % 7 = 3")
	if n != 1 || err != nil {
		t.Errorf("%d rows came, and the error %v", n, err)
	}
	if server.Requests(snowflaketest.ResultKind) == 0 {
		t.Error("the statement was not slow")
	}
}

func TestCancellingReachesSnowflake(t *testing.T) {
	t.Parallel()
	server := snowflaketest.Start(t, snowflaketest.Options{Hold: 100 * time.Millisecond})
	w := openWith(t, settings(server))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := w.Query(ctx, warehouse.Query{SQL: "select count(*) from range(1000000000000)"})
		ended <- err
	}()
	until(t, func() bool { return server.Requests(snowflaketest.ResultKind) > 0 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want %v", err, context.Canceled)
	}
	statements := server.Statements()
	if last := statements[len(statements)-1]; !last.Cancelled {
		t.Errorf("the statement %q was not cancelled at the server", last.SQL)
	}
	if n, err := run(t, w, "select 0"); n != 1 || err != nil {
		t.Errorf("after it %d rows came, and the error %v", n, err)
	}
}

func TestCancellingDoesNotWaitForAServerThatIsSilent(t *testing.T) {
	t.Parallel()
	server := snowflaketest.Start(t)
	w := openWith(t, settings(server))
	answers := make(chan struct{})
	server.Fail(snowflaketest.Every(snowflaketest.AbortKind), 1, func(w http.ResponseWriter, r *http.Request, s http.Handler) {
		<-answers
		s.ServeHTTP(w, r)
	})
	server.Fail(snowflaketest.Every(snowflaketest.QueryKind), 1, snowflaketest.Hang)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		until(t, func() bool { return server.Requests(snowflaketest.QueryKind) > 0 })
		cancel()
	}()
	start := time.Now()
	_, err := w.Query(ctx, warehouse.Query{SQL: "select 1"})
	if took := time.Since(start); !errors.Is(err, context.Canceled) || took > 5*time.Second {
		t.Errorf("after %s the error is %v, want %v", took, err, context.Canceled)
	}
	close(answers)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	until(t, func() bool { return server.Requests(snowflaketest.CloseKind) > 0 })
}

// until waits for a condition.
func until(t *testing.T, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 4000 {
		if is() {
			return
		}
		<-tick.C
	}
	t.Error("it never came to pass")
}

func TestSessionsAreRenewedAndReplaced(t *testing.T) {
	t.Parallel()
	server := snowflaketest.Start(t)
	w := openWith(t, settings(server))
	for _, step := range []struct {
		name           string
		before         func()
		logins, renews int
	}{
		{"at first", func() {}, 1, 0},
		{"with the session of before", func() {}, 1, 0},
		{"after the token expired", server.ExpireSessions, 1, 1},
		{"after the session was ended", server.EndSessions, 2, 1},
		{"after the token that renews expired too", func() { server.ExpireSessions(); server.ExpireMasters() }, 3, 2},
	} {
		step.before()
		if n, err := run(t, w, numbers); n != manyRows || err != nil {
			t.Fatalf("%s: %d rows came, and the error %v", step.name, n, err)
		}
		if logins, renews := len(server.Logins()), server.Requests(snowflaketest.RenewKind); logins != step.logins || renews != step.renews {
			t.Errorf("%s: %d logins and %d renewals, want %d and %d", step.name, logins, renews, step.logins, step.renews)
		}
	}
}

func TestATokenThatExpiresWhileAStatementRunsIsRenewed(t *testing.T) {
	t.Parallel()
	server := snowflaketest.Start(t, snowflaketest.Options{Hold: 10 * time.Millisecond})
	w := openWith(t, settings(server))
	go func() {
		until(t, func() bool { return server.Requests(snowflaketest.ResultKind) > 0 })
		server.ExpireSessions()
	}()
	n, err := run(t, w, "select 0, count(*) from range(15000) a, range(15000) b where (a.range * b.range) % 7 = 3")
	if n != 1 || err != nil || server.Requests(snowflaketest.RenewKind) != 1 {
		t.Errorf("%d rows came, the error %v, and %d renewals", n, err, server.Requests(snowflaketest.RenewKind))
	}
}

func TestAnAnswerThatIsCutIsAskedForAgain(t *testing.T) {
	t.Parallel()
	server := snowflaketest.Start(t)
	w := openWith(t, settings(server))
	server.Fail(snowflaketest.Every(snowflaketest.QueryKind), 1, snowflaketest.Cut(0.5))
	if n, err := run(t, w, numbers); n != manyRows || err != nil {
		t.Errorf("%d rows came, and the error %v", n, err)
	}
	if got := len(server.Statements()); got != 1 {
		t.Errorf("%d statements ran, want 1: the second request was the first one again", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code      int
		state     string
		message   string
		temporary bool
		want      []string
	}{
		{606, "57P03", "No active warehouse selected in the current session.", false, []string{"(000606)", "set warehouse", "No active warehouse"}},
		{90073, "22000", "Warehouse 'WH' cannot be resumed because resource monitor 'RM' has exceeded its quota.", true, []string{"(090073)", "quota"}},
		{630, "57014", "Statement reached its statement or warehouse timeout of 30 second(s) and was canceled.", false, []string{"(000630)", "statement_timeout"}},
		{604, "57014", "SQL execution canceled", true, []string{"(000604)", "query history"}},
		{2003, "42S02", "SQL compilation error:\nObject 'X' does not exist or not authorized.", false, []string{"(002003)", "compilation error: Object 'X'", "SELECT"}},
		{3001, "42501", "SQL access control error: Insufficient privileges to operate on schema 'S'", false, []string{"(003001)", "grant"}},
		{100038, "22018", "Numeric value 'canary' is not recognized", false, []string{"(100038)", "Numeric value … is not recognized"}},
		{603, "XX000", "SQL execution internal error", true, []string{"(000603)"}},
		{123456, "08006", "something about the connection", true, []string{"(123456)"}},
		{123456, "42000", "something new", false, []string{"something new (123456)"}},
	} {
		t.Run(fmt.Sprintf("%d %s", tt.code, tt.state), func(t *testing.T) {
			t.Parallel()
			server := snowflaketest.Start(t)
			server.Fail(snowflaketest.Every(snowflaketest.QueryKind), 1, snowflaketest.Refuse(tt.code, tt.state, tt.message))
			_, err := run(t, openWith(t, settings(server)), "select 1")
			e, ok := errors.AsType[*warehouse.Error](err)
			if !ok || e.Temporary != tt.temporary || warehouse.Temporary(err) != tt.temporary {
				t.Fatalf("the error is %#v, want a *warehouse.Error, temporary %t", err, tt.temporary)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error %q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the error %q shows a value", err)
			}
		})
	}
}

func TestAServerThatCannotBeReached(t *testing.T) {
	t.Parallel()
	gone := settings(snowflaketest.Start(t))
	gone.Port, gone.ConnectTimeout = 1, 200*time.Millisecond
	silentServer := snowflaketest.Start(t)
	silentServer.Fail(snowflaketest.Every(snowflaketest.LoginKind), 1, snowflaketest.Hang)
	silent := settings(silentServer)
	silent.ConnectTimeout = 200 * time.Millisecond
	for name, config := range map[string]Config{"refused": gone, "silent": silent} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := openWith(t, config).Check(t.Context())
			if e, ok := errors.AsType[*warehouse.Error](err); !ok || !e.Temporary || strings.Contains(err.Error(), "login-request") {
				t.Errorf("the error is %v, want a temporary one without an address", err)
			}
		})
	}
}
