package destinationtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"time"
)

// Wire is the network between a destination and the stand-in of its service, inside the process, so that it works
// in a bubble of testing/synctest. It keeps every request, and spoils answers as a Fault says.
type Wire struct {
	service http.Handler

	mu    sync.Mutex
	fault func(n int, r *http.Request) Fault
	calls []Call
}

// Call is a request as it arrived.
type Call struct {
	At     time.Time
	Method string
	Host   string
	Path   string // escaped
	Query  string
	Header http.Header
	Body   []byte
}

// Fault is what happens to one request. deliver hands it to the service, which acts on it, and returns its answer.
type Fault func(ctx context.Context, deliver func() *http.Response) (*http.Response, error)

// NewWire returns a wire to service on which everything goes well.
func NewWire(service http.Handler) *Wire { return &Wire{service: service} }

// Spoil lets fault choose what happens to the n-th request from now on, counted from 1. A nil Fault is none.
func (w *Wire) Spoil(fault func(n int, r *http.Request) Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := len(w.calls)
	w.fault = func(n int, r *http.Request) Fault { return fault(n-seen, r) }
}

// SpoilAll lets fault happen to every request from now on.
func (w *Wire) SpoilAll(fault Fault) {
	w.Spoil(func(int, *http.Request) Fault { return fault })
}

// SpoilFirst lets fault happen to the next n requests.
func (w *Wire) SpoilFirst(n int, fault Fault) {
	w.Spoil(func(i int, _ *http.Request) Fault {
		if i <= n {
			return fault
		}
		return nil
	})
}

// Calls returns the requests so far.
func (w *Wire) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Call(nil), w.calls...)
}

// RoundTrip implements http.RoundTripper.
func (w *Wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		if err := r.Body.Close(); err != nil {
			return nil, err
		}
	}
	fault := w.arrive(r, body)
	if fault == nil {
		return w.deliver(r, body), nil
	}
	return fault(r.Context(), func() *http.Response { return w.deliver(r, body) })
}

func (w *Wire) arrive(r *http.Request, body []byte) Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, Call{
		At: time.Now(), Method: r.Method, Host: r.URL.Host, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		Header: r.Header.Clone(), Body: body,
	})
	if w.fault == nil {
		return nil
	}
	return w.fault(len(w.calls), r)
}

func (w *Wire) deliver(r *http.Request, body []byte) *http.Response {
	arrived := r.Clone(r.Context())
	arrived.Body = io.NopCloser(bytes.NewReader(body))
	arrived.ContentLength = int64(len(body))
	arrived.RequestURI = r.URL.RequestURI()
	arrived.Host = r.URL.Host
	recorder := httptest.NewRecorder()
	w.service.ServeHTTP(recorder, arrived)
	return recorder.Result()
}

// Reply answers with status and body in the service's place, which never sees the request. header holds pairs of
// names and values.
func Reply(status int, body string, header ...string) Fault {
	return func(context.Context, func() *http.Response) (*http.Response, error) {
		recorder := httptest.NewRecorder()
		for i := 0; i+1 < len(header); i += 2 {
			recorder.Header().Set(header[i], header[i+1])
		}
		recorder.WriteHeader(status)
		if body == "" {
			return recorder.Result(), nil // not even an empty write goes with a 304
		}
		if _, err := recorder.WriteString(body); err != nil {
			return nil, err
		}
		return recorder.Result(), nil
	}
}

// Lose delivers the request and loses the answer.
func Lose() Fault {
	return func(_ context.Context, deliver func() *http.Response) (*http.Response, error) {
		if err := deliver().Body.Close(); err != nil {
			return nil, err
		}
		return nil, io.ErrUnexpectedEOF
	}
}

// Unreachable refuses the connection.
func Unreachable() Fault {
	return func(context.Context, func() *http.Response) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
}

// Hang delivers the request and never answers.
func Hang() Fault {
	return func(ctx context.Context, deliver func() *http.Response) (*http.Response, error) {
		if err := deliver().Body.Close(); err != nil {
			return nil, err
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
}

// Slow delivers the request and answers after d, or with what then says.
func Slow(d time.Duration, then Fault) Fault {
	return func(ctx context.Context, deliver func() *http.Response) (*http.Response, error) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if then == nil {
			return deliver(), nil
		}
		return then(ctx, deliver)
	}
}

// Cut delivers the request and breaks off in the middle of the answer's body.
func Cut() Fault {
	return Edit(func(body []byte) ([]byte, error) { return body[:len(body)/2], io.ErrUnexpectedEOF })
}

// Huge delivers the request and answers with so many bytes after the service's own.
func Huge(bytes int) Fault {
	return func(_ context.Context, deliver func() *http.Response) (*http.Response, error) {
		answer := deliver()
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(answer.Body, io.LimitReader(spaces{}, int64(bytes))), answer.Body}
		answer.ContentLength = -1
		return answer, nil
	}
}

// Edit delivers the request and changes the answer's body. The error that edit returns is met at its end.
func Edit(edit func(body []byte) ([]byte, error)) Fault {
	return func(_ context.Context, deliver func() *http.Response) (*http.Response, error) {
		answer := deliver()
		body, err := io.ReadAll(answer.Body)
		if err = errors.Join(err, answer.Body.Close()); err != nil {
			return nil, err
		}
		body, broken := edit(body)
		answer.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{broken}))
		answer.ContentLength = -1
		return answer, nil
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}
