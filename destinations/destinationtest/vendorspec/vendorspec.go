// Package vendorspec holds the requests that a destination sends, and the answers of a service's stand-in, to the
// OpenAPI document that the vendor publishes.
//
// The documents are not part of this repository. Env names a directory that has them; where it is not set, nothing is
// checked, and the test says so.
package vendorspec

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Env is the environment variable that names the directory of the documents.
const Env = "SPILLWAY_SPECS"

// Spec is a vendor's document. A nil Spec checks nothing.
type Spec struct {
	router routers.Router

	mu   sync.Mutex
	seen map[string]int // requests by their operation
}

// Load reads the document that stands at path below the directory of the documents.
func Load(t *testing.T, path string) *Spec {
	t.Helper()
	dir := os.Getenv(Env)
	if dir == "" {
		t.Logf("requests are not held to %s: %s names no directory of vendors' documents", path, Env)
		return nil
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(dir, filepath.FromSlash(path)))
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	doc.Servers = nil                        // the stand-in has a host of its own
	router, err := gorillamux.NewRouter(doc) // which does not mind what is wrong elsewhere in the document
	if err != nil {
		t.Fatalf("understand %s: %v", path, err)
	}
	return &Spec{router: router, seen: map[string]int{}}
}

// Hold returns service as it is, but that each request to it, and each of its answers that the document knows, must be
// what the document says.
func (s *Spec) Hold(t *testing.T, service http.Handler) http.Handler {
	t.Helper()
	if s == nil {
		return service
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read a request: %v", err)
		}
		again := func() *http.Request {
			copied := r.Clone(r.Context())
			copied.Body = io.NopCloser(bytes.NewReader(body))
			copied.URL.Scheme, copied.URL.Host = "", ""
			return copied
		}
		answer := httptest.NewRecorder()
		service.ServeHTTP(answer, again())
		if err := s.check(again(), answer); err != nil {
			t.Errorf("%s %s: %v\nrequest: %s\nanswer: %s", r.Method, r.URL.Path, err, body, answer.Body)
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // to a recorder, which takes all
	})
}

// Seen says how many requests of each operation were held to the document.
func (s *Spec) Seen() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

func (s *Spec) check(r *http.Request, answer *httptest.ResponseRecorder) error {
	route, params, err := s.router.FindRoute(r)
	if err != nil {
		return fmt.Errorf("the document has no such request: %w", err)
	}
	s.mu.Lock()
	s.seen[route.Method+" "+route.Path]++
	s.mu.Unlock()
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options}
	if err := openapi3filter.ValidateRequest(r.Context(), request); err != nil {
		return fmt.Errorf("the request: %w", err)
	}
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: answer.Code, Header: answer.Header(), Options: options,
	}
	response.SetBodyBytes(answer.Body.Bytes())
	if err := openapi3filter.ValidateResponse(r.Context(), response); err != nil {
		return fmt.Errorf("the stand-in's answer: %w", err)
	}
	return nil
}
