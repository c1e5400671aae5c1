//go:build !noduckdb

package bigquerytest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	bq "google.golang.org/api/bigquery/v2"
)

// script is statements that change tables, and the session in which they do; "" is none.
type script struct {
	sql        string
	parameters []parameter
	session    string
}

// scriptOf reads a script from a request, whose parameters the client's own types would not tell from null.
func (s *Server) scriptOf(request *bq.Job, body []byte) (*script, error) {
	var raw struct {
		Configuration struct {
			Query struct {
				QueryParameters []parameter `json:"queryParameters"`
			} `json:"query"`
		} `json:"configuration"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, refusal(http.StatusBadRequest, "invalid", err.Error())
	}
	q := request.Configuration.Query
	out := &script{sql: q.Query, parameters: raw.Configuration.Query.QueryParameters}
	if len(out.parameters) > 0 && q.ParameterMode != "NAMED" {
		return nil, refusal(http.StatusBadRequest, "invalid", "Required parameter is missing: parameterMode")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.CreateSession {
		out.session = rand.Text()
		s.sessions[out.session] = nil
	}
	for _, p := range q.ConnectionProperties {
		if p.Key == "session_id" {
			out.session = p.Value
			if _, ok := s.sessions[p.Value]; !ok {
				return nil, refusal(http.StatusBadRequest, "invalidQuery", "Session "+p.Value+" has expired and is no longer available")
			}
		}
	}
	return out, nil
}

// Sessions returns how many sessions nobody has ended.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// statements parts a script.
func statements(sql string) []string {
	blind := quoted.ReplaceAllStringFunc(sql, func(part string) string { return strings.Repeat("x", len(part)) })
	var out []string
	for part := range strings.SplitSeq(blind, ";") {
		if text := strings.TrimSpace(sql[:len(part)]); text != "" {
			out = append(out, text)
		}
		sql = sql[min(len(part)+1, len(sql)):]
	}
	return out
}

var abort = regexp.MustCompile(`^CALL BQ\.ABORT_SESSION\('([^']*)'\)$`)

// execute runs a script. What is open at its end is undone, but in a session, where it stays open even if the script failed.
func (s *Server) execute(ctx context.Context, of *script) (err error) {
	s.mu.Lock()
	open := s.sessions[of.session]
	s.mu.Unlock()
	defer func() {
		if of.session == "" {
			open.abandon()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, ok := s.sessions[of.session]; ok {
			s.sessions[of.session] = open
		}
	}()
	for _, statement := range statements(of.sql) {
		if ctx.Err() != nil {
			return refusal(499, "stopped", "Job execution was cancelled: User requested cancellation")
		}
		if ended := abort.FindStringSubmatch(statement); ended != nil {
			s.endSession(ended[1])
			continue
		}
		switch strings.ToUpper(statement) {
		case "BEGIN TRANSACTION":
			open, err = s.engine.begin()
		case "COMMIT TRANSACTION":
			err = open.commit(ctx)
			open = nil
		default:
			err = s.change(ctx, open, statement, of.parameters)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// change runs a statement, which is a transaction by itself where none is open.
func (s *Server) change(ctx context.Context, open *transaction, statement string, parameters []parameter) error {
	sql, err := s.engine.dialect(statement, parameters)
	if err != nil {
		return err
	}
	if open != nil {
		return open.execute(sql)
	}
	alone, err := s.engine.begin()
	if err != nil {
		return err
	}
	if err := alone.execute(sql); err != nil {
		alone.abandon()
		return err
	}
	return alone.commit(ctx)
}

func (s *Server) endSession(id string) {
	s.mu.Lock()
	open := s.sessions[id]
	delete(s.sessions, id)
	s.mu.Unlock()
	open.abandon()
}
