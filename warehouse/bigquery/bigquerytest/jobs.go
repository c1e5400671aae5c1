//go:build !noduckdb

package bigquerytest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"

	bq "google.golang.org/api/bigquery/v2"

	"spillway/warehouse"
)

// job is one query that was submitted.
type job struct {
	server *Server
	seen   Job
	fields []*field
	sql    string
	script *script // nil for a query

	cancel context.CancelFunc
	life   context.Context //nolint:containedctx // it is the life of the job
	done   chan struct{}
	total  int64
	err    error

	mu     sync.Mutex
	cursor *cursor // of the pages that are read one after another
}

// submit starts a job, which is that of a query where there is no script.
func (s *Server) submit(request *bq.Job, fields []*field, of *script) *job {
	q := request.Configuration.Query
	j := &job{server: s, fields: fields, sql: q.Query, script: of, done: make(chan struct{})}
	j.seen = Job{
		ID: request.JobReference.JobId, SQL: q.Query, Labels: request.Configuration.Labels, MaximumBytesBilled: q.MaximumBytesBilled,
		TimeoutMs: request.Configuration.JobTimeoutMs,
	}
	if d := q.DefaultDataset; d != nil {
		j.seen.Dataset = d.ProjectId + "." + d.DatasetId
	}
	if of != nil {
		j.seen.Session, j.seen.Parameters = of.session, len(of.parameters)
	}
	j.life, j.cancel = context.WithCancel(context.Background())
	s.mu.Lock()
	s.jobs = append(s.jobs, j)
	b := s.behaviour
	s.mu.Unlock()
	go j.run(b)
	return j
}

func (j *job) run(b Behaviour) {
	defer close(j.done)
	if limit := j.seen.MaximumBytesBilled; limit > 0 && b.Processed > limit {
		j.err = refusal(400, "bytesBilledLimitExceeded", "Query exceeded limit for bytes billed.")
		return
	}
	if b.JobError != nil {
		j.err = b.JobError
		return
	}
	if j.script != nil {
		j.err = j.server.execute(j.life, j.script)
		return
	}
	if b.Keep {
		if total, ok := j.server.keptTotal(j.sql); ok {
			j.total = total
			return
		}
		defer func() { j.server.keepTotal(j.sql, j.total) }()
	}
	if j.total, j.err = j.server.engine.skim(j.life, j.sql, Endless); j.total == Endless {
		j.total = claimed
	}
	if j.life.Err() != nil {
		j.err = refusal(499, "stopped", "Job execution was cancelled: User requested cancellation")
	}
}

// stop cancels the job and waits until its query has ended.
func (j *job) stop(ctx context.Context) {
	j.cancel()
	select {
	case <-j.done:
	case <-ctx.Done():
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cursor != nil {
		j.cursor.close()
		j.cursor = nil
	}
}

// find returns the job with an id.
func (s *Server) find(id string) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.jobs, func(j *job) bool { return j.seen.ID == id })
	if at < 0 {
		return nil
	}
	return s.jobs[at]
}

// note changes what Jobs tells of the job.
func (j *job) note(change func(seen *Job)) {
	j.server.mu.Lock()
	defer j.server.mu.Unlock()
	change(&j.seen)
}

func (j *job) schema() *bq.TableSchema {
	out := &bq.TableSchema{}
	for _, f := range j.fields {
		out.Fields = append(out.Fields, f.schema())
	}
	return out
}

// resource is the job as the REST API describes it.
func (j *job) resource() *bq.Job {
	out := &bq.Job{
		Kind:         "bigquery#job",
		JobReference: &bq.JobReference{ProjectId: Project, JobId: j.seen.ID, Location: location},
		Configuration: &bq.JobConfiguration{JobType: "QUERY", Query: &bq.JobConfigurationQuery{
			Query: j.sql, DestinationTable: &bq.TableReference{ProjectId: Project, DatasetId: "_results", TableId: j.seen.ID},
		}},
		Status:     &bq.JobStatus{State: "RUNNING"},
		Statistics: &bq.JobStatistics{Query: &bq.JobStatistics2{StatementType: "SELECT"}},
	}
	if j.script != nil {
		out.Statistics.Query.StatementType = statementType(j.sql)
		out.Statistics.SessionInfo = &bq.SessionInfo{SessionId: j.script.session}
	}
	select {
	case <-j.done:
		out.Status.State = "DONE"
		if j.err != nil {
			e := asError(j.err)
			out.Status.ErrorResult = &bq.ErrorProto{Reason: e.Reason, Message: e.Message}
		}
	default:
	}
	return out
}

// cursor reads the rows of a job from one place on.
type cursor struct {
	job  *job
	rows warehouse.Rows
	at   int64
}

// open starts to read at a row.
func (j *job) open(at int64) (*cursor, error) {
	rows, err := j.server.engine.open(j.life, j.sql)
	if err != nil {
		return nil, err
	}
	c := &cursor{job: j, rows: rows}
	return c, c.skip(at)
}

func (c *cursor) skip(n int64) error {
	skipped, err := skip(c.job.life, c.rows, n)
	c.at += skipped
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// next returns the values of the next row, or io.EOF.
func (c *cursor) next() ([]any, error) {
	row, err := c.rows.Next(c.job.life)
	if err != nil {
		return nil, err
	}
	c.at++
	values := make([]any, len(row))
	for i, f := range c.job.fields {
		if values[i], err = f.take(row[i]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (c *cursor) close() { _ = c.rows.Close() }

// maxPage is the size of a page in bytes, and as few as BigQuery keeps to.
const maxPage = 8 << 20

// page returns rows from a place on as a JSON array, and the place of the row after them, or 0 where there is none.
func (j *job) page(start, most int64) (rows json.RawMessage, next int64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cursor == nil || j.cursor.at != start {
		if j.cursor != nil {
			j.cursor.close()
		}
		if j.cursor, err = j.open(start); err != nil {
			return nil, 0, err
		}
	}
	rows = append(rows, '[')
	for n := int64(0); n < most && len(rows) < maxPage; n++ {
		values, err := j.cursor.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, err
		}
		if n > 0 {
			rows = append(rows, ',')
		}
		rows = appendCells(append(rows, `{"f":[`...), values, func(i int) *field { return j.fields[i] })
		rows = append(rows, "]}"...)
	}
	rows = append(rows, ']')
	if j.cursor.at >= j.total {
		j.cursor.close()
		j.cursor = nil
		return rows, 0, nil
	}
	return rows, j.cursor.at, nil
}
