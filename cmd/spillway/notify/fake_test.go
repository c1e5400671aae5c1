package notify_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"spillway/cmd/spillway/notify"
	"spillway/syncer/alert"
	"spillway/syncer/runlog"
	"spillway/syncer/settings"
)

// made returns the notifier of a kind with settings as they stand in a file.
func made(t *testing.T, kind, text string) (alert.Notifier, error) {
	t.Helper()
	table, problems := settings.Parse("spillway.toml", []byte(text))
	if problems != nil {
		t.Fatal(problems)
	}
	for _, d := range notify.Definitions() {
		if d.Name != kind {
			continue
		}
		config := d.Config()
		if problems := settings.Decode(table, config, settings.Options{PlaintextSecrets: true}); problems != nil {
			return nil, problems
		}
		return d.Notifier(config, alert.Env{Root: t.TempDir()})
	}
	t.Fatalf("there is no kind %s", kind)
	return nil, nil
}

func must(t *testing.T, kind, text string) alert.Notifier {
	t.Helper()
	n, err := made(t, kind, text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var failure = alert.Notice{
	ID: "01JD0000000000000000000001", Alert: "ops", Project: "crm", Trigger: alert.Failed, State: alert.Firing, Sync: "people",
	At: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), Summary: "people failed with <model> & more.", Link: "https://spillway.example.com/runs/01JD",
	Run: &alert.Run{ID: "01JD", State: runlog.Failed, Code: "model", Counts: runlog.Counts{Source: 1200, Rejected: 3}},
}

func recovery() alert.Notice {
	n := failure
	n.ID, n.State, n.Summary = "01JD0000000000000000000002", alert.Resolved, "people does not fail any more: a run came through."
	return n
}

func trial() alert.Notice {
	return alert.Test("crm", "ops", "", failure.At)
}

// service is the other side. It keeps what it was asked, and answers as it is told.
type service struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	header http.Header
	answer string
	asked  []asked
}

type asked struct {
	path   string
	header http.Header
	body   []byte
}

func newService(t *testing.T, status int, answer string) *service {
	t.Helper()
	s := &service{status: status, answer: answer}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		http.Error(w, "this is no POST of JSON", http.StatusBadRequest)
		return
	}
	s.asked = append(s.asked, asked{r.URL.String(), r.Header, body})
	maps.Copy(w.Header(), s.header)
	w.WriteHeader(s.status)
	if _, err := io.WriteString(w, s.answer); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func decoded[T any](t *testing.T, a asked) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	return v
}

// gives gives a notice, which must be taken.
func gives(t *testing.T, n alert.Notifier, notice alert.Notice) string {
	t.Helper()
	answer, err := n.Notify(t.Context(), notice)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// refused gives a notice, which must not be taken for a reason of this kind that holds words and no secret.
func refused(t *testing.T, n alert.Notifier, kind error, words string) {
	t.Helper()
	_, err := n.Notify(t.Context(), failure)
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("it is refused with %v, want %v with %q", err, kind, words)
	}
}
