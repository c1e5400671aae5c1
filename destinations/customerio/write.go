package customerio

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Write delivers b in as few requests as its bytes allow. A record that is too large for any request stays here.
func (d *destination) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	results := make([]destinations.Result, len(b.Records))
	for i := range results {
		results[i] = destinations.Result{Status: destinations.Deferred, Code: "not_sent", Reason: "not sent, as the batch was stopped before"}
	}
	if _, err := d.Fields(ctx, b.Object); err != nil {
		return results, err
	}
	items := map[string][]byte{} // by the record's key
	next := b
	next.Records = nil
	var at []int
	size := 0
	send := func() error {
		if len(at) == 0 {
			return nil
		}
		got, err := d.bulk(items).Write(ctx, d.client, next)
		for n, r := range got {
			results[at[n]] = r
		}
		next.Records, at, size = nil, nil, 0
		return err
	}
	for i, r := range b.Records {
		item, err := d.item(b, r)
		if err != nil || len(item) > maxItem {
			results[i] = unfit(item, err)
			continue
		}
		if size += len(item) + 1; size >= maxRequest-len(opening)-len(closing) {
			if err := send(); err != nil {
				return results, err
			}
			size = len(item) + 1
		}
		items[r.Key] = item
		next.Records, at = append(next.Records, r), append(at, i)
	}
	return results, send()
}

// unfit is the result of a record that no request can hold.
func unfit(item []byte, err error) destinations.Result {
	if err != nil {
		return destinations.Result{Status: destinations.Rejected, Code: "invalid", Reason: err.Error()}
	}
	return destinations.Result{
		Status: destinations.Rejected, Code: "too_large",
		Reason: fmt.Sprintf("the record takes %d bytes, and Customer.io takes %d", len(item), maxItem),
	}
}

const opening, closing = `{"batch":[`, `]}`

func (d *destination) bulk(items map[string][]byte) httpapi.Bulk {
	return httpapi.Bulk{
		Request: func(b destinations.Batch) (httpapi.Request, error) {
			list := make([][]byte, len(b.Records))
			for i, r := range b.Records {
				list[i] = items[r.Key]
			}
			body := append([]byte(opening), bytes.Join(list, []byte{','})...)
			// That an event's id keeps it from being counted twice is nowhere promised.
			return httpapi.Request{Path: "/api/v2/batch", Body: append(body, closing...), Once: b.Object == events}, nil
		},
		Decode: decode,
	}
}

// fault is why an item, or a request, was refused.
type fault struct {
	Index   *int   `json:"batch_index"` // of the item, from 0; none in the answer to a request that was refused whole
	Reason  string `json:"reason"`      // a word such as "invalid"
	Field   string `json:"field"`
	Message string `json:"message"`
}

func (f fault) result() destinations.Result {
	r := destinations.Result{Status: destinations.Rejected, Code: f.Reason, Reason: f.Message}
	if r.Code == "" {
		r.Code = "rejected"
	}
	if r.Reason == "" {
		r.Reason = "Customer.io gave no reason"
	}
	if f.Field != "" {
		r.Reason = f.Field + ": " + r.Reason
	}
	return r
}

type answer struct {
	Errors []json.RawMessage `json:"errors"`
}

// decode rejects the records whose places the answer names, be it a 207 or a 200, and accepts the others. A fault of
// which the place cannot be told leaves them unknown.
func decode(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
	var reply answer
	if err := json.Unmarshal(a.Body, &reply); err != nil {
		return nil, fmt.Errorf("the answer of Customer.io is not the JSON that was expected: %w", err)
	}
	others := destinations.Result{Status: destinations.Accepted}
	refused := map[int]destinations.Result{}
	for _, raw := range reply.Errors {
		var f fault
		if json.Unmarshal(raw, &f) != nil || f.Index == nil || *f.Index < 0 || *f.Index >= len(b.Records) {
			others = destinations.Result{Code: "unplaced", Reason: "Customer.io refused a record of the batch, and did not say which: " + f.result().Reason}
			continue
		}
		refused[*f.Index] = f.result()
	}
	if a.Status == http.StatusMultiStatus && len(reply.Errors) == 0 {
		others = destinations.Result{Code: "unplaced", Reason: "Customer.io refused records of the batch, and did not say which"}
	}
	results := make([]destinations.Result, len(b.Records))
	for i := range results {
		results[i] = others
		if r, ok := refused[i]; ok {
			results[i] = r
		}
	}
	return results, nil
}

// problem reads Customer.io's own form of errors, of a request that was refused as a whole.
func problem(a httpapi.Answer, usual httpapi.Problem) httpapi.Problem {
	var reply struct {
		Errors []fault `json:"errors"`
		Meta   struct {
			Error string `json:"error"`
		} `json:"meta"`
	}
	if a.Status < 300 || json.Unmarshal(a.Body, &reply) != nil {
		return usual
	}
	if len(reply.Errors) > 0 {
		r := reply.Errors[0].result()
		usual.Code, usual.Reason = r.Code, r.Reason
	} else if reply.Meta.Error != "" {
		usual.Reason = reply.Meta.Error
	}
	if a.Status == http.StatusUnauthorized {
		usual.Hint = "check site_id, api_key and region: each region has accounts of its own"
	}
	return usual
}
