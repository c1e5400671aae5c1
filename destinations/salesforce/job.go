package salesforce

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const (
	firstPoll = 500 * time.Millisecond
	lastPoll  = 30 * time.Second
	jobLasts  = time.Hour // up to then its end is waited for
)

// job is the delivery of a batch by a job of Bulk API 2.0: it is made, given a CSV, closed, waited for and read.
// Salesforce does nothing before it is closed.
type job struct {
	*destination
	batch   destinations.Batch
	sheet   sheet
	results []destinations.Result
	path    string
}

// status is how far Salesforce is with a job.
type status struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Message string `json:"errorMessage"`
}

// job delivers b by one job, or by sObject Collections where Salesforce takes none for such records. One that an earlier
// run did not see to its end is taken up again.
func (d *destination) job(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	s, err := newSheet(b)
	if err != nil {
		return notSent(b), fmt.Errorf("write %d records of %s as CSV: %w", len(b.Records), b.Object, err)
	}
	j := &job{destination: d, batch: b, sheet: s, results: all(b, destinations.Result{Code: "job_running", Reason: "Salesforce has not ended the job yet, or did not say so"})}
	key := httpapi.IdempotencyKey(b, b.Records)
	id, err := d.journal.find(key)
	if err != nil {
		return notSent(b), err
	}
	if id == "" {
		id, err = j.start(ctx)
		if p, ok := errors.AsType[*httpapi.Problem](err); ok && p.Class == httpapi.Refused {
			return d.collect(ctx, b)
		}
		if err != nil {
			return undelivered(b, err)
		}
		if err := d.journal.keep(key, id); err != nil {
			j.abort(ctx)
			return notSent(b), err
		}
	}
	j.path = d.jobPath(id)
	ended, err := j.finish(ctx)
	if ended {
		err = errors.Join(err, d.journal.drop(key))
	}
	return j.results, err
}

func (d *destination) jobPath(id string) string { return d.root + "/jobs/ingest/" + url.PathEscape(id) }

// send sends a request of the job.
func (j *job) send(ctx context.Context, method, path string, body []byte) (httpapi.Answer, error) {
	header := http.Header{"Accept": {"application/json, text/csv"}}
	if method == http.MethodPut {
		header.Set("Content-Type", "text/csv")
	}
	return j.client.Do(ctx, httpapi.Request{
		Method: method, Path: path, Header: header, Body: body, Attempts: j.batch.Attempts, Meter: j.batch.Meter,
	})
}

// ask sends a request that is answered with the job's status.
func (j *job) ask(ctx context.Context, method, path string, body []byte) (status, error) {
	var s status
	a, err := j.send(ctx, method, path, body)
	if err == nil {
		if err = decode(a.Body, &s); err != nil || s.ID == "" && s.State == "" {
			err = errors.Join(errors.New("the answer of Salesforce is not the job that was expected"), err)
		}
	}
	return s, err
}

// start makes the job and gives it the records.
func (j *job) start(ctx context.Context) (string, error) {
	request, err := jobRequest(j.batch)
	if err != nil {
		return "", err
	}
	made, err := j.ask(ctx, http.MethodPost, j.root+"/jobs/ingest", request)
	if err != nil {
		return "", fmt.Errorf("make a job: %w", err)
	}
	j.path = j.jobPath(made.ID)
	if _, err := j.send(ctx, http.MethodPut, j.path+"/batches", j.sheet.text); err != nil {
		j.abort(ctx)
		return "", fmt.Errorf("upload the records of a job: %w", err)
	}
	return made.ID, nil
}

// abort ends a job that is still open. One that cannot be ended now is dropped by Salesforce after seven days.
func (j *job) abort(ctx context.Context) {
	if _, err := j.send(ctx, http.MethodPatch, j.path, []byte(`{"state":"Aborted"}`)); err != nil {
		j.log.WarnContext(ctx, "a job of Salesforce could not be aborted; it stays open, and does nothing")
	}
}

// finish closes the job, waits for its end, and reads what became of the records. ended says that there is no more to
// learn of it. Whatever is not known stays unknown.
func (j *job) finish(ctx context.Context) (ended bool, err error) {
	_, err = j.send(ctx, http.MethodPatch, j.path, []byte(`{"state":"UploadComplete"}`))
	p, failed := errors.AsType[*httpapi.Problem](err)
	switch {
	case failed && p.Status == http.StatusNotFound: // Salesforce drops jobs after seven days
		return true, nil
	case failed && !p.Doubt && ending(err) != nil && p.Class != httpapi.Lost:
		copy(j.results, all(j.batch, destinations.Result{Status: destinations.Deferred, Code: p.Code, Reason: "the job was not closed: " + p.Reason}))
		return false, err
	}
	closed := err == nil // otherwise its state shows whether it is
	s, err := j.wait(ctx, closed)
	switch {
	case err != nil:
		return false, ending(err)
	case s.State == "Open":
		copy(j.results, all(j.batch, destinations.Result{Status: destinations.Deferred, Code: "job_open", Reason: "Salesforce did not close the job"}))
		j.abort(ctx)
		return true, nil
	case s.State == "InProgress" || s.State == "UploadComplete":
		return false, nil
	}
	return j.read(ctx, s)
}

// wait asks for the job's state until it has ended, is found open, or has taken too long.
func (j *job) wait(ctx context.Context, closed bool) (status, error) {
	start := time.Now()
	for pause := firstPoll; ; pause = min(2*pause, lastPoll) {
		if err := rest(ctx, pause); err != nil {
			return status{}, err
		}
		s, err := j.ask(ctx, http.MethodGet, j.path, nil)
		if err != nil {
			return s, err
		}
		switch {
		case s.State == "JobComplete" || s.State == "Failed" || s.State == "Aborted", s.State == "Open" && !closed:
			return s, nil
		case time.Since(start) > jobLasts:
			return s, nil
		}
	}
}

// read reads the three files of a job that has ended, as far as there are records that none of them has named.
func (j *job) read(ctx context.Context, s status) (ended bool, err error) {
	undone := destinations.Result{Status: destinations.Deferred, Code: "unprocessed", Reason: "Salesforce ended the job before it came to this record"}
	if s.Message != "" {
		undone.Reason += ": " + s.Message
	}
	left := len(j.results)
	named := make([]bool, left)
	for _, file := range []struct {
		name   string
		result func(finding) destinations.Result
	}{
		{"successfulResults", func(f finding) destinations.Result {
			return destinations.Result{Status: destinations.Accepted, RemoteID: f.id}
		}},
		{"failedResults", func(f finding) destinations.Result { return result(j.batch.Op, []fault{parseFault(f.fault)}) }},
		{"unprocessedrecords", func(finding) destinations.Result { return undone }},
	} {
		if left == 0 {
			break
		}
		a, err := j.send(ctx, http.MethodGet, j.path+"/"+file.name+"/", nil)
		if err != nil {
			return false, ending(err)
		}
		err = j.sheet.read(a.Body, func(at int, f finding) {
			if !named[at] {
				j.results[at], named[at] = file.result(f), true
				left--
			}
		})
		if err != nil {
			j.log.WarnContext(ctx, "a file of a job of Salesforce could not be read", slog.String("file", file.name))
		}
	}
	for i := range j.results {
		if !named[i] {
			j.results[i] = destinations.Result{Code: codeNoResult, Reason: "none of the job's files names this record"}
		}
	}
	return true, nil
}
