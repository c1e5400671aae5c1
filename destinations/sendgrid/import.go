package sendgrid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const (
	firstLook = time.Second // after which an import is asked for
	lastLook  = 30 * time.Second
)

// status is what SendGrid says of an import. Its reference knows pending, completed, errored and failed.
type status struct {
	Status  string `json:"status"`
	Results struct {
		Requested int    `json:"requested_count"`
		Errored   int    `json:"errored_count"`
		ErrorsURL string `json:"errors_url"`
	} `json:"results"`
}

func (s status) over() bool {
	return s.Status == "completed" || s.Status == "errored" || s.Status == "failed"
}

// jobID is the id of the import that an answer names: as a text, or within an object, as the reference of deletions has it.
func jobID(body []byte) (string, error) {
	var reply struct {
		ID json.RawMessage `json:"job_id"`
	}
	if err := json.Unmarshal(body, &reply); err != nil {
		return "", fmt.Errorf("the answer of SendGrid is not the JSON that was expected: %w", err)
	}
	var id string
	var inner struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(reply.ID, &id) != nil {
		_ = json.Unmarshal(reply.ID, &inner) // it is neither: no id
		id = inner.ID
	}
	if id == "" {
		return "", errors.New("SendGrid took the records, and names no import that could be asked for what became of them")
	}
	return id, nil
}

// await asks for an import, ever more seldom, until it is over. One that is not known yet may still come to be.
func (d *destination) await(ctx context.Context, b destinations.Batch, id string) (status, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d.config.Wait, fmt.Errorf("SendGrid did not finish the import within %s", d.config.Wait))
	defer cancel()
	request := httpapi.Request{
		Method: http.MethodGet, Path: "/v3/marketing/contacts/imports/" + url.PathEscape(id), Route: "/v3/marketing/contacts/imports/{id}",
		Fine: []int{http.StatusNotFound}, Attempts: b.Attempts, Meter: b.Meter,
	}
	for look := firstLook; ; look = min(2*look, lastLook) {
		timer := time.NewTimer(look)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return status{}, context.Cause(ctx)
		}
		a, err := d.client.Do(ctx, request)
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return status{}, fmt.Errorf("ask what became of the import: %w", err)
		}
		var s status
		if a.Status == http.StatusNotFound {
			continue
		}
		if err := json.Unmarshal(a.Body, &s); err != nil {
			return s, fmt.Errorf("the answer of SendGrid on an import is not the JSON that was expected: %w", err)
		}
		if s.over() {
			return s, nil
		}
	}
}

// settle is what became of the import that the answer a to b names. again sends contacts once more.
func (j *job) settle(ctx context.Context, b destinations.Batch, a httpapi.Answer, again writing) ([]destinations.Result, error) {
	id, err := jobID(a.Body)
	if err != nil {
		return nil, err
	}
	s, err := j.await(ctx, b, id)
	if err != nil {
		return nil, err
	}
	n := len(b.Records)
	if s.Status == "completed" && s.Results.Errored == 0 {
		if s.Results.Requested > 0 && s.Results.Requested < n {
			return nil, fmt.Errorf("SendGrid imported %d of %d contacts, and does not say which", s.Results.Requested, n)
		}
		return same(b, destinations.Result{Status: destinations.Accepted}), nil
	}
	faults := j.faults(ctx, b, s.Results.ErrorsURL)
	results := same(b, destinations.Result{Status: destinations.Accepted})
	var others []int
	for i := range b.Records {
		if reason, ok := faults[i]; ok {
			results[i] = refused(reason)
			continue
		}
		others = append(others, i)
	}
	rest := j.rest(ctx, b, others, s, s.Results.Errored-len(faults), again)
	for k, r := range rest {
		results[others[k]] = r
	}
	return results, nil
}

func refused(reason string) destinations.Result {
	return destinations.Result{Status: destinations.Rejected, Code: "import_error", Reason: reason}
}

// rest are the results of those contacts at places that the file of errors does not name, and of which so many more were
// refused. Nil means that all of them were taken. Where some were refused and some not, they are sent again in halves.
func (j *job) rest(ctx context.Context, b destinations.Batch, places []int, s status, more int, again writing) []destinations.Result {
	unnamed := refused("SendGrid refused this contact and did not say why")
	part := b
	part.Records = make([]destinations.Record, len(places))
	for n, i := range places {
		part.Records[n] = b.Records[i]
	}
	switch {
	case len(places) == 0, more <= 0 && s.Status != "failed":
		return nil
	case more >= len(places):
		return same(part, unnamed)
	case more <= 0: // it failed as a whole, whoever was in it
		return same(part, destinations.Result{
			Status: destinations.Deferred, Doubt: true, Code: "import_failed", Reason: "SendGrid's import failed, and it did not say why",
		})
	}
	results := same(part, notSent)
	done := 0
	for half := range slices.Chunk(part.Records, (len(places)+1)/2) {
		b.Records = half
		got, err := again(ctx, j.client, b)
		copy(results[done:], got)
		if done += len(half); err != nil {
			break // which the next request meets too
		}
	}
	for i, r := range results {
		results[i].Doubt = r.Status == destinations.Deferred // it may have been taken the first time
	}
	return results
}
