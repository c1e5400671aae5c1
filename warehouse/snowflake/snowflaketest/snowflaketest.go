//go:build !noduckdb

// Package snowflaketest is a Snowflake for tests: a server on this machine that speaks the protocol of Snowflake's
// drivers over plain HTTP, and evaluates SQL in an embedded DuckDB.
//
// It logs in by password, key pair and token, expires and renews sessions, answers small results at once and larger
// ones in chunks, as Arrow or JSON, has slow statements polled, cancels, and fails as it is told to. It binds values of text,
// of whole numbers and of TIMESTAMP_NTZ, and has transactions, which end with their session.
//
// SQL is DuckDB's, with some of Snowflake's functions beside it: parse_json, to_variant, to_object, to_array,
// to_geography, to_timestamp_tz(timestamp, minutes east of UTC), to_decfloat, to_binary. Names keep the case in which
// they are written. A statement that holds the comment Endless is answered before it has ended.
package snowflaketest

import (
	"crypto/rsa"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Endless in a statement has the server declare more rows than anyone will read and produce them as they are asked
// for, which Snowflake itself cannot do.
const Endless = "/* endless */"

// The account of a server that was started without another one.
const (
	Account  = "test"
	User     = "ADA"
	Password = "correct horse"
	Token    = "a programmatic access token"
	Role     = "SPILLWAY_READER"
)

// Options change what a server does.
type Options struct {
	Setup     []string       // statements of DuckDB that are run at first
	PublicKey *rsa.PublicKey // of the user, who may then log in with a key pair
	JSON      bool           // results come as JSON, not as Arrow
	ChunkRows int            // rows in a chunk; default 8192
	Plain     bool           // chunks are not compressed
	Reuse     bool           // a statement that was run before is answered with its former result
	Hold      time.Duration  // how long a request waits for a statement; default 1 s

	Grants map[string][]Grant // by the role that has them
}

// Grant is one line of what SHOW GRANTS TO ROLE lists.
type Grant struct{ Privilege, On, Name string }

// Server is a running server.
type Server struct {
	Host string
	Port int

	options Options
	engine  *engine
	files   string
	http    *http.Server
	faults  faults

	mu         sync.Mutex
	sessions   map[string]*session // by their tokens
	masters    map[string]*session
	statements []*statement
	logins     []Login
	requests   map[string]int
	serial     int
	omits      bool // the last chunks of results
}

// Start runs a server until the test has ended.
func Start(t testing.TB, options ...Options) *Server {
	t.Helper()
	s := &Server{sessions: map[string]*session{}, masters: map[string]*session{}, requests: map[string]int{}}
	if len(options) > 0 {
		s.options = options[0]
	}
	if s.options.ChunkRows == 0 {
		s.options.ChunkRows = 4 * vectorRows
	}
	if s.options.Hold == 0 {
		s.options.Hold = time.Second
	}
	var err error
	s.files = t.TempDir()
	if s.engine, err = newEngine(s.options.Setup); err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("the listener's address is a %T", listener.Addr())
	}
	s.Host, s.Port = address.IP.String(), address.Port
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.http.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = s.http.Close()
		<-served
		s.close()
	})
	return s
}

// close ends the statements that still run, and then the engine.
func (s *Server) close() {
	s.mu.Lock()
	statements := s.statements
	s.mu.Unlock()
	for _, st := range statements {
		st.cancel()
	}
	for _, st := range statements {
		<-st.done
		st.result.close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.masters {
		_ = n.end("rollback")
	}
	s.engine.close()
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := endpointOf(r)
	s.mu.Lock()
	s.requests[string(e.Kind)]++
	s.mu.Unlock()
	if f := s.faults.take(e); f != nil {
		f(w, r, http.HandlerFunc(s.serve))
		return
	}
	s.serve(w, r)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	switch endpointOf(r).Kind {
	case LoginKind:
		s.login(w, r)
	case RenewKind:
		s.renew(w, r)
	case QueryKind:
		s.query(w, r)
	case ResultKind:
		s.poll(w, r)
	case ChunkKind:
		s.chunk(w, r)
	case AbortKind:
		s.abort(w, r)
	case CloseKind:
		s.logout(w, r)
	case HeartbeatKind, TelemetryKind:
		reply(w, nil)
	default:
		http.NotFound(w, r)
	}
}

// Requests says how many requests of a kind came.
func (s *Server) Requests(k Kind) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[string(k)]
}
