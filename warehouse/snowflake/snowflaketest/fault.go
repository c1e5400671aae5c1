//go:build !noduckdb

package snowflaketest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
)

// Kind is what a request asks for.
type Kind string

// The kinds of requests.
const (
	LoginKind     Kind = "login"
	RenewKind     Kind = "renew"
	QueryKind     Kind = "query"
	ResultKind    Kind = "result" // the answer to a statement that takes long
	ChunkKind     Kind = "chunk"
	AbortKind     Kind = "abort"
	CloseKind     Kind = "close"
	HeartbeatKind Kind = "heartbeat"
	TelemetryKind Kind = "telemetry"
)

// Endpoint is what a fault is about. Chunk counts from 0, and is -1 for every chunk.
type Endpoint struct {
	Kind  Kind
	Chunk int
}

// Every is an endpoint whatever the chunk.
func Every(k Kind) Endpoint { return Endpoint{Kind: k, Chunk: -1} }

// Chunk is one chunk of every result.
func Chunk(n int) Endpoint { return Endpoint{Kind: ChunkKind, Chunk: n} }

func endpointOf(r *http.Request) Endpoint {
	path := r.URL.Path
	switch {
	case path == "/session/v1/login-request":
		return Every(LoginKind)
	case path == "/session/token-request":
		return Every(RenewKind)
	case path == "/queries/v1/query-request":
		return Every(QueryKind)
	case path == "/queries/v1/abort-request":
		return Every(AbortKind)
	case strings.HasPrefix(path, "/queries/"):
		return Every(ResultKind)
	case strings.HasPrefix(path, "/chunks/"):
		n, err := strconv.Atoi(path[strings.LastIndexByte(path, '/')+1:])
		if err != nil {
			n = -1
		}
		return Chunk(n)
	case path == "/session/heartbeat":
		return Every(HeartbeatKind)
	case path == "/session":
		return Every(CloseKind)
	case path == "/telemetry/send":
		return Every(TelemetryKind)
	}
	return Endpoint{}
}

// Fault answers a request in the server's stead. It may hand it on to server.
type Fault func(w http.ResponseWriter, r *http.Request, server http.Handler)

type faults struct {
	mu   sync.Mutex
	list []*fault
}

type fault struct {
	endpoint Endpoint
	times    int
	do       Fault
}

// Fail has the next requests to an endpoint fail, so many times.
func (s *Server) Fail(e Endpoint, times int, f Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = append(s.faults.list, &fault{e, times, f})
}

func (f *faults) take(e Endpoint) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		if one.times > 0 && one.endpoint.Kind == e.Kind && (one.endpoint.Chunk < 0 || one.endpoint.Chunk == e.Chunk) {
			one.times--
			return one.do
		}
	}
	return nil
}

// Status answers with a status of HTTP.
func Status(code int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { http.Error(w, "a fault", code) }
}

// Refuse answers with an error of Snowflake's.
func Refuse(code int, state, message string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		refuse(w, &failure{code: code, state: state, message: message})
	}
}

// Cut sends a share of the answer and then ends the connection.
func Cut(share float64) Fault {
	return func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		whole := httptest.NewRecorder()
		server.ServeHTTP(whole, r)
		body := whole.Body.Bytes()
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:int(float64(len(body))*share)])
		hangUp(w, false)
	}
}

// Lose resets the connection before there is an answer.
func Lose(w http.ResponseWriter, _ *http.Request, _ http.Handler) { hangUp(w, true) }

func hangUp(w http.ResponseWriter, reset bool) {
	control := http.NewResponseController(w)
	_ = control.Flush()
	conn, _, err := control.Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// Hang answers nothing until the client has gone.
func Hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// Short answers a chunk that lacks its last rows, and is well-formed.
func (s *Server) Short(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	st, n := s.chunkOf(r)
	if st == nil {
		http.Error(w, "there is no such chunk", http.StatusForbidden)
		return
	}
	short, err := st.result.shortened(n)
	if err != nil {
		http.Error(w, fmt.Sprint(err), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(short)
}

// OmitLastChunk has the server not tell of the last chunk of any result from now on.
func (s *Server) OmitLastChunk() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.omits = true
}
