// Package http delivers records to any service of the user's own that takes JSON over HTTP.
package http

import (
	"context"
	"errors"
	"fmt"
	nethttp "net/http"
	"sync/atomic"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const headerIdempotency = "Idempotency-Key"

// Definition describes this kind of destination.
func Definition() destinations.Definition {
	return destinations.Define(destinations.Definition{
		Name:  "http",
		Title: "HTTP",
		Docs:  "destinations/http.md",
	}, open)
}

type destination struct {
	config  Config
	address address
	client  *httpapi.Client

	recordSize atomic.Int64 // bytes of a record in the latest request
}

func open(_ context.Context, c Config, env destinations.Env) (destinations.Destination, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("destination %s: %w", env.Name, err)
	}
	address, err := parseAddress(c.URL)
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", env.Name, err)
	}
	client, err := httpapi.New(httpapi.API{
		BaseURL:     address.base,
		Auth:        c.auth(),
		Limits:      []destinations.Rate{c.Rate},
		Concurrency: c.Concurrency,
		Timeout:     c.Timeout,
		Transport:   env.Transport,
		Log:         env.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("destination %s: url: %w", env.Name, err)
	}
	return &destination{config: c, address: address, client: client}, nil
}

// Check sends one HEAD request to the address without the parts that stand for a batch. A service that takes only
// POST may answer it as it likes; refused credentials and failures of the service are what Check is after.
func (d *destination) Check(ctx context.Context) error {
	_, err := d.client.Do(ctx, httpapi.Request{
		Method: nethttp.MethodHead, Path: d.address.bare(), Query: d.address.query,
	})
	var problem *httpapi.Problem
	if errors.As(err, &problem) && problem.Status != 0 && problem.Status < 500 && problem.Class != httpapi.Denied {
		return nil
	}
	return err
}

// Objects returns one object that stands for every name.
func (d *destination) Objects(context.Context) ([]destinations.Object, error) {
	object := destinations.Object{
		Name:  "*",
		Label: "Any object",
		Operations: []destinations.Op{
			destinations.Upsert, destinations.Update, destinations.Insert,
			destinations.Clear, destinations.Archive, destinations.Delete,
		},
		Identifiers: []string{"*"},
		MaxBatch:    d.config.MaxBatch,
		Rate:        d.config.Rate.PerSecond(),
		Concurrency: d.config.Concurrency,
		JSON:        true,
		AnyField:    true,
		Nulls:       true,
		Clears:      true,
	}
	if d.config.Format == formatSingle {
		object.MaxBatch = 1
	}
	return []destinations.Object{object}, nil
}

// Fields returns no field, as every object has all of them.
func (d *destination) Fields(context.Context, string) ([]destinations.Field, error) { return nil, nil }

// Write posts the records. Every request carries an Idempotency-Key, so each of them may be sent again after its
// answer was lost.
func (d *destination) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	if d.config.Format == formatSingle {
		return d.single().Write(ctx, d.client, b)
	}
	return d.batch().Write(ctx, d.client, b)
}

func (d *destination) Close() error { return d.client.Close() }

func (d *destination) batch() httpapi.Bulk {
	return httpapi.Bulk{
		Request: func(b destinations.Batch) (httpapi.Request, error) {
			body, err := appendBatch(make([]byte, 0, d.room(len(b.Records))), b)
			if err != nil {
				return httpapi.Request{}, err
			}
			return d.request(b, b.Records, body), nil
		},
		Decode: func(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
			return decode(b.Records, a.Body)
		},
	}
}

func (d *destination) single() httpapi.Each {
	return httpapi.Each{
		Request: func(b destinations.Batch, r destinations.Record) (httpapi.Request, error) {
			body, err := appendSingle(make([]byte, 0, d.room(1)), b, r)
			if err != nil {
				return httpapi.Request{}, err
			}
			return d.request(b, []destinations.Record{r}, body), nil
		},
		Decode: func(_ destinations.Batch, r destinations.Record, a httpapi.Answer) (destinations.Result, error) {
			results, err := decode([]destinations.Record{r}, a.Body)
			if err != nil {
				return destinations.Result{}, err
			}
			return results[0], nil
		},
	}
}

func (d *destination) request(b destinations.Batch, records []destinations.Record, body []byte) httpapi.Request {
	if n := int64(len(records)); n > 0 {
		d.recordSize.Store(int64(len(body)) / n)
	}
	return httpapi.Request{
		Path:   d.address.pathFor(b),
		Query:  d.address.query,
		Header: nethttp.Header{headerIdempotency: {httpapi.IdempotencyKey(b, records)}},
		Body:   body,
	}
}

// room is about how many bytes the body of so many records takes, going by the records before them.
func (d *destination) room(records int) int {
	size := int(d.recordSize.Load())
	return 128 + records*(size+size/8)
}
