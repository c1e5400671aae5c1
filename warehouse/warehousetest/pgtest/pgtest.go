// Package pgtest gives tests a PostgreSQL of their own.
//
// It takes the server of SPILLWAY_TEST_PG_DSN where that is set, and otherwise starts a throwaway cluster with the
// PostgreSQL that is installed: on a Unix socket and on a TCP port of 127.0.0.1, gone when the tests are over. A
// machine without PostgreSQL fails the tests with the command that installs it; nothing is ever skipped.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestOrders(t *testing.T) {
//		dsn := pgtest.DSN(t) // a fresh, empty database
//		...
//	}
package pgtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// EnvDSN names the environment variable that may hold the connection string of a server to use, with the right to
// create databases.
const EnvDSN = "SPILLWAY_TEST_PG_DSN"

// shared is the one server of a test binary, started by the first test that asks for it.
var shared = sync.OnceValues(func() (*Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server, err := Start(ctx)
	if err == nil {
		started.Store(server)
	}
	return server, err
})

var (
	started   atomic.Pointer[Server]
	databases atomic.Int64
)

// Main runs the tests and stops the server that they started, whatever their outcome. It does not return.
func Main(m *testing.M) {
	code := m.Run()
	if server := started.Load(); server != nil {
		server.Stop()
	}
	os.Exit(code)
}

// DSN returns the connection string of a fresh, empty database, which is dropped after the test. The test binary
// needs Main as its TestMain.
func DSN(t testing.TB) string {
	t.Helper()
	server, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("spillway_test_%d_%d", os.Getpid(), databases.Add(1))
	dsn, err := server.NewDatabase(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.dropDatabase(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	return dsn
}
