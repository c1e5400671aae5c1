// Package intercom delivers contacts, with their tags, and companies to Intercom, one record in a request.
//
// Intercom has no upsert for contacts. They are looked up many at a time, and changed or made one at a time; as its
// search lags behind, a contact that turns out to be there when it is made is changed after all. Companies are made or
// changed by their company_id in one request.
package intercom

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Config are the settings of an Intercom workspace.
type Config struct {
	Token      destinations.Secret `toml:"token" required:"true" help:"The access token of an app, with the permissions to read and write users and companies, to read their attributes, and to write tags where they are mapped."`
	Region     string              `toml:"region" default:"us" enum:"us,eu,au" help:"Where the workspace is hosted."`
	BaseURL    string              `toml:"base_url" help:"Where Intercom's API is reached, instead of the region's own address: a proxy or a stand-in."`
	APIVersion string              `toml:"api_version" default:"2.16" help:"The version of Intercom's API."`
	Rate       destinations.Rate   `toml:"rate" default:"1600/10s" help:"How many requests are sent at most. Intercom allows an app 10,000 a minute, in slices of ten seconds; older workspaces less."`
	Timeout    time.Duration       `toml:"timeout" default:"60s" help:"How long one request may take."`
}

// Definition describes Intercom as a destination.
func Definition() destinations.Definition {
	return destinations.Define(destinations.Definition{
		Name:    "intercom",
		Title:   "Intercom",
		Docs:    "destinations/intercom.md",
		Objects: objects(destinations.Rate{}),
	}, open)
}

const (
	contacts  = "contacts"
	companies = "companies"

	maxBatch    = 50 // contacts of a search; its answer holds 150 at most
	connections = 10
)

var addresses = map[string]string{
	"us": "https://api.intercom.io", "eu": "https://api.eu.intercom.io", "au": "https://api.au.intercom.io",
}

func objects(r destinations.Rate) []destinations.Object {
	object := func(name, label string, identifiers []string, operations ...destinations.Op) destinations.Object {
		return destinations.Object{
			Name: name, Label: label, Identifiers: identifiers, Operations: operations, MaxBatch: maxBatch, Rate: r.PerSecond(),
			Concurrency: 2, Irreversible: []destinations.Op{destinations.Delete},
		}
	}
	people := object(contacts, "Contacts", []string{"external_id", "email"}, destinations.Upsert, destinations.Update,
		destinations.Insert, destinations.Clear, destinations.Archive, destinations.Delete)
	people.FoldIdentifier = true // e-mail addresses are, and external ids hardly ever differ by case alone
	people.Clears = true         // by null, as Intercom's document has it for contacts and not for companies
	return []destinations.Object{
		people,
		object(companies, "Companies", []string{companyID}, destinations.Upsert, destinations.Update, destinations.Delete),
	}
}

type destination struct {
	destinations.Reached

	config Config
	client *httpapi.Client
	log    *slog.Logger

	fields httpapi.Known[[]destinations.Field] // of an object

	mu   sync.Mutex
	tags map[string]string // Intercom's ids by the name in lower case
}

func open(_ context.Context, c Config, env destinations.Env) (destinations.Destination, error) {
	switch {
	case c.Token == nil:
		return nil, fmt.Errorf("destination %s: token is missing", env.Name)
	case addresses[c.Region] == "":
		return nil, fmt.Errorf("destination %s: region is %q; it takes us, eu or au", env.Name, c.Region)
	}
	if c.BaseURL == "" {
		c.BaseURL = addresses[c.Region]
	}
	d := &destination{config: c, log: env.Log, tags: map[string]string{}}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	var err error
	d.client, err = httpapi.New(httpapi.API{
		BaseURL: c.BaseURL, Auth: httpapi.Bearer(c.Token), Headers: map[string]string{"Intercom-Version": c.APIVersion},
		Limits: []destinations.Rate{c.Rate}, Concurrency: connections, Timeout: c.Timeout,
		Problem: problem, Transport: env.Transport, Log: env.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("destination %s: base_url: %w", env.Name, err)
	}
	return d, nil
}

// Check asks whose token it is, and reads a contact, which shows that it may.
func (d *destination) Check(ctx context.Context) error {
	var me struct {
		App struct {
			ID     string `json:"id_code"`
			Name   string `json:"name"`
			Region string `json:"region"`
		} `json:"app"`
	}
	if err := d.client.Read(ctx, httpapi.Request{Path: "/me"}, &me); err != nil {
		return err
	}
	if me.App.ID == "" {
		return &destinations.Error{
			Kind: destinations.ErrConfig, Message: "what answers at this address is not Intercom's API", Hint: "check base_url",
		}
	}
	var list struct{}
	if err := d.client.Read(ctx, httpapi.Request{Path: "/contacts", Query: url.Values{"per_page": {"1"}}}, &list); err != nil {
		return fmt.Errorf("read a contact: %w", err)
	}
	d.Reach(strings.TrimPrefix(me.App.Name+", app "+me.App.ID, ", "))
	d.log.InfoContext(ctx, "reached Intercom",
		slog.String("workspace", me.App.ID), slog.String("name", me.App.Name), slog.String("region", me.App.Region))
	return nil
}

func (d *destination) Objects(context.Context) ([]destinations.Object, error) {
	return objects(d.config.Rate), nil
}

// Write delivers b, one record in a request. Contacts are looked up first, but where they are only inserted.
func (d *destination) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	j := newJob(d, b)
	switch b.Object {
	case contacts:
		return j.results, j.contacts(ctx)
	case companies:
		return j.results, j.companies(ctx)
	}
	return j.results, noObject(b.Object)
}

func noObject(name string) error {
	return &destinations.Error{
		Kind: destinations.ErrNoObject, Message: fmt.Sprintf("there is no object %q", name), Hint: "there are contacts and companies",
	}
}

func (d *destination) Close() error { return d.client.Close() }

// Fields lists the attributes of an object as the workspace has them, and those that Intercom does not list.
func (d *destination) Fields(ctx context.Context, object string) ([]destinations.Field, error) {
	model, ok := models[object]
	if !ok {
		return nil, noObject(object)
	}
	known, err := d.fields.Get(object, func() ([]destinations.Field, error) { return d.listFields(ctx, object, model) })
	return slices.Clone(known), err
}

func (d *destination) listFields(ctx context.Context, object string, m model) ([]destinations.Field, error) {
	var reply struct {
		Data []attribute `json:"data"`
	}
	r := httpapi.Request{Method: http.MethodGet, Path: "/data_attributes", Query: url.Values{"model": {m.name}}}
	if err := d.client.Read(ctx, r, &reply); err != nil {
		return nil, fmt.Errorf("list the attributes of %s: %w", object, err)
	}
	return m.describe(reply.Data), nil
}
