package sandbox

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"spillway/destinations"
)

const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`

func hostileServer(t *testing.T) *Server {
	t.Helper()
	s := newTestServer(t)
	text, err := encode(hostile)
	if err != nil {
		t.Fatal(err)
	}
	send(t, s, "contacts", destinations.Upsert, "email",
		"ada@x.io", `{"firstname":`+string(text)+`,"custom":{"a":`+string(text)+`},"tags":[`+string(text)+`]}`,
		"not <b>an</b> address", `{"plan":`+string(text)+`}`)
	send(t, s, "contacts", destinations.Upsert, "email", "ada@x.io", `{"firstname":"Ada","lastname":`+string(text)+`}`)
	send(t, s, "companies", destinations.Upsert, "external_id", hostile, `{"name":`+string(text)+`}`)
	return s
}

func TestPagesShowWhatArrivedAsText(t *testing.T) {
	t.Parallel()
	s := hostileServer(t)
	for _, path := range []string{"/", "/contacts", "/companies", "/contacts/1", "/companies/2", "/requests", "/?q=" + "%3Cscript%3Ealert(1)", "/nowhere%3Cscript%3E"} {
		w := get(t, s, path)
		body := w.Body.String()
		for _, tag := range []string{"<script", "<img src=x", "<b>an"} {
			if strings.Contains(body, tag) {
				t.Errorf("%s holds %q", path, tag)
			}
		}
		if got := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'") || strings.Contains(got, "unsafe") {
			t.Errorf("%s: policy %q", path, got)
		}
		if strings.Contains(body, " style=") || strings.Contains(body, "http-equiv") {
			t.Errorf("%s has what its policy forbids", path)
		}
	}
}

func TestPagesTellWhatChanged(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	send(t, s, "contacts", destinations.Upsert, "email", "ada@x.io", `{"plan":"Free","city":"Riga"}`, "bob@x.io", `{"plan":"Gold"}`)
	send(t, s, "contacts", destinations.Upsert, "email", "ada@x.io", `{"plan":"Pro","city":null}`, "eve@x.io", `{}`)
	send(t, s, "contacts", destinations.Delete, "email", "eve@x.io", ``)
	tests := []struct {
		name, path string
		status     int
		want       []string
		not        []string
	}{
		{
			"the list has the latest change of a record and what it was before", "/contacts", 200,
			[]string{"ada@x.io", `<del><bdi>Free</bdi></del>`, `<ins><bdi>Pro</bdi></ins>`, "<del><bdi>Riga</bdi></del>", "Record 2 of contacts was deleted"},
			[]string{"eve@x.io", "Latest requests"},
		},
		{"the overview has the latest requests and why a record was refused", "/", 200, []string{"Latest requests", "bob@x.io", "invalid_option"}, nil},
		{"a record has all its changes", "/contacts/1", 200, []string{"created", "updated", `<code>plan</code>`}, []string{"Riga</bdi></td>"}},
		{"the requests say what became of them", "/requests", 200, []string{"partial", "1 accepted, 1 rejected", "from <bdi>test</bdi>"}, nil},
		{"a search finds records by a value in whatever case", "/contacts?q=ADA", 200, []string{"ada@x.io"}, nil},
		{"a search without a find says so", "/contacts?q=zzz", 200, []string{"No value holds", "zzz"}, []string{"ada@x.io"}},
		{"a search is no pattern", "/contacts?q=%25", 200, []string{"No value holds"}, []string{"ada@x.io"}},
		{"an object without records says how to send some", "/deals", 200, []string{"Nothing has arrived", `type = &#34;sandbox&#34;`, "http://localhost"}, nil},
		{"a deleted record has no page", "/contacts/2", 404, []string{"No such record"}, nil},
		{"a record is not found under another object", "/companies/1", 404, []string{"No such record"}, nil},
		{"a number that is none has no page", "/contacts/x", 404, []string{"Nothing here"}, nil},
		{"an unknown address has no page", "/nowhere/at/all", 404, []string{"Nothing here"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := get(t, s, test.path)
			if w.Code != test.status {
				t.Errorf("status %d, want %d", w.Code, test.status)
			}
			body := strings.ReplaceAll(w.Body.String(), "&#34;", `"`)
			for _, want := range test.want {
				if !strings.Contains(body, strings.ReplaceAll(want, "&#34;", `"`)) {
					t.Errorf("no %q in\n%s", want, body)
				}
			}
			for _, not := range test.not {
				if strings.Contains(body, not) {
					t.Errorf("%q in\n%s", not, body)
				}
			}
		})
	}
}

func TestPagesOfManyRecordsAreTurned(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	for i := range 2 {
		var records []string
		for j := range 60 {
			records = append(records, fmt.Sprintf("c%d@x.io", i*60+j), `{}`)
		}
		send(t, s, "contacts", destinations.Upsert, "email", records...)
	}
	seen := map[string]bool{}
	path := "/contacts"
	for pages := 1; path != ""; pages++ {
		body := get(t, s, path).Body.String()
		for i := range 120 {
			if name := fmt.Sprintf(">c%d@x.io<", i); strings.Contains(body, "<bdi"+name) {
				seen[name] = true
			}
		}
		_, link, found := strings.Cut(body, `<a rel="next" href="`)
		path, _, _ = strings.Cut(link, `"`)
		path = strings.ReplaceAll(path, "&amp;", "&")
		if found != (pages < 3) {
			t.Fatalf("page %d leads on to %q", pages, path)
		}
	}
	if len(seen) != 120 {
		t.Errorf("saw %d records, want 120", len(seen))
	}
}

func TestOnlyLocalNamesAreAnswered(t *testing.T) {
	t.Parallel()
	s := openTestServer(t, Options{Hosts: []string{"sandbox"}})
	tests := []struct {
		host string
		want int
	}{
		{"localhost", 200},
		{"localhost:8080", 200},
		{"LOCALHOST.:1", 200},
		{"127.0.0.1:80", 200},
		{"127.3.4.5", 200},
		{"[::1]:9", 200},
		{"[::1]", 200},
		{"crm.localhost:1", 200},
		{"sandbox:80", 200},
		{"evil.example", 421},
		{"localhost.evil.example", 421},
		{"127.0.0.1.evil.example", 421},
		{"10.0.0.1", 421},
		{"", 421},
		{"0.0.0.0", 421},
	}
	for _, test := range tests {
		for _, path := range []string{"/", "/style.css", "/api/v1/objects"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil)
			r.Host = test.host
			if got := call(t, s, r).Code; got != test.want {
				t.Errorf("%q %s: %d, want %d", test.host, path, got, test.want)
			}
		}
	}
}

func TestOtherPagesCannotWrite(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	const body = `{"operation":"upsert","identifier":"email","records":[{"ref":"1","id":"ada@x.io"}]}`
	tests := []struct {
		name   string
		header http.Header
		want   int
	}{
		{"a form on another site", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Content-Type": {"application/json"}}, 403},
		{"an old browser on another site", http.Header{"Origin": {"https://evil.example"}, "Content-Type": {"application/json"}}, 403},
		{"plain text, which needs no leave of ours", http.Header{"Content-Type": {"text/plain"}}, 415},
		{"a program", http.Header{"Content-Type": {"application/json; charset=utf-8"}}, 200},
	}
	for _, test := range tests {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/api/v1/objects/contacts/batch", strings.NewReader(body))
		r.Header = test.header
		if got := call(t, s, r).Code; got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}
