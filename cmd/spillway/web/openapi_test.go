package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"spillway/cmd/spillway/web"
)

func document(t *testing.T, s *site) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(s.ask("GET", "/api/v1/openapi.json", "").Body.Bytes())
	if err == nil {
		err = doc.Validate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheDocumentHasEveryRouteWithItsScopeAndNoOther(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	doc := document(t, s)
	var routed, described []string
	for _, rt := range web.Routes(s.options) {
		if !rt.Page {
			routed = append(routed, rt.Method+" "+rt.Pattern+" "+rt.Scope.String())
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			scope, _ := op.Extensions["x-scope"].(string)
			described = append(described, method+" "+path+" "+scope)
			if op.Summary == "" || op.OperationID == "" {
				t.Errorf("%s %s is not described", method, path)
			}
		}
	}
	slices.Sort(routed)
	slices.Sort(described)
	if !slices.Equal(routed, described) {
		t.Errorf("the routes are\n%v\nand the document has\n%v", routed, described)
	}
	if len(routed) < 15 {
		t.Errorf("there are %d routes", len(routed))
	}
}

// TestAnswersAreWhatTheDocumentSays asks for everything there is, and for what there is not.
func TestAnswersAreWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	asked := map[string]bool{}
	s := newSite(t, open)
	doc := document(t, s)
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, target, body string
		status               int
		code                 string // of a problem
	}{
		{"GET", "/api/v1/syncs", "", 200, ""},
		{"GET", "/api/v1/syncs/people", "", 200, ""},
		{"GET", "/api/v1/syncs/busy", "", 200, ""},
		{"GET", "/api/v1/syncs/nobody", "", 404, "unknown_sync"},
		{"POST", "/api/v1/syncs/people/runs", "", 202, ""},
		{"POST", "/api/v1/syncs/people/runs", `{"full":true,"keys":["7"]}`, 202, ""},
		{"POST", "/api/v1/syncs/people/runs", `{"full":"yes"}`, 400, "invalid_request"},
		{"POST", "/api/v1/syncs/people/runs", `{"ful":true}`, 400, "invalid_request"},
		{"POST", "/api/v1/syncs/people/runs", `{} {}`, 400, "invalid_request"},
		{"POST", "/api/v1/syncs/busy/runs", "", 409, "store.busy"},
		{"POST", "/api/v1/syncs/nobody/runs", "", 404, "unknown_sync"},
		{"POST", "/api/v1/syncs/people/retry", `{"keys":["7"]}`, 202, ""},
		{"POST", "/api/v1/syncs/nobody/retry", "", 404, "unknown_sync"},
		{"POST", "/api/v1/syncs/people/pause", "", 200, ""},
		{"POST", "/api/v1/syncs/people/resume", "", 200, ""},
		{"POST", "/api/v1/syncs/nobody/pause", "", 404, "unknown_sync"},
		{"POST", "/api/v1/syncs/people/reset", `{"reset":"resend"}`, 200, ""},
		{"POST", "/api/v1/syncs/people/reset", `{"reset":"adopt"}`, 200, ""},
		{"POST", "/api/v1/syncs/people/reset", `{"reset":"all"}`, 400, "invalid_request"},
		{"POST", "/api/v1/syncs/people/reset", "", 400, "invalid_request"},
		{"POST", "/api/v1/syncs/busy/reset", `{"reset":"resend"}`, 409, "store.busy"},
		{"POST", "/api/v1/syncs/nobody/reset", `{"reset":"adopt"}`, 404, "unknown_sync"},
		{"POST", "/api/v1/syncs/people/forget", `{"key":"7"}`, 200, ""},
		{"POST", "/api/v1/syncs/people/forget", `{"key":""}`, 400, "invalid_request"},
		{"POST", "/api/v1/syncs/busy/forget", `{"key":"7"}`, 409, "store.busy"},
		{"POST", "/api/v1/syncs/nobody/forget", `{"key":"7"}`, 404, "unknown_sync"},
		{"GET", "/api/v1/runs", "", 200, ""},
		{"GET", "/api/v1/runs?sync=people&state=held&limit=1", "", 200, ""},
		{"GET", "/api/v1/runs?state=done", "", 400, "invalid_request"},
		{"GET", "/api/v1/runs?limit=501", "", 400, "invalid_request"},
		{"GET", "/api/v1/runs?limit=0", "", 400, "invalid_request"},
		{"GET", "/api/v1/runs?cursor=7", "", 400, "invalid_request"},
		{"GET", "/api/v1/runs/" + doneRun, "", 200, ""},
		{"GET", "/api/v1/runs/last?wait=1s", "", 200, ""},
		{"GET", "/api/v1/runs/last?wait=soon", "", 400, "invalid_request"},
		{"GET", "/api/v1/runs/7ZZ", "", 404, "unknown_run"},
		{"GET", "/api/v1/runs/" + partialRun + "/rows", "", 200, ""},
		{"GET", "/api/v1/runs/" + partialRun + "/rows?outcome=refused", "", 400, "invalid_request"},
		{"GET", "/api/v1/runs/" + partialRun + "/rows?cursor=x", "", 400, "invalid_request"},
		{"GET", "/api/v1/runs/7ZZ/rows", "", 404, "unknown_run"},
		{"POST", "/api/v1/runs/" + activeRun + "/cancel", "", 202, ""},
		{"POST", "/api/v1/runs/" + doneRun + "/cancel", "", 409, "not_running"},
		{"POST", "/api/v1/runs/" + heldRun + "/approve", "", 202, ""},
		{"POST", "/api/v1/runs/" + doneRun + "/approve", "", 409, "approval"},
		{"POST", "/api/v1/runs/7ZZ/approve", "", 404, "unknown_run"},
		{"POST", "/api/v1/runs/" + heldRun + "/discard", "", 200, ""},
		{"POST", "/api/v1/runs/" + doneRun + "/discard", "", 409, "approval"},
		{"POST", "/api/v1/runs/7ZZ/discard", "", 404, "unknown_run"},
		{"POST", "/api/v1/runs/" + partialRun + "/retry", "", 202, ""},
		{"POST", "/api/v1/runs/" + partialRun + "/retry", `{"keys":["7"],"code":"bad_email"}`, 202, ""},
		{"GET", "/api/v1/openapi.json", "", 200, ""},
		{"GET", "/healthz", "", 200, ""},
		{"GET", "/readyz", "", 200, ""},
		{"GET", "/metrics", "", 200, ""},
	} {
		w := s.ask(tt.method, tt.target, tt.body)
		if w.Code != tt.status {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.target, tt.body, w.Code, w.Body)
			continue
		}
		if tt.code != "" {
			var p struct{ Code, Detail, Title, Type string }
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code != tt.code || p.Detail == "" || p.Title == "" || p.Type == "" {
				t.Errorf("%s %s: %s (%v)", tt.method, tt.target, w.Body, err)
			}
		}
		r, err := http.NewRequestWithContext(t.Context(), tt.method, tt.target, bytes.NewReader([]byte(tt.body)))
		if err != nil {
			t.Fatal(err)
		}
		if tt.body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		rt, params, err := router.FindRoute(r)
		if err != nil {
			t.Errorf("%s %s: %v", tt.method, tt.target, err)
			continue
		}
		asked[rt.Method+" "+rt.Path] = true
		held := holdAnswer(r, rt, params, w.Code, w.Header(), w.Body.Bytes())
		if held != nil {
			t.Errorf("%s %s: %v\n%s", tt.method, tt.target, held, w.Body)
		}
	}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if !asked[method+" "+path] {
				t.Errorf("%s %s was never asked for", method, path)
			}
		}
	}
}

// holdAnswer says how an answer differs from what the document says.
func holdAnswer(r *http.Request, rt *routers.Route, params map[string]string, status int, header http.Header, body []byte) error {
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: rt},
		Status:                 status, Header: header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true,
			SchemaValidationOptions: []openapi3.SchemaValidationOption{openapi3.EnableJSONSchema2020()},
		},
	}
	return openapi3filter.ValidateResponse(r.Context(), input)
}
