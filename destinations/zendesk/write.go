package zendesk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const (
	codeAbsent  = "not_found"
	codeNotSent = "not_sent"
)

// delivery is what becomes of one batch, in parts of which each concerns some of its records.
type delivery struct {
	*destination
	kind    kind
	batch   destinations.Batch
	results []destinations.Result
	leave   func() // lets other deliveries import users, once that is known to be allowed
}

func newDelivery(d *destination, b destinations.Batch) *delivery {
	return &delivery{destination: d, batch: b, results: slices.Repeat([]destinations.Result{notSent()}, len(b.Records))}
}

func notSent() destinations.Result {
	return destinations.Result{Status: destinations.Deferred, Code: codeNotSent, Reason: "not sent, as the batch was stopped before"}
}

// all are the places of all records.
func (w *delivery) all() []int {
	places := make([]int, len(w.results))
	for i := range places {
		places[i] = i
	}
	return places
}

type writer func(context.Context, *httpapi.Client, destinations.Batch) ([]destinations.Result, error)

// part hands the records at places to write, whose results replace theirs. Records that were found are handed over with
// Zendesk's own ids for theirs.
func (w *delivery) part(ctx context.Context, places []int, found bool, write writer) error {
	if len(places) == 0 {
		return nil
	}
	some := w.batch
	some.Records = make([]destinations.Record, len(places))
	for n, i := range places {
		some.Records[n] = w.batch.Records[i]
		if found {
			some.Records[n].ID = w.results[i].RemoteID
		}
	}
	if found {
		some.Identifier = ownID
	}
	got, err := write(ctx, w.client, some)
	for n, r := range got {
		w.results[places[n]] = r
	}
	return err
}

func (w *delivery) deliver(ctx context.Context) error {
	switch {
	case w.batch.Op == destinations.Insert:
		return w.part(ctx, w.all(), false, w.tickets().Write)
	case w.batch.Op == destinations.Upsert && w.kind.name == users:
		return w.upsertUsers(ctx)
	case w.batch.Op == destinations.Clear && !w.clearable():
		return nil
	}
	return w.known(ctx)
}

// clearable leaves out of the batch what cannot be cleared: what a record is found by, and what it must have. Where
// nothing else is left, all is well.
func (w *delivery) clearable() bool {
	kept := []string{w.batch.Identifier, email, "name"}
	w.batch.Records = slices.Clone(w.batch.Records)
	for i, r := range w.batch.Records {
		w.batch.Records[i].Fields = slices.DeleteFunc(slices.Clone(r.Fields), func(f destinations.FieldValue) bool {
			return slices.Contains(kept, f.Name)
		})
		if len(w.batch.Records[i].Fields) == 0 {
			w.results[i] = destinations.Result{Status: destinations.Accepted}
		}
	}
	return len(w.batch.Records[0].Fields) > 0
}

// known looks the records up, and writes those that Zendesk has by a job. An upsert makes the others, one in a request.
func (w *delivery) known(ctx context.Context) error {
	found, absent, err := w.look(ctx)
	if err != nil {
		return err
	}
	if w.batch.Op == destinations.Delete {
		return w.part(ctx, found, true, w.queued(w.destroy))
	}
	if err := w.part(ctx, found, true, w.queued(w.update)); err != nil || w.batch.Op != destinations.Upsert {
		return err
	}
	return w.part(ctx, absent, false, w.single(ctx).Write)
}

// upsertUsers makes or changes users by one job, where the account may import them in bulk.
func (w *delivery) upsertUsers(ctx context.Context) error {
	leave, err := w.imports.enter(ctx)
	if err != nil {
		return err
	}
	w.leave = sync.OnceFunc(leave)
	defer w.leave()
	if !w.imports.refused() {
		if err := w.part(ctx, w.all(), false, w.queued(w.createOrUpdate)); err != nil || !w.imports.refused() {
			return err
		}
		w.log.WarnContext(ctx, "Zendesk does not let this account import users in bulk; new ones are made one a second")
	}
	err = w.known(ctx)
	if errors.Is(err, destinations.ErrAuth) {
		w.imports.forget() // what was refused is more than imports
	}
	return err
}

// createOrUpdate asks for a job that makes or changes users.
func (w *delivery) createOrUpdate(b destinations.Batch) (httpapi.Request, error) {
	r, err := w.many(b)
	r.Method, r.Path = http.MethodPost, "/api/v2/users/create_or_update_many"
	if w.imports.untried() {
		r.Fine = []int{http.StatusForbidden}
	}
	return r, err
}

// update asks for a job that changes records by Zendesk's own ids.
func (w *delivery) update(b destinations.Batch) (httpapi.Request, error) {
	r, err := w.many(b)
	r.Method, r.Path = http.MethodPut, "/api/v2/"+w.kind.name+"/update_many"
	return r, err
}

func (w *delivery) many(b destinations.Batch) (httpapi.Request, error) {
	list := make([]json.RawMessage, len(b.Records))
	for i, r := range b.Records {
		var err error
		if list[i], err = w.record(b, r); err != nil {
			return httpapi.Request{}, err
		}
	}
	body, err := httpapi.Encode(map[string]any{w.kind.name: list})
	return httpapi.Request{Body: body}, err
}

// record is r as a request has it. A user that may be new is not written to by Zendesk, unless that is wanted.
func (w *delivery) record(b destinations.Batch, r destinations.Record) (json.RawMessage, error) {
	if w.kind.name == users && b.Op == destinations.Upsert && !w.config.VerifyEmail {
		return object(b, r, destinations.FieldValue{Name: "skip_verify_email", Value: true})
	}
	return object(b, r)
}

// destroy asks for a job that deletes records by Zendesk's own ids.
func (w *delivery) destroy(b destinations.Batch) (httpapi.Request, error) {
	ids := make([]string, len(b.Records))
	for i, r := range b.Records {
		ids[i] = r.ID
	}
	return httpapi.Request{
		Method: http.MethodDelete, Path: "/api/v2/" + w.kind.name + "/destroy_many", Query: url.Values{"ids": {strings.Join(ids, ",")}},
	}, nil
}

// single makes or changes one record in a request.
func (w *delivery) single(ctx context.Context) httpapi.Each {
	return httpapi.Each{Decode: w.decode, Request: func(b destinations.Batch, r destinations.Record) (httpapi.Request, error) {
		if w.kind.name == users {
			if err := w.singles.Wait(ctx); err != nil {
				return httpapi.Request{}, fmt.Errorf("wait for the limit of users: %w", err)
			}
		}
		body, err := w.body(b, r)
		return httpapi.Request{Path: "/api/v2/" + w.kind.name + "/create_or_update", Body: body}, err
	}}
}

// tickets makes one ticket in a request, which Zendesk does once for all that have the same key.
func (w *delivery) tickets() httpapi.Each {
	return httpapi.Each{Decode: w.decode, Request: func(b destinations.Batch, r destinations.Record) (httpapi.Request, error) {
		body, err := w.body(b, r)
		key := httpapi.IdempotencyKey(b, []destinations.Record{r})
		return httpapi.Request{Path: "/api/v2/tickets", Header: http.Header{"Idempotency-Key": {key}}, Body: body}, err
	}}
}

func (w *delivery) body(b destinations.Batch, r destinations.Record) ([]byte, error) {
	record, err := w.record(b, r)
	if err != nil {
		return nil, err
	}
	return httpapi.Encode(map[string]json.RawMessage{w.kind.one: record})
}

// decode accepts a record of which the answer gives Zendesk's id.
func (w *delivery) decode(_ destinations.Batch, _ destinations.Record, a httpapi.Answer) (destinations.Result, error) {
	var reply map[string]struct {
		ID json.Number `json:"id"`
	}
	if err := json.Unmarshal(a.Body, &reply); err != nil {
		return destinations.Result{}, fmt.Errorf("the answer of Zendesk is not the JSON that was expected: %w", err)
	}
	id := reply[w.kind.one].ID.String()
	if id == "" {
		return destinations.Result{}, errors.New("the answer of Zendesk names no record")
	}
	return destinations.Result{Status: destinations.Accepted, RemoteID: id}, nil
}
