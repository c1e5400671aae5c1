// Package middleman stands between a client and its database server, for tests of what a broken connection looks like.
package middleman

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// Between listens on an address of its own and returns dsn with that address. What a client says goes to the server that
// dsn names; answer passes on what the server says, changed or not, and ends the connection by returning.
func Between(t testing.TB, dsn string, answer func(client, server net.Conn)) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &middleman{target: u.Host, answer: answer}
	m.conns.Go(func() { m.listen(l) })
	t.Cleanup(func() {
		_ = l.Close()
		m.conns.Wait()
	})
	u.Host = l.Addr().String()
	return u.String()
}

type middleman struct {
	target string
	answer func(client, server net.Conn)
	conns  sync.WaitGroup
}

func (m *middleman) listen(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		m.conns.Go(func() { m.stand(client) })
	}
}

func (m *middleman) stand(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", m.target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	m.conns.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	m.answer(client, server)
}

// Scissors cut connections once so many bytes went to clients, over all of them.
type Scissors struct {
	after  int64
	reset  bool
	passed atomic.Int64
}

// Cut returns scissors that cut after so many bytes: with a reset, or as if it were all that the server had to say.
func Cut(after int64, reset bool) *Scissors { return &Scissors{after: after, reset: reset} }

// Passed is how many bytes the server said.
func (s *Scissors) Passed() int64 { return s.passed.Load() }

// Answer is what Between takes.
func (s *Scissors) Answer(client, server net.Conn) {
	buffer := make([]byte, 4096)
	for {
		n, err := server.Read(buffer)
		over := s.passed.Add(int64(n)) - s.after
		if over > 0 {
			n = max(0, n-int(over))
		}
		_, _ = client.Write(buffer[:n])
		if tcp, ok := client.(*net.TCPConn); ok && over > 0 && s.reset {
			_ = tcp.SetLinger(0)
		}
		if err != nil || over > 0 {
			return
		}
	}
}
