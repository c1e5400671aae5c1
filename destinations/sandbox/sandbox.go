// Package sandbox is an embedded stand-in for a CRM: a server that keeps contacts, companies, deals and tickets as
// a real one would, with its refusals, partial failures and rate limit, a page that shows what arrived, and the
// destination that delivers to it.
//
// Contacts and companies are found whatever the case of their identifiers; deals and tickets are not. Null clears
// a field. An archived record is kept and comes back by an upsert; a deleted one is gone with its history. Removing
// or clearing what is not there is no fault. An insert that carries the token of an earlier one makes nothing new.
package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	neturl "net/url"
	"strconv"
	"sync"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Config are the settings of a sandbox as a destination.
type Config struct {
	URL  string            `toml:"url" help:"The address of a running spillway sandbox. Without it the sandbox runs inside the process and keeps its records in the state directory."`
	Rate destinations.Rate `toml:"rate" default:"50/s" help:"How many requests are sent, and how many a sandbox inside the process allows."`
}

// Definition describes the sandbox as a destination.
func Definition() destinations.Definition {
	return destinations.Define(destinations.Definition{
		Name:    "sandbox",
		Title:   "Sandbox CRM",
		Docs:    "destinations/sandbox.md",
		Objects: describe(destinations.Rate{}),
	}, open)
}

const (
	maxBytes    = 4 << 20 // of records in a request, well below what the server reads
	connections = 16      // at most; how many are in use follows from rate and latency
)

func describe(r destinations.Rate) []destinations.Object {
	described := make([]destinations.Object, len(objects))
	for i, o := range objects {
		described[i] = destinations.Object{
			Name: o.name, Label: o.label, Operations: operations,
			Identifiers: o.identifiers, FoldIdentifier: o.fold,
			MaxBatch: maxBatch, MaxBytes: maxBytes, Rate: r.PerSecond(), Concurrency: connections,
			Nulls: true, Clears: true, Irreversible: []destinations.Op{destinations.Delete},
		}
	}
	return described
}

type destination struct {
	client *httpapi.Client
	rate   destinations.Rate
	local  *local // nil for a sandbox that runs elsewhere
}

func open(_ context.Context, c Config, env destinations.Env) (destinations.Destination, error) {
	d := &destination{rate: c.Rate}
	api := httpapi.API{
		BaseURL:     c.URL,
		Limits:      []destinations.Rate{c.Rate},
		Concurrency: connections,
		Problem:     problem,
		Transport:   env.Transport,
		Log:         env.Log,
	}
	if c.URL == "" {
		d.local = &local{open: sync.OnceValues(func() (*Server, error) { //nolint:contextcheck // it outlives ctx
			return NewServer(Options{Dir: env.State, Rate: c.Rate, Log: env.Log})
		})}
		api.BaseURL, api.Transport = "http://localhost", d.local
	}
	var err error
	if d.client, err = httpapi.New(api); err != nil {
		return nil, fmt.Errorf("destination %s: url: %w", env.Name, err)
	}
	return d, nil
}

func (d *destination) Check(ctx context.Context) error {
	var account accountReply
	if err := d.client.Read(ctx, httpapi.Request{Path: "/api/v1/account"}, &account); err != nil {
		return err
	}
	if account.Name != accountName {
		return &destinations.Error{
			Kind: destinations.ErrConfig, Message: "what answers at this address is no Spillway sandbox",
			Hint: "set url to the address that spillway sandbox prints",
		}
	}
	return nil
}

func (d *destination) Objects(context.Context) ([]destinations.Object, error) {
	return describe(d.rate), nil
}

// Fields asks a sandbox that runs elsewhere, as it may be of another version.
func (d *destination) Fields(ctx context.Context, name string) ([]destinations.Field, error) {
	o, known := findObject(name)
	if d.local != nil {
		if !known {
			return nil, unknownObject(name)
		}
		fields := make([]destinations.Field, len(o.fields))
		for i, f := range o.fields {
			fields[i] = f.Field
		}
		return fields, nil
	}
	var reply fieldsReply
	err := d.client.Read(ctx, httpapi.Request{Path: path(name, "fields")}, &reply)
	if p, ok := errors.AsType[*httpapi.Problem](err); ok && p.Code == codeNoObject {
		return nil, unknownObject(name)
	}
	if err != nil {
		return nil, fmt.Errorf("list the fields of %s: %w", name, err)
	}
	fields := make([]destinations.Field, len(reply.Fields))
	for i, f := range reply.Fields {
		fields[i] = destinations.Field{
			Name: f.Name, Label: f.Label, Type: destinations.FieldType(f.Type), Required: f.Required, Enum: f.Options,
		}
	}
	return fields, nil
}

func unknownObject(name string) error {
	return &destinations.Error{
		Kind: destinations.ErrNoObject, Message: fmt.Sprintf("the sandbox has no object %q", name),
		Hint: "it has contacts, companies, deals and tickets",
	}
}

func (d *destination) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	return httpapi.Bulk{Request: request, Decode: decode}.Write(ctx, d.client, b)
}

func (d *destination) Close() error {
	err := d.client.Close()
	if d.local != nil {
		err = errors.Join(err, d.local.close())
	}
	return err
}

func path(object, what string) string {
	return "/api/v1/objects/" + neturl.PathEscape(object) + "/" + what
}

func request(b destinations.Batch) (httpapi.Request, error) {
	body := batchRequest{Operation: string(b.Op), Identifier: b.Identifier, Source: b.Sync}
	for i, r := range b.Records {
		record := batchRecord{Ref: strconv.Itoa(i), ID: r.ID}
		var err error
		if len(r.Fields) > 0 {
			if record.Fields, err = httpapi.Encode(r.Fields); err != nil {
				return httpapi.Request{}, fmt.Errorf("record %s: %w", r.Key, err)
			}
		}
		if b.Op == destinations.Insert {
			record.Token = httpapi.IdempotencyKey(b, b.Records[i:i+1])
		}
		body.Records = append(body.Records, record)
	}
	data, err := httpapi.Encode(body)
	return httpapi.Request{Path: path(b.Object, "batch"), Body: data}, err
}

// decode finds the result of each record by its ref. A record that the answer does not name stays unknown.
func decode(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
	var reply struct {
		Results []json.RawMessage `json:"results"`
	}
	if err := json.Unmarshal(a.Body, &reply); err != nil {
		return nil, fmt.Errorf("the sandbox's answer is not the JSON that was expected: %w", err)
	}
	results := make([]destinations.Result, len(b.Records))
	for i := range results {
		results[i] = destinations.Result{Code: "no_result", Reason: "the sandbox's answer does not name this record"}
	}
	for _, raw := range reply.Results {
		var r batchResult
		if json.Unmarshal(raw, &r) != nil {
			continue // it is of no record of ours
		}
		i, err := strconv.Atoi(r.Ref)
		if err != nil || i < 0 || i >= len(results) {
			continue
		}
		switch r.Status {
		case statusOK:
			results[i] = destinations.Result{Status: destinations.Accepted, RemoteID: r.RecordID}
		case statusError:
			results[i] = destinations.Result{Status: destinations.Rejected, RemoteID: r.RecordID, Code: r.Code, Reason: r.Message}
		}
	}
	return results, nil
}

// problem reads the sandbox's own form of errors.
func problem(a httpapi.Answer, usual httpapi.Problem) httpapi.Problem {
	var reply errorReply
	if json.Unmarshal(a.Body, &reply) == nil && reply.Error.Code != "" {
		usual.Code, usual.Reason = reply.Error.Code, reply.Error.Message
	}
	if a.Status == http.StatusMisdirectedRequest {
		usual.Hint = "reach the sandbox by a loopback name, or allow this host name when starting it"
	}
	return usual
}
