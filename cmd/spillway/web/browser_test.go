package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"spillway/cmd/spillway/web/browsertest"
)

// attacks are texts that do something where they are taken for more than text. Each calls pwn, whose call is seen.
func attacks() []string {
	calls := []string{"pwn()", "window.pwned=1", "alert(1)", "document.title='pwned'", "import('data:text/javascript,pwn()')"}
	forms := []string{
		"<script>%s</script>", "<img src=x onerror=\"%s\">", "<svg onload=\"%s\">", "\"><script>%s</script>", "'><script>%s</script>",
		"\" autofocus onfocus=\"%s\" x=\"", "' onmouseover='%s' y='", "javascript:%s", "<a href=\"javascript:%s\">x</a>",
		"</title><script>%s</script>", "</code></pre><script>%s</script>", "<iframe srcdoc=\"<script>%s</script>\">",
		"<body onload=%s>", "<details open ontoggle=%s>", "<style>@import 'x';</style><script>%s</script>", "{{%s}}", "${%s}",
		"<!--<script>%s</script>-->", "<math><mtext><script>%s</script></mtext></math>", "<input autofocus onfocus=%s>",
		"<form action=\"javascript:%s\"><button>x</button></form>", "<meta http-equiv=refresh content=\"0;url=javascript:%s\">",
		"<base href=\"javascript:%s//\">", "<object data=\"javascript:%s\">", "<embed src=\"javascript:%s\">", "<div hx-get=\"/\" hx-on:load=\"%s\">",
		"<div hx-trigger=\"load[%s]\" hx-get=\"/\">", "<div data-hx-on=\"htmx:load: %s\">", "\u202e<script>%s</script>", "\x00<script>%s</script>",
		"&lt;script&gt;%s&lt;/script&gt;", "%%3Cscript%%3E%s%%3C/script%%3E", "<ScRiPt>%s</sCrIpT>", "<script\n>%s</script\n>",
		"<svg><script>%s</script></svg>", "<svg><a xlink:href=\"javascript:%s\"><text>x</text></a></svg>", "<link rel=stylesheet href=\"javascript:%s\">",
		"<table background=\"javascript:%s\">", "<video><source onerror=\"%s\"></video>", "</svg></title></rect><script>%s</script>",
	}
	var all []string
	for _, form := range forms {
		for _, call := range calls {
			all = append(all, fmt.Sprintf(form, call))
		}
	}
	return all
}

// rounds are how often all places on the pages are filled with other attacks.
const rounds = 5

// TestHostileTextStaysText puts two hundred attacks wherever a text from outside stands on a page.
func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	all := attacks()
	if len(all) < 200 {
		t.Fatalf("there are %d attacks", len(all))
	}
	b := browsertest.Start(t, true)
	for round := range rounds {
		next := round * len(all) / rounds
		s, h := newShop(t, func(text string) string {
			next++
			return text + all[next%len(all)]
		})
		server := httptest.NewServer(s.handler)
		newest := h.runs[len(h.runs)-1]
		for _, attack := range all[round*len(all)/rounds : (round+1)*len(all)/rounds] {
			for _, path := range []string{"/runs?sync=", "/runs/" + newest.ID + "?about=", "/syncs/people/row?key=", "/rows?about=", "/login?next="} {
				w := s.ask(http.MethodGet, path+url.QueryEscape(attack), "")
				if strings.Contains(w.Body.String(), attack) && strings.ContainsAny(attack, `<"'`) {
					t.Errorf("%s shows %q as it is", path, attack)
				}
			}
		}
		for _, path := range h.pages() {
			b.Open(server.URL + path)
			if browsertest.Get(b, chromedp.Title()) == "pwned" || browsertest.Get(b, chromedp.Evaluate[bool]("'pwned' in window")) {
				t.Errorf("a script ran on %s", path)
			}
			if troubles := b.Troubles(); len(troubles) > 0 {
				t.Errorf("%s: %q", path, troubles)
			}
			strange := `document.querySelectorAll("body script, iframe, object, embed, base, [style], img, body meta, body link").length`
			samples := `document.querySelectorAll("details.exchange").length`
			if n := browsertest.Get(b, chromedp.Evaluate[int](samples)); strings.Contains(path, "/row?") && n != 4 {
				t.Errorf("%s shows %d samples", path, n)
			}
			if n := browsertest.Get(b, chromedp.Evaluate[int](strange)); n > 0 {
				t.Errorf("%s has %d elements that no page of ours has", path, n)
			}
		}
		server.Close()
	}
}

// TestTheBrowserTellsOfAScriptThatRuns sees to it that the test above can fail.
func TestTheBrowserTellsOfAScriptThatRuns(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			w.Header().Set("Content-Security-Policy", "default-src 'none'")
		}
		_, _ = fmt.Fprint(w, "<!doctype html><title>x</title><body><script>window.pwned=1</script>")
	}))
	t.Cleanup(server.Close)
	b := browsertest.Start(t, true)
	b.Open(server.URL + "/free")
	if !browsertest.Get(b, chromedp.Evaluate[bool]("'pwned' in window")) {
		t.Error("a script that ran is not seen")
	}
	b.Troubles()
	b.Open(server.URL + "/held")
	if browsertest.Get(b, chromedp.Evaluate[bool]("'pwned' in window")) || len(b.Troubles()) == 0 {
		t.Error("a script that the policy held back is not told of")
	}
}

// TestPagesAreSmallAndWhole looks at every page as it comes over the wire.
func TestPagesAreSmallAndWhole(t *testing.T) {
	t.Parallel()
	s, h := newShop(t, func(text string) string { return text })
	for _, path := range h.pages() {
		w := s.ask(http.MethodGet, path, "")
		page := w.Body.String()
		if w.Code != http.StatusOK || len(page) > 150_000 || !strings.HasSuffix(page, "</html>\n") || strings.Count(page, "<h1") != 1 {
			t.Errorf("%s: status %d, %d bytes, ending in %q", path, w.Code, len(page), page[max(0, len(page)-20):])
		}
	}
}
