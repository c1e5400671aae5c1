// Package customerio delivers people, objects and events to Customer.io's Track API, many in a request.
//
// The API takes a batch apart and answers for those items alone that it refuses, by their place. It makes people whom
// it does not find, except in an update, which passes over them without a word.
package customerio

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Config are the settings of a Customer.io workspace.
type Config struct {
	SiteID   string              `toml:"site_id" required:"true" help:"The site id of the workspace's Track API credentials."`
	APIKey   destinations.Secret `toml:"api_key" required:"true" help:"The API key that belongs to site_id."`
	Region   string              `toml:"region" default:"us" enum:"us,eu" help:"Where the workspace's data is kept."`
	Deletion string              `toml:"deletion" default:"delete" enum:"delete,suppress" help:"What on_removed = \"delete\" does with a person: delete, after which the same person can come back, or suppress, which keeps them out for good."`
	BaseURL  string              `toml:"base_url" help:"Where the Track API is reached, instead of the region's own address: a proxy or a stand-in."`
	Rate     destinations.Rate   `toml:"rate" default:"100/s" help:"How many requests are sent at most. Customer.io asks for no more than 1000/s."`
	Timeout  time.Duration       `toml:"timeout" default:"60s" help:"How long one request may take."`
}

// Definition describes Customer.io as a destination.
func Definition() destinations.Definition {
	return destinations.Define(destinations.Definition{
		Name:    "customerio",
		Title:   "Customer.io",
		Docs:    "destinations/customerio.md",
		Objects: objects(destinations.Rate{}),
	}, open)
}

// The limits of a batch, by the reference of POST /api/v2/batch. It names none for the number of items.
const (
	maxRequest = 500_000 // bytes, and less than that
	maxItem    = 32_768  // bytes of one item
	maxBatch   = 1000
	maxBytes   = 350_000 // of records, which leaves room for what each item has around them

	connections = 8
	maxReply    = 10 << 20
)

const (
	people   = "people"
	events   = "events"
	suppress = "suppress"
)

var addresses = map[string]string{"us": "https://track.customer.io", "eu": "https://track-eu.customer.io"}

// objectName is how an object type of the workspace is named: objects.1, by its id in Customer.io.
var objectName = regexp.MustCompile(`^objects\.([0-9]+)$`)

func objects(r destinations.Rate) []destinations.Object {
	object := func(name, label string, identifiers []string, operations ...destinations.Op) destinations.Object {
		return destinations.Object{
			Name: name, Label: label, Identifiers: identifiers, Operations: operations, MaxBatch: maxBatch, MaxBytes: maxBytes,
			Rate: r.PerSecond(), Concurrency: connections, AnyField: true, Clears: len(identifiers) > 0, AppendOnly: len(identifiers) == 0,
		}
	}
	folded := object(people, "People", []string{"id", "email", "cio_id"}, destinations.Upsert, destinations.Update, destinations.Clear, destinations.Delete)
	folded.FoldIdentifier = true // e-mail addresses are, and ids hardly ever differ by case alone
	folded.Irreversible = []destinations.Op{destinations.Delete}
	others := object("*", "Objects of a type: objects.1, by the type's id", []string{"object_id"}, destinations.Upsert, destinations.Clear, destinations.Delete)
	others.Irreversible = folded.Irreversible
	return []destinations.Object{folded, object(events, "Events of people", nil, destinations.Insert), others}
}

// fields are those that have a meaning of their own. All others are attributes that the sender names.
var fields = map[string][]destinations.Field{
	people: {
		{Name: "id", Label: "Id", Type: destinations.String},
		{Name: "email", Label: "E-mail", Type: destinations.String},
		{Name: "cio_id", Label: "Customer.io's own id", Type: destinations.String},
		{Name: "created_at", Label: "Created", Type: destinations.DateTime},
		{Name: "unsubscribed", Label: "Unsubscribed from all", Type: destinations.Boolean},
	},
	events: {
		{Name: personID, Label: "Id of the person", Type: destinations.String},
		{Name: personEmail, Label: "E-mail of the person", Type: destinations.String},
		{Name: eventName, Label: "Name of the event", Type: destinations.String, Required: true},
		{Name: eventTime, Label: "When it happened", Type: destinations.DateTime},
	},
}

type destination struct {
	destinations.Reached

	config Config
	client *httpapi.Client
	log    *slog.Logger
}

func open(_ context.Context, c Config, env destinations.Env) (destinations.Destination, error) {
	switch {
	case c.SiteID == "" || c.APIKey == nil:
		return nil, fmt.Errorf("destination %s: site_id and api_key are needed", env.Name)
	case addresses[c.Region] == "":
		return nil, fmt.Errorf("destination %s: region is %q; it takes us or eu", env.Name, c.Region)
	}
	if c.BaseURL == "" {
		c.BaseURL = addresses[c.Region]
	}
	d := &destination{config: c, log: env.Log}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	var err error
	d.client, err = httpapi.New(httpapi.API{
		BaseURL: c.BaseURL, Auth: httpapi.Basic(c.SiteID, c.APIKey), Limits: []destinations.Rate{c.Rate}, Concurrency: connections,
		Timeout: c.Timeout, MaxReply: maxReply, Problem: problem, Transport: env.Transport, Log: env.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("destination %s: base_url: %w", env.Name, err)
	}
	return d, nil
}

// Check asks for the region of the account, which shows the credentials to be good and the address to be the right one.
func (d *destination) Check(ctx context.Context) error {
	var account struct {
		Region      string `json:"region"`
		Environment any    `json:"environment_id"`
	}
	if err := d.client.Read(ctx, httpapi.Request{Path: "/api/v1/accounts/region"}, &account); err != nil {
		return err
	}
	switch {
	case account.Region == "":
		return &destinations.Error{
			Kind: destinations.ErrConfig, Message: "what answers at this address is not Customer.io's Track API", Hint: "check base_url",
		}
	case account.Region != d.config.Region:
		return &destinations.Error{
			Kind: destinations.ErrConfig, Message: "the workspace's data is kept in the region " + account.Region,
			Hint: fmt.Sprintf("write region = %q", account.Region),
		}
	}
	d.Reach(fmt.Sprintf("workspace %v, region %s", account.Environment, account.Region))
	d.log.InfoContext(ctx, "reached Customer.io", slog.Any("workspace", account.Environment), slog.String("region", account.Region))
	return nil
}

func (d *destination) Objects(context.Context) ([]destinations.Object, error) {
	return objects(d.config.Rate), nil
}

// Fields lists those with a meaning of their own, as the Track API does not tell which attributes a workspace has.
func (d *destination) Fields(_ context.Context, object string) ([]destinations.Field, error) {
	if objectName.MatchString(object) {
		return []destinations.Field{{Name: "object_id", Label: "Object", Type: destinations.String}}, nil
	}
	if known, ok := fields[object]; ok {
		return slices.Clone(known), nil
	}
	hint := "there are people, events and, by the id of their type, objects such as objects.1"
	if strings.HasPrefix(object, "objects") {
		hint = "write the id of the object's type: objects.1"
	}
	return nil, &destinations.Error{Kind: destinations.ErrNoObject, Message: fmt.Sprintf("there is no object %q", object), Hint: hint}
}

func (d *destination) Close() error { return d.client.Close() }
