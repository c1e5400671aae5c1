package sandbox

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// local carries requests to a sandbox inside the process, which is opened by the first of them.
type local struct {
	open   func() (*Server, error) // the same server every time
	opened atomic.Bool
}

// RoundTrip implements http.RoundTripper.
func (l *local) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	defer func() { _ = r.Body.Close() }() // it is in memory
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	l.opened.Store(true)
	server, err := l.open()
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "sandbox", Err: err} // nothing was sent
	}
	in := r.Clone(r.Context())
	in.Host = r.URL.Host
	out := &answer{header: http.Header{}}
	server.ServeHTTP(out, in)
	return out.response(r), nil
}

func (l *local) close() error {
	if !l.opened.Load() {
		return nil
	}
	server, err := l.open()
	if err != nil {
		return nil //nolint:nilerr // it was reported by the request that failed, and there is nothing to close
	}
	return server.Close()
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(data []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(data)
}

// response is what was written as the answer to r.
func (a *answer) response(r *http.Request) *http.Response {
	a.WriteHeader(http.StatusOK) // unless there is a status already
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: r,
	}
}
