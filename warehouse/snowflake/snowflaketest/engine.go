//go:build !noduckdb

package snowflaketest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	duck "github.com/duckdb/duckdb-go-bindings"
)

// vectorRows is how many rows DuckDB has in a chunk of its own.
const vectorRows = 2048

// engine evaluates SQL in an embedded DuckDB.
type engine struct {
	database duck.Database
}

// functions are those of Snowflake's that DuckDB lacks. A struct tells by the name of its first field which of Snowflake's
// types its value is of.
var functions = []string{
	"set global timezone = 'UTC'",
	"create macro parse_json(x) as struct_pack(variant := x::varchar)",
	"create macro to_variant(x) as struct_pack(variant := x::varchar)",
	"create macro to_object(x) as struct_pack(object := x::varchar)",
	"create macro to_array(x) as struct_pack(\"array\" := x::varchar)",
	"create macro to_geography(x) as struct_pack(geography := x::varchar)",
	"create macro to_decfloat(x) as struct_pack(decfloat := x::varchar)",
	"create macro to_timestamp_tz(x, minutes) as struct_pack(timestamp_tz := x::timestamptz, minutes := minutes::int)",
	"create macro to_binary(x) as unhex(x)",
	"create type timestamp_tz as timestamptz",
	"create macro current_role() as '" + Role + "'",
	"create macro current_warehouse() as 'SPILLWAY_WH'",
}

func newEngine(setup []string) (*engine, error) {
	var config duck.Config
	if duck.CreateConfig(&config) == duck.StateError {
		return nil, errors.New("DuckDB gave no configuration")
	}
	defer duck.DestroyConfig(&config)
	for name, value := range map[string]string{
		"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "2", "memory_limit": "512MB",
	} {
		if duck.SetConfig(config, name, value) == duck.StateError {
			return nil, errors.New("DuckDB does not take " + name)
		}
	}
	e := &engine{}
	var message string
	if duck.OpenExt("", &e.database, config, &message) == duck.StateError {
		return nil, errors.New(message)
	}
	var conn duck.Connection
	if duck.Connect(e.database, &conn) == duck.StateError {
		return nil, errors.New("DuckDB gave no connection")
	}
	defer duck.Disconnect(&conn)
	for _, sql := range append(functions, setup...) {
		var result duck.Result
		state := duck.Query(conn, sql, &result)
		message := duck.ResultError(&result)
		duck.DestroyResult(&result)
		if state == duck.StateError {
			return nil, fmt.Errorf("%s: %s", sql, message)
		}
	}
	return e, nil
}

func (e *engine) close() { duck.Close(&e.database) }

// cursor is a statement of DuckDB and its rows.
type cursor struct {
	conn     duck.Connection
	lent     bool // it is that of a session's transaction
	prepared duck.PreparedStatement
	result   duck.Result
	columns  []column
	stop     chan struct{}
	watching sync.WaitGroup
	closed   bool
}

// prepare has DuckDB bind sql, on the connection of a transaction where there is one. It must be closed.
func (e *engine) prepare(ctx context.Context, sql string, in *duck.Connection, bindings map[string]binding) (*cursor, *failure) {
	c := &cursor{stop: make(chan struct{})}
	if in != nil {
		c.conn, c.lent = *in, true
	} else if duck.Connect(e.database, &c.conn) == duck.StateError {
		return nil, &failure{code: 603, state: "XX000", message: "SQL execution internal error"}
	}
	c.watching.Go(func() { c.watch(ctx) })
	if duck.Prepare(c.conn, unkeyed.ReplaceAllString(sql, ""), &c.prepared) == duck.StateError {
		f := translate(duck.PrepareError(c.prepared))
		c.close()
		return nil, f
	}
	if f := bind(c.prepared, bindings); f != nil {
		c.close()
		return nil, f
	}
	for i := range duck.PreparedStatementColumnCount(c.prepared) {
		k, err := columnOf(duck.PreparedStatementColumnName(c.prepared, i), duck.PreparedStatementColumnLogicalType(c.prepared, i))
		if err != nil {
			c.close()
			return nil, &failure{code: 2, state: "0A000", message: "Unsupported feature: " + err.Error()}
		}
		c.columns = append(c.columns, k)
	}
	return c, nil
}

// watch interrupts DuckDB once ctx is done. An interrupt that comes between two steps is forgotten, so it is repeated.
func (c *cursor) watch(ctx context.Context) {
	select {
	case <-c.stop:
		return
	case <-ctx.Done():
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		duck.Interrupt(c.conn)
		select {
		case <-c.stop:
			return
		case <-tick.C:
		}
	}
}

// run starts the statement, whose rows are then fetched as they come.
func (c *cursor) run() *failure {
	var pending duck.PendingResult
	defer duck.DestroyPending(&pending)
	if duck.PendingPreparedStreaming(c.prepared, &pending) == duck.StateError {
		return translate(duck.PendingError(pending))
	}
	if duck.ExecutePending(pending, &c.result) == duck.StateError {
		return translate(duck.ResultError(&c.result))
	}
	return nil
}

// fetch returns the next rows by columns, or nil at the end.
func (c *cursor) fetch() ([][]cell, *failure) {
	var chunk duck.DataChunk
	defer duck.DestroyDataChunk(&chunk)
	state := duck.StreamFetchChunk(c.result, &chunk)
	if message := duck.ResultError(&c.result); message != "" {
		return nil, translate(message)
	}
	if state != duck.StateSuccess {
		return nil, nil
	}
	size := int(duck.DataChunkGetSize(chunk))
	if size == 0 {
		return nil, nil
	}
	out := make([][]cell, len(c.columns))
	for i := range c.columns {
		out[i] = c.columns[i].load(duck.DataChunkGetVector(chunk, duck.IdxT(i)), size)
	}
	return out, nil
}

func (c *cursor) close() {
	if c.closed {
		return
	}
	c.closed = true
	close(c.stop)
	c.watching.Wait()
	duck.DestroyResult(&c.result)
	duck.DestroyPrepare(&c.prepared)
	if !c.lent {
		duck.Disconnect(&c.conn)
	}
}

var (
	missing = regexp.MustCompile(`(?:Table|View|Schema) with name (\S+) does not exist`)
	badCast = regexp.MustCompile(`(?s)(?:string|value) '?(.*?)'? to |(?s)string '(.*)'`)
)

// translate puts what DuckDB says into Snowflake's words and codes.
func translate(message string) *failure {
	class, text, _ := strings.Cut(message, ": ")
	first, _, _ := strings.Cut(text, "\n")
	if m := missing.FindStringSubmatch(text); m != nil {
		return &failure{code: 2003, state: "42S02", message: "SQL compilation error:\nObject '" + m[1] + "' does not exist or not authorized."}
	}
	switch {
	case strings.Contains(text, "multiple statements"):
		return &failure{code: 8, state: "0A000", message: "Actual statement count 2 did not match the desired statement count 1."}
	case class == "Parser Error":
		return &failure{code: 1003, state: "42000", message: "SQL compilation error:\n" + first}
	case class == "Binder Error" || class == "Catalog Error":
		return &failure{code: 904, state: "42000", message: "SQL compilation error: error line 1 at position 7\n" + first}
	case class == "INTERRUPT Error":
		return &failure{code: 604, state: "57014", message: "SQL execution canceled"}
	case class == "Conversion Error":
		value := first
		if m := badCast.FindStringSubmatch(text); m != nil {
			value = m[1] + m[2]
		}
		return &failure{code: 100038, state: "22018", message: "Numeric value '" + value + "' is not recognized"}
	case class == "Invalid Input Error" || class == "Out of Range Error":
		return &failure{code: 100183, state: "22000", message: first}
	}
	return &failure{code: 603, state: "XX000", message: "SQL execution internal error:\n" + first}
}
