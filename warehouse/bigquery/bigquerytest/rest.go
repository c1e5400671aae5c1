//go:build !noduckdb

package bigquerytest

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	bq "google.golang.org/api/bigquery/v2"
)

// handler serves the REST API at its root, and under the path that Google has it under.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /projects/{project}/jobs", s.insert)
	mux.HandleFunc("POST /projects/{project}/queries", s.query)
	mux.HandleFunc("GET /projects/{project}/queries/{job}", s.results)
	mux.HandleFunc("GET /projects/{project}/jobs/{job}", s.get)
	mux.HandleFunc("POST /projects/{project}/jobs/{job}/cancel", s.cancelJob)
	mux.HandleFunc("GET /projects/{project}/datasets/{dataset}", s.dataset)
	mux.HandleFunc("GET /projects/{project}/datasets/{dataset}/tables/{table}", s.table)
	mux.HandleFunc("POST /token", s.token)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, refusal(http.StatusNotFound, "notFound", "Not found: "+r.URL.Path))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = strings.TrimPrefix(r.URL.Path, "/bigquery/v2")
		if r.URL.Path != "/token" && s.behaves().Authorize && !s.signer.authorized(r) {
			fail(w, refusal(http.StatusUnauthorized, "authError", "Request had invalid authentication credentials."))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// refused answers the request with the error that was planned for it, if any.
func (s *Server) refused(w http.ResponseWriter, o Operation) bool {
	e := s.refuse(o)
	if e != nil {
		fail(w, e)
	}
	return e != nil
}

func (s *Server) insert(w http.ResponseWriter, r *http.Request) {
	var request bq.Job
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &request) != nil || request.Configuration == nil || request.Configuration.Query == nil {
		fail(w, refusal(http.StatusBadRequest, "invalid", "The request holds no query"))
		return
	}
	if len(body) > maxRequest {
		fail(w, refusal(http.StatusRequestEntityTooLarge, "uploadTooLarge", "Request payload size exceeds the limit: 10485760 bytes."))
		return
	}
	dry := request.Configuration.DryRun
	operation := Insert
	if dry {
		operation = DryRun
	}
	planned := s.refuse(operation)
	if planned != nil && !planned.Late {
		fail(w, planned)
		return
	}
	sql := request.Configuration.Query.Query
	var fields []*field
	var changes *script
	if kind := statementType(sql); kind != "" && kind != "SELECT" {
		if s.behaves().ReadOnly {
			fail(w, refusal(http.StatusForbidden, "accessDenied", "Access Denied: permission denied"))
			return
		}
		if dry {
			reply(w, dryRun(&bq.JobStatistics2{StatementType: kind}))
			return
		}
		changes, err = s.scriptOf(&request, body)
	} else {
		fields, err = s.engine.fields(r.Context(), sql)
	}
	if err != nil {
		fail(w, err)
		return
	}
	if !dry {
		if s.find(request.JobReference.JobId) != nil {
			fail(w, refusal(http.StatusConflict, "duplicate", "Already Exists: Job "+request.JobReference.JobId))
			return
		}
		answer := s.submit(&request, fields, changes).resource()
		if planned != nil {
			fail(w, planned)
			return
		}
		reply(w, answer)
		return
	}
	b := s.behaves()
	reply(w, dryRun(&bq.JobStatistics2{
		StatementType: statementType(sql), Schema: (&job{fields: fields}).schema(), TotalBytesProcessed: b.Processed,
		TotalBytesProcessedAccuracy: b.Accuracy, CacheHit: b.CacheHit,
	}))
}

// maxRequest is how large a request may be, in bytes.
const maxRequest = 10 << 20

func dryRun(s *bq.JobStatistics2) *bq.Job {
	return &bq.Job{
		Kind: "bigquery#job", JobReference: &bq.JobReference{ProjectId: Project, Location: location}, UserEmail: account,
		Configuration: &bq.JobConfiguration{JobType: "QUERY", DryRun: true, Query: &bq.JobConfigurationQuery{}},
		Status:        &bq.JobStatus{State: "DONE"}, Statistics: &bq.JobStatistics{Query: s, TotalBytesProcessed: s.TotalBytesProcessed},
	}
}

// query is the short way of the client, which submits a job and reads its first page in one request.
func (s *Server) query(w http.ResponseWriter, r *http.Request) {
	var request bq.QueryRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		fail(w, refusal(http.StatusBadRequest, "invalid", err.Error()))
		return
	}
	fields, err := s.engine.fields(r.Context(), request.Query)
	if err != nil {
		fail(w, err)
		return
	}
	j := s.submit(&bq.Job{
		JobReference:  &bq.JobReference{JobId: "query_" + request.RequestId},
		Configuration: &bq.JobConfiguration{Labels: request.Labels, Query: &bq.JobConfigurationQuery{Query: request.Query}},
	}, fields, nil)
	s.answer(w, r, j, 0, 1000, time.Minute)
}

func (s *Server) results(w http.ResponseWriter, r *http.Request) {
	if s.refused(w, Results) {
		return
	}
	j := s.find(r.PathValue("job"))
	if j == nil {
		fail(w, refusal(http.StatusNotFound, "notFound", "Not found: Job "+r.PathValue("job")))
		return
	}
	start, most, wait := int64(0), int64(100_000), 10*time.Second
	for name, value := range map[string]*int64{"startIndex": &start, "pageToken": &start, "maxResults": &most} {
		if text := r.URL.Query().Get(name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				fail(w, refusal(http.StatusBadRequest, "invalid", "Invalid value for "+name))
				return
			}
			*value = n
		}
	}
	if ms, err := strconv.Atoi(r.URL.Query().Get("timeoutMs")); err == nil {
		wait = time.Duration(ms) * time.Millisecond
	}
	s.answer(w, r, j, start, most, wait)
}

// answer waits for the job and sends a page of its rows.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, j *job, start, most int64, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	out := &bq.GetQueryResultsResponse{JobReference: &bq.JobReference{ProjectId: Project, JobId: j.seen.ID, Location: location}}
	select {
	case <-r.Context().Done():
		return
	case <-timer.C:
		reply(w, out)
		return
	case <-j.done:
	}
	if j.err != nil {
		e := *asError(j.err)
		if e.Status == 499 {
			e.Status = http.StatusBadRequest
		}
		fail(w, &e)
		return
	}
	out.JobComplete, out.TotalRows, out.Schema = true, uint64(j.total), j.schema()
	var rows json.RawMessage
	if limit := s.behaves().PageRows; limit > 0 {
		most = min(most, limit)
	}
	if most > 0 {
		var next int64
		var err error
		if rows, next, err = j.page(start, most); err != nil {
			fail(w, err)
			return
		}
		if next > 0 && !s.behaves().CutPages {
			out.PageToken = strconv.FormatInt(next, 10)
		}
		j.note(func(seen *Job) { seen.Pages++ })
	}
	head, err := json.Marshal(out)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if rows == nil {
		_, _ = w.Write(head)
		return
	}
	for _, part := range [][]byte{head[:len(head)-1], []byte(`,"rows":`), rows, {'}'}} { // uncopied, for there are many
		_, _ = w.Write(part)
	}
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	j := s.find(r.PathValue("job"))
	if j == nil {
		fail(w, refusal(http.StatusNotFound, "notFound", "Not found: Job "+r.PathValue("job")))
		return
	}
	reply(w, j.resource())
}

func (s *Server) cancelJob(w http.ResponseWriter, r *http.Request) {
	if s.refused(w, Cancel) {
		return
	}
	j := s.find(r.PathValue("job"))
	if j == nil {
		fail(w, refusal(http.StatusNotFound, "notFound", "Not found: Job "+r.PathValue("job")))
		return
	}
	j.note(func(seen *Job) { seen.Cancelled = true })
	j.stop(r.Context())
	reply(w, map[string]any{"kind": "bigquery#jobCancelResponse", "job": j.resource()})
}

func (s *Server) dataset(w http.ResponseWriter, r *http.Request) {
	reply(w, &bq.Dataset{Location: location, DatasetReference: &bq.DatasetReference{ProjectId: Project, DatasetId: r.PathValue("dataset")}})
}

// table describes the result of a job, which is the only kind of table that it knows.
func (s *Server) table(w http.ResponseWriter, r *http.Request) {
	j := s.find(r.PathValue("table"))
	if j == nil {
		fail(w, refusal(http.StatusNotFound, "notFound", "Not found: Table "+r.PathValue("table")))
		return
	}
	<-j.done
	reply(w, &bq.Table{
		Type: "TABLE", Schema: j.schema(), NumRows: uint64(j.total), Location: location,
		TableReference: &bq.TableReference{ProjectId: Project, DatasetId: r.PathValue("dataset"), TableId: j.seen.ID},
	})
}
