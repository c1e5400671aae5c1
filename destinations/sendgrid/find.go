package sendgrid

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// maxFound is how many contacts a search takes, by its reference.
const maxFound = 100

const codeAbsent = "not_found"

type step func(context.Context, destinations.Batch) ([]destinations.Result, error)

// found looks the contacts of b up and hands those that are there to write, with SendGrid's ids as tokens. One that is
// not there cannot be updated, and needs no removal.
func (j *job) found(ctx context.Context, b destinations.Batch, write step) ([]destinations.Result, error) {
	results := same(b, notSent)
	for chunk := range slices.Chunk(places(b), maxFound) {
		got, err := j.some(ctx, b, chunk, j.search().Write)
		for n, r := range got {
			results[chunk[n]] = looked(r, b.Op)
		}
		if err != nil {
			return results, err
		}
	}
	there := b
	there.Records = nil
	var at []int
	for i, r := range results {
		if r.RemoteID == "" || r.Status != destinations.Accepted {
			continue
		}
		record := b.Records[i]
		record.Token = r.RemoteID
		there.Records, at = append(there.Records, record), append(at, i)
		results[i] = notSent
	}
	if len(at) == 0 {
		return results, nil
	}
	got, err := write(ctx, there)
	for n, r := range got {
		if r.Status == destinations.Accepted {
			r.RemoteID = there.Records[n].Token
		}
		results[at[n]] = r
	}
	return results, err
}

func places(b destinations.Batch) []int {
	at := make([]int, len(b.Records))
	for i := range at {
		at[i] = i
	}
	return at
}

// looked is what a search says of a contact: nothing was changed, so that no result is unknown.
func looked(r destinations.Result, op destinations.Op) destinations.Result {
	switch {
	case r.Status == destinations.Unknown || r.Doubt:
		r.Status, r.Doubt = destinations.Deferred, false
	case r.Code == codeAbsent && op != destinations.Update:
		return destinations.Result{Status: destinations.Accepted}
	}
	return r
}

func (j *job) search() httpapi.Bulk {
	return httpapi.Bulk{
		Request: func(b destinations.Batch) (httpapi.Request, error) {
			wanted := make([]string, len(b.Records))
			for i, r := range b.Records {
				wanted[i] = r.ID
			}
			body, err := httpapi.Encode(map[string]any{"identifiers": wanted})
			return httpapi.Request{
				Path: "/v3/marketing/contacts/search/identifiers/" + url.PathEscape(b.Identifier), Body: body, Fine: []int{http.StatusNotFound},
			}, err
		},
		Decode: decodeFound,
	}
}

// decodeFound reads which contacts are there. SendGrid finds one by its alternate addresses too; such a contact is that of
// another row, or may be, and is left alone.
func decodeFound(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
	var reply struct {
		Result map[string]struct {
			Contact map[string]json.RawMessage `json:"contact"`
		} `json:"result"`
	}
	if err := json.Unmarshal(a.Body, &reply); err != nil {
		return nil, fmt.Errorf("the answer of SendGrid is not the JSON that was expected: %w", err)
	}
	ids, others := map[string]string{}, map[string]string{}
	for name, found := range reply.Result {
		var id, own string
		if json.Unmarshal(found.Contact["id"], &id) != nil || id == "" {
			continue // it was not found
		}
		_ = json.Unmarshal(found.Contact[b.Identifier], &own) // without one it is known by what was asked for
		if name = strings.ToLower(name); b.Identifier != "email" || own == "" || strings.EqualFold(own, name) {
			ids[name] = id
		} else {
			others[name] = id
		}
	}
	results := make([]destinations.Result, len(b.Records))
	for i, r := range b.Records {
		name := strings.ToLower(r.ID)
		switch {
		case ids[name] != "":
			results[i] = destinations.Result{Status: destinations.Accepted, RemoteID: ids[name]}
		case others[name] != "":
			results[i] = destinations.Result{
				Status: destinations.Rejected, Code: "alternate_email", RemoteID: others[name],
				Reason: "this is an alternate address of contact " + others[name] + ", which is left as it is",
			}
		default:
			results[i] = destinations.Result{Status: destinations.Rejected, Code: codeAbsent, Reason: "SendGrid has no such contact, or does not find it yet"}
		}
	}
	return results, nil
}

// each hands the records of b to write in parts that fit the address of a request.
func each(ctx context.Context, b destinations.Batch, write step) ([]destinations.Result, error) {
	results := same(b, notSent)
	done := 0
	for records := range slices.Chunk(b.Records, maxFound) {
		part := b
		part.Records = records
		got, err := write(ctx, part)
		copy(results[done:], got)
		if done += len(records); err != nil {
			return results, err
		}
	}
	return results, nil
}

// remove deletes contacts, whose ids are the tokens, and waits until they are gone.
func (j *job) remove(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	return each(ctx, b, func(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
		return httpapi.Bulk{
			Request: func(b destinations.Batch) (httpapi.Request, error) {
				return httpapi.Request{Method: http.MethodDelete, Path: "/v3/marketing/contacts", Query: url.Values{"ids": {tokens(b)}}}, nil
			},
			Decode: func(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
				id, err := jobID(a.Body)
				if err != nil {
					return nil, err
				}
				s, err := j.await(ctx, b, id)
				if err != nil {
					return nil, err
				}
				if s.Status != "completed" || s.Results.Errored > 0 {
					return same(b, destinations.Result{
						Status: destinations.Deferred, Doubt: true, Code: "deletion_failed", Reason: "SendGrid's deletion ended as " + s.Status,
					}), nil
				}
				return same(b, destinations.Result{Status: destinations.Accepted}), nil
			},
		}.Write(ctx, j.client, b)
	})
}

// unlist takes contacts off the list. SendGrid promises it by its answer, and nothing tells when it is done. One of them
// that is gone by now makes it refuse them all, so that they are looked up again by the next run.
func (j *job) unlist(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	path := "/v3/marketing/lists/" + url.PathEscape(j.list) + "/contacts"
	return each(ctx, b, func(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
		return httpapi.Bulk{
			Request: func(b destinations.Batch) (httpapi.Request, error) {
				return httpapi.Request{
					Method: http.MethodDelete, Path: path, Query: url.Values{"contact_ids": {tokens(b)}}, Fine: []int{http.StatusNotFound},
				}, nil
			},
			Decode: func(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
				if a.Status == http.StatusNotFound {
					return same(b, destinations.Result{Status: destinations.Deferred, Code: codeAbsent, Reason: "the list, or one of the contacts, is gone"}), nil
				}
				return same(b, destinations.Result{Status: destinations.Accepted}), nil
			},
		}.Write(ctx, j.client, b)
	})
}

func tokens(b destinations.Batch) string {
	list := make([]string, len(b.Records))
	for i, r := range b.Records {
		list[i] = r.Token
	}
	return strings.Join(list, ",")
}
