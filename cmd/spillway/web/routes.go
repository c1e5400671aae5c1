package web

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"spillway/cmd/spillway/web/access"
	"spillway/syncer"
)

// route is one thing that can be asked for. The mux, the check of the OpenAPI document and the test of the scopes are
// all made from the table of routes.
type route struct {
	method  string
	pattern string // of http.ServeMux, without the method
	scope   access.Scope
	handle  handler
	page    bool // for browsers: they come with a cookie, and what goes wrong is a page
}

// handler answers a request, or returns why it cannot; then it has written nothing.
type handler func(http.ResponseWriter, *http.Request) error

func (s *server) routes() []route {
	return slices.Concat(s.apiRoutes(), s.openRoutes(), s.pageRoutes(), s.viewRoutes(), s.staticRoutes())
}

// guarded is a route's handler for those who may.
func (s *server) guarded(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := s.identify(r, rt.page)
		switch {
		case rt.scope == access.Public:
			err = nil // it is for everybody, whoever they say they are
		case err == nil && !who.May(rt.scope):
			err = forbidden(rt.scope)
		}
		if err == nil {
			ctx := syncer.WithParent(r.Context(), r.Header.Get("Traceparent"))
			err = rt.handle(w, r.WithContext(context.WithValue(ctx, identityKey{}, who)))
		}
		switch {
		case err == nil:
		case rt.page:
			s.failPage(w, r, err)
		default:
			s.fail(w, r, err)
		}
	})
}

// unrouted answers what no route is for.
func (s *server) unrouted(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		probe := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := s.mux.Handler(probe); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	err := error(&problem{Status: http.StatusNotFound, Code: "not_found", Detail: "there is nothing at this address", Hint: "GET /api/v1/openapi.json lists what there is"})
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		err = &problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Detail: "this address takes " + strings.Join(allowed, " and ") + " alone"}
	}
	if strings.HasPrefix(r.URL.Path, apiPrefix) || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		s.fail(w, r, err)
		return
	}
	s.failPage(w, r, err)
}
