// Package sendgrid delivers contacts to SendGrid's Marketing Campaigns, up to thirty thousand in a request, and makes
// them members of lists.
//
// SendGrid takes contacts without a word on what becomes of them. The import that a request begins is asked for until it
// is over, and tells by a file of errors whom it refused; where the file does not tell, the contacts are halved until
// those at fault stand alone. What was imported may take minutes to be found, so that a contact that was made a moment
// ago may be passed over by an update or a deletion.
package sendgrid

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Config are the settings of a SendGrid account.
type Config struct {
	APIKey  destinations.Secret `toml:"api_key" required:"true" help:"An API key with custom access: full access to Marketing, and nothing else."`
	Region  string              `toml:"region" default:"global" enum:"global,eu" help:"Where the account is kept. A key of a regional subuser is good in its region alone."`
	BaseURL string              `toml:"base_url" help:"Where SendGrid's API is reached, instead of the region's own address: a proxy or a stand-in."`
	Rate    destinations.Rate   `toml:"rate" default:"5/s" help:"How many requests are sent at most. SendGrid publishes no number, and says in its answers what is left."`
	Wait    time.Duration       `toml:"wait" default:"15m" help:"How long an import is waited for. One that takes longer leaves its rows unknown, and they are sent again by the next run."`
	Timeout time.Duration       `toml:"timeout" default:"60s" help:"How long one request may take."`
}

// Definition describes SendGrid as a destination.
func Definition() destinations.Definition {
	return destinations.Define(destinations.Definition{
		Name:  "sendgrid",
		Title: "SendGrid",
		Docs:  "destinations/sendgrid.md",
		Objects: []destinations.Object{
			object(contacts, "Contacts", destinations.Rate{}), object("*", "Members of a list: contacts. and the list's id", destinations.Rate{}),
		},
	}, open)
}

// The limits of PUT /v3/marketing/contacts, by its reference.
const (
	maxBatch   = 30_000
	maxRequest = 6_000_000 // bytes
	maxBytes   = 5_000_000 // of records, which leaves room for what each contact has around them

	connections = 4
	writers     = 2 // an import is waited for, so that more at once are of little use
)

const contacts = "contacts"

// identifiers are the fields that find a contact.
var identifiers = []string{"email", "phone_number_id", "external_id", "anonymous_id"}

var addresses = map[string]string{"global": "https://api.sendgrid.com", "eu": "https://api.eu.sendgrid.com"}

// object describes the contacts of the account, or the members of a list, whom archiving takes off the list.
func object(name, label string, r destinations.Rate) destinations.Object {
	o := destinations.Object{
		Name: name, Label: label, Identifiers: identifiers, MaxBatch: maxBatch, MaxBytes: maxBytes, Rate: r.PerSecond(),
		Operations:  []destinations.Op{destinations.Upsert, destinations.Update, destinations.Delete},
		Concurrency: writers, Irreversible: []destinations.Op{destinations.Delete},
		FoldIdentifier: true, // e-mail addresses are, and ids hardly ever differ by case alone
	}
	if name != contacts {
		o.Operations = append(o.Operations, destinations.Archive)
	}
	return o
}

type destination struct {
	destinations.Reached

	config Config
	env    destinations.Env
	client *httpapi.Client
	log    *slog.Logger

	lists  httpapi.Known[[]list]
	schema httpapi.Known[schema]
}

func open(_ context.Context, c Config, env destinations.Env) (destinations.Destination, error) {
	switch {
	case c.APIKey == nil:
		return nil, fmt.Errorf("destination %s: api_key is missing", env.Name)
	case addresses[c.Region] == "":
		return nil, fmt.Errorf("destination %s: region is %q; it takes global or eu", env.Name, c.Region)
	}
	if c.BaseURL == "" {
		c.BaseURL = addresses[c.Region]
	}
	d := &destination{config: c, env: env, log: env.Log}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	var err error
	d.client, err = httpapi.New(httpapi.API{
		BaseURL: c.BaseURL, Auth: httpapi.Bearer(c.APIKey), Limits: []destinations.Rate{c.Rate}, Concurrency: connections,
		Timeout: c.Timeout, Problem: problem, Transport: env.Transport, Log: env.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("destination %s: base_url: %w", env.Name, err)
	}
	return d, nil
}

// Check asks what the key may do and, where it may tell, whose it is, and reads the fields of contacts.
func (d *destination) Check(ctx context.Context) error {
	var key struct {
		Scopes []string `json:"scopes"`
	}
	if err := d.client.Read(ctx, httpapi.Request{Path: "/v3/scopes"}, &key); err != nil {
		return err
	}
	switch {
	case len(key.Scopes) == 0:
		return &destinations.Error{
			Kind: destinations.ErrConfig, Message: "what answers at this address is not SendGrid's API", Hint: "check base_url",
		}
	case !slices.ContainsFunc(key.Scopes, func(s string) bool { return strings.HasPrefix(s, "marketing") }):
		return &destinations.Error{
			Kind: destinations.ErrAuth, Message: "the API key may do nothing in Marketing", Hint: "make a key with full access to Marketing",
		}
	}
	if _, err := d.fields(ctx); err != nil {
		return err
	}
	var user struct {
		Name string `json:"username"`
		ID   int64  `json:"user_id"`
	}
	a, err := d.client.Do(ctx, httpapi.Request{
		Method: http.MethodGet, Path: "/v3/user/username", Fine: []int{http.StatusForbidden, http.StatusNotFound},
	})
	if err != nil {
		return err
	}
	if json.Unmarshal(a.Body, &user) == nil {
		d.Reach(user.Name)
	}
	if user.Name == "" {
		user.Name = "the key may not tell whose it is"
	}
	d.log.InfoContext(ctx, "reached SendGrid", slog.String("account", user.Name), slog.Int64("user", user.ID), slog.String("region", d.config.Region))
	return nil
}

func (d *destination) Close() error { return d.client.Close() }
