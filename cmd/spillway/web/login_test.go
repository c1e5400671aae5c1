package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"spillway/cmd/spillway/web"
)

func (s *site) login(token, next string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	form := url.Values{"token": {token}, "next": {next}}.Encode()
	return s.ask("POST", "/login", form, append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

func TestATokenOpensASession(t *testing.T) {
	t.Parallel()
	for https, name := range map[bool]string{false: "spillway", true: "__Host-spillway"} {
		s := newSite(t, func(o *web.Options) { o.HTTPS = https })
		w := s.login(s.token("read"), "/runs?state=failed")
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/runs?state=failed" {
			t.Fatalf("%d to %s", w.Code, w.Header().Get("Location"))
		}
		cookie := w.Result().Cookies()[0]
		if cookie.Name != name || !cookie.HttpOnly || cookie.Secure != https || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Domain != "" {
			t.Errorf("%+v", cookie)
		}
		if strings.Contains(s.token("read"), cookie.Value) {
			t.Error("the cookie is the token")
		}
		// The API takes no cookie.
		if w := s.ask("GET", "/api/v1/syncs", "", "Cookie", cookie.Name+"="+cookie.Value); w.Code != http.StatusUnauthorized {
			t.Errorf("the API with a cookie: %d", w.Code)
		}
		if w := s.ask("POST", "/logout", "", "Cookie", cookie.Name+"="+cookie.Value); w.Code != http.StatusSeeOther || w.Result().Cookies()[0].MaxAge != -1 {
			t.Errorf("logging out: %d", w.Code)
		}
	}
}

func TestLoginLeadsOnlyToOurOwnPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	token := s.token("read")
	for next, want := range map[string]string{
		"/": "/", "/runs/x": "/runs/x", "": "/", "runs": "/", "https://evil.example/": "/", "//evil.example": "/", `/\evil.example`: "/",
		"/%2f/evil": "/%2f/evil", "javascript:alert(1)": "/", "/\r\nSet-Cookie: a=b": "/", "/\t/evil.example": "/",
	} {
		s.handler = web.New(s.options) // whose throttle has not seen the tries before
		if got := s.login(token, next).Header().Get("Location"); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
		if page := s.ask("GET", "/login?next="+url.QueryEscape(next), "").Body.String(); want == "/" && !strings.Contains(page, `name="next" value="/"`) {
			t.Errorf("%q: %s", next, page)
		}
	}
}

func TestGuessingTokensIsSlow(t *testing.T) {
	t.Parallel()
	now := day
	s := newSite(t, func(o *web.Options) {
		o.Now = func() time.Time { return now }
		o.BehindProxy = true
	})
	try := func(address string) int {
		return s.login("spw_guess", "/", "X-Forwarded-For", "203.0.113.9, "+address).Code
	}
	counts := map[int]int{}
	for range 1_000 {
		counts[try("198.51.100.1")]++
	}
	if counts[http.StatusUnauthorized] != 10 || counts[http.StatusTooManyRequests] != 990 {
		t.Errorf("%v", counts)
	}
	if code := try("198.51.100.2"); code != http.StatusUnauthorized {
		t.Errorf("another address: %d", code)
	}
	now = now.Add(6 * time.Second)
	if first, second := try("198.51.100.1"), try("198.51.100.1"); first != http.StatusUnauthorized || second != http.StatusTooManyRequests {
		t.Errorf("six seconds later: %d, %d", first, second)
	}
	now = now.Add(time.Hour)
	clear(counts)
	for i := range 1_000 {
		counts[try("2001:db8::"+string("0123456789abcdef"[i%16])+string("0123456789abcdef"[i/16%16])+string("0123"[i/256%4]))]++
	}
	if counts[http.StatusUnauthorized] != 100 {
		t.Errorf("from a thousand addresses: %v", counts)
	}
	if n, err := s.options.Audit.Verify(); n != 112 || err != nil {
		t.Errorf("%d tries are in the audit log (%v)", n, err)
	}
}
