package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/cmd/spillway/web/audit"
	"spillway/syncer/runlog"
)

func parsed[T any](t *testing.T, w *httptest.ResponseRecorder, status int) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != status {
		t.Fatalf("%d, want %d: %s (%v)", w.Code, status, w.Body, err)
	}
	return v
}

func TestARunIsTheObjectOfTheCommandAndWhetherItIsOver(t *testing.T) {
	t.Parallel()
	s := newSite(t, open)
	for id, over := range map[string]bool{partialRun: true, activeRun: false} {
		run, err := s.fake.log.Run(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(run)
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		want["terminal"] = over
		if diff := cmp.Diff(want, parsed[map[string]any](t, s.ask("GET", "/api/v1/runs/"+id, ""), 200)); diff != "" {
			t.Errorf("run %s (-want +got):\n%s", id, diff)
		}
	}
}

func TestARequestForARunReachesTheDaemonAsItWasMade(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	w := s.ask("POST", "/api/v1/syncs/people/runs", `{"full":true,"keys":["7","8"]}`,
		"Authorization", "Bearer "+s.token("run"), "Idempotency-Key", "k-1")
	run := parsed[struct {
		ID       string
		State    runlog.State
		Terminal bool
	}](t, w, http.StatusAccepted)
	if run.ID != startedRun || run.State != runlog.Queued || run.Terminal || w.Header().Get("Location") != "/api/v1/runs/"+startedRun {
		t.Errorf("%+v at %s", run, w.Header().Get("Location"))
	}
	r := s.fake.request
	if r.Sync != "people" || r.Trigger != runlog.ByAPI || r.By != "run" || !r.Full || !slices.Equal(r.Keys, []string{"7", "8"}) || r.IdempotencyKey != "k-1" {
		t.Errorf("%+v", r)
	}
	secret, err := s.options.Tokens.LocalSecret()
	if err != nil {
		t.Fatal(err)
	}
	s.ask("POST", "/api/v1/syncs/people/runs", "", "Authorization", "Bearer "+secret)
	if s.fake.request.Trigger != runlog.ByCLI || s.fake.request.By != "cli" {
		t.Errorf("by the command: %+v", s.fake.request)
	}
	if w := s.ask("POST", "/api/v1/syncs/people/runs", "", "Authorization", "Bearer "+secret, "Idempotency-Key", strings.Repeat("k", 256)); w.Code != 400 {
		t.Errorf("a long key: %d", w.Code)
	}
}

func TestABusySyncNamesTheRunInTheWay(t *testing.T) {
	t.Parallel()
	s := newSite(t, open)
	p := parsed[struct{ Code, Run, Detail, Hint string }](t, s.ask("POST", "/api/v1/syncs/busy/runs", ""), http.StatusConflict)
	if p.Run != activeRun || !strings.Contains(p.Detail, activeRun) || p.Hint == "" || p.Code != "store.busy" {
		t.Errorf("%+v", p)
	}
}

func TestListsHavePages(t *testing.T) {
	t.Parallel()
	s := newSite(t, open)
	var ids []string
	cursor := ""
	for {
		page := parsed[struct {
			Runs []struct{ ID string }
			Next string
		}](t, s.ask("GET", "/api/v1/runs?limit=3&cursor="+cursor, ""), 200)
		for _, r := range page.Runs {
			ids = append(ids, r.ID)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if want := []string{activeRun, heldRun, partialRun, doneRun}; !slices.Equal(ids, want) {
		t.Errorf("%v, want %v", ids, want)
	}
	type rows struct {
		Rows []runlog.Row
		Next string
	}
	first := parsed[rows](t, s.ask("GET", "/api/v1/runs/"+partialRun+"/rows?limit=1", ""), 200)
	second := parsed[rows](t, s.ask("GET", "/api/v1/runs/"+partialRun+"/rows?limit=1&cursor="+first.Next, ""), 200)
	if len(first.Rows) != 1 || len(second.Rows) != 1 || first.Rows[0].Key != "7" || second.Rows[0].Key != "8" || second.Next != "" {
		t.Errorf("%+v, %+v", first, second)
	}
	for query, want := range map[string]int{"outcome=rejected": 2, "outcome=accepted": 0, "key=7": 1, "code=too_long": 1, "key=7&code=too_long": 0} {
		if got := parsed[rows](t, s.ask("GET", "/api/v1/runs/"+partialRun+"/rows?"+query, ""), 200); len(got.Rows) != want {
			t.Errorf("%s: %+v", query, got)
		}
	}
}

func TestWaitingIsForRunsThatAreNotOver(t *testing.T) {
	t.Parallel()
	s := newSite(t, open)
	for target, want := range map[string]string{
		activeRun + "?wait=30s": "wait " + activeRun + " 30s", activeRun + "?wait=5": "wait " + activeRun + " 5s", activeRun + "?wait=1h": "wait " + activeRun + " 1m0s",
		doneRun + "?wait=30s": "", activeRun: "",
	} {
		s.fake.asked = nil
		parsed[map[string]any](t, s.ask("GET", "/api/v1/runs/"+target, ""), 200)
		if got := strings.Join(s.fake.asked, "; "); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

func TestAMetricTellsWhatRuns(t *testing.T) {
	t.Parallel()
	s := newSite(t, open)
	text := s.ask("GET", "/metrics", "").Body.String()
	for _, part := range []string{`spillway_build_info{commit="abc",go="go`, `version="1.2.3"} 1`, "go_goroutines", "process_resident_memory_bytes"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %s", part)
		}
	}
}

func TestWhoDidWhatIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	all := []string{"Authorization", "Bearer " + s.token("run,approve")}
	s.ask("POST", "/api/v1/syncs/people/runs", "", all...)
	s.ask("POST", "/api/v1/syncs/busy/runs", "", all...)
	s.ask("POST", "/api/v1/syncs/people/pause", "", all...)
	s.ask("POST", "/api/v1/syncs/people/resume", "", all...)
	s.ask("POST", "/api/v1/runs/"+heldRun+"/approve", "", all...)
	s.ask("POST", "/api/v1/runs/"+doneRun+"/approve", "", all...)
	s.ask("POST", "/api/v1/runs/"+activeRun+"/cancel", "", all...)
	s.ask("POST", "/api/v1/runs/"+partialRun+"/retry", "", all...)
	text, err := os.ReadFile(filepath.Join(s.dir, audit.FileName))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		var e audit.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.By != "run-approve" || e.From != "192.0.2.1" {
			t.Errorf("%+v", e)
		}
		got = append(got, strings.Join([]string{string(e.Action), e.Sync, e.Run, e.Refused}, " "))
	}
	want := []string{
		"run.start people " + startedRun + " ", "run.start busy  store.busy", "sync.pause people  ", "sync.resume people  ",
		"run.approve people " + heldRun + " ", "run.approve people " + doneRun + " approval", "run.cancel busy " + activeRun + " ",
		"run.retry people " + partialRun + " ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n, err := s.options.Audit.Verify(); n != int64(len(want)) || err != nil {
		t.Errorf("%d entries: %v", n, err)
	}
}
