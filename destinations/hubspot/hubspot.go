// Package hubspot delivers contacts and companies to HubSpot's CRM, a hundred at a time.
//
// Contacts are found by their e-mail address or by any property that HubSpot keeps unique, companies by such a
// property alone. An upsert by e-mail address is documented to take whole records only, so a mapping should name
// every property that matters. HubSpot has no idempotency key: an insert whose answer was lost may have happened.
package hubspot

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"sync"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Config are the settings of a HubSpot account.
type Config struct {
	Token      destinations.Secret `toml:"token" required:"true" help:"A service key or the token of a private app, with the scopes crm.objects.contacts.read and .write, and the same of companies where they are delivered."`
	BaseURL    string              `toml:"base_url" default:"https://api.hubapi.com" help:"Where HubSpot's API is reached: a proxy or a stand-in may take its place."`
	APIVersion string              `toml:"api_version" default:"2026-09" help:"The version of HubSpot's API, a year and a month."`
	Rate       destinations.Rate   `toml:"rate" default:"100/10s" help:"How many requests are sent at most. Free and Starter accounts allow 100/10s, Professional and Enterprise 190/10s."`
	Timeout    time.Duration       `toml:"timeout" default:"60s" help:"How long one request may take."`
}

// Definition describes HubSpot as a destination.
func Definition() destinations.Definition {
	return destinations.Define(destinations.Definition{
		Name:    "hubspot",
		Title:   "HubSpot",
		Docs:    "destinations/hubspot.md",
		Objects: describe(destinations.Rate{}, nil),
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
	operations  []destinations.Op
	lasting     []destinations.Op // that HubSpot cannot undo
}

var kinds = []kind{
	{
		name: "contacts", label: "Contacts", identifiers: []string{"email"}, fold: true,
		operations: []destinations.Op{
			destinations.Upsert, destinations.Update, destinations.Insert,
			destinations.Clear, destinations.Archive, destinations.Delete,
		},
		lasting: []destinations.Op{destinations.Delete},
	},
	{
		name: "companies", label: "Companies",
		operations: []destinations.Op{
			destinations.Upsert, destinations.Update, destinations.Insert, destinations.Clear, destinations.Archive,
		},
	},
}

// describe lists the objects. Where the unique properties of one are not known yet, any field may identify it.
func describe(r destinations.Rate, unique map[string][]string) []destinations.Object {
	objects := make([]destinations.Object, len(kinds))
	for i, k := range kinds {
		identifiers, known := unique[k.name]
		if !known {
			identifiers = append(slices.Clone(k.identifiers), "*")
		}
		objects[i] = destinations.Object{
			Name: k.name, Label: k.label, Operations: k.operations,
			Identifiers: identifiers, FoldIdentifier: k.fold,
			MaxBatch: maxBatch, Rate: r.PerSecond(), Concurrency: connections,
			Clears: true, Irreversible: k.lasting,
		}
	}
	return objects
}

type destination struct {
	client  *httpapi.Client
	version string
	pace    pace
	log     *slog.Logger

	mu      sync.Mutex
	schemas map[string]schema // by the object's name
}

var dated = regexp.MustCompile(`^20\d\d-(0[1-9]|1[0-2])$`)

func open(_ context.Context, c Config, env destinations.Env) (destinations.Destination, error) {
	switch {
	case c.Token == nil:
		return nil, fmt.Errorf("destination %s: token is missing", env.Name)
	case !dated.MatchString(c.APIVersion):
		return nil, fmt.Errorf("destination %s: api_version %q is no year and month such as 2026-09", env.Name, c.APIVersion)
	}
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &destination{version: c.APIVersion, pace: pace{rate: c.Rate}, log: log, schemas: map[string]schema{}}
	var err error
	d.client, err = httpapi.New(httpapi.API{
		BaseURL:     c.BaseURL,
		Auth:        httpapi.Bearer(c.Token),
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

// Check asks whose account the token belongs to, and logs it.
func (d *destination) Check(ctx context.Context) error {
	var account struct {
		PortalID int64  `json:"portalId"`
		Type     string `json:"accountType"`
		Region   string `json:"dataHostingLocation"`
	}
	if err := d.client.Read(ctx, httpapi.Request{Path: "/account-info/" + d.version + "/details"}, &account); err != nil {
		return err
	}
	if account.PortalID == 0 {
		return &destinations.Error{
			Kind: destinations.ErrConfig, Message: "what answers at this address is not HubSpot's API", Hint: "check base_url",
		}
	}
	d.log.InfoContext(ctx, "reached HubSpot",
		slog.Int64("portal", account.PortalID), slog.String("account", account.Type), slog.String("region", account.Region))
	return nil
}

// Objects names the unique properties of those objects whose fields were listed before: listing those of an object
// that the token may not read would count as refused credentials.
func (d *destination) Objects(context.Context) ([]destinations.Object, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	unique := map[string][]string{}
	for name, s := range d.schemas {
		unique[name] = s.identifiers
	}
	return describe(d.pace.known(), unique), nil
}

func (d *destination) Close() error { return d.client.Close() }

func findKind(name string) (kind, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, &destinations.Error{
			Kind: destinations.ErrNoObject, Message: fmt.Sprintf("there is no object %q", name), Hint: "there are contacts and companies",
		}
	}
	return kinds[i], nil
}

// Write delivers b by one batch request, after another one that finds the records where HubSpot wants their ids.
func (d *destination) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	k, err := findKind(b.Object)
	if err == nil && b.Op != destinations.Insert {
		err = d.identifies(ctx, k, b.Identifier)
	}
	if err != nil {
		return notSent(b), err
	}
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
