package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"spillway/cmd/spillway/web"
	"spillway/cmd/spillway/web/access"
)

// target fills in a route's pattern.
func target(pattern string) string {
	return strings.NewReplacer("{sync}", "people", "{id}", partialRun, "{$}", "").Replace(pattern)
}

// TestEveryRouteTakesItsScopeAndNoLess asks each route with each kind of token.
func TestEveryRouteTakesItsScopeAndNoLess(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	may := map[string][]access.Scope{
		"": {access.Public}, "read": {access.Public, access.Read}, "run": {access.Public, access.Read, access.Run},
		"approve": {access.Public, access.Read, access.Approve}, "run,approve": {access.Public, access.Read, access.Run, access.Approve},
		"read,run,approve": {access.Public, access.Read, access.Run, access.Approve},
	}
	for _, rt := range web.Routes(s.options) {
		for scopes, allowed := range may {
			var headers []string
			if scopes != "" {
				headers = []string{"Authorization", "Bearer " + s.token(scopes)}
			}
			w := s.ask(rt.Method, target(rt.Pattern), "", headers...)
			want := false
			for _, scope := range allowed {
				want = want || scope == rt.Scope
			}
			toLogin := w.Code == http.StatusSeeOther && strings.HasPrefix(w.Header().Get("Location"), "/login") && rt.Pattern != "/logout"
			switch got := w.Code != http.StatusForbidden && (w.Code != http.StatusUnauthorized || rt.Pattern == "/login") && !toLogin; {
			case got != want:
				t.Errorf("%s %s (%s) with the scopes %q: %d", rt.Method, rt.Pattern, rt.Scope, scopes, w.Code)
			case !want && scopes != "" && w.Code != http.StatusForbidden:
				t.Errorf("%s %s with too little: %d", rt.Method, rt.Pattern, w.Code)
			case !want && scopes == "" && !rt.Page && w.Header().Get("WWW-Authenticate") != "Bearer":
				t.Errorf("%s %s without a token: %d", rt.Method, rt.Pattern, w.Code)
			}
		}
		if rt.Method == http.MethodPost && rt.Scope == access.Read {
			t.Errorf("POST %s changes something, and reading is enough for it", rt.Pattern)
		}
		if rt.Method != http.MethodPost && rt.Method != http.MethodGet {
			t.Errorf("%s %s: only POST changes anything", rt.Method, rt.Pattern)
		}
	}
}

func TestBadTokensAreRefusedEvenWhereNoneIsNeeded(t *testing.T) {
	t.Parallel()
	s := newSite(t, open)
	good := s.token("read")
	for _, header := range []string{"Bearer x", "Bearer ", "Bearer " + good + "x", "Basic " + good, good, "bearer" + good} {
		if w := s.ask("GET", "/api/v1/syncs", "", "Authorization", header); w.Code != http.StatusUnauthorized {
			t.Errorf("%q: %d", header, w.Code)
		}
	}
	if w := s.ask("GET", "/api/v1/syncs", "", "Authorization", "bearer "+good); w.Code != http.StatusOK {
		t.Errorf("a good one: %d", w.Code)
	}
	if w := s.ask("POST", "/api/v1/syncs/people/runs", "", "Authorization", "Bearer "+good); w.Code != http.StatusForbidden {
		t.Errorf("a token that may only read: %d", w.Code)
	}
	if w := s.ask("POST", "/api/v1/syncs/people/runs", ""); w.Code != http.StatusAccepted || s.fake.request.By != access.Anyone {
		t.Errorf("without one: %d by %s", w.Code, s.fake.request.By)
	}
}

func TestForeignHostsAreRefusedBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *web.Options) {
		o.Open = true
		o.Hosts = []string{"spillway.example.com", "10.0.0.5"}
	})
	foreign := []string{
		"", "evil.example", "evil.example:8321", "localhost.", "localhost.:8321", "localhost.evil.example", "127.0.0.1.evil.example",
		"127.0.0.1.", "127.0.0.2", "0.0.0.0", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]", "[::]", "[::1", "::1", "[::1]x", "[::1]:",
		"localhost:", "localhost:80:80", "localhost:evil", "localhost:0", "localhost:99999", "localhost:+80", "evil.example@localhost",
		"localhost@evil.example", "localhost/evil", "localhost#", "xn--localhost", "spillway.example.com.evil.example", ".localhost",
		"sub.spillway.example.com", "10.0.0.6", "127.1", "[127.0.0.1]", "localhost ,evil.example", "localhost\t",
	}
	for _, host := range foreign {
		for _, path := range []string{"/api/v1/syncs", "/healthz", "/nothing", "/login"} {
			w := s.ask("GET", path, "", "Host", host)
			if w.Code != http.StatusMisdirectedRequest || !strings.Contains(w.Body.String(), `"code":"foreign_host"`) {
				t.Errorf("Host %q, %s: %d", host, path, w.Code)
			}
		}
		if w := s.ask("POST", "/api/v1/syncs/people/runs", "", "Host", host); w.Code != http.StatusMisdirectedRequest {
			t.Errorf("POST with Host %q: %d", host, w.Code)
		}
	}
	if len(s.fake.asked) > 0 {
		t.Errorf("the daemon was asked: %v", s.fake.asked)
	}
	for _, host := range []string{
		"localhost", "LocalHost:1", "127.0.0.1", "127.0.0.1:8321", "[::1]", "[::1]:8321", "spillway.example.com", "Spillway.Example.COM:443", "10.0.0.5:8321",
	} {
		if w := s.ask("GET", "/api/v1/syncs", "", "Host", host); w.Code != http.StatusOK {
			t.Errorf("Host %q: %d", host, w.Code)
		}
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, open)
	for name, headers := range map[string][]string{
		"cross-site":               {"Sec-Fetch-Site", "cross-site"},
		"same-site":                {"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:9999"},
		"an old browser's Origin":  {"Origin", "https://evil.example"},
		"the Origin null":          {"Origin", "null"},
		"another port":             {"Origin", "http://127.0.0.1:9999"},
		"cross-site with an alibi": {"Sec-Fetch-Site", "cross-site", "Origin", "http://127.0.0.1:8321"},
	} {
		for _, rt := range web.Routes(s.options) {
			if rt.Method == http.MethodGet {
				continue
			}
			if w := s.ask(rt.Method, target(rt.Pattern), "", headers...); w.Code != http.StatusForbidden {
				t.Errorf("%s: %s %s: %d", name, rt.Method, rt.Pattern, w.Code)
			}
		}
	}
	for _, page := range [][]string{{"Sec-Fetch-Site", "same-origin"}, {"Origin", "http://127.0.0.1:8321"}, {"Cookie", "a=b"}} {
		for _, media := range []string{"application/x-www-form-urlencoded", "text/plain"} {
			headers := append([]string{"Content-Type", media}, page...)
			if w := s.ask("POST", "/api/v1/syncs/people/runs", "{}", headers...); w.Code != http.StatusUnsupportedMediaType {
				t.Errorf("%v: %d", headers, w.Code)
			}
		}
	}
	if len(s.fake.asked) > 0 {
		t.Errorf("the daemon was asked: %v", s.fake.asked)
	}
	for _, headers := range [][]string{{}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}, {"Origin", "http://127.0.0.1:8321"}} {
		if w := s.ask("POST", "/api/v1/syncs/people/runs", "", headers...); w.Code != http.StatusAccepted {
			t.Errorf("%v: %d", headers, w.Code)
		}
	}
	for _, media := range []string{"", "application/x-www-form-urlencoded"} { // as programs send it that are not told otherwise
		if w := s.ask("POST", "/api/v1/syncs/people/runs", `{"full":false}`, "Content-Type", media); w.Code != http.StatusAccepted {
			t.Errorf("a program's %q: %d", media, w.Code)
		}
	}
}

func TestEveryAnswerCarriesTheHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, w := range []*httptest.ResponseRecorder{
		s.ask("GET", "/login", ""), s.ask("GET", "/healthz", ""), s.ask("GET", "/api/v1/syncs", ""), s.ask("GET", "/nothing", ""),
		s.ask("GET", "/login", "", "Host", "evil.example"), s.ask("POST", "/login", "", "Sec-Fetch-Site", "cross-site"),
	} {
		for name, part := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'", "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
		} {
			if got := w.Header().Get(name); !strings.HasPrefix(got, part) {
				t.Errorf("%d: %s is %q", w.Code, name, got)
			}
		}
		policy := w.Header().Get("Content-Security-Policy")
		if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'; base-uri 'none'; form-action 'self'") {
			t.Error(policy)
		}
	}
}

func TestFailuresTellNothingOfTheInside(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	read, run := s.token("read"), s.token("run,approve")
	s.fake.broken = fmt.Errorf("list: %w", errSecret)
	for _, rt := range web.Routes(s.options) {
		if rt.Page || rt.Scope == access.Public {
			continue
		}
		if w := s.ask(rt.Method, target(rt.Pattern), "", "Authorization", "Bearer "+run); strings.Contains(w.Body.String(), "select") {
			t.Errorf("%s %s: %s", rt.Method, rt.Pattern, w.Body)
		}
	}
	if w := s.ask("POST", "/api/v1/syncs/people/runs", "", "Authorization", "Bearer "+run); w.Code != http.StatusInternalServerError {
		t.Errorf("it did not fail: %d", w.Code)
	}
	if !strings.Contains(s.logged.String(), "goroutine 7") {
		t.Errorf("the log does not say why: %s", s.logged)
	}
	if strings.Contains(s.logged.String(), read) || strings.Contains(s.logged.String(), run) {
		t.Error("a token stands in the log")
	}
	w := s.ask("GET", "/readyz", "")
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "select") {
		t.Errorf("/readyz: %d %s", w.Code, w.Body)
	}
	if w := s.ask("GET", "/healthz", ""); w.Code != http.StatusOK {
		t.Errorf("/healthz: %d", w.Code)
	}
}

func TestLargeBodiesAndUnknownAddresses(t *testing.T) {
	t.Parallel()
	s := newSite(t, open)
	large := `{"keys":["` + strings.Repeat("x", 1<<20) + `"]}`
	if w := s.ask("POST", "/api/v1/syncs/people/runs", large); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body beyond 1 MiB: %d", w.Code)
	}
	for _, tt := range []struct {
		method, target string
		status         int
		allow          string
	}{
		{"GET", "/api/v1/nothing", 404, ""},
		{"GET", "/debug/pprof/", 404, ""},
		{"GET", "/debug/vars", 404, ""},
		{"DELETE", "/api/v1/syncs/people", 405, "GET"},
		{"PUT", "/api/v1/syncs/people/runs", 405, "POST"},
		{"POST", "/api/v1/runs", 405, "GET"},
		{"GET", "/api/v1/runs/last/cancel", 405, "POST"},
		{"TRACE", "/healthz", 405, "GET"},
	} {
		w := s.ask(tt.method, tt.target, "")
		var p struct{ Status int }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != tt.status || p.Status != tt.status || w.Header().Get("Allow") != tt.allow ||
			w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d, Allow %q, %s", tt.method, tt.target, w.Code, w.Header().Get("Allow"), w.Body)
		}
	}
}
