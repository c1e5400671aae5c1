package mysql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"

	mysqldriver "github.com/go-sql-driver/mysql"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// errDied marks a connection that had died before it was used, so that nothing was lost with it.
var errDied = errors.New("the connection had been closed by the server")

// failure turns an error of the driver into one that says what to do.
func failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		return refused(e)
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
	for _, sign := range []error{
		driver.ErrBadConn, mysqldriver.ErrInvalidConn, mysqldriver.ErrMalformPkt, mysqldriver.ErrPktSync, mysqldriver.ErrPktSyncMul,
		mysqldriver.ErrBusyBuffer, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	} {
		network = network || errors.Is(err, sign)
	}
	return network
}

// lost marks a failure of the connection in the middle of a result as what it is.
func lost(err error) error {
	if e, ok := errors.AsType[*warehouse.Error](err); ok && e.Temporary && e.Err == nil {
		e.Err = warehouse.ErrTruncated
	}
	return err
}

// refused is an error that the server reported.
func refused(e *mysqldriver.MySQLError) error {
	message := e.Message
	if ofData(e) {
		message = sqldb.Mask(message)
	}
	return &warehouse.Error{
		Code: strconv.Itoa(int(e.Number)), Message: message, Hint: hint(e.Number), Temporary: temporary(e.Number), Err: e,
	}
}

// ofData reports whether a message may quote values of rows.
func ofData(e *mysqldriver.MySQLError) bool {
	switch e.Number {
	case 1062, 1105, 1292, 1366, 1411, 1416, 1525, 1586, 1690:
		return true
	}
	return strings.HasPrefix(string(e.SQLState[:]), "22") || e.Number >= 3140 && e.Number <= 3158 || e.Number >= 4034 && e.Number <= 4044
}

// temporary reports whether an error tells of a state that passes by itself.
func temporary(number uint16) bool {
	switch number {
	case 1021, 1037, 1040, 1041, 1053, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1317, 1412, 1615, 1927, 4031:
		return true
	}
	return false
}

// hint says what to do about an error, where that can be known.
func hint(number uint16) string {
	switch number {
	case 1045, 1698, 3118, 4151:
		return "check user and password, and from which hosts the account may log in"
	case 1044, 1142, 1143, 1227, 1370:
		return "grant the account SELECT on it"
	case 1046, 1049:
		return "check database"
	case 1051, 1146:
		return "check its database, or write database.table"
	case 1064:
		return "a model is one SELECT statement"
	case 1130:
		return "let the account log in from this host"
	case 1792:
		return "a model only reads"
	case 1969, 3024:
		return "make the model cheaper, or raise statement_timeout"
	case 1040, 1203:
		return "the server has no connection left"
	case 1193, 1231, 1232:
		return "check parameters"
	}
	return ""
}

// unconnected is an error that came before the server took the connection.
func unconnected(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		return refused(e)
	}
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, hostname := errors.AsType[x509.HostnameError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, lookup := errors.AsType[*net.DNSError](err)
	out := &warehouse.Error{Message: "connect: " + strings.Join(strings.Fields(err.Error()), " ")}
	switch {
	case authority:
		out.Hint = `name the authority that signed the server's certificate: ca = { file = "ca.pem" }`
	case hostname:
		out.Hint = "connect by the name that the certificate is for, or set sslmode = \"verify-ca\""
	case certificate:
		out.Hint = "the server's certificate does not hold; see sslmode and ca"
	case errors.Is(err, mysqldriver.ErrNoTLS):
		out.Hint = "turn TLS on at the server, or choose another sslmode"
	case errors.Is(err, mysqldriver.ErrCleartextPassword), errors.Is(err, mysqldriver.ErrOldPassword), errors.Is(err, mysqldriver.ErrUnknownPlugin):
		out.Hint = "give the account another way to log in, or secure the connection with sslmode = \"verify-full\""
	case lookup:
		out.Temporary, out.Hint = true, "check host"
	case isNetwork(err):
		out.Temporary, out.Hint = true, "check host and port, and that the server accepts connections from here"
	default:
		return err
	}
	return out
}
