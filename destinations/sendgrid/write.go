package sendgrid

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// job is the delivery of one batch.
type job struct {
	*destination
	list  string            // whose members are delivered, or empty
	ids   map[string]string // of the custom fields
	items map[string][]byte // the contacts as a request has them, by the record's key
}

// Write delivers b in as few requests as its bytes allow, and waits for what becomes of them.
func (d *destination) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	j := &job{destination: d, items: map[string][]byte{}}
	var err error
	if j.list, err = listID(b.Object); err == nil && (b.Op == destinations.Upsert || b.Op == destinations.Update) {
		j.ids, err = d.customIDs(ctx, b)
	}
	if err != nil {
		return same(b, notSent), err
	}
	results, err := j.deliver(ctx, b)
	if err == nil {
		err = ctx.Err()
	}
	return results, err
}

func (j *job) deliver(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	switch b.Op {
	case destinations.Update:
		return j.found(ctx, b, j.put)
	case destinations.Archive:
		return j.found(ctx, b, j.unlist)
	case destinations.Delete:
		return j.found(ctx, b, j.remove)
	default:
		return j.put(ctx, b)
	}
}

var notSent = destinations.Result{Status: destinations.Deferred, Code: "not_sent", Reason: "not sent, as the batch was stopped before"}

// same gives every record of b the same result.
func same(b destinations.Batch, r destinations.Result) []destinations.Result {
	return slices.Repeat([]destinations.Result{r}, len(b.Records))
}

// put makes and changes contacts. A record that is too large for any request stays here.
func (j *job) put(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	results := same(b, notSent)
	opening, err := j.opening()
	if err != nil {
		return results, err
	}
	limit := maxRequest - len(opening) - len(closing)
	var at []int
	size := 0
	send := func() error {
		got, err := j.some(ctx, b, at, j.imports(ctx, opening).Write)
		for n, r := range got {
			results[at[n]] = r
		}
		at, size = nil, 0
		return err
	}
	for i, r := range b.Records {
		item, err := j.contact(b, r)
		if err != nil || len(item) > limit {
			results[i] = unfit(item, err)
			continue
		}
		if size+len(item)+1 > limit {
			if err := send(); err != nil {
				return results, err
			}
		}
		j.items[r.Key] = item
		at, size = append(at, i), size+len(item)+1
	}
	return results, send()
}

type writing = func(context.Context, *httpapi.Client, destinations.Batch) ([]destinations.Result, error)

// some delivers the records of b at those places by write.
func (j *job) some(ctx context.Context, b destinations.Batch, at []int, write writing) ([]destinations.Result, error) {
	if len(at) == 0 {
		return nil, nil
	}
	part := b
	part.Records = make([]destinations.Record, len(at))
	for n, i := range at {
		part.Records[n] = b.Records[i]
	}
	return write(ctx, j.client, part)
}

// unfit is the result of a record that no request can hold.
func unfit(item []byte, err error) destinations.Result {
	if err != nil {
		return destinations.Result{Status: destinations.Rejected, Code: "invalid", Reason: err.Error()}
	}
	return destinations.Result{
		Status: destinations.Rejected, Code: "too_large", Reason: fmt.Sprintf("the record takes %d bytes, and SendGrid takes %d", len(item), maxRequest),
	}
}

const closing = `]}`

// opening is what stands before the contacts of a request.
func (j *job) opening() ([]byte, error) {
	if j.list == "" {
		return []byte(`{"contacts":[`), nil
	}
	lists, err := httpapi.Encode([]string{j.list})
	return fmt.Appendf(nil, `{"list_ids":%s,"contacts":[`, lists), err
}

// imports is the request that begins an import, and what becomes of it.
func (j *job) imports(ctx context.Context, opening []byte) httpapi.Bulk {
	var u httpapi.Bulk
	u = httpapi.Bulk{
		Request: func(b destinations.Batch) (httpapi.Request, error) {
			list := make([][]byte, len(b.Records))
			for i, r := range b.Records {
				list[i] = j.items[r.Key]
			}
			body := append(slices.Clip(opening), bytes.Join(list, []byte{','})...)
			return httpapi.Request{Method: http.MethodPut, Path: "/v3/marketing/contacts", Body: append(body, closing...)}, nil
		},
		Decode: func(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
			return j.settle(ctx, b, a, u.Write)
		},
	}
	return u
}

// contact is r as a request has it, with its custom fields by their ids. What is null is left out, as SendGrid has no way
// to clear a field.
func (j *job) contact(b destinations.Batch, r destinations.Record) ([]byte, error) {
	flat := destinations.Fields{{Name: b.Identifier, Value: r.ID}}
	var customs destinations.Fields
	for _, f := range r.Fields {
		if f.Value == nil || f.Name == b.Identifier {
			continue
		}
		if t, ok := f.Value.(time.Time); ok {
			f.Value = t.UTC().Format(time.RFC3339)
		}
		if name, ok := strings.CutPrefix(f.Name, customDot); ok {
			customs = append(customs, destinations.FieldValue{Name: j.ids[strings.ToLower(name)], Value: f.Value})
			continue
		}
		flat = append(flat, f)
	}
	if len(customs) > 0 {
		text, err := customs.AppendJSON(nil)
		if err != nil {
			return nil, err
		}
		flat = append(flat, destinations.FieldValue{Name: strings.TrimSuffix(customDot, "."), Value: json.RawMessage(text)})
	}
	return flat.AppendJSON(nil)
}
