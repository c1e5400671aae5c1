package httpapi_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// server serves handler on the loopback interface and returns its address and what it counts.
func server(t *testing.T, handler http.HandlerFunc) (address string, requests, connections *atomic.Int64) {
	t.Helper()
	requests, connections = new(atomic.Int64), new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handler(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, requests, connections
}

// over returns a client of address over the network.
func over(t *testing.T, address string, set ...func(*httpapi.API)) *httpapi.Client {
	t.Helper()
	return client(t, nil, append(set, func(a *httpapi.API) { a.BaseURL = address })...)
}

// drop closes the connection of a request that was read, without an answer.
func drop(_ http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err == nil {
		panic(http.ErrAbortHandler)
	}
}

func TestConnectionsAreKeptAndShared(t *testing.T) {
	t.Parallel()
	address, requests, connections := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("bad") {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
	})
	c := over(t, address, func(a *httpapi.API) { a.Concurrency = 4 })
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 25 {
				if _, err := c.Do(t.Context(), post(1)); err != nil {
					t.Errorf("do: %v", err)
				}
				bad := post(1)
				bad.Query = map[string][]string{"bad": {""}}
				if _, err := c.Do(t.Context(), bad); err == nil {
					t.Error("a 422 was taken for a success")
				}
			}
		})
	}
	group.Wait()
	if requests.Load() != 200 || connections.Load() > 4 {
		t.Errorf("%d requests over %d connections, want 200 over at most 4", requests.Load(), connections.Load())
	}
}

func TestRefusedConnectionSentNothing(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	var meter destinations.Meter
	r := post(2)
	r.Meter = &meter
	_, err = over(t, "http://"+address).Do(t.Context(), r)
	if p := problem(t, err); p.Class != httpapi.Unsent || !errors.Is(err, destinations.ErrUnreachable) || p.Code != "unreachable" {
		t.Errorf("problem %+v", p)
	}
	if !strings.Contains(err.Error(), address) || strings.Contains(err.Error(), "/people") {
		t.Errorf("error %q, want one with the host and without the path", err)
	}
	if usage := meter.Usage(); usage.Requests != 2 || usage.Retries != 1 {
		t.Errorf("the meter counts %+v, want 2 attempts", usage)
	}
}

func TestUntrustedCertificateSentNothingAndIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	var meter destinations.Meter
	r := post(5)
	r.Meter = &meter
	_, err := over(t, s.URL).Do(t.Context(), r)
	if p := problem(t, err); p.Class != httpapi.Unsent || !errors.Is(err, destinations.ErrUnreachable) {
		t.Errorf("problem %+v", p)
	}
	if meter.Usage().Requests != 1 || requests.Load() != 0 || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v after %d attempts and %d requests", err, meter.Usage().Requests, requests.Load())
	}
}

func TestHandshakeThatNeverEndsSentNothing(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	_, err = over(t, "https://"+listener.Addr().String(), func(a *httpapi.API) { a.Timeout = 50 * time.Millisecond }).
		Do(t.Context(), post(1))
	if p := problem(t, err); p.Class != httpapi.Unsent || !errors.Is(err, destinations.ErrUnreachable) {
		t.Errorf("problem %+v", p)
	}
}

func TestRedirectReachesNobody(t *testing.T) {
	t.Parallel()
	elsewhere, taken, _ := server(t, func(http.ResponseWriter, *http.Request) {})
	for _, status := range []int{301, 302, 303, 307, 308} {
		address, requests, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere+"/take", status)
		})
		_, err := over(t, address).Do(t.Context(), post(3))
		if !errors.Is(err, destinations.ErrConfig) || requests.Load() != 1 || !strings.Contains(err.Error(), elsewhere[len("http://"):]) {
			t.Errorf("%d: error %v after %d requests", status, err, requests.Load())
		}
	}
	if n := taken.Load(); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

func TestLostAnswersAreSentAgainByTheClientAlone(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		once bool
		key  string
		want int64
	}{
		{"repeatable", false, "", 3},
		{"repeatable with an idempotency key, which net/http would send again itself", false, "k", 3},
		{"once", true, "", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var warm atomic.Bool
			address, requests, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
				if warm.Load() {
					drop(w, r)
				}
			})
			c := over(t, address)
			if _, err := c.Do(t.Context(), post(1)); err != nil { // so that a kept connection breaks
				t.Fatalf("do: %v", err)
			}
			warm.Store(true)
			r := post(3)
			r.Once = test.once
			if test.key != "" {
				r.Header = http.Header{"Idempotency-Key": {test.key}}
			}
			_, err := c.Do(t.Context(), r)
			if p := problem(t, err); p.Class != httpapi.Lost || requests.Load()-1 != test.want {
				t.Errorf("class %d after %d requests, want Lost after %d", p.Class, requests.Load()-1, test.want)
			}
		})
	}
}

func TestAnswersThatCannotBeReadToTheirEnd(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"cut short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"results":`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", 2<<20))
		},
		"small, and huge once it is unpacked": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.Copy(z, io.LimitReader(zeros{}, 4<<20))
			_ = z.Close()
		},
		"trickling": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, requests, _ := server(t, handler)
			c := over(t, address, func(a *httpapi.API) { a.Timeout, a.MaxReply = 5*time.Second, 1<<20 })
			_, err := c.Do(t.Context(), post(3))
			p := problem(t, err)
			if p.Class != httpapi.Lost || p.Code != "answer_cut" || p.Status != 200 || requests.Load() != 1 {
				t.Errorf("problem %+v after %d requests, want one, Lost", p, requests.Load())
			}
		})
	}
}

func TestErrorsAreClassifiedEvenIfTheirTextIsCut(t *testing.T) {
	t.Parallel()
	address, _, _ := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, strings.Repeat("long ", 100_000))
	})
	_, err := over(t, address, func(a *httpapi.API) { a.MaxReply = 1000 }).Do(t.Context(), post(3))
	if p := problem(t, err); p.Class != httpapi.Refused || !strings.HasPrefix(p.Reason, "long long") || len(p.Reason) > 500 {
		t.Errorf("problem %+v", p)
	}
}

func TestServiceThatHangsCostsItsTimeLimit(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*httpapi.API){
		"in all":          func(a *httpapi.API) { a.Timeout = 50 * time.Millisecond },
		"for the headers": func(a *httpapi.API) { a.HeaderTimeout = 50 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _, _ := server(t, func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // so that the server notices when the client goes
				<-r.Context().Done()
			})
			_, err := over(t, address, set).Do(t.Context(), post(1))
			if p := problem(t, err); p.Class != httpapi.Lost || p.Code != "timeout" {
				t.Errorf("problem %+v, want a timeout", p)
			}
		})
	}
}

func TestCancelledRequestEndsAtOnce(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	address, _, _ := server(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(arrived)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := over(t, address).Do(ctx, post(5))
	if p := problem(t, err); p.Class != httpapi.Lost || !errors.Is(err, context.Canceled) || p.Code != "cancelled" {
		t.Errorf("problem %+v, want a cancelled request", p)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
