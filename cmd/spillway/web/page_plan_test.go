package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"spillway/syncer"
	"spillway/syncer/runlog"
)

// heldReview is a plan of two operations.
func heldReview(say func(string) string) syncer.Review {
	return syncer.Review{
		Until: day.Add(24 * time.Hour), Next: 50, Fields: map[string]int64{say("plan"): 1},
		Rows: []syncer.ReviewedRow{
			{Sample: syncer.Sample{Op: "delete", Kind: runlog.KindRemoved, Key: say("9")}, ID: say("i@x.io")},
			{Sample: syncer.Sample{Op: "upsert", Kind: runlog.KindChanged, Key: say("7")}, ID: say("g@x.io"), Quarantined: true},
		},
	}
}

func TestAHeldPlanIsLookedThroughAndDecided(t *testing.T) {
	t.Parallel()
	s := newSite(t, open)
	s.fake.review = heldReview(func(text string) string { return text })
	const path = "/runs/" + heldRun
	says := func(page string, texts ...string) {
		t.Helper()
		body := s.ask("GET", page, "").Body.String()
		for _, text := range texts {
			if !strings.Contains(body, text) {
				t.Errorf("%s does not say %q", page, text)
			}
		}
	}
	says(path, `href="`+path+`/plan"`)
	says(path+"/plan", "Nothing was sent: too many", `action="`+path+`/approve"`, `action="`+path+`/discard"`, "2026-11-21 12:00:00",
		`<a href="/syncs/people/row?key=9">`, "in quarantine: not sent", `?from=50#rows`, "Values are not shown")
	s.fake.review.Stale = "the snapshot of people moved since"
	says(path+"/plan", "cannot be approved any more: the snapshot of people moved since", `action="/syncs/people/run"`)
	if page := s.ask("GET", path+"/plan", "").Body.String(); strings.Contains(page, path+"/approve") {
		t.Error("a stale plan can be approved")
	}
	if w := s.ask("GET", "/runs/"+doneRun+"/plan", ""); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/runs/"+doneRun {
		t.Errorf("the plan of a run that was not held: %d %s", w.Code, w.Header().Get("Location"))
	}
	if w := s.ask("GET", path+"/plan?from=x", ""); w.Code != http.StatusBadRequest {
		t.Errorf("a page that there is not: %d", w.Code)
	}
	if w := s.ask("POST", path+"/discard", ""); w.Code != http.StatusSeeOther || w.Header().Get("Location") != path+"?done=discarded" {
		t.Errorf("discard: %d %s", w.Code, w.Header().Get("Location"))
	}
	if w := s.ask("POST", "/runs/"+doneRun+"/discard", ""); w.Code != http.StatusConflict {
		t.Errorf("discard a run that was not held: %d", w.Code)
	}
}
