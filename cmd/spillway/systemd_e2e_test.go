package main

import (
	"database/sql"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"spillway/syncer/runlog"
)

// serviceManager hears what a service tells of itself, as systemd does.
type serviceManager struct {
	t    *testing.T
	conn *net.UnixConn
	path string
}

func newServiceManager(t *testing.T) *serviceManager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "socket")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return &serviceManager{t: t, conn: conn, path: path}
}

// hears returns the next message, or false when none came for so long.
func (m *serviceManager) hears(most time.Duration) (map[string]string, bool) {
	m.t.Helper()
	if err := m.conn.SetReadDeadline(time.Now().Add(most)); err != nil {
		m.t.Fatal(err)
	}
	text := make([]byte, 4096)
	n, err := m.conn.Read(text)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, false
	}
	if err != nil {
		m.t.Fatal(err)
	}
	message := map[string]string{}
	for line := range strings.Lines(string(text[:n])) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		message[name] = value
	}
	return message, true
}

// until waits for a message with a name. Only signs of life may come before it.
func (m *serviceManager) until(name string) map[string]string {
	m.t.Helper()
	for {
		message, ok := m.hears(30 * time.Second)
		switch {
		case !ok:
			m.t.Fatalf("%s did not come in 30 s", name)
		case message[name] != "":
			return message
		case message["WATCHDOG"] != "1":
			m.t.Fatalf("in place of %s came %v", name, message)
		}
	}
}

// testServiceManager has a daemon tell how it stands.
func testServiceManager(s *suite) {
	t := s.t
	p, m := newSite(s, 10), newServiceManager(t)
	p.env = append(p.env, "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=300000")
	c := p.start("serve", "--listen", "127.0.0.1:0")
	defer func() { _ = c.cmd.Process.Kill() }() // where the test failed
	ready := m.until("READY")
	at, err := readWhereabouts(p.state())
	if err != nil || ready["STATUS"] != "Serving at "+at.URL {
		t.Errorf("%v, %v", ready, err)
	}
	d := &served{child: c, at: at}
	if status, answer := d.ask("GET", "/readyz", ""); status != http.StatusOK {
		t.Errorf("when it said that it is ready: %d %v", status, answer)
	}

	// It gives signs of life only while it can do its work, which needs the run log.
	m.until("WATCHDOG")
	unlock := lockRunLog(t, p.state())
	for start := time.Now(); ; {
		if _, ok := m.hears(time.Second); !ok {
			break
		}
		if time.Since(start) > 30*time.Second {
			t.Fatal("it gives signs of life although it cannot work")
		}
	}
	unlock()
	m.until("WATCHDOG")

	before := monotonic()
	if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	reloading := m.until("RELOADING")
	usec, err := strconv.ParseInt(reloading["MONOTONIC_USEC"], 10, 64)
	if at := time.Duration(usec) * time.Microsecond; err != nil || at < before.Truncate(time.Microsecond) || at > monotonic() {
		t.Errorf("it read the project anew at %s, which is not after %s: %v", at, before, err)
	}
	m.until("READY")
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	m.until("STOPPING")
	c.end().exits(exitDone)
}

// lockRunLog keeps everybody else from writing to the run log, until the function that it returns is called.
func lockRunLog(t *testing.T, state string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(state, runlog.FileName)+"?_txlock=exclusive&_pragma=busy_timeout(30000)")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			t.Error(err)
		}
	}
}
