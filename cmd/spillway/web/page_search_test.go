package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"spillway/syncer"
	"spillway/syncer/runlog"
)

// TestARowIsFoundAcrossSyncs looks for keys and identifiers from the overview.
func TestARowIsFoundAcrossSyncs(t *testing.T) {
	t.Parallel()
	s, h := newShop(t, func(text string) string { return text })
	if page := s.ask("GET", "/", "").Body.String(); !strings.Contains(page, `action="/rows"`) {
		t.Error("the overview asks for no row")
	}
	for about, want := range map[string]string{
		"1003":        "/syncs/people/row?key=1003", // by key: the snapshot and the run log know it
		"p3@nowhere":  "/syncs/people/row?key=1003", // by the identifier that was refused
		"p22@nowhere": "/syncs/people/row?key=1022",
	} {
		if w := s.ask("GET", "/rows?about="+url.QueryEscape(about), ""); w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("%s: %d %s", about, w.Code, w.Header().Get("Location"))
		}
	}
	if w := s.ask("GET", "/rows?about=nobody", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "No sync knows a row with this key") {
		t.Errorf("an unknown one: %d", w.Code)
	}
	h.known["busy 1003"] = &syncer.KnownRow{Sync: "busy", Key: "1003", Accepted: true}
	w := s.ask("GET", "/rows?about=1003", "")
	for _, want := range []string{
		`<a href="/syncs/busy/row?key=1003">`, "It arrived: the destination has accepted it", `<a href="/syncs/people/row?key=1003">`,
		"It did not arrive: " + string(runlog.RowRejected) + ", INVALID_EMAIL", "Mend the value in the warehouse",
	} {
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d: it does not say %q", w.Code, want)
		}
	}
}
