package hubspot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// input is one record of a batch request. HubSpot gives the trace id back with what became of the record; its
// answers come in an order of their own.
type input struct {
	ID           string            `json:"id,omitempty"`
	IDProperty   string            `json:"idProperty,omitempty"`
	TraceID      string            `json:"objectWriteTraceId,omitempty"`
	Properties   map[string]string `json:"properties,omitempty"`
	Associations *[]struct{}       `json:"associations,omitempty"`
}

// trace is the trace id of the i-th record of a request.
func trace(i int) string { return strconv.Itoa(i) }

func upsertInput(b destinations.Batch, i int) input {
	r := b.Records[i]
	return input{ID: r.ID, IDProperty: b.Identifier, TraceID: trace(i), Properties: properties(b, r)}
}

func createInput(b destinations.Batch, i int) input {
	return input{TraceID: trace(i), Properties: properties(b, b.Records[i]), Associations: &[]struct{}{}}
}

// updateInput is given records whose ID is HubSpot's own.
func updateInput(b destinations.Batch, i int) input {
	in := idInput(b, i)
	b.Identifier = ""
	in.TraceID, in.Properties = trace(i), properties(b, b.Records[i])
	return in
}

func idInput(b destinations.Batch, i int) input { return input{ID: b.Records[i].ID} }

// properties are the fields of r and its identifier.
func properties(b destinations.Batch, r destinations.Record) map[string]string {
	p := make(map[string]string, len(r.Fields)+1)
	if b.Identifier != "" {
		p[b.Identifier] = r.ID
	}
	for _, f := range r.Fields {
		p[f.Name] = text(f.Value)
	}
	delete(p, recordID) // it is HubSpot's to give
	return p
}

type decoder func(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error)

func (d *destination) path(object, what string) string {
	return "/crm/objects/" + d.version + "/" + url.PathEscape(object) + "/" + what
}

// bulk delivers a batch by the batch request of that name.
func (d *destination) bulk(name string, one func(destinations.Batch, int) input, decode decoder) httpapi.Bulk {
	return httpapi.Bulk{
		Request: func(b destinations.Batch) (httpapi.Request, error) {
			inputs := make([]input, len(b.Records))
			for i := range inputs {
				inputs[i] = one(b, i)
			}
			body, err := httpapi.Encode(map[string]any{"inputs": inputs})
			return httpapi.Request{Path: d.path(b.Object, "batch/"+name), Body: body}, err
		},
		Decode: decode,
	}
}

// once marks what must not be sent again after its answer was lost, as HubSpot would make the records twice.
func (d *destination) once(u httpapi.Bulk) httpapi.Bulk {
	build := u.Request
	u.Request = func(b destinations.Batch) (httpapi.Request, error) {
		r, err := build(b)
		r.Once = true
		return r, err
	}
	return u
}

// purge deletes for good, one contact in a request. It is given HubSpot's own ids: an unknown e-mail address would
// be barred from the account instead.
func (d *destination) purge() httpapi.Each {
	return httpapi.Each{Request: func(b destinations.Batch, r destinations.Record) (httpapi.Request, error) {
		body, err := httpapi.Encode(map[string]string{"objectId": r.ID})
		return httpapi.Request{Path: d.path(b.Object, "gdpr-delete"), Body: body, Fine: []int{http.StatusNotFound}}, err
	}}
}

// answer is what HubSpot says of a batch, with 200, 201 or 207 alike: errors may stand in any of them.
type answer struct {
	Status  string            `json:"status"`
	Results []json.RawMessage `json:"results"`
	Errors  []json.RawMessage `json:"errors"`
}

type written struct {
	ID      string `json:"id"`
	TraceID string `json:"objectWriteTraceId"`
}

// decodeWritten finds the result of each record by its trace id. A record that is not named stays unknown.
func decodeWritten(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
	at := make(map[string]int, len(b.Records))
	for i := range b.Records {
		at[trace(i)] = i
	}
	return outcomes(len(b.Records), a, func(w written) (int, bool) {
		i, ok := at[w.TraceID]
		return i, ok
	})
}

// decodeUpdated also knows the records by HubSpot's own ids, which b holds.
func decodeUpdated(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
	at := make(map[string]int, 2*len(b.Records))
	for i, r := range b.Records {
		at["trace "+trace(i)], at["id "+r.ID] = i, i
	}
	return outcomes(len(b.Records), a, func(w written) (int, bool) {
		i, ok := at["trace "+w.TraceID]
		if !ok {
			i, ok = at["id "+w.ID]
		}
		return i, ok
	})
}

// decodeArchived accepts the empty answer that HubSpot gives when it archived all.
func decodeArchived(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
	if a.Status != http.StatusNoContent && len(a.Body) > 0 {
		return decodeUpdated(b, a)
	}
	results := make([]destinations.Result, len(b.Records))
	for i, r := range b.Records {
		results[i] = destinations.Result{Status: destinations.Accepted, RemoteID: r.ID}
	}
	return results, nil
}

// outcomes reads the answer to a batch of n records, of which find knows the places.
func outcomes(n int, a httpapi.Answer, find func(written) (int, bool)) ([]destinations.Result, error) {
	var reply answer
	if err := json.Unmarshal(a.Body, &reply); err != nil {
		return nil, fmt.Errorf("HubSpot's answer is not the JSON that was expected: %w", err)
	}
	results := make([]destinations.Result, n)
	for _, raw := range reply.Results {
		var w written
		if json.Unmarshal(raw, &w) != nil {
			continue // it is of no record of ours
		}
		if i, ok := find(w); ok {
			results[i] = destinations.Result{Status: destinations.Accepted, RemoteID: w.ID}
		}
	}
	silence := reply.silence()
	for _, raw := range reply.Errors {
		var f failure
		if json.Unmarshal(raw, &f) != nil {
			continue
		}
		mine := 0
		for _, w := range f.names() {
			if i, ok := find(w); ok {
				results[i] = f.result()
				mine++
			}
		}
		if mine == 0 && f.Message != "" {
			silence.Code, silence.Reason = f.code(), f.reason()
		}
	}
	for i := range results {
		if results[i].Code == "" && results[i].Status == destinations.Unknown {
			results[i] = silence
		}
	}
	return results, nil
}

// silence is the result of a record that the answer does not name.
func (a answer) silence() destinations.Result {
	reason := "HubSpot's answer does not name this record"
	if a.Status != "" && a.Status != "COMPLETE" {
		reason += "; the batch is " + strings.ToLower(a.Status)
	}
	return destinations.Result{Code: "no_result", Reason: reason}
}

// found finds the records of b, and hands those that are there to write, with HubSpot's own ids for theirs. One that
// is not there cannot be updated, and needs no removal.
func (d *destination) found(
	ctx context.Context, b destinations.Batch,
	write func(context.Context, *httpapi.Client, destinations.Batch) ([]destinations.Result, error),
) ([]destinations.Result, error) {
	results, err := d.look(ctx, b)
	there := b
	there.Records = nil
	var at []int
	for i, r := range results {
		switch {
		case r.Status == destinations.Accepted:
			record := b.Records[i]
			record.ID = r.RemoteID
			there.Records, at = append(there.Records, record), append(at, i)
			results[i] = destinations.Result{Status: destinations.Deferred, Code: "not_sent", Reason: "found, but not sent"}
		case r.Code == codeAbsent && b.Op != destinations.Update:
			results[i] = destinations.Result{Status: destinations.Accepted}
		}
	}
	if err != nil || len(at) == 0 {
		return results, err
	}
	wrote, err := write(ctx, d.client, there)
	for n, r := range wrote {
		if r.RemoteID == "" {
			r.RemoteID = there.Records[n].ID
		}
		results[at[n]] = r
	}
	return results, err
}
