// Package mariadbtest gives tests a MariaDB of their own.
//
// It takes the server of SPILLWAY_TEST_MYSQL_DSN where that is set, and otherwise starts a throwaway server with the
// MariaDB that is installed: on a TCP port of 127.0.0.1, gone when the tests are over. A machine without MariaDB fails
// the tests with the command that installs it; nothing is ever skipped.
//
//	func TestMain(m *testing.M) { mariadbtest.Main(m) }
//
//	func TestOrders(t *testing.T) {
//		dsn := mariadbtest.DSN(t) // a fresh, empty database
//		...
//	}
package mariadbtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// EnvDSN names the environment variable that may hold the connection string of a server to use, as a URL, with the
// right to create databases and accounts.
const EnvDSN = "SPILLWAY_TEST_MYSQL_DSN"

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
	Stop()
	os.Exit(code)
}

// Stop ends the server that the tests started, for a TestMain that has more than one to end.
func Stop() {
	if server := started.Load(); server != nil {
		server.Stop()
	}
}

// DSN returns the connection string, as a URL, of a fresh, empty database, which is dropped after the test. The test
// binary needs Main as its TestMain.
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
