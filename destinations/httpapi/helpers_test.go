package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/httpapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = destinationtest.Secret("s3cr3t-of-the-account")

// client returns a client over transport, changed by set.
func client(t *testing.T, transport http.RoundTripper, set ...func(*httpapi.API)) *httpapi.Client {
	t.Helper()
	api := httpapi.API{BaseURL: "https://api.example.com/v1", Auth: httpapi.Bearer(secret), Transport: transport}
	for _, f := range set {
		f(&api)
	}
	c, err := httpapi.New(api)
	if err != nil {
		t.Fatalf("new client: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

// wire returns a wire to a service that answers everything with 200.
func wire() *destinationtest.Wire {
	return destinationtest.NewWire(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

func post(attempts int) httpapi.Request {
	return httpapi.Request{Path: "/people", Body: []byte(`{"email":"ada@example.com"}`), Attempts: attempts}
}

func problem(t *testing.T, err error) *httpapi.Problem {
	t.Helper()
	p, ok := err.(*httpapi.Problem) //nolint:errorlint // Do promises this very type.
	if !ok {
		t.Fatalf("error %v of type %T, want a *Problem", err, err)
	}
	return p
}

func batch(n int) destinations.Batch {
	b := destinations.Batch{Sync: "contacts", Object: "people", Op: destinations.Upsert, Identifier: "id", Attempts: 3}
	for i := range n {
		id := fmt.Sprintf("r%d", i)
		b.Records = append(b.Records, destinations.Record{Key: id, ID: id, Token: "t" + id})
	}
	return b
}

// ids is a request that lists the records' identifiers.
func ids(b destinations.Batch) (httpapi.Request, error) {
	list := make([]string, len(b.Records))
	for i, r := range b.Records {
		list[i] = r.ID
	}
	body, err := httpapi.Encode(list)
	return httpapi.Request{Path: "/people", Body: body}, err
}

// picky refuses each request as a whole that lists a bad identifier, and keeps the others.
type picky struct {
	status int
	bad    map[string]bool

	mu    sync.Mutex
	calls int
	taken map[string]int
}

func (p *picky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	var list []string
	if err := json.NewDecoder(r.Body).Decode(&list); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	for _, id := range list {
		if p.bad[id] {
			http.Error(w, "there is a bad one", p.status)
			return
		}
	}
	for _, id := range list {
		p.taken[id]++
	}
}

func statuses(results []destinations.Result) map[destinations.Status]int {
	count := map[destinations.Status]int{}
	for _, r := range results {
		count[r.Status]++
	}
	return count
}

// logger returns a logger at debug level and what it wrote.
func logger() (*slog.Logger, func() string) {
	var mu sync.Mutex
	var text bytes.Buffer
	w := writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return text.Write(p)
	})
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})), func() string {
		mu.Lock()
		defer mu.Unlock()
		return text.String()
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// rotating is a secret that is another one each time it is looked up.
type rotating struct {
	mu    sync.Mutex
	texts []string
	looks int
}

func (r *rotating) Reveal(context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looks++
	text := r.texts[0]
	if len(r.texts) > 1 {
		r.texts = r.texts[1:]
	}
	if text == "" {
		return "", io.ErrUnexpectedEOF
	}
	return text, nil
}

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}
