package zendesk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// maxQuery is how many bytes of external ids one request asks for.
const maxQuery = 4000

// look finds Zendesk's ids of the records, as the remote ids of their results, and sorts the places of those that it
// has from those that it does not. The others could not be looked up, and keep the results that say so.
func (w *delivery) look(ctx context.Context) (found, absent []int, err error) {
	var many, singles []int
	for i, r := range w.batch.Records {
		if w.batch.Identifier != externalID || strings.Contains(r.ID, ",") {
			singles = append(singles, i)
		} else {
			many = append(many, i)
		}
	}
	for len(many) > 0 && err == nil {
		n, size := 0, 0
		for n < len(many) && (n == 0 || size+len(w.batch.Records[many[n]].ID) <= maxQuery) {
			size += len(w.batch.Records[many[n]].ID)
			n++
		}
		err = w.part(ctx, many[:n], false, w.lookMany().Write)
		many = many[n:]
	}
	if err == nil {
		err = w.part(ctx, singles, false, w.lookOne().Write)
	}
	for i, r := range w.results {
		switch {
		case r.Status == destinations.Accepted && r.RemoteID != "":
			found = append(found, i)
			w.results[i] = destinations.Result{Status: destinations.Deferred, RemoteID: r.RemoteID, Code: codeNotSent, Reason: "found, and not sent"}
		case r.Code == codeAbsent:
			absent = append(absent, i)
			w.results[i] = w.absent(r)
		case r.Status == destinations.Unknown || r.Doubt:
			w.results[i].Status, w.results[i].Doubt = destinations.Deferred, false // nothing but a question was lost
		}
	}
	return found, absent, err
}

// absent is the result of a record that is not there, for as long as nothing makes it.
func (w *delivery) absent(r destinations.Result) destinations.Result {
	switch w.batch.Op {
	case destinations.Upsert:
		return notSent()
	case destinations.Update:
		return r
	default:
		return destinations.Result{Status: destinations.Accepted}
	}
}

// lookMany asks for all records of a batch by their external ids.
func (w *delivery) lookMany() httpapi.Bulk {
	return httpapi.Bulk{
		Request: func(b destinations.Batch) (httpapi.Request, error) {
			ids := make([]string, len(b.Records))
			for i, r := range b.Records {
				ids[i] = r.ID
			}
			return httpapi.Request{
				Method: http.MethodGet, Path: "/api/v2/" + w.kind.name + "/show_many", Query: url.Values{"external_ids": {strings.Join(ids, ",")}},
			}, nil
		},
		Decode: func(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
			results := make([]destinations.Result, len(b.Records))
			for i, r := range b.Records {
				var err error
				if results[i], err = w.find(b, r, a); err != nil {
					return nil, err
				}
			}
			return results, nil
		},
	}
}

// lookOne asks for one record, by its e-mail address, or by an external id that has no place in a list.
func (w *delivery) lookOne() httpapi.Each {
	return httpapi.Each{Decode: w.find, Request: func(b destinations.Batch, r destinations.Record) (httpapi.Request, error) {
		query := url.Values{externalID: {r.ID}}
		if b.Identifier == email {
			query = url.Values{"query": {`email:"` + strings.ReplaceAll(r.ID, `"`, "") + `"`}}
		}
		return httpapi.Request{Method: http.MethodGet, Path: "/api/v2/" + w.kind.name + "/search", Query: query}, nil
	}}
}

// find finds r in an answer.
func (w *delivery) find(b destinations.Batch, r destinations.Record, a httpapi.Answer) (destinations.Result, error) {
	var reply map[string]json.RawMessage
	var list []struct {
		ID         json.Number `json:"id"`
		ExternalID string      `json:"external_id"`
		Email      string      `json:"email"`
		Active     *bool       `json:"active"` // false of a user that was deleted
	}
	err := json.Unmarshal(a.Body, &reply)
	if err == nil {
		err = json.Unmarshal(reply[w.kind.name], &list)
	}
	if err != nil {
		return destinations.Result{}, fmt.Errorf("the answer of Zendesk to a search is not what was expected: %w", err)
	}
	for _, one := range list {
		own := one.ExternalID
		if b.Identifier == email {
			own = one.Email
		}
		if strings.EqualFold(own, r.ID) && (one.Active == nil || *one.Active) && one.ID != "" {
			return destinations.Result{Status: destinations.Accepted, RemoteID: one.ID.String()}, nil
		}
	}
	return destinations.Result{Status: destinations.Rejected, Code: codeAbsent, Reason: "Zendesk has no such record"}, nil
}
