package intercom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const (
	codeAbsent   = "not_found"
	codeConflict = "conflict"
	codeLookup   = "lookup"
)

// job is the delivery of one batch, in steps of which each concerns some of its records.
type job struct {
	*destination
	batch   destinations.Batch
	results []destinations.Result
	ids     map[string]string // Intercom's own ids, by the keys of the records
}

func newJob(d *destination, b destinations.Batch) *job {
	j := &job{destination: d, batch: b, results: make([]destinations.Result, len(b.Records)), ids: map[string]string{}}
	for i := range j.results {
		j.results[i] = destinations.Result{Status: destinations.Deferred, Code: "not_sent", Reason: "not sent, as the batch was stopped before"}
	}
	return j
}

// all are the places of all records.
func (j *job) all() []int {
	places := make([]int, len(j.results))
	for i := range places {
		places[i] = i
	}
	return places
}

// step sends a request for each of the records at places, whose results it replaces.
func (j *job) step(ctx context.Context, places []int, request func(destinations.Record) (httpapi.Request, error)) error {
	if len(places) == 0 {
		return nil
	}
	some := j.batch
	some.Records = make([]destinations.Record, len(places))
	for n, i := range places {
		some.Records[n] = j.batch.Records[i]
	}
	got, err := httpapi.Each{
		Request: func(_ destinations.Batch, r destinations.Record) (httpapi.Request, error) { return request(r) },
		Decode:  decode,
	}.Write(ctx, j.client, some)
	for n, r := range got {
		j.results[places[n]] = r
	}
	return err
}

// decode accepts a record of which the answer gives Intercom's id.
func decode(_ destinations.Batch, _ destinations.Record, a httpapi.Answer) (destinations.Result, error) {
	var reply struct {
		ID string `json:"id"`
	}
	if a.Status >= 400 {
		return destinations.Result{Status: destinations.Accepted}, nil // it was to go, and is not there
	}
	if err := json.Unmarshal(a.Body, &reply); err != nil {
		return destinations.Result{}, fmt.Errorf("the answer of Intercom is not the JSON that was expected: %w", err)
	}
	if reply.ID == "" {
		return destinations.Result{}, errors.New("the answer of Intercom names no record")
	}
	return destinations.Result{Status: destinations.Accepted, RemoteID: reply.ID}, nil
}

// found sorts the records at places by whether Intercom has them. One that it does not have cannot be updated, and needs
// no removal.
func (j *job) found(places []int) []int {
	var there []int
	for _, i := range places {
		switch {
		case j.ids[j.batch.Records[i].Key] != "":
			there = append(there, i)
		case j.batch.Op == destinations.Update:
			j.results[i] = destinations.Result{Status: destinations.Rejected, Code: codeAbsent, Reason: "Intercom has no such record"}
		default:
			j.results[i] = destinations.Result{Status: destinations.Accepted}
		}
	}
	return there
}

// unlooked defers the records at places, as they could not be looked up. It returns err where that ends the delivery.
func (j *job) unlooked(places []int, err error) error {
	p, ok := errors.AsType[*httpapi.Problem](err)
	r := destinations.Result{Status: destinations.Deferred, Code: codeLookup, Reason: "the record could not be looked up"}
	if ok {
		r.Code, r.Reason = p.Code, r.Reason+": "+p.Reason
	}
	for _, i := range places {
		j.results[i] = r
	}
	if ok && (p.Class == httpapi.Later || p.Class == httpapi.Lost || p.Class == httpapi.Refused) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
