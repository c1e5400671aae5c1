package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// failure turns an error of the driver into one that says what to do. sql is the statement to which the server's
// positions refer, or "".
func failure(ctx context.Context, sql string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refused(sql, e)
	}
	if e, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return unconnected(e)
	}
	if isNetwork(err) {
		// Err stays empty: what the network reports may wrap io.EOF, which here would mean a complete result.
		return &warehouse.Error{
			Message: "the connection to the server was lost: " + err.Error(), Hint: "try again; see the server's log",
			Temporary: true,
		}
	}
	return err
}

func isNetwork(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, net.ErrClosed)
}

// errDied marks a connection that had died before it was used, so that nothing was lost with it.
var errDied = errors.New("the connection had been closed by the server")

// unopened is the error of a transaction that could not be opened.
func unopened(ctx context.Context, err error) error {
	e, server := errors.AsType[*pgconn.PgError](err)
	died := isNetwork(err) || errors.Is(err, driver.ErrBadConn) || server && strings.HasPrefix(e.Code, "57P")
	if ctx.Err() != nil || !died {
		return failure(ctx, "", err)
	}
	return &warehouse.Error{Message: errDied.Error(), Hint: "try again; see the server's log", Temporary: true, Err: errDied}
}

// refused is an error that the server reported.
func refused(sql string, e *pgconn.PgError) error {
	message := e.Message
	if strings.HasPrefix(e.Code, "22") {
		message = sqldb.Mask(message)
	}
	hints := []string{position(sql, int(e.Position)), e.Hint, hint(e.Code)}
	return &warehouse.Error{
		Code: e.Code, Message: message, Hint: join(hints), Temporary: temporary(e.Code), Err: e,
	}
}

// temporary reports whether a SQLSTATE tells of a state that passes by itself.
func temporary(code string) bool {
	switch code {
	case "40001", "40P01", "55P03", "57P01", "57P02", "57P03", "57P05", "58000", "58030":
		return true
	}
	return strings.HasPrefix(code, "08") && code != "08P01" || strings.HasPrefix(code, "53")
}

// hint says what to do about a SQLSTATE, where that can be known.
func hint(code string) string {
	switch code {
	case "28P01":
		return "check user and password"
	case "28000":
		return "check user, and the rules of the server's pg_hba.conf for it and for sslmode"
	case "3D000":
		return "check database"
	case "42501":
		return "grant the role SELECT on it, and USAGE on its schema"
	case "42P01", "3F000":
		return "check its schema, or set search_path under parameters"
	case "25006":
		return "a model only reads"
	case "42601":
		return "a model is one SELECT statement"
	case "57014":
		return "make the model cheaper, or raise statement_timeout"
	case "53300":
		return "the server has no connection left"
	}
	return ""
}

// position turns the server's count of characters into a line and a column of the model.
func position(sql string, at int) string {
	if sql == "" || at <= 0 {
		return ""
	}
	line, column := 1, 1
	for i := range sql {
		if at--; at == 0 {
			break
		}
		if column++; sql[i] == '\n' {
			line, column = line+1, 1
		}
	}
	return fmt.Sprintf("at line %d, column %d", line, column)
}

func join(hints []string) string {
	var said []string
	for _, h := range hints {
		if h != "" && utf8.ValidString(h) {
			said = append(said, h)
		}
	}
	return strings.Join(said, "; ")
}

// unconnected is an error that came before the server took the connection.
func unconnected(e *pgconn.ConnectError) error {
	out := &warehouse.Error{Message: oneLine(e.Error()), Temporary: true}
	_, authority := errors.AsType[x509.UnknownAuthorityError](e)
	_, hostname := errors.AsType[x509.HostnameError](e)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](e)
	_, lookup := errors.AsType[*net.DNSError](e)
	switch text := e.Error(); {
	case authority:
		out.Temporary, out.Hint = false, `name the authority that signed the server's certificate: ca = { file = "ca.pem" }`
	case hostname:
		out.Temporary, out.Hint = false, "connect by the name that the certificate is for, or set sslmode = \"verify-ca\""
	case certificate:
		out.Temporary, out.Hint = false, "the server's certificate does not hold; see sslmode and ca"
	case strings.Contains(text, "server refused TLS connection"):
		out.Temporary, out.Hint = false, "turn TLS on at the server, or choose another sslmode"
	case lookup:
		out.Hint = "check host"
	default:
		out.Hint = "check host and port, and that the server accepts connections from here"
	}
	return out
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
