package mailchimp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// job is the delivery of one batch.
type job struct {
	*destination
	batch     destinations.Batch
	path      string
	birthdays map[string]bool
	results   []destinations.Result
}

// Write delivers b: members are made and changed by one request, and removed by one each.
func (d *destination) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	j := &job{destination: d, batch: b, results: slices.Repeat([]destinations.Result{{
		Status: destinations.Deferred, Code: "not_sent", Reason: "not sent, as the batch was stopped before",
	}}, len(b.Records))}
	audience, err := d.audienceID(ctx, b.Object)
	if err == nil && dated(b) {
		j.birthdays, err = d.knownBirthdays(ctx, audience)
	}
	if err != nil {
		return j.results, err
	}
	j.path = path(audience)
	err = j.deliver(ctx)
	return judge(j.results), err
}

func (j *job) deliver(ctx context.Context) error {
	all := func(destinations.Record) bool { return true }
	switch j.batch.Op {
	case destinations.Upsert:
		return j.upsert(ctx)
	case destinations.Insert:
		return j.some(ctx, all, j.bulk(false).Write)
	case destinations.Archive:
		return j.some(ctx, all, j.removal(ctx, http.MethodDelete, "").Write)
	case destinations.Delete:
		return j.some(ctx, all, j.removal(ctx, http.MethodPost, "/actions/delete-permanent").Write)
	case destinations.Update, destinations.Clear:
	}
	return j.single(ctx, all, http.MethodPatch, email, statusIfNew, tags)
}

type writing = func(context.Context, *httpapi.Client, destinations.Batch) ([]destinations.Result, error)

// some delivers those records that are meant by write, whose results it keeps.
func (j *job) some(ctx context.Context, meant func(destinations.Record) bool, write writing) error {
	part := j.batch
	part.Records = nil
	var at []int
	for i, r := range j.batch.Records {
		if meant(r) {
			part.Records, at = append(part.Records, r), append(at, i)
		}
	}
	if len(at) == 0 {
		return nil
	}
	got, err := write(ctx, j.client, part)
	for n, r := range got {
		j.results[at[n]] = r
	}
	return err
}

// upsert delivers all records by one request. Mailchimp's reference wants a status of every member in it, and its
// examples know status_if_new there: should a record without a status be refused for that, it goes by a request of its
// own, which is documented to take one, and so do all others like it from then on.
func (j *job) upsert(ctx context.Context) error {
	batched := func(r destinations.Record) bool { return states(r) || !j.strict.Load() }
	err := j.some(ctx, batched, j.bulk(true).Write)
	if p, ok := errors.AsType[*httpapi.Problem](err); ok && p.Code == codeWantsStatus && !j.strict.Load() {
		j.strict.Store(true)
		err = j.some(ctx, states, j.bulk(true).Write)
	}
	if err != nil {
		return err
	}
	strict := j.strict.Load()
	left := map[string]bool{} // by the record's key
	for i, r := range j.batch.Records {
		wanting := j.results[i].Status == destinations.Rejected && j.results[i].Code == codeWantsStatus
		if left[r.Key] = !states(r) && (strict || wanting); wanting && left[r.Key] {
			j.strict.Store(true)
		}
	}
	return j.single(ctx, func(r destinations.Record) bool { return left[r.Key] }, http.MethodPut, tags)
}

// single writes the members that are meant one by one, and tags them, as requests for one member take no tags.
func (j *job) single(ctx context.Context, meant func(destinations.Record) bool, method string, left ...string) error {
	err := j.some(ctx, meant, httpapi.Each{
		Request: func(_ destinations.Batch, r destinations.Record) (httpapi.Request, error) {
			text, err := body(r, j.birthdays, left...)
			request := j.request(r, method, "")
			request.Query, request.Body = j.query(), text
			return request, err
		},
		Decode: decodeMember,
	}.Write)
	if err != nil || j.batch.Op == destinations.Clear {
		return err
	}
	at := map[string]int{}
	for i, r := range j.batch.Records {
		at[r.Key] = i
	}
	before := slices.Clone(j.results)
	err = j.some(ctx, func(r destinations.Record) bool {
		return meant(r) && before[at[r.Key]].Status == destinations.Accepted && len(tagsOf(r)) > 0
	}, httpapi.Each{Request: j.tagging}.Write)
	for i, r := range j.results {
		if before[i].Status != destinations.Accepted {
			continue
		}
		j.results[i].RemoteID = before[i].RemoteID
		if r.Status != destinations.Accepted {
			j.results[i].Reason, j.results[i].Doubt = "written, but not tagged: "+r.Reason, r.Status == destinations.Deferred
		}
	}
	return err
}

func (j *job) tagging(_ destinations.Batch, r destinations.Record) (httpapi.Request, error) {
	type tag struct {
		Name   string `json:"name"`
		Status string `json:"status"`
	}
	var list []tag
	for _, name := range tagsOf(r) {
		list = append(list, tag{name, "active"})
	}
	text, err := httpapi.Encode(map[string]any{"tags": list})
	request := j.request(r, http.MethodPost, "/tags")
	request.Body, request.Fine = text, nil
	return request, err
}

// request is one that concerns the member of r, who need not be there.
func (j *job) request(r destinations.Record, method, what string) httpapi.Request {
	return httpapi.Request{
		Method: method, Path: j.path + "/members/" + hash(r.ID) + what, Route: j.path + "/members/{hash}" + what,
		Fine: []int{http.StatusNotFound},
	}
}

// decodeMember reads the member that was written. One that is not there cannot be updated, and needs not be cleared.
func decodeMember(b destinations.Batch, _ destinations.Record, a httpapi.Answer) (destinations.Result, error) {
	switch {
	case a.Status == http.StatusNotFound && b.Op == destinations.Clear:
		return destinations.Result{Status: destinations.Accepted}, nil
	case a.Status == http.StatusNotFound:
		return destinations.Result{Status: destinations.Rejected, Code: codeAbsent, Reason: "the audience has no such member"}, nil
	}
	var w written
	if err := json.Unmarshal(a.Body, &w); err != nil {
		return destinations.Result{}, fmt.Errorf("the answer of Mailchimp is not the JSON that was expected: %w", err)
	}
	if w.ID == "" {
		return destinations.Result{}, errors.New("the answer of Mailchimp names no member")
	}
	return destinations.Result{Status: destinations.Accepted, RemoteID: w.ID}, nil
}

// removal takes members away. Mailchimp answers 405 where one is gone already, and where it may not go.
func (j *job) removal(ctx context.Context, method, what string) httpapi.Each {
	return httpapi.Each{
		Request: func(_ destinations.Batch, r destinations.Record) (httpapi.Request, error) {
			request := j.request(r, method, what)
			request.Fine = append(request.Fine, http.StatusMethodNotAllowed)
			return request, nil
		},
		Decode: func(_ destinations.Batch, r destinations.Record, a httpapi.Answer) (destinations.Result, error) {
			if a.Status == http.StatusMethodNotAllowed {
				return j.remaining(ctx, r, a)
			}
			return destinations.Result{Status: destinations.Accepted, RemoteID: hash(r.ID)}, nil
		},
	}
}

// remaining is the result of a member that was not taken away, as the answer a says, by whether it is there.
func (j *job) remaining(ctx context.Context, r destinations.Record, a httpapi.Answer) (destinations.Result, error) {
	request := j.request(r, http.MethodGet, "")
	request.Attempts, request.Meter = j.batch.Attempts, j.batch.Meter
	var member struct {
		Status any    `json:"status"` // of the member, or of HTTP where there is none
		ID     string `json:"id"`
	}
	if err := j.client.Read(ctx, request, &member); err != nil {
		return destinations.Result{}, fmt.Errorf("look whether the member is still there: %w", err)
	}
	if member.ID == "" || member.Status == "archived" && j.batch.Op == destinations.Archive {
		return destinations.Result{Status: destinations.Accepted}, nil
	}
	var f fault
	if json.Unmarshal(a.Body, &f) != nil || f.reason() == "" {
		f.Detail = a.Text()
	}
	return destinations.Result{Status: destinations.Rejected, Code: "405", Reason: f.reason()}, nil
}
