package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgproto3"

	"spillway/warehouse"
	"spillway/warehouse/warehousetest"
	"spillway/warehouse/warehousetest/middleman"
)

// lacking matches what Redshift does not have of PostgreSQL's SQL and settings.
var lacking = regexp.MustCompile(`(?i)\bunnest\(|ordinality|\blateral\b|json_agg|string_agg|\$\d::|= any\(|filter \(|no scroll|savepoint|` +
	`intervalstyle|bytea_output|standard_conforming_strings|default_transaction_read_only|pg_enum|typarray|\bfetch\b|\bdeclare\b`)

// asRedshift passes messages between a client and PostgreSQL as Redshift would: it fails the test for what Redshift
// refuses, and does not say how many rows a result has.
type asRedshift struct {
	net.Listener
	t      *testing.T
	target string
	conns  sync.WaitGroup
}

// redshiftDSN returns the address of a PostgreSQL that behaves as Redshift does.
func redshiftDSN(t *testing.T, dsn string) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &asRedshift{Listener: l, t: t, target: address(t, dsn)}
	r.conns.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			r.conns.Go(func() { r.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		r.conns.Wait()
	})
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = l.Addr().String()
	return u.String()
}

func (r *asRedshift) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", r.target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	backend, frontend := pgproto3.NewBackend(client, client), pgproto3.NewFrontend(server, server)
	first, err := backend.ReceiveStartupMessage()
	if err != nil {
		return
	}
	switch m := first.(type) {
	case *pgproto3.CancelRequest:
		if text, err := m.Encode(nil); err == nil {
			_, _ = server.Write(text)
			_, _ = io.Copy(io.Discard, server)
		}
		return
	case *pgproto3.StartupMessage:
		for name := range m.Parameters {
			if !strings.Contains(" user database application_name client_encoding ", " "+name+" ") {
				r.t.Errorf("the connection begins with the setting %s", name)
			}
		}
		frontend.Send(m)
		if frontend.Flush() != nil {
			return
		}
	default:
		return
	}
	r.conns.Go(func() {
		defer func() { _ = client.Close() }()
		r.answers(frontend, backend)
	})
	r.questions(backend, frontend)
}

func (r *asRedshift) questions(from *pgproto3.Backend, to *pgproto3.Frontend) {
	for {
		message, err := from.Receive()
		if err != nil {
			return
		}
		switch m := message.(type) {
		case *pgproto3.Query:
			m.String = r.accepted(m.String)
		case *pgproto3.Parse:
			m.Query = r.accepted(m.Query)
		case *pgproto3.Bind:
			if bytes.Contains([]byte(fmt.Sprint(m.ResultFormatCodes)), []byte("1")) {
				r.t.Error("a result is asked for in binary")
			}
		}
		to.Send(message)
		if to.Flush() != nil {
			return
		}
	}
}

// accepted checks a statement, and gives query_group a name that PostgreSQL takes.
func (r *asRedshift) accepted(sql string) string {
	if found := lacking.FindString(sql); found != "" {
		r.t.Errorf("a statement has %q, which Redshift lacks: %s", found, sql)
	}
	return strings.Replace(sql, "query_group", "redshift.query_group", 1)
}

func (r *asRedshift) answers(from *pgproto3.Frontend, to *pgproto3.Backend) {
	waiting := 0
	for {
		message, err := from.Receive()
		if err != nil {
			return
		}
		if m, ok := message.(*pgproto3.CommandComplete); ok && bytes.HasPrefix(m.CommandTag, []byte("SELECT")) {
			m.CommandTag = []byte("SELECT")
		}
		to.Send(message)
		if waiting++; waiting < 100 && from.ReadBufferLen() > 0 {
			continue // rows are passed on in heaps
		}
		waiting = 0
		if to.Flush() != nil {
			return
		}
	}
}

func openRedshiftDSN(t *testing.T, dsn string) warehouse.Warehouse {
	t.Helper()
	config := RedshiftConfig{
		DSN: secret(dsn), StatementTimeout: time.Minute, ConnectTimeout: 5 * time.Second,
		Parameters: map[string]string{"search_path": "public"},
	}
	w, err := openRedshift(t.Context(), config, warehouse.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// redshiftValues are those of PostgreSQL's that Redshift has too.
func redshiftValues() map[string]string {
	some := map[string]string{}
	for name, sql := range values {
		for _, part := range []string{"list", "struct", "JSON", "interval", "bytes"} {
			if strings.Contains(name, part) && !strings.HasPrefix(name, "a text") {
				sql = warehousetest.Absent
			}
		}
		some[name] = sql
	}
	return some
}

func TestRedshiftConformance(t *testing.T) {
	dsn := redshiftDSN(t, database(t, setup...))
	warehousetest.Run(t, warehousetest.Suite{
		Open:         func(t *testing.T) warehouse.Warehouse { return openRedshiftDSN(t, dsn) },
		Values:       redshiftValues(),
		Series:       func(n int) string { return fmt.Sprintf("(select generate_series(0, %d) as n) s", n-1) },
		Fail:         func(at int) string { return fmt.Sprintf("n + 0 / (n - %d)", at) },
		Packs:        true,
		MissingTable: "42P01",
		Writes: []string{
			"insert into log values (1)", "create table other (id int)", "select * into other from log", "set transaction read write",
			"commit", "rollback", "vacuum",
		},
	})
}

func TestRedshiftSeesSyncAndRunAsTheQueryGroup(t *testing.T) {
	t.Parallel()
	w := openRedshiftDSN(t, redshiftDSN(t, database(t)))
	tag := warehouse.Tag{Sync: "it's", Run: "01JD"}
	row, err := query(t, w, warehouse.Query{SQL: "select current_setting('query_group')", Tag: tag}).Next(t.Context())
	if err != nil || row[0] != tag.String() {
		t.Errorf("the query group is %v, error %v, want %s", row, err, tag)
	}
}

func TestACutConnectionToRedshiftIsNeverAnEnd(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	const rows = 5000
	whole := measure(t, dsn, rows)
	for _, share := range []float64{0.3, 0.7, 0.99} {
		t.Run(fmt.Sprintf("after %g of the bytes", share), func(t *testing.T) {
			t.Parallel()
			scissors := middleman.Cut(int64(float64(whole)*share), false)
			w := openRedshiftDSN(t, redshiftDSN(t, middleman.Between(t, dsn, scissors.Answer)))
			n, err := readAll(t.Context(), query(t, w, warehouse.Query{SQL: numbers(rows)}))
			if !errors.Is(err, warehouse.ErrTruncated) || !warehouse.Temporary(err) {
				t.Errorf("after %d of %d rows the result ended with %v, want %v", n, rows, err, warehouse.ErrTruncated)
			}
		})
	}
}

// redshiftFake answers every query with one row of the types that only Redshift has.
func redshiftFake(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerTypes(conn)
		}
	}()
	return "postgres://reader@" + l.Addr().String() + "/dev?sslmode=disable"
}

// ownTypes are columns of Redshift's own types, as the server sends them.
var ownTypes = []struct {
	name     string
	oid      uint32
	modifier int32
	text     string
}{
	{"s", oidSuper, -1, `{"b":[1, 2.50,null], "a":"x"}`},
	{"v", oidVarbyte, 4 + 16, "00ff61"},
	{"g", oidGeometry, -1, "0101000000000000000000F03F0000000000000040"},
	{"h", oidHLL, -1, `{"logm":15,"sparse":{"indices":[4878],"values":[1]}}`},
	{"i", oidYears, -1, "1 year 2 mons"},
	{"n", oidNumeric, 4 + 12<<16 + 2, "-12.50"},
	{"c", oidVarchar, 4 + 20, "Ada"},
}

func answerTypes(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	backend := pgproto3.NewBackend(conn, conn)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	var described pgproto3.RowDescription
	var row pgproto3.DataRow
	for _, c := range ownTypes {
		described.Fields = append(described.Fields, pgproto3.FieldDescription{
			Name: []byte(c.name), DataTypeOID: c.oid, DataTypeSize: -1, TypeModifier: c.modifier,
		})
		row.Values = append(row.Values, []byte(c.text))
	}
	backend.Send(&pgproto3.AuthenticationOk{})
	backend.Send(&pgproto3.BackendKeyData{SecretKey: []byte{0, 0, 0, 1}})
	ready := &pgproto3.ReadyForQuery{TxStatus: 'I'}
	backend.Send(ready)
	for backend.Flush() == nil {
		message, err := backend.Receive()
		if err != nil {
			return
		}
		switch message.(type) {
		case *pgproto3.Query:
			ready.TxStatus = 'T'
			backend.Send(&pgproto3.CommandComplete{CommandTag: []byte("SET")})
			backend.Send(ready)
		case *pgproto3.Parse:
			backend.Send(&pgproto3.ParseComplete{})
		case *pgproto3.Bind:
			backend.Send(&pgproto3.BindComplete{})
		case *pgproto3.Describe:
			backend.Send(&pgproto3.ParameterDescription{})
			backend.Send(&described)
		case *pgproto3.Execute:
			backend.Send(&row)
			backend.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT")})
		case *pgproto3.Sync:
			backend.Send(ready)
		case *pgproto3.Terminate:
			return
		}
	}
}

func TestRedshiftsOwnTypes(t *testing.T) {
	t.Parallel()
	w := openRedshiftDSN(t, redshiftFake(t))
	rows := query(t, w, warehouse.Query{SQL: "select * from odd"})
	want := []warehouse.Column{
		{Name: "s", Type: warehouse.JSON, Native: "super"},
		{Name: "v", Type: warehouse.Bytes, Native: "varbyte(16)"},
		{Name: "g", Type: warehouse.String, Native: "geometry"},
		{Name: "h", Type: warehouse.String, Native: "hllsketch"},
		{Name: "i", Type: warehouse.String, Native: "interval year to month"},
		{Name: "n", Type: warehouse.Numeric, Native: "numeric(12,2)"},
		{Name: "c", Type: warehouse.String, Native: "character varying(20)"},
	}
	if diff := cmp.Diff(want, rows.Columns()); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	row, err := rows.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantRow := warehouse.Row{
		doc(`{"a":"x","b":[1,2.50,null]}`),
		[]byte{0, 0xff, 0x61},
		ownTypes[2].text, ownTypes[3].text, "1 year 2 mons",
		warehouse.Decimal("-12.50"), "Ada",
	}
	if diff := cmp.Diff(wantRow, row); diff != "" {
		t.Errorf("the row (-want +got):\n%s", diff)
	}
	if _, err := rows.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
}
