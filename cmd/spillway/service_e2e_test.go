package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// receiver is the other side of the http destination. It finds records by identifier, applies whatever it is told to,
// counts how often, and remembers every request.
type receiver struct {
	t      *testing.T
	server *httptest.Server
	busy   atomic.Int64 // requests

	mu       sync.Mutex
	records  map[string]string // by identifier
	applied  map[string]int    // by key, since the last reset
	requests []*request
	answer   func(r *request) reply
	delay    time.Duration // before each answer
}

// request is one that came.
type request struct {
	at         time.Time
	key        string // Idempotency-Key
	auth       string
	unanswered bool   // until the process that sent it was gone
	Op         string `json:"op"`

	Records []struct {
		Key    string          `json:"key"`
		ID     string          `json:"id"`
		Fields json.RawMessage `json:"fields"`
	} `json:"records"`
}

// reply is what becomes of a request. The zero reply accepts all of it.
type reply struct {
	status  int
	header  map[string]string
	body    string
	skip    bool // do not apply it
	cut     bool // close the connection without an answer
	forever bool // give no answer as long as the client waits

	after <-chan struct{} // nor before this is closed
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	s := &receiver{t: t, records: map[string]string{}, applied: map[string]int{}}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.busy.Add(1)
	defer s.busy.Add(-1)
	if r.Method == http.MethodHead {
		return
	}
	req := &request{at: time.Now(), key: r.Header.Get("Idempotency-Key"), auth: r.Header.Get("Authorization")}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, req)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest) // a client that was killed
		return
	}
	answer := s.take(req)
	select {
	case <-time.After(s.pause()):
	case <-r.Context().Done():
	}
	if answer.after != nil {
		<-answer.after
	}
	switch {
	case answer.forever:
		<-r.Context().Done()
		fallthrough
	case answer.cut:
		panic(http.ErrAbortHandler)
	}
	for name, value := range answer.header {
		w.Header().Set(name, value)
	}
	if answer.status != 0 {
		w.WriteHeader(answer.status)
	}
	_, _ = io.WriteString(w, answer.body) // the client may be gone
}

// take notes a request, applies it and says how it is answered.
func (s *receiver) take(req *request) (answer reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, req)
	if s.answer != nil {
		answer = s.answer(req)
	}
	if answer.skip || answer.status >= 300 {
		return answer
	}
	for _, r := range req.Records {
		s.applied[r.Key]++
		if req.Op == "delete" {
			delete(s.records, r.ID)
		} else {
			s.records[r.ID] = string(r.Fields)
		}
	}
	return answer
}

// hangUp ends all connections, and returns when no request is being worked on any more.
func (s *receiver) hangUp() {
	s.server.CloseClientConnections()
	until(s.t, func() bool { return s.busy.Load() == 0 })
}

// answers sets how requests are answered. It is asked about one at a time.
func (s *receiver) answers(answer func(r *request) reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// record returns what stands under an identifier.
func (s *receiver) record(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[id]
}

// calm makes it accept everything.
func (s *receiver) calm() { s.answers(nil) }

// came returns the requests that came since the last call, and forgets what was applied.
func (s *receiver) came() []*request {
	s.mu.Lock()
	defer s.mu.Unlock()
	came := s.requests
	s.requests, s.applied = nil, map[string]int{}
	return came
}

// onceEach returns how many keys were applied since the last reset, each of which must have been once.
func (s *receiver) onceEach() int {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, n := range s.applied {
		if n != 1 {
			s.t.Errorf("key %s was applied %d times", key, n)
			break
		}
	}
	return len(s.applied)
}

// holds compares the records with those that it should have.
func (s *receiver) holds(want map[string]string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	wrong := 0
	for id, record := range want {
		if have, ok := s.records[id]; !ok || have != record {
			if wrong++; wrong <= 3 {
				s.t.Errorf("under %s the service has %q, the source %q", id, have, record)
			}
		}
	}
	for id, have := range s.records {
		if _, ok := want[id]; !ok {
			if wrong++; wrong <= 3 {
				s.t.Errorf("under %s the service has %q, the source nothing", id, have)
			}
		}
	}
	if wrong > 0 {
		s.t.Errorf("%d records are wrong, of %d", wrong, len(want))
	}
}

// pause is how long each answer takes.
func (s *receiver) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.delay
}

// slow makes each answer take so long from now on.
func (s *receiver) slow(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}
