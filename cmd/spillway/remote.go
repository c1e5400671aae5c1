package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// remote is the daemon of a project, on this machine. Its API does what this process cannot while the daemon has the
// state directory.
type remote struct {
	app    *app
	at     whereabouts
	client *http.Client
}

// daemonOf returns the daemon that is the process pid and holds the project's state directory, if it is one.
func (a *app) daemonOf(p *project.Project, pid int) (*remote, bool) {
	at, err := readWhereabouts(p.State.Dir)
	if err != nil || pid == 0 || at.PID != pid { // what a daemon left behind that is gone
		return nil, false
	}
	client := &http.Client{
		Transport:     &http.Transport{}, // no proxy: it is on this machine
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &remote{app: a, at: at, client: client}, true
}

func (r *remote) close() { r.client.CloseIdleConnections() }

// remoteError is a refusal of the daemon.
type remoteError struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
}

func (e *remoteError) Error() string {
	if e.Hint == "" {
		return e.Detail
	}
	return e.Detail + "; " + e.Hint
}

// Temporary reports whether trying again later may help.
func (e *remoteError) Temporary() bool {
	return e.Code == syncer.CodeBusy || e.Status == http.StatusServiceUnavailable
}

// answerWait is how long an answer may take that is not that of a reset or an erasure: longer than a long poll.
const answerWait = 2 * time.Minute

// ask sends a request to the API and reads its answer.
func (r *remote) ask(ctx context.Context, method, path string, body, answer any) error {
	bounded, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	err := r.await(bounded, method, path, body, answer)
	if bounded.Err() != nil && ctx.Err() == nil {
		return r.silent(fmt.Errorf("nothing came within %s", answerWait))
	}
	return err
}

// silent is the error of a daemon that does not answer.
func (r *remote) silent(why error) error {
	return &remoteError{
		Status: http.StatusServiceUnavailable, Code: "daemon.unreachable",
		Detail: fmt.Sprintf("the daemon at %s does not answer: %v", r.at.URL, why),
	}
}

// await is ask without a bound of its own.
func (r *remote) await(ctx context.Context, method, path string, body, answer any) (err error) {
	var content io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, r.at.URL+"/api/v1/"+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+r.at.Token)
	if parent := syncer.Parent(ctx); parent != "" {
		request.Header.Set("Traceparent", parent)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := r.client.Do(request)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok && ctx.Err() == nil {
			err = r.silent(e.Err)
		}
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		refusal := &remoteError{Status: response.StatusCode, Code: syncer.CodeInternal, Detail: "the daemon answered " + response.Status}
		_ = json.Unmarshal(text, refusal) // what is no problem keeps the words above
		return refusal
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	return nil
}

// remoteRun is a run as the API shows it.
type remoteRun struct {
	runlog.Run
	Released int `json:"released"`
}

// Run starts a run and waits for it. When ctx ends, the run is cancelled, as one of this process would be.
func (r *remote) Run(ctx context.Context, s *project.Sync) (runlog.Run, error) {
	var started remoteRun
	if err := r.ask(ctx, http.MethodPost, "syncs/"+url.PathEscape(s.Name)+"/runs", nil, &started); err != nil {
		return runlog.Run{}, err
	}
	return r.follow(ctx, started.Run)
}

// Approve applies the plan of a held run and waits for the run that does it.
func (r *remote) Approve(ctx context.Context, id string) (runlog.Run, error) {
	var started remoteRun
	if err := r.ask(ctx, http.MethodPost, "runs/"+url.PathEscape(id)+"/approve", nil, &started); err != nil {
		return runlog.Run{}, err
	}
	return r.follow(ctx, started.Run)
}

// Cancel ends a run and waits until it is over.
func (r *remote) Cancel(ctx context.Context, id string) (runlog.Run, error) {
	var run remoteRun
	if err := r.ask(ctx, http.MethodPost, "runs/"+url.PathEscape(id)+"/cancel", nil, &run); err != nil {
		return runlog.Run{}, err
	}
	for !run.State.Terminal() {
		if err := r.ask(ctx, http.MethodGet, "runs/"+run.ID+"?wait=30s", nil, &run); err != nil {
			return runlog.Run{}, err
		}
	}
	return run.Run, nil
}

// Retry puts rows back in line, and leaves the run that sends them to the daemon.
func (r *remote) Retry(ctx context.Context, s *project.Sync, keys []string, code string) (int, string, error) {
	var started remoteRun
	body := map[string]any{"keys": keys, "code": code}
	if err := r.ask(ctx, http.MethodPost, "syncs/"+url.PathEscape(s.Name)+"/retry", body, &started); err != nil {
		return 0, "", err
	}
	return started.Released, started.ID, nil
}

// Reset forgets what a sync delivered, or has its model taken as delivered, for as long as reading that takes.
func (r *remote) Reset(ctx context.Context, s *project.Sync, adopt bool) (adopted, invalid int64, err error) {
	how := "resend"
	if adopt {
		how = "adopt"
	}
	var done struct{ Adopted, Invalid int64 }
	err = r.await(ctx, http.MethodPost, "syncs/"+url.PathEscape(s.Name)+"/reset", map[string]string{"reset": how}, &done)
	return done.Adopted, done.Invalid, err
}

// Forget erases one key.
func (r *remote) Forget(ctx context.Context, s *project.Sync, key string) (bool, error) {
	var done struct{ Found bool }
	err := r.await(ctx, http.MethodPost, "syncs/"+url.PathEscape(s.Name)+"/forget", map[string]string{"key": key}, &done)
	return done.Found, err
}

// cancelTime is how long a run that was interrupted may take to end.
const cancelTime = 40 * time.Second

// follow waits until a run is over and shows how far it is.
func (r *remote) follow(ctx context.Context, run runlog.Run) (runlog.Run, error) {
	observer := r.app.observer()
	wait := "1s"
	if _, unobserved := observer.(syncer.Unobserved); unobserved {
		wait = "30s"
	}
	latest, shown := remoteRun{Run: run}, runlog.Phase("")
	for !latest.State.Terminal() {
		if latest.Phase != shown {
			shown = latest.Phase
			observer.Phase(run.Sync, shown)
		}
		err := r.ask(ctx, http.MethodGet, "runs/"+run.ID+"?wait="+wait, nil, &latest)
		if ctx.Err() != nil {
			return r.interrupt(context.WithoutCancel(ctx), run.ID)
		}
		if err != nil {
			return runlog.Run{}, fmt.Errorf("wait for run %s of %s: %w", run.ID, run.Sync, err)
		}
	}
	return latest.Run, nil
}

// interrupt cancels a run that is waited for no longer.
func (r *remote) interrupt(ctx context.Context, id string) (runlog.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, cancelTime)
	defer cancel()
	run, err := r.Cancel(ctx, id)
	if refusal, ok := errors.AsType[*remoteError](err); ok && refusal.Code == "not_running" { // it was over just before
		var over remoteRun
		err = r.ask(ctx, http.MethodGet, "runs/"+id, nil, &over)
		run = over.Run
	}
	return run, err
}
