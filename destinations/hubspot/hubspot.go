// Package hubspot delivers contacts, companies, deals, tickets and custom objects to HubSpot's CRM, a hundred at a
// time, and associates them with each other.
//
// Contacts are found by their e-mail address, all objects by any property that HubSpot keeps unique and, where they
// are not made, by HubSpot's own id. An upsert by e-mail address is documented to take whole records only, so a mapping
// should name every property that matters. HubSpot has no idempotency key: an insert whose answer was lost may have
// happened.
package hubspot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Config are the settings of a HubSpot account.
type Config struct {
	Token        destinations.Secret `toml:"token" help:"A service key or the token of a private app, with the scopes crm.objects.contacts.read and .write, and the same of the other objects that are delivered. It or the three settings below are needed."`
	ClientID     string              `toml:"client_id" help:"The client id of an OAuth app, in the place of token."`
	ClientSecret destinations.Secret `toml:"client_secret" help:"The client secret of that app."`
	RefreshToken destinations.Secret `toml:"refresh_token" help:"The refresh token that the app was given for the account."`
	BaseURL      string              `toml:"base_url" default:"https://api.hubapi.com" help:"Where HubSpot's API is reached: a proxy or a stand-in may take its place."`
	APIVersion   string              `toml:"api_version" default:"2026-09" help:"The version of HubSpot's API, a year and a month."`
	Rate         destinations.Rate   `toml:"rate" default:"100/10s" help:"How many requests are sent at most. Free and Starter accounts allow 100/10s, OAuth apps 110/10s, Professional and Enterprise 190/10s, with the API add-on 250/10s."`
	Timeout      time.Duration       `toml:"timeout" default:"60s" help:"How long one request may take."`
}

// Definition describes HubSpot as a destination.
func Definition() destinations.Definition {
	return destinations.Define(destinations.Definition{
		Name:    "hubspot",
		Title:   "HubSpot",
		Docs:    "destinations/hubspot.md",
		Objects: describe(),
	}, open)
}

const (
	maxBatch    = 100 // inputs of a batch, as the guide to the object APIs says
	connections = 16  // at most; how many are in use follows from rate and latency
)

// kind is an object that records can be delivered to.
type kind struct {
	name, label string
	identifiers []string // that every account has
	fold        bool
	purge       bool // its records can be deleted for good
}

// kinds are the objects that every account has.
var kinds = []kind{
	{name: "contacts", label: "Contacts", identifiers: []string{email}, fold: true, purge: true},
	{name: "companies", label: "Companies"},
	{name: "deals", label: "Deals"},
	{name: "tickets", label: "Tickets"},
}

// object describes k, whose unique properties are identifiers.
func (k kind) object(r destinations.Rate, identifiers []string) destinations.Object {
	o := destinations.Object{
		Name: k.name, Label: k.label, Identifiers: identifiers, FoldIdentifier: k.fold,
		Operations: []destinations.Op{
			destinations.Upsert, destinations.Update, destinations.Insert, destinations.Clear, destinations.Archive,
		},
		MaxBatch: maxBatch, Rate: r.PerSecond(), Concurrency: connections, Clears: true,
	}
	if k.purge {
		o.Operations = append(o.Operations, destinations.Delete)
		o.Irreversible = []destinations.Op{destinations.Delete}
	}
	return o
}

// describe lists the objects that every account has, and one that stands for those of its own. Which properties are
// unique is not known yet.
func describe() []destinations.Object {
	var objects []destinations.Object
	for _, k := range append(slices.Clone(kinds), kind{name: "*", label: "A custom object"}) {
		objects = append(objects, k.object(destinations.Rate{}, append(slices.Clone(k.identifiers), "*")))
	}
	return objects
}

type destination struct {
	destinations.Reached

	client  *httpapi.Client
	version string
	pace    pace
	log     *slog.Logger

	schemas httpapi.Known[schema] // of an object
	customs httpapi.Known[[]kind] // that the account has made for itself
}

var dated = regexp.MustCompile(`^20\d\d-(0[1-9]|1[0-2])$`)

func open(_ context.Context, c Config, env destinations.Env) (destinations.Destination, error) {
	auth, err := c.auth(env)
	switch {
	case err != nil:
		return nil, fmt.Errorf("destination %s: %w", env.Name, err)
	case !dated.MatchString(c.APIVersion):
		return nil, fmt.Errorf("destination %s: api_version %q is no year and month such as 2026-09", env.Name, c.APIVersion)
	}
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &destination{version: c.APIVersion, pace: pace{rate: c.Rate}, log: log}
	d.client, err = httpapi.New(httpapi.API{
		BaseURL:     c.BaseURL,
		Auth:        auth,
		Limits:      []destinations.Rate{c.Rate},
		Concurrency: connections,
		Timeout:     c.Timeout,
		Problem:     d.problem,
		Transport:   env.Transport,
		Log:         env.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("destination %s: base_url: %w", env.Name, err)
	}
	return d, nil
}

// auth shows requests as the account's, by a token or by the access tokens of an OAuth app.
func (c Config) auth(env destinations.Env) (httpapi.Auth, error) {
	app := c.ClientID != "" && c.ClientSecret != nil && c.RefreshToken != nil
	switch {
	case c.Token != nil && (c.ClientID != "" || c.ClientSecret != nil || c.RefreshToken != nil):
		return httpapi.Auth{}, errors.New("token excludes client_id, client_secret and refresh_token: keep the one or the others")
	case c.Token != nil:
		return httpapi.Bearer(c.Token), nil
	case !app:
		return httpapi.Auth{}, errors.New("token is missing; an OAuth app needs client_id, client_secret and refresh_token instead")
	}
	return httpapi.OAuth(httpapi.Grant{
		TokenURL: strings.TrimRight(c.BaseURL, "/") + "/oauth/" + c.APIVersion + "/token",
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, RefreshToken: c.RefreshToken,
		File: env.Tokens, Transport: env.Transport,
	}), nil
}

func (d *destination) Close() error { return d.client.Close() }

// Write delivers b by one batch request, after another one that finds the records where HubSpot wants their ids.
func (d *destination) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	k, err := d.kind(ctx, b.Object)
	if err == nil && b.Op != destinations.Insert {
		err = d.identifies(ctx, k, b)
	}
	if err != nil {
		return notSent(b), err
	}
	plain, links := unlink(b)
	if len(links) == 0 || b.Op == destinations.Clear {
		return d.write(ctx, plain)
	}
	return d.linked(ctx, plain, links)
}

func (d *destination) write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	switch b.Op {
	case destinations.Upsert:
		return d.bulk("upsert", upsertInput, decodeWritten).Write(ctx, d.client, b)
	case destinations.Insert:
		return d.once(d.bulk("create", createInput, decodeWritten)).Write(ctx, d.client, b)
	case destinations.Clear:
		if b = withoutIdentifier(b); len(b.Records[0].Fields) == 0 {
			return all(b, destinations.Result{Status: destinations.Accepted}), nil
		}
		fallthrough
	case destinations.Update:
		return d.found(ctx, b, d.bulk("update", updateInput, decodeUpdated).Write)
	case destinations.Archive:
		return d.found(ctx, b, d.bulk("archive", idInput, decodeArchived).Write)
	case destinations.Delete:
		return d.found(ctx, b, d.purge().Write)
	}
	return notSent(b), &destinations.Error{Kind: destinations.ErrConfig, Message: fmt.Sprintf("%s cannot be given the operation %q", b.Object, b.Op)}
}

// withoutIdentifier leaves the identifier out of what is to be cleared: without it a record is found no more.
func withoutIdentifier(b destinations.Batch) destinations.Batch {
	b.Records = slices.Clone(b.Records)
	for i, r := range b.Records {
		b.Records[i].Fields = slices.DeleteFunc(slices.Clone(r.Fields), func(f destinations.FieldValue) bool {
			return f.Name == b.Identifier
		})
	}
	return b
}

// all gives every record of b the same result.
func all(b destinations.Batch, r destinations.Result) []destinations.Result {
	return slices.Repeat([]destinations.Result{r}, len(b.Records))
}

// notSent says of every record that it did not leave.
func notSent(b destinations.Batch) []destinations.Result {
	return all(b, destinations.Result{
		Status: destinations.Deferred, Code: "not_sent", Reason: "not sent, as its object or identifier could not be used",
	})
}
