//go:build !noduckdb

package snowflaketest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Statement is a statement that was sent.
type Statement struct {
	SQL        string
	Tag        string // QUERY_TAG
	Describe   bool   // it was described and not run
	RequestID  string
	QueryID    string
	Parameters map[string]any // of the statement
	Bindings   int            // how many values came with it
	Cancelled  bool
}

// Statements returns the statements that were sent, in their order.
func (s *Server) Statements() []Statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Statement, len(s.statements))
	for i, st := range s.statements {
		out[i] = st.Statement
	}
	return out
}

// statement is one that runs or has run.
type statement struct {
	Statement // guarded by the server's mutex

	ctx    context.Context //nolint:containedctx // it is the life of the statement
	cancel context.CancelFunc
	done   chan struct{} // closed when there is a result or a failure
	result *result
	failed *failure
}

// maxStatement is how large Snowflake's documentation has a statement be with its values, in bytes. Here none is larger.
const maxStatement = 1 << 20

func (s *Server) query(w http.ResponseWriter, r *http.Request) {
	n, refused := s.authorized(r)
	if refused != nil {
		refuse(w, refused)
		return
	}
	var body struct {
		SQL        string             `json:"sqlText"`
		Describe   bool               `json:"describeOnly"`
		Parameters map[string]any     `json:"parameters"`
		Bindings   map[string]binding `json:"bindings"`
	}
	text, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(text, &body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if len(text) > maxStatement {
		http.Error(w, "the statement and its values are too large", http.StatusRequestEntityTooLarge)
		return
	}
	requestID := r.URL.Query().Get("requestId")
	s.mu.Lock()
	st := s.find(func(st *statement) bool { return st.RequestID == requestID })
	if st == nil {
		s.serial++
		st = &statement{done: make(chan struct{}), Statement: Statement{
			SQL: body.SQL, Describe: body.Describe, RequestID: requestID, QueryID: fmt.Sprintf("01query-%d", s.serial), Parameters: body.Parameters,
			Bindings: len(body.Bindings),
		}}
		st.Tag, _ = body.Parameters["QUERY_TAG"].(string)
		st.ctx, st.cancel = context.WithCancel(context.Background())
		s.statements = append(s.statements, st)
		limit, err := strconv.Atoi(n.parameters["ROWS_PER_RESULTSET"])
		if err != nil {
			limit = 0
		}
		go s.execute(st, n, limit, body.Bindings)
	}
	s.mu.Unlock()
	s.respond(w, r, st)
}

func (s *Server) find(is func(*statement) bool) *statement {
	for _, st := range s.statements {
		if is(st) {
			return st
		}
	}
	return nil
}

// poll answers a client that was told to ask again.
func (s *Server) poll(w http.ResponseWriter, r *http.Request) {
	if _, refused := s.authorized(r); refused != nil {
		refuse(w, refused)
		return
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/queries/"), "/")
	s.mu.Lock()
	st := s.find(func(st *statement) bool { return st.QueryID == id })
	s.mu.Unlock()
	if st == nil {
		refuse(w, &failure{code: 612, state: "02000", message: "Result for query " + id + " has expired"})
		return
	}
	s.respond(w, r, st)
}

// respond answers with the result, or tells the client to ask again where it is not there soon.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, st *statement) {
	late := time.NewTimer(s.options.Hold)
	defer late.Stop()
	select {
	case <-st.done:
	case <-late.C:
		wait(w, st.QueryID)
		return
	case <-r.Context().Done():
		return
	}
	if st.failed != nil {
		st.failed.queryID = st.QueryID
		refuse(w, st.failed)
		return
	}
	s.mu.Lock()
	omits := s.omits
	s.mu.Unlock()
	reply(w, st.result.answer(st.QueryID, "http://"+r.Host+"/chunks/"+st.QueryID+"/", omits))
}

func (s *Server) abort(w http.ResponseWriter, r *http.Request) {
	if _, refused := s.authorized(r); refused != nil {
		refuse(w, refused)
		return
	}
	var body struct {
		RequestID string `json:"requestId"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.find(func(st *statement) bool { return st.RequestID == body.RequestID })
	if st == nil {
		refuse(w, &failure{code: 605, state: "02000", message: "Identified SQL statement is not currently executing."})
		return
	}
	st.Cancelled = true
	st.cancel()
	reply(w, nil)
}

// chunkOf returns the statement and the number of the chunk that a request is for. Who asks must show what came with
// the addresses of the chunks, and no token.
func (s *Server) chunkOf(r *http.Request) (*statement, int) {
	id, number, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/chunks/"), "/")
	n, err := strconv.Atoi(number)
	if err != nil || r.Header.Get(chunkHeader) != chunkKey || r.Header.Get("Authorization") != "" {
		return nil, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(func(st *statement) bool { return st.QueryID == id }), n
}

func (s *Server) chunk(w http.ResponseWriter, r *http.Request) {
	st, n := s.chunkOf(r)
	if st == nil {
		http.Error(w, "there is no such chunk", http.StatusForbidden)
		return
	}
	st.result.serve(w, r, n)
}

var alter = regexp.MustCompile(`(?i)^\s*alter\s+session\s+set\s+(\w+)\s*=\s*'?(\w+)'?\s*$`)

var showGrants = regexp.MustCompile(`(?i)^\s*show\s+grants\s+to\s+role\s+"([^"]+)"\s*$`)

// granted is the list of what a role has been granted, which comes as JSON as all of SHOW does.
func granted(grants []Grant) *result {
	r := &result{json: true, total: len(grants)}
	for _, name := range []string{"privilege", "granted_on", "name"} {
		r.columns = append(r.columns, column{Name: name, Type: "text", Length: 100})
	}
	if len(grants) == 0 {
		return r
	}
	batch := make([][]cell, len(r.columns))
	for _, g := range grants {
		for i, text := range []string{g.Privilege, g.On, g.Name} {
			batch[i] = append(batch[i], cell{text: text})
		}
	}
	r.first = [][][]cell{batch}
	return r
}

// execute runs a statement to its end, or up to its first rows where it has none.
func (s *Server) execute(st *statement, n *session, limit int, bindings map[string]binding) {
	defer close(st.done)
	if s.transact(st, n) {
		return
	}
	if m := alter.FindStringSubmatch(st.SQL); m != nil {
		s.mu.Lock()
		n.parameters[strings.ToUpper(m[1])] = m[2]
		s.mu.Unlock()
		st.result = status("Statement executed successfully.")
		return
	}
	if m := showGrants.FindStringSubmatch(st.SQL); m != nil {
		st.result = granted(s.options.Grants[m[1]])
		return
	}
	if s.options.Reuse && limit == 0 && !st.Describe {
		s.mu.Lock()
		former := s.find(func(other *statement) bool {
			return other.SQL == st.SQL && other.result != nil && other != st && !other.Describe
		})
		s.mu.Unlock()
		if former != nil {
			st.result = former.result.shared()
			return
		}
	}
	s.mu.Lock()
	in := n.transaction
	s.mu.Unlock()
	c, failed := s.engine.prepare(st.ctx, st.SQL, in, bindings)
	if failed != nil {
		st.failed = failed
		return
	}
	made := &result{columns: c.columns, json: s.options.JSON, plain: s.options.Plain, chunkRows: s.options.ChunkRows, limit: limit}
	switch {
	case st.Describe:
		c.close()
	case strings.Contains(st.SQL, Endless) && limit == 0:
		failed = made.begin(c)
	default:
		file, err := os.Create(filepath.Join(s.files, st.QueryID))
		if err != nil {
			c.close()
			st.failed = &failure{code: 603, state: "XX000", message: err.Error()}
			return
		}
		made.file = file
		failed = made.spool(c)
	}
	if failed != nil {
		made.close()
		st.failed = failed
		return
	}
	s.mu.Lock() // where others look for results to reuse
	st.result = made
	s.mu.Unlock()
}
