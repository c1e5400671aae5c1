package web_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"spillway/cmd/spillway/web"
	"spillway/cmd/spillway/web/access"
	"spillway/cmd/spillway/web/audit"
	"spillway/destinations"
	"spillway/syncer"
	"spillway/syncer/daemon"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// Runs that the fake's log holds.
const (
	doneRun    = "01JD0000000000000000000001"
	partialRun = "01JD0000000000000000000002"
	heldRun    = "01JD0000000000000000000003"
	activeRun  = "01JD0000000000000000000004" // of the sync busy
	startedRun = "01JD0000000000000000000009" // what the fake answers with when it starts one
)

var day = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// fakeDaemon has two syncs, people and busy, and does nothing but to note what it is asked for.
type fakeDaemon struct {
	t       testing.TB
	log     *runlog.Log
	project *project.Project
	asked   []string
	request daemon.Request
	paused  map[string]bool
	broken  error // what everything meets

	known    map[string]*syncer.KnownRow // by "sync key"
	review   syncer.Review
	reloaded daemon.Reloaded
	checks   []daemon.Check
}

func newFake(t testing.TB) *fakeDaemon {
	t.Helper()
	log, err := runlog.Open(t.Context(), t.TempDir(), runlog.Options{Rows: "problems", Samples: true, SamplesTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fakeDaemon{t: t, log: log, paused: map[string]bool{}, project: &project.Project{Name: "crm"}}
	for _, name := range []string{"busy", "people"} {
		f.project.Syncs = append(f.project.Syncs, &project.Sync{
			Name: name, Model: "people", Warehouse: "pg", Destination: "hook", Object: "contacts", Mode: destinations.Upsert,
			Schedule: "@hourly", Timezone: time.UTC,
		})
	}
	f.enter(runlog.Run{ID: doneRun, Sync: "people", State: runlog.Succeeded})
	f.enter(runlog.Run{ID: partialRun, Sync: "people", State: runlog.Partial, Counts: runlog.Counts{Source: 3, Added: 3, Accepted: 1, Rejected: 2}},
		runlog.Row{Key: "7", ID: "a@x.io", Op: "upsert", Outcome: runlog.RowRejected, Code: "bad_email", Reason: "no such domain"},
		runlog.Row{Key: "8", ID: "b@x.io", Op: "upsert", Outcome: runlog.RowRejected, Code: "too_long", Reason: "at most 5"})
	f.enter(runlog.Run{ID: heldRun, Sync: "people", State: runlog.Held, Error: &runlog.Failure{Code: syncer.CodeGuard, Message: "too many"}})
	f.enter(runlog.Run{ID: activeRun, Sync: "busy", State: runlog.Running, Phase: runlog.Sending})
	return f
}

// enter writes a run into the log.
func (f *fakeDaemon) enter(run runlog.Run, rows ...runlog.Row) {
	f.t.Helper()
	f.enterAt(day, run, rows...)
}

// enterAt writes a run that began then into the log.
func (f *fakeDaemon) enterAt(at time.Time, run runlog.Run, rows ...runlog.Row) runlog.Run {
	f.t.Helper()
	run.Trigger, run.StartedAt = runlog.BySchedule, at
	recorder, err := f.log.Begin(f.t.Context(), run)
	if err == nil {
		err = recorder.Rows(f.t.Context(), at, rows...)
	}
	if err == nil && run.State.Terminal() {
		end := at.Add(time.Minute)
		run.FinishedAt = &end
		run.Errors = recorder.Groups()
		err = recorder.Finish(f.t.Context(), run)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return run
}

func (f *fakeDaemon) note(format string, args ...any) error {
	f.asked = append(f.asked, fmt.Sprintf(format, args...))
	return f.broken
}

func (f *fakeDaemon) Syncs(ctx context.Context) ([]daemon.SyncStatus, error) {
	var all []daemon.SyncStatus
	for _, s := range f.project.Syncs {
		status, err := f.Sync(ctx, s.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, status)
	}
	return all, f.broken
}

func (f *fakeDaemon) Sync(ctx context.Context, name string) (daemon.SyncStatus, error) {
	if f.broken != nil {
		return daemon.SyncStatus{}, f.broken
	}
	s, ok := f.project.Sync(name)
	if !ok {
		return daemon.SyncStatus{}, fmt.Errorf("%w: %s", daemon.ErrUnknownSync, name)
	}
	status := daemon.SyncStatus{Sync: s, Paused: f.paused[name], NextRun: day.Add(time.Hour), LastSuccess: day}
	last, err := f.log.Run(ctx, doneRun)
	if err != nil {
		return status, err
	}
	status.Last = &last
	if name == "busy" {
		active, err := f.log.Run(ctx, activeRun)
		if err != nil {
			return status, err
		}
		status.Running = &active
	}
	return status, nil
}

func (f *fakeDaemon) Trigger(_ context.Context, r daemon.Request) (runlog.Run, error) {
	f.request = r
	if err := f.note("run %s by %s", r.Sync, r.By); err != nil {
		return runlog.Run{}, err
	}
	switch r.Sync {
	case "people":
		return runlog.Run{ID: startedRun, Sync: r.Sync, State: runlog.Queued, Trigger: r.Trigger, StartedAt: day}, nil
	case "busy":
		return runlog.Run{}, fmt.Errorf("start busy: %w", daemon.ErrBusy)
	}
	return runlog.Run{}, fmt.Errorf("%w: %s", daemon.ErrUnknownSync, r.Sync)
}

func (f *fakeDaemon) Pause(_ context.Context, sync, by string) error {
	if _, ok := f.project.Sync(sync); !ok {
		return fmt.Errorf("%w: %s", daemon.ErrUnknownSync, sync)
	}
	f.paused[sync] = true
	return f.note("pause %s by %s", sync, by)
}

func (f *fakeDaemon) Resume(_ context.Context, sync, by string) error {
	if _, ok := f.project.Sync(sync); !ok {
		return fmt.Errorf("%w: %s", daemon.ErrUnknownSync, sync)
	}
	f.paused[sync] = false
	return f.note("resume %s by %s", sync, by)
}

func (f *fakeDaemon) Cancel(ctx context.Context, id, by string) (runlog.Run, error) {
	if err := f.note("cancel %s by %s", id, by); err != nil {
		return runlog.Run{}, err
	}
	run, err := f.log.Run(ctx, id)
	if err == nil && run.State.Terminal() {
		err = fmt.Errorf("run %s: %w", id, daemon.ErrNotRunning)
	}
	return run, err
}

func (f *fakeDaemon) Approve(_ context.Context, id, by string) (runlog.Run, error) {
	if err := f.note("approve %s by %s", id, by); err != nil {
		return runlog.Run{}, err
	}
	if id != heldRun {
		return runlog.Run{}, fmt.Errorf("%w: run %s was not held", syncer.ErrApproval, id)
	}
	return runlog.Run{ID: startedRun, Sync: "people", State: runlog.Running, Phase: runlog.Sending, Trigger: runlog.ByApprove, StartedAt: day}, nil
}

func (f *fakeDaemon) Retry(_ context.Context, id string, keys []string, code, by string) (int, runlog.Run, error) {
	if err := f.note("retry %s %v %s by %s", id, keys, code, by); err != nil {
		return 0, runlog.Run{}, err
	}
	return 2, runlog.Run{ID: startedRun, Sync: "people", State: runlog.Queued, Trigger: runlog.ByRetry, StartedAt: day}, nil
}

func (f *fakeDaemon) RetrySync(ctx context.Context, sync string, keys []string, code, by string) (int, runlog.Run, error) {
	if _, ok := f.project.Sync(sync); !ok {
		return 0, runlog.Run{}, fmt.Errorf("%w: %s", daemon.ErrUnknownSync, sync)
	}
	return f.Retry(ctx, sync, keys, code, by)
}

func (f *fakeDaemon) Wait(ctx context.Context, id string, d time.Duration) (runlog.Run, error) {
	if err := f.note("wait %s %s", id, d); err != nil {
		return runlog.Run{}, err
	}
	return f.log.Run(ctx, id)
}

func (f *fakeDaemon) Runs() *runlog.Log           { return f.log }
func (f *fakeDaemon) Project() *project.Project   { return f.project }
func (f *fakeDaemon) Reloaded() daemon.Reloaded   { return f.reloaded }
func (f *fakeDaemon) Checks() []daemon.Check      { return f.checks }
func (f *fakeDaemon) CheckNow(context.Context)    {}
func (f *fakeDaemon) Ready(context.Context) error { return f.broken }

// site is a handler before a fake, with what it keeps.
type site struct {
	t       testing.TB
	fake    *fakeDaemon
	options web.Options
	handler http.Handler
	logged  *strings.Builder
	tokens  map[string]string // by their scopes, as "read,run"
	dir     string
}

// newSite serves a fake; change may alter what is served, and to whom.
func newSite(t testing.TB, change func(*web.Options)) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, fake: newFake(t), logged: &strings.Builder{}, tokens: map[string]string{}, dir: dir}
	s.options = web.Options{
		Daemon: s.fake, Tokens: access.Open(dir), Audit: audit.New(dir, func() time.Time { return day }),
		Log: slog.New(slog.NewTextHandler(s.logged, nil)), Build: web.Build{Version: "1.2.3", Commit: "abc"},
		Now: func() time.Time { return day },
	}
	if change != nil {
		change(&s.options)
	}
	s.handler = web.New(s.options)
	return s
}

// token makes a token of these scopes.
func (s *site) token(scopes string) string {
	s.t.Helper()
	if made, ok := s.tokens[scopes]; ok {
		return made
	}
	list, err := access.ParseScopes(scopes)
	if err != nil {
		s.t.Fatal(err)
	}
	made, err := s.options.Tokens.Create(s.t.Context(), strings.ReplaceAll(scopes, ",", "-"), list, day, time.Time{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.tokens[scopes] = made
	return made
}

// ask sends a request with headers, given as name and value in turn, to 127.0.0.1:8321.
func (s *site) ask(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:8321"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(headers, 2) {
		if pair[0] == "Host" {
			r.Host = pair[1]
			continue
		}
		r.Header.Set(pair[0], pair[1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func open(o *web.Options) { o.Open = true }

var errSecret = errors.New("select email from people: goroutine 7 [running]")

func (f *fakeDaemon) Reload(_ context.Context, by string) error { return f.note("reload by %s", by) }

func (f *fakeDaemon) Discard(ctx context.Context, id, by string) (runlog.Run, error) {
	if err := f.note("discard %s by %s", id, by); err != nil {
		return runlog.Run{}, err
	}
	if id != heldRun {
		return runlog.Run{}, fmt.Errorf("%w: run %s was not held", syncer.ErrApproval, id)
	}
	run, err := f.log.Run(ctx, id)
	run.State = runlog.Cancelled
	return run, err
}

func (f *fakeDaemon) Review(ctx context.Context, id string, from, _ int, _ func(string) bool) (syncer.Review, error) {
	v := f.review
	var err error
	v.Run, err = f.log.Run(ctx, id)
	if from > 0 {
		v.Next = 0
	}
	return v, err
}

func (f *fakeDaemon) Reset(_ context.Context, sync string) error { return f.upkeep("reset", sync) }

func (f *fakeDaemon) Adopt(_ context.Context, sync string) (adopted, invalid int64, err error) {
	return 12, 3, f.upkeep("adopt", sync)
}

func (f *fakeDaemon) Forget(_ context.Context, sync, key string) (bool, error) {
	return key == "7", f.upkeep("forget "+key+" of", sync)
}

func (f *fakeDaemon) upkeep(what, sync string) error {
	if _, ok := f.project.Sync(sync); !ok {
		return fmt.Errorf("%w: %s", daemon.ErrUnknownSync, sync)
	}
	if sync == "busy" {
		return fmt.Errorf("%w: %s", daemon.ErrBusy, sync)
	}
	return f.note("%s %s", what, sync)
}

func (f *fakeDaemon) Known(_ context.Context, sync, key string) (*syncer.KnownRow, error) {
	return f.known[sync+" "+key], nil
}
