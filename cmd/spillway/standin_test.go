package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// says answers with status and body. header holds pairs of names and values.
func says(status int, body string, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // a reader that left fails on its own side
	}
}

// recordKeeper is a stand-in as package destinationtest has it, whose flags would meet those of this package.
type recordKeeper interface {
	http.Handler
	Get(object, id string) (fields map[string]string, ok bool)
}

// standIn serves a vendor's stand-in and keeps what came.
type standIn struct {
	vendor
	recordKeeper
	server *httptest.Server
	issued atomic.Int32 // access tokens

	mu     sync.Mutex
	came   []arrival
	faults []func(http.ResponseWriter) // in place of the answers to the next deliveries
}

// arrival is a request of a delivery.
type arrival struct {
	at     time.Time
	body   []byte
	spoilt bool
}

func (v vendor) serve() *standIn {
	s := &standIn{vendor: v, recordKeeper: v.standIn()}
	s.server = httptest.NewServer(http.HandlerFunc(s.answer))
	return s
}

func (s *standIn) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case s.tokens != "" && strings.HasPrefix(r.URL.Path, s.tokens):
		s.issued.Add(1)
	case regexp.MustCompile(s.delivers).MatchString(r.Method + " " + r.URL.Path):
		if fault := s.arrive(body); fault != nil {
			fault(w)
			return
		}
	}
	s.ServeHTTP(w, r)
}

// arrive notes a delivery, and returns what is to be done in the place of the service.
func (s *standIn) arrive(body []byte) (fault func(http.ResponseWriter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) > 0 {
		fault, s.faults = s.faults[0], s.faults[1:]
	}
	s.came = append(s.came, arrival{time.Now(), body, fault != nil})
	return fault
}

// serveVendor serves the stand-in of a vendor to a script.
func serveVendor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: vendor KIND")
	}
	v, known := vendors()[args[0]]
	if !known {
		ts.Fatalf("there is no stand-in of %s", args[0])
	}
	s := v.serve()
	ts.Defer(s.server.Close)
	file := ts.MkAbs("spillway.toml")
	content := strings.ReplaceAll(ts.ReadFile(file), "$URL", s.server.URL)
	ts.Check(os.WriteFile(file, []byte(content), 0o600))
}

// object is that of the sync.
func (v vendor) object() string {
	_, rest, _ := strings.Cut(v.sync, `object = "`)
	object, _, _ := strings.Cut(rest, `"`)
	return object
}

// since returns what came since it was last asked.
func (s *standIn) since() []arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	came := s.came
	s.came = nil
	return came
}

// spoil answers the next deliveries in the vendor's place.
func (s *standIn) spoil(faults ...func(http.ResponseWriter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}
