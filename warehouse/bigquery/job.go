package bigquery

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/googleapis/gax-go/v2"
	bq "google.golang.org/api/bigquery/v2"
	"google.golang.org/api/googleapi"

	"spillway/warehouse"
)

const (
	// firstPage is how many rows are asked for together with the news that a job is done. Results that are not larger
	// need no other request.
	firstPage = 1000

	// pageRows is how many rows one page of the REST API may have. BigQuery sends fewer where they take 10 MB.
	pageRows = 10_000

	// heldFor is how long BigQuery may hold a request back until a job is done.
	heldFor = 20 * time.Second

	// cancelTimeout bounds the cancelling of a job whose rows nobody waits for any more.
	cancelTimeout = 1500 * time.Millisecond
)

// job is a query that runs or ran at BigQuery.
type job struct {
	warehouse *bigquery
	service   *bq.Service
	project   string
	id        string
	location  string
	table     *bq.TableReference // where the result stands, for a day

	once sync.Once   // cancels
	done atomic.Bool // whether BigQuery said that it has ended
}

// start submits q where its tables are.
func (b *bigquery) start(ctx context.Context, q warehouse.Query, location string) (*job, error) {
	return b.submit(ctx, jobID(q.Tag), b.configuration(q), location)
}

// submit submits a job. Its id is made here, so that a request whose answer is lost can be repeated, and cancelled.
func (b *bigquery) submit(ctx context.Context, id string, configuration *bq.JobConfiguration, location string) (*job, error) {
	service, err := b.clients.service(ctx)
	if err != nil {
		return nil, failure(ctx, err)
	}
	j := &job{warehouse: b, service: service, project: b.config.Project, id: id, location: location}
	request := &bq.Job{
		JobReference:  &bq.JobReference{ProjectId: j.project, JobId: j.id, Location: j.location},
		Configuration: configuration,
	}
	var started *bq.Job
	attempts := 0
	err = b.retry(ctx, func() error {
		attempts++
		started, err = service.Jobs.Insert(j.project, request).Context(ctx).Do()
		if e, ok := errors.AsType[*googleapi.Error](err); ok && e.Code == http.StatusConflict && attempts > 1 {
			started, err = service.Jobs.Get(j.project, j.id).Location(j.location).Context(ctx).Do() // an earlier attempt had arrived
		}
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			j.cancel()
		}
		return nil, b.refusal(ctx, err)
	}
	if r := started.JobReference; r != nil && r.Location != "" {
		j.location = r.Location
	}
	if c := started.Configuration; c != nil && c.Query != nil {
		j.table = c.Query.DestinationTable
	}
	if s := started.Status; s != nil && s.ErrorResult != nil {
		return nil, jobFailed(j.id, s.ErrorResult)
	}
	return j, nil
}

// jobID is readable in BigQuery's list of jobs and never given twice.
func jobID(tag warehouse.Tag) string {
	parts := []string{"spillway"}
	for _, part := range []string{tag.Sync, tag.Run} {
		if part != "" {
			parts = append(parts, idPart(part))
		}
	}
	return strings.Join(append(parts, rand.Text()), "_")
}

// wait returns the first page of the result once the job has ended. limit is the most rows that will be read; 0 is all.
func (j *job) wait(ctx context.Context, limit int) (*bq.GetQueryResultsResponse, error) {
	size := firstPage
	if !j.warehouse.config.storage() {
		size = pageRows
	}
	if limit > 0 {
		size = min(limit, pageRows)
	}
	backoff := gax.Backoff{Initial: 50 * time.Millisecond, Max: 2 * time.Second, Multiplier: 1.5}
	for {
		asked := time.Now()
		page, err := j.page(ctx, "", size)
		if err != nil {
			return nil, err
		}
		if page.JobComplete {
			j.done.Store(true)
			return page, nil
		}
		if time.Since(asked) > heldFor/2 {
			continue
		}
		if err := gax.Sleep(ctx, backoff.Pause()); err != nil {
			return nil, err
		}
	}
}

// end waits until the job has ended, and returns what BigQuery tells of it.
func (j *job) end(ctx context.Context) (*bq.Job, error) {
	backoff := gax.Backoff{Initial: 100 * time.Millisecond, Max: 2 * time.Second, Multiplier: 1.5}
	for {
		var seen *bq.Job
		err := j.warehouse.retry(ctx, func() (err error) {
			seen, err = j.service.Jobs.Get(j.project, j.id).Location(j.location).Context(ctx).Do()
			return err
		})
		if err != nil {
			return nil, j.warehouse.refusal(ctx, err)
		}
		if s := seen.Status; s != nil && s.State == "DONE" {
			j.done.Store(true)
			if s.ErrorResult != nil {
				return nil, jobFailed(j.id, s.ErrorResult)
			}
			return seen, nil
		}
		if err := gax.Sleep(ctx, backoff.Pause()); err != nil {
			return nil, err
		}
	}
}

// page reads rows of the result, from its beginning where token is empty.
func (j *job) page(ctx context.Context, token string, size int) (*bq.GetQueryResultsResponse, error) {
	call := j.service.Jobs.GetQueryResults(j.project, j.id).Location(j.location).MaxResults(int64(size)).
		TimeoutMs(heldFor.Milliseconds()).FormatOptionsUseInt64Timestamp(true).Context(ctx)
	if token != "" {
		call.PageToken(token)
	}
	var page *bq.GetQueryResultsResponse
	err := j.warehouse.retry(ctx, func() (err error) {
		page, err = call.Do()
		return err
	})
	if err == nil {
		return page, nil
	}
	err = j.warehouse.refusal(ctx, err)
	if e, ok := errors.AsType[*warehouse.Error](err); ok {
		if !e.Temporary {
			j.done.Store(true)
		}
		return nil, atRuntime(j.id, e)
	}
	return nil, err
}

// cancel tells BigQuery to stop the job, unless it has ended. It waits for the answer, but not long.
func (j *job) cancel() {
	j.once.Do(func() {
		if j.done.Load() {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), cancelTimeout)
		defer cancel()
		if _, err := j.service.Jobs.Cancel(j.project, j.id).Location(j.location).Context(ctx).Do(); err != nil {
			j.warehouse.log.WarnContext(ctx, "the query's job could not be cancelled", "job", j.id, "error", failure(ctx, err))
		}
	})
}

// tableName is the name of the job's result for the Storage Read API, or "".
func (j *job) tableName() string {
	if j.table == nil {
		return ""
	}
	return fmt.Sprintf("projects/%s/datasets/%s/tables/%s", j.table.ProjectId, j.table.DatasetId, j.table.TableId)
}
