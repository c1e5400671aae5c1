//go:build !noduckdb

package snowflaketest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	duck "github.com/duckdb/duckdb-go-bindings"
)

// binding is one of a statement's values, as a driver sends it: all of them are text.
type binding struct {
	Type  string  `json:"type"`
	Value *string `json:"value"`
}

// unkeyed matches the key of a table, which Snowflake keeps and does not enforce.
var unkeyed = regexp.MustCompile(`(?i),\s*primary key \([^)]*\)`)

// bind gives a statement its values, which count from 1.
func bind(to duck.PreparedStatement, bindings map[string]binding) *failure {
	for i := range duck.NParams(to) {
		b, ok := bindings[strconv.FormatUint(uint64(i)+1, 10)]
		if !ok {
			return &failure{code: 2049, state: "42601", message: "SQL compilation error: error line 1 at position 0 Bind variable ? not set."}
		}
		if err := b.bind(to, i+1); err != nil {
			return &failure{code: 100038, state: "22018", message: err.Error()}
		}
	}
	return nil
}

// bind gives a statement the n-th of its values. Instants are counts of nanoseconds since 1970.
func (b binding) bind(to duck.PreparedStatement, n duck.IdxT) error {
	var state duck.State
	switch {
	case b.Value == nil:
		state = duck.BindNull(to, n)
	case b.Type == "TEXT":
		state = duck.BindVarchar(to, n, *b.Value)
	case b.Type == "FIXED", b.Type == "TIMESTAMP_NTZ":
		number, err := strconv.ParseInt(*b.Value, 10, 64)
		if err != nil {
			return err
		}
		if b.Type == "FIXED" {
			state = duck.BindInt64(to, n, number)
		} else {
			state = duck.BindTimestamp(to, n, duck.NewTimestamp(number/1000))
		}
	default:
		return fmt.Errorf("Unsupported bind of type %s", b.Type) //nolint:staticcheck // in Snowflake's words
	}
	if state == duck.StateError {
		return fmt.Errorf("Bind variable %d is not recognized", n) //nolint:staticcheck // in Snowflake's words
	}
	return nil
}

// transact begins or ends the session's transaction, and reports whether the statement is about one.
func (s *Server) transact(st *statement, n *session) bool {
	command := strings.ToLower(strings.TrimSpace(st.SQL))
	if command != "begin" && command != "commit" && command != "rollback" {
		return false
	}
	st.result = status("Statement executed successfully.")
	s.mu.Lock()
	defer s.mu.Unlock()
	if command == "begin" && n.transaction == nil {
		n.transaction, st.failed = s.engine.begin()
	} else if command != "begin" {
		st.failed = n.end(command)
	}
	return true
}

// begin opens a connection with a transaction.
func (e *engine) begin() (*duck.Connection, *failure) {
	conn := new(duck.Connection)
	if duck.Connect(e.database, conn) == duck.StateError {
		return nil, &failure{code: 603, state: "XX000", message: "SQL execution internal error"}
	}
	return conn, run(*conn, "begin transaction")
}

// end ends the session's transaction, if there is one.
func (n *session) end(command string) *failure {
	if n.transaction == nil {
		return nil
	}
	defer duck.Disconnect(n.transaction)
	failed := run(*n.transaction, command)
	n.transaction = nil
	return failed
}

func run(conn duck.Connection, sql string) *failure {
	var result duck.Result
	defer duck.DestroyResult(&result)
	if duck.Query(conn, sql, &result) == duck.StateError {
		return translate(duck.ResultError(&result))
	}
	return nil
}
