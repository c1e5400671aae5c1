package httpapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/httpapi"
)

func TestNewRefusesAnAddressThatItCannotUse(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"":                               "must start with https://",
		"api.example.com":                "must start with https://",
		"ftp://api.example.com":          "must start with https://",
		"https://":                       "names no host",
		"https://:443/x":                 "names no host",
		"https://ada:s3cr3t@example.com": "holds credentials",
		"https://example.com/?key=k":     "nothing after them",
		"https://example.com/#top":       "nothing after them",
		"https://exa mple.com":           "no URL",
		"https://example.com/%zz":        "no URL",
	} {
		_, err := httpapi.New(httpapi.API{BaseURL: address})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", address, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: the error shows the credentials: %v", address, err)
		}
	}
}

func TestDoSendsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	w := wire()
	c := client(t, w, func(a *httpapi.API) {
		a.Auth = httpapi.Join(httpapi.Basic("ada", secret), httpapi.None(), httpapi.Header("X-Key", secret))
		a.Headers = map[string]string{"Api-Version": "2026-09"}
		a.UserAgent = "test/1"
	})
	answer, err := c.Do(t.Context(), httpapi.Request{
		Method: http.MethodPatch, Path: "/people/a%2Fb", Query: map[string][]string{"by": {"e mail"}},
		Header: http.Header{"x-trace": {"7"}}, Body: []byte(`{}`),
	})
	if err != nil || answer.Status != http.StatusOK {
		t.Fatalf("answer %+v, error %v", answer, err)
	}
	got := w.Calls()[0]
	got.At = time.Time{}
	want := destinationtest.Call{
		Method: http.MethodPatch, Host: "api.example.com", Path: "/v1/people/a%2Fb", Query: "by=e+mail", Body: []byte(`{}`),
		Header: http.Header{
			"Accept": {"application/json"}, "Api-Version": {"2026-09"}, "Authorization": {"Basic YWRhOnMzY3IzdC1vZi10aGUtYWNjb3VudA=="},
			"Content-Type": {"application/json"}, "User-Agent": {"test/1"}, "X-Key": {string(secret)}, "X-Trace": {"7"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestDoClassifiesAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		status int
		header []string
		class  httpapi.Class
		calls  int
		is     error
		says   string
	}{
		{"bad request", 400, nil, httpapi.Refused, 1, nil, "no good (400)"},
		{"conflict", 409, nil, httpapi.Refused, 1, nil, "no good (409)"},
		{"too large", 413, nil, httpapi.Refused, 1, nil, "no good (413)"},
		{"unprocessable", 422, nil, httpapi.Refused, 1, nil, "no good (422)"},
		{"unauthorized", 401, nil, httpapi.Denied, 1, destinations.ErrAuth, "the credentials were refused: no good (401); check"},
		{"forbidden", 403, nil, httpapi.Denied, 1, destinations.ErrAuth, "the credentials were refused: no good (403); check"},
		{"not found", 404, nil, httpapi.Unfit, 1, destinations.ErrConfig, "no good (404); check the configured address"},
		{"method not allowed", 405, nil, httpapi.Unfit, 1, destinations.ErrConfig, "(405)"},
		{"request timeout", 408, nil, httpapi.Later, 3, nil, "(408)"},
		{"too early", 425, nil, httpapi.Later, 3, nil, "(425)"},
		{"too many requests", 429, nil, httpapi.Later, 3, nil, "(429)"},
		{"too many requests for the day", 429, []string{"Retry-After", "40000"}, httpapi.Later, 1, nil, "(429)"},
		{"server error", 500, nil, httpapi.Later, 3, nil, "(500)"},
		{"bad gateway", 502, nil, httpapi.Later, 3, nil, "(502)"},
		{"unavailable for long", 503, []string{"Retry-After", "3600"}, httpapi.Later, 1, nil, "(503)"},
		{"beyond the known statuses", 599, nil, httpapi.Later, 3, nil, "(599)"},
		{"not modified", 304, nil, httpapi.Unfit, 1, destinations.ErrConfig, "an address that it does not name"},
		{"found here", 302, []string{"Location", "/login"}, httpapi.Unfit, 1, destinations.ErrConfig, "another path of the same host"},
		{"found elsewhere", 307, []string{"Location", "https://u:p@other.example/x?t=1"}, httpapi.Unfit, 1, destinations.ErrConfig, "redirects to other.example (307)"},
		{"found nowhere", 302, []string{"Location", "http://[::1"}, httpapi.Unfit, 1, destinations.ErrConfig, "an address that it does not name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := wire()
				body := "no good"
				if test.status == http.StatusNotModified {
					body = ""
				}
				w.SpoilAll(destinationtest.Reply(test.status, body, test.header...))
				_, err := client(t, w).Do(t.Context(), post(3))
				p := problem(t, err)
				if p.Class != test.class || p.Status != test.status || len(w.Calls()) != test.calls {
					t.Errorf("class %d, status %d, %d calls; want class %d, %d calls", p.Class, p.Status, len(w.Calls()), test.class, test.calls)
				}
				for _, kind := range []error{destinations.ErrAuth, destinations.ErrConfig, destinations.ErrUnreachable} {
					if errors.Is(err, kind) != (test.is != nil && test.is.Error() == kind.Error()) {
						t.Errorf("%v is %v: %t", err, kind, errors.Is(err, kind))
					}
				}
				if !strings.Contains(err.Error(), test.says) {
					t.Errorf("error %q, want one with %q", err, test.says)
				}
			})
		})
	}
}

func TestProblemAmendsTheUsualReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		amended := func(a *httpapi.API) {
			a.Problem = func(a httpapi.Answer, p httpapi.Problem) httpapi.Problem {
				switch {
				case a.Status == 200 && bytes.Contains(a.Body, []byte("invalid_auth")):
					return httpapi.Problem{Class: httpapi.Denied, Code: "invalid_auth", Reason: "no such token"}
				case a.Status == 403 && a.Header.Get("X-Quota") != "":
					p.Class, p.Code, p.Throttled, p.Wait = httpapi.Later, "quota", true, 7*time.Second
				case a.Status == 404:
					p.Class = httpapi.Done
				}
				return p
			}
		}
		w := wire()
		c := client(t, w, amended)
		w.SpoilFirst(1, destinationtest.Reply(403, "", "X-Quota", "spent"))
		start := time.Now()
		if _, err := c.Do(t.Context(), post(2)); err != nil || time.Since(start) != 7*time.Second {
			t.Errorf("after %s: %v; want success after 7s", time.Since(start), err)
		}
		w.SpoilAll(destinationtest.Reply(404, ""))
		if _, err := c.Do(t.Context(), post(1)); err != nil {
			t.Errorf("a 404 that is a success: %v", err)
		}
		w.SpoilAll(destinationtest.Reply(200, `{"ok":false,"error":"invalid_auth"}`))
		_, err := c.Do(t.Context(), post(1))
		if p := problem(t, err); !errors.Is(err, destinations.ErrAuth) || p.Code != "invalid_auth" || p.Status != 200 {
			t.Errorf("a 200 that refuses the credentials: %+v", p)
		}
	})
}

func TestStatusesThatAreFineSucceed(t *testing.T) {
	t.Parallel()
	w := wire()
	w.SpoilAll(destinationtest.Reply(404, "gone"))
	r := post(1)
	r.Fine = []int{404, 410}
	answer, err := client(t, w).Do(t.Context(), r)
	if err != nil || answer.Status != 404 || string(answer.Body) != "gone" {
		t.Errorf("answer %+v, error %v", answer, err)
	}
}

func TestReadDecodesNumbersExactly(t *testing.T) {
	t.Parallel()
	w := wire()
	w.SpoilAll(destinationtest.Reply(200, `{"n":9007199254740993}`))
	var into map[string]any
	if err := client(t, w).Read(t.Context(), httpapi.Request{Path: "/x"}, &into); err != nil {
		t.Fatalf("read: %v", err)
	}
	if diff := cmp.Diff(map[string]any{"n": json.Number("9007199254740993")}, into); diff != "" {
		t.Errorf("what was read (-want +got):\n%s", diff)
	}
	if call := w.Calls()[0]; call.Method != http.MethodGet || call.Header.Get("Content-Type") != "" {
		t.Errorf("request %+v", call)
	}
	w.SpoilAll(destinationtest.Reply(200, `<html>`))
	if err := client(t, w).Read(t.Context(), httpapi.Request{Path: "/x"}, &into); err == nil || !strings.Contains(err.Error(), "GET /x") {
		t.Errorf("error %v, want one that names the request", err)
	}
}
