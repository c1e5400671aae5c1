package snowflake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	sf "github.com/snowflakedb/gosnowflake/v2"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// failure turns an error of the driver into one that says what to do. It never wraps io.EOF, which would stand for the
// end of a complete result, and never an address, for those of a result's chunks hold the right to read them.
func failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, ok := errors.AsType[*warehouse.Error](err); ok || errors.Is(err, warehouse.ErrTruncated) {
		return err
	}
	if e, ok := errors.AsType[*sf.SnowflakeError](err); ok {
		return refused(e)
	}
	if reason, ok := unreachable(err); ok {
		return &warehouse.Error{
			Message: "Snowflake could not be reached: " + reason, Hint: "check account and host, and the way to them; then try again",
			Temporary: true,
		}
	}
	return err
}

// unreachable says what the network did, without the addresses that were asked.
func unreachable(err error) (reason string, ok bool) {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err.Error(), true
	}
	_, network := errors.AsType[net.Error](err)
	cut := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
	gaveUp := strings.Contains(err.Error(), "Hanging?") // the driver's own words, of no type, once it has tried enough
	if network || cut || gaveUp || errors.Is(err, context.DeadlineExceeded) {
		return err.Error(), true
	}
	return "", false
}

// refused is an error that Snowflake reported, or the driver in its stead.
func refused(e *sf.SnowflakeError) error {
	message := e.Message
	if len(e.MessageArgs) > 0 {
		message = fmt.Sprintf(e.Message, e.MessageArgs...)
	}
	message = strings.Join(strings.Fields(message), " ")
	known, system := codes[e.Number]
	if !system && (strings.HasPrefix(e.SQLState, "22") || e.Number >= firstOfData && e.Number < firstOfData+1000) {
		message = sqldb.Mask(message)
	}
	return &warehouse.Error{
		Code: fmt.Sprintf("%06d", e.Number), Message: message, Hint: known.hint, Temporary: known.temporary || temporary(e), Err: e,
	}
}

// firstOfData is the first of a thousand codes of errors about the data in the rows, which quote it.
const firstOfData = 100_000

// temporary reports whether a SQLSTATE tells of a connection that failed, which is not true of one that was rejected.
func temporary(e *sf.SnowflakeError) bool {
	return strings.HasPrefix(e.SQLState, "08") && e.SQLState != sf.SQLStateConnectionRejected && codes[e.Number].hint == ""
}

// known is what is known of a code that tells of a statement, a session or a warehouse, and not of data.
type known struct {
	hint      string
	temporary bool // the state that it tells of passes by itself, or soon by another's hand
}

const (
	codeNoSession      = 390111
	codeSessionExpired = 390112
	codeMasterExpired  = 390114
)

var codes = map[int]known{
	8:     {hint: "a model is one SELECT statement"},
	603:   {hint: "it is a fault of Snowflake's: try again, and ask its support if it comes back", temporary: true},
	604:   {hint: "somebody, or a limit on the warehouse, cancelled it: look it up in the query history", temporary: true},
	606:   {hint: "set warehouse, and grant the role USAGE on it"},
	625:   {hint: "it waited for a lock: try again", temporary: true},
	630:   {hint: "make the model cheaper, use a larger warehouse, or raise statement_timeout"},
	904:   {hint: "check the names of columns: those without quotes are in upper case"},
	1003:  {hint: "a model is one SELECT statement"},
	2003:  {hint: "check database and schema, or grant the role SELECT on it and USAGE on both"},
	2043:  {hint: "check database, schema and warehouse, or grant the role USAGE on them"},
	2049:  {hint: "a model has no parameters: write their values into it"},
	3001:  {hint: "grant it to the role, or set another role"},
	90073: {hint: "its resource monitor has used up its credits: raise the quota, or wait for the next period", temporary: true},
	90109: {hint: "resume the warehouse, or set AUTO_RESUME on it", temporary: true},

	390100: {hint: "check user and password"},
	390102: {hint: "the user is locked for too many failed logins: try again in some minutes", temporary: true},
	390101: {hint: "the user is disabled: ask an administrator"},
	390144: {hint: "check that RSA_PUBLIC_KEY of the user belongs to private_key, that account and user are right, and the clock of this machine"},
	390186: {hint: "check role, and grant it to the user"},
	390189: {hint: "check role, and grant it to the user"},
	390201: {hint: "check database, schema and warehouse, or grant the role USAGE on them"},
	390303: {hint: "get a new token"},
	390318: {hint: "the token has expired: get a new one"},
	390422: {hint: "add this machine's address to the network policy"},
	390432: {hint: "programmatic access tokens need a network policy for the user"},
	394400: {hint: "check the token, and whether it has expired"},

	codeNoSession:      {hint: "the session was ended: try again", temporary: true},
	codeSessionExpired: {hint: "the session has expired: try again", temporary: true},
	codeMasterExpired:  {hint: "the session has expired: try again", temporary: true},

	sf.ErrCodeServiceUnavailable: {hint: "see status.snowflake.com, then try again", temporary: true},
	sf.ErrCodeFailedToConnect:    {hint: "check account and host: there is no such account, or the network policy keeps this machine out"},
	sf.ErrFailedToGetChunk:       {hint: "a part of the result could not be fetched from the cloud's storage: try again", temporary: true},
	sf.ErrFailedToPostQuery:      {hint: "try again; see status.snowflake.com", temporary: true},
	sf.ErrFailedToRenewSession:   {hint: "try again", temporary: true},
	sf.ErrFailedToAuth:           {hint: "check account and host"},
}

// sessionGone reports whether err tells of a session that ended before the statement began.
func sessionGone(err error) bool {
	e, ok := errors.AsType[*sf.SnowflakeError](err)
	return ok && (e.Number == codeNoSession || e.Number == codeSessionExpired || e.Number == codeMasterExpired)
}
