package web

import (
	"encoding/json"
	"errors"
	"net/http"

	"spillway/cmd/spillway/web/access"
	"spillway/syncer"
	"spillway/syncer/daemon"
	"spillway/syncer/runlog"
)

// problem is an answer that is an error: an object of RFC 9457. It never holds SQL, a stack or what an upstream said.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	Hint   string `json:"hint,omitempty"` // what to do
	Run    string `json:"run,omitempty"`  // the run that stands in the way
}

func (p *problem) Error() string { return p.Code + ": " + p.Detail }

func invalid(detail, hint string) error {
	return &problem{Status: http.StatusBadRequest, Code: "invalid_request", Detail: detail, Hint: hint}
}

func forbidden(scope access.Scope) error {
	return &problem{
		Status: http.StatusForbidden, Code: "scope", Detail: "the token lacks the scope " + scope.String(),
		Hint: "spillway token create --scope " + scope.String() + " makes one that has it",
	}
}

// asProblem says what to tell whoever met err. What is none of the known errors is for the daemon's log alone.
func asProblem(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &problem{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Detail: "a request may carry 1 MiB"}
	}
	for _, known := range []struct {
		err error
		problem
	}{
		{access.ErrUnknown, problem{Status: http.StatusUnauthorized, Code: "unauthorized", Detail: "a valid token is needed", Hint: "send Authorization: Bearer TOKEN; spillway token create makes one"}},
		{daemon.ErrUnknownSync, problem{Status: http.StatusNotFound, Code: "unknown_sync", Detail: "the project has no such sync", Hint: "GET /api/v1/syncs lists those there are"}},
		{runlog.ErrNotFound, problem{Status: http.StatusNotFound, Code: "unknown_run", Detail: "there is no such run", Hint: "GET /api/v1/runs lists those there are"}},
		{daemon.ErrBusy, problem{Status: http.StatusConflict, Code: syncer.CodeBusy, Detail: "the sync is already running", Hint: `wait for the run, or set overlap = "queue" for the sync`}},
		{daemon.ErrNotRunning, problem{Status: http.StatusConflict, Code: "not_running", Detail: "the run is over"}},
		{syncer.ErrApproval, problem{Status: http.StatusConflict, Code: "approval", Detail: "the plan cannot be approved", Hint: "run the sync again for a new plan"}},
	} {
		if errors.Is(err, known.err) {
			return &known.problem
		}
	}
	return &problem{Status: http.StatusInternalServerError, Code: syncer.CodeInternal, Detail: "the daemon could not do this", Hint: "its log says why"}
}

// problemOf is asProblem for a request that may have been cut short.
func problemOf(r *http.Request, err error) problem {
	if r.Context().Err() != nil { // otherwise nobody is there to read it
		return problem{
			Status: http.StatusServiceUnavailable, Code: "stopping", Detail: "the daemon is stopping",
			Hint: "ask again when it is up; what was under way goes on then",
		}
	}
	return *asProblem(err)
}

// fail answers with a problem.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(r, err)
	s.prepareFailure(w, r, &p, err)
	p.Type, p.Title = "urn:spillway:problem:"+p.Code, http.StatusText(p.Status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // whoever asked may be gone
}

// prepareFailure logs what only the log may tell, and sets the headers that belong to a status.
func (s *server) prepareFailure(w http.ResponseWriter, r *http.Request, p *problem, err error) {
	switch p.Status {
	case http.StatusInternalServerError:
		s.Log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err.Error())
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	}
}

// reply answers with a JSON document.
func reply(w http.ResponseWriter, status int, document any) error {
	text, err := json.Marshal(document)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // whoever asked may be gone
	return nil
}
