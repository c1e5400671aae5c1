package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"spillway/cmd/spillway/web/browsertest"
	"spillway/syncer/daemon"
	"spillway/syncer/project"
)

// gallery serves a page of each kind, and names them.
func gallery(t *testing.T) (*httptest.Server, map[string]string) {
	t.Helper()
	s, h := newShop(t, func(text string) string { return text })
	h.reloaded = daemon.Reloaded{At: day, By: "files", Problems: project.Problems{
		{File: "syncs/people.toml", Line: 4, Key: "model", Message: `there is no models/peple.sql; did you mean "people"?`},
		{File: "syncs/orders.toml", Line: 12, Key: "fields.amount.type", Message: `"money" is no type: string, number, integer, boolean, date, datetime, json or list`},
	}}
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	return server, map[string]string{
		"overview": "/", "search": "/rows?about=nobody", "sync": "/syncs/people", "runs": "/runs?idle=1", "run": "/runs/" + h.runs[len(h.runs)-1].ID,
		"run-failed": "/runs/" + h.runs[12].ID, "held": "/runs/" + heldRun, "plan": "/runs/" + heldRun + "/plan", "row": "/syncs/people/row?key=1003",
		"connections": "/connections", "project": "/project", "login": "/login", "failure": "/runs/7ZZ",
	}
}

// TestPagesAreForEverybody checks every page in both themes by the rules of WCAG, level AA, and that a narrow screen and
// one that is zoomed to twice its size need no scrolling sideways.
func TestPagesAreForEverybody(t *testing.T) {
	t.Parallel()
	axe, err := browsertest.Axe()
	if err != nil {
		t.Fatal(err)
	}
	server, pages := gallery(t)
	b := browsertest.Start(t, true)
	for _, look := range []struct {
		name, theme string
		width       int
		zoom        float64
		checked     bool
	}{
		{"light", "light", 1280, 1, true},
		{"dark", "dark", 1280, 1, true},
		{"narrow", "light", 390, 1, false},
		{"narrow-dark", "dark", 390, 1, false},
		{"zoomed", "light", 640, 2, false},
	} {
		b.Look(look.theme, look.width, look.zoom)
		for name, path := range pages {
			b.Open(server.URL + path)
			if wide := browsertest.Get(b, chromedp.Evaluate[int]("document.documentElement.scrollWidth")); wide > look.width {
				t.Errorf("%s, %s: the page is %d wide on a screen of %d", name, look.name, wide, look.width)
			}
			b.Screenshot(name + "-" + look.name)
			if !look.checked {
				continue
			}
			for _, v := range b.Violations(axe) {
				for _, node := range v.Nodes {
					t.Errorf("%s, %s: %s (%s)\n%s\n%s", name, look.name, v.Help, v.ID, node.HTML, node.Failure)
				}
			}
		}
	}
	b.Troubles() // the page that there is not
}

// TestTheCheckerFindsWhatIsWrong sees to it that the test above can fail.
func TestTheCheckerFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	axe, err := browsertest.Axe()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		_, _ = w.Write([]byte(`<!doctype html><html lang="en"><title>x</title><main><h1>x</h1><input><p><font color="#cccccc">pale</font>`))
	}))
	t.Cleanup(server.Close)
	b := browsertest.Start(t, true)
	b.Open(server.URL)
	found := map[string]bool{}
	for _, v := range b.Violations(axe) {
		found[v.ID] = true
	}
	if !found["color-contrast"] || !found["label"] {
		t.Errorf("it found %v", found)
	}
}

// TestTheKeyboardLeadsThroughEveryPage tabs through each page: the way past the navigation comes first, whatever has the
// focus is seen to have it, and the order is that of the page.
func TestTheKeyboardLeadsThroughEveryPage(t *testing.T) {
	t.Parallel()
	server, pages := gallery(t)
	b := browsertest.Start(t, true)
	for name, path := range pages {
		b.Open(server.URL + path)
		if n := browsertest.Get(b, chromedp.Evaluate[int](`[...document.querySelectorAll("[tabindex]")].filter(e => e.tabIndex > 0).length`)); n > 0 {
			t.Errorf("%s: %d elements are out of the page's order", name, n)
		}
		if name == "login" { // its one field has the focus
			continue
		}
		b.Do(chromedp.KeyEvent(kb.Tab))
		first := browsertest.Get(b, chromedp.Evaluate[string](`document.activeElement.innerText + " " + (document.activeElement.getBoundingClientRect().left >= 0)`))
		if !strings.HasPrefix(first, "Skip to the content") || !strings.HasSuffix(first, "true") {
			t.Errorf("%s: the first thing is %q", name, first)
		}
		b.Do(chromedp.KeyEvent(kb.Enter))
		if at := browsertest.Get(b, chromedp.Evaluate[string](`document.activeElement.id`)); at != "main" {
			t.Errorf("%s: the way past the navigation leads to %q", name, at)
		}
		for range 6 {
			b.Do(chromedp.KeyEvent(kb.Tab))
			seen := browsertest.Get(b, chromedp.Evaluate[string](`document.activeElement === document.body ? "" : getComputedStyle(document.activeElement).outlineStyle + " " + document.activeElement.outerHTML.slice(0, 80)`))
			if strings.HasPrefix(seen, "none") {
				t.Errorf("%s: nothing shows the focus of %s", name, seen)
			}
		}
	}
}
