package zendesk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const (
	firstPoll   = time.Second // after a job was queued; each later pause is twice as long
	longestPoll = 10 * time.Second
)

// job is one that Zendesk was asked for, as it describes it.
type job struct {
	ID      string          `json:"id"`
	Status  string          `json:"status"` // queued, working, completed, failed or, by older pages, killed
	Message string          `json:"message"`
	Results json.RawMessage `json:"results"` // a list of outcomes, or an object for jobs that tell none apart
}

func (j job) over() bool { return j.Status != "queued" && j.Status != "working" }

// queued delivers a batch by the job that request asks for, when one more may be queued.
func (w *delivery) queued(request func(destinations.Batch) (httpapi.Request, error)) writer {
	return func(ctx context.Context, c *httpapi.Client, b destinations.Batch) ([]destinations.Result, error) {
		select {
		case w.jobs <- struct{}{}:
			defer func() { <-w.jobs }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return httpapi.Bulk{Request: request, Decode: func(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
			if a.Status == http.StatusForbidden {
				w.imports.refuse()
				return newDelivery(w.destination, b).results, nil
			}
			if b.Op == destinations.Upsert && b.Identifier != ownID {
				w.imports.allow()
				w.leave()
			}
			j, err := w.await(ctx, b, a)
			if err != nil {
				return nil, err
			}
			return j.outcomes(b), nil
		}}.Write(ctx, c, b)
	}
}

// await asks what became of the job that a names until it is over.
func (w *delivery) await(ctx context.Context, b destinations.Batch, a httpapi.Answer) (job, error) {
	var reply struct {
		Job job `json:"job_status"`
	}
	if err := json.Unmarshal(a.Body, &reply); err != nil {
		return job{}, fmt.Errorf("the answer of Zendesk is not the JSON that was expected: %w", err)
	}
	id, start := reply.Job.ID, time.Now()
	if id == "" {
		return job{}, errors.New("the answer of Zendesk names no job")
	}
	for pause := firstPoll; !reply.Job.over(); pause = min(2*pause, longestPoll) {
		if time.Since(start) >= w.config.JobTimeout {
			return job{}, fmt.Errorf("the job was not over after %s", w.config.JobTimeout)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return job{}, ctx.Err()
		}
		reply.Job = job{}
		err := w.client.Read(ctx, httpapi.Request{
			Path: "/api/v2/job_statuses/" + url.PathEscape(id), Route: "/api/v2/job_statuses/{id}", Attempts: b.Attempts, Meter: b.Meter,
		}, &reply)
		if err != nil {
			return job{}, fmt.Errorf("ask what became of the job: %w", err)
		}
	}
	return reply.Job, nil
}
