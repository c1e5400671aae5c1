// Package mailchimp delivers members of audiences to Mailchimp, with their merge fields, interests and tags.
//
// Members are made and changed five hundred in a request, and the answer names those that were refused by their e-mail
// addresses. Updates, archiving and deletion take a request a member, which is known by a hash of its address. A
// member's consent is only ever what the mapping says it is.
package mailchimp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Config are the settings of a Mailchimp account.
type Config struct {
	APIKey       destinations.Secret `toml:"api_key" required:"true" help:"An API key of a user with the role manager or above. It ends in the name of the account's data centre, as in -us6."`
	Audience     string              `toml:"audience" help:"The id of the audience that the object members stands for. It may be left out where the account has one audience."`
	SkipRequired bool                `toml:"skip_required" default:"false" help:"Whether members are taken without the merge fields that the audience requires."`
	Connections  int                 `toml:"connections" default:"8" help:"How many requests are under way at once at most. Mailchimp allows a user 10, of all keys and programs together."`
	BaseURL      string              `toml:"base_url" help:"Where Mailchimp's API is reached, instead of the data centre that the API key names: a proxy or a stand-in."`
	Timeout      time.Duration       `toml:"timeout" default:"120s" help:"How long one request may take. Mailchimp itself gives up after 120s."`
}

// Definition describes Mailchimp as a destination.
func Definition() destinations.Definition {
	return destinations.Define(destinations.Definition{
		Name:  "mailchimp",
		Title: "Mailchimp",
		Docs:  "destinations/mailchimp.md",
		Objects: []destinations.Object{
			object(members, "Members of the audience", 0), object("*", "Members of another audience: members.a1b2c3d4e5, by its id", 0),
		},
	}, open)
}

const (
	members = "members"

	maxBatch       = 500 // members of POST /lists/{id}, by its reference
	maxConnections = 10  // of a user, by the page on limits
)

func object(name, label string, connections int) destinations.Object {
	return destinations.Object{
		Name: name, Label: label, Identifiers: []string{email}, FoldIdentifier: true,
		Operations: []destinations.Op{
			destinations.Upsert, destinations.Update, destinations.Insert, destinations.Clear, destinations.Archive, destinations.Delete,
		},
		MaxBatch: maxBatch, Concurrency: connections, Clears: true, Irreversible: []destinations.Op{destinations.Delete},
	}
}

type destination struct {
	destinations.Reached

	config Config
	client *httpapi.Client
	log    *slog.Logger

	// strict is set once Mailchimp showed that its batch wants a status of every member.
	strict atomic.Bool

	lists   httpapi.Known[[]list]
	schemas httpapi.Known[schema] // of an audience, by its id
}

func open(_ context.Context, c Config, env destinations.Env) (destinations.Destination, error) {
	switch {
	case c.APIKey == nil:
		return nil, fmt.Errorf("destination %s: api_key is missing", env.Name)
	case c.Connections < 1 || c.Connections > maxConnections:
		return nil, fmt.Errorf("destination %s: connections is %d; Mailchimp allows 1 to %d", env.Name, c.Connections, maxConnections)
	}
	auth := httpapi.Basic("spillway", c.APIKey)
	if c.BaseURL == "" {
		c.BaseURL = "https://" + host
		auth = atDataCentre(auth)
	}
	d := &destination{config: c, log: env.Log}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	var err error
	d.client, err = httpapi.New(httpapi.API{
		BaseURL: c.BaseURL, Auth: auth, Concurrency: c.Connections, Timeout: c.Timeout,
		Problem: problem, Transport: env.Transport, Log: env.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("destination %s: base_url: %w", env.Name, err)
	}
	return d, nil
}

const host = "api.mailchimp.com"

// dataCentre is what an API key ends in: the name of the host that has the account.
var dataCentre = regexp.MustCompile(`-([a-z]{2,4}[0-9]{1,4})$`)

var errNoDataCentre = errors.New("the API key names no data centre: it should end in one, as in -us6; copy the whole key, or set base_url")

// atDataCentre sends each request to the data centre that the API key names, which is not known before it is looked up.
func atDataCentre(auth httpapi.Auth) httpapi.Auth {
	apply := auth.Apply
	auth.Apply = func(r *http.Request, body []byte, revealed []string) error {
		m := dataCentre.FindStringSubmatch(strings.TrimSpace(revealed[0]))
		if m == nil {
			return errNoDataCentre
		}
		address := *r.URL
		address.Host = m[1] + "." + host
		r.URL, r.Host = &address, address.Host
		return apply(r, body, revealed)
	}
	return auth
}

// powerless are the roles of users who may not change an audience, by the page on user levels.
var powerless = []string{"author", "viewer"}

// Check asks whose account it is and what the key's user may do there, and for the audience.
func (d *destination) Check(ctx context.Context) error {
	var account struct {
		ID   string `json:"account_id"`
		Name string `json:"account_name"`
		Role string `json:"role"`
	}
	if err := d.client.Read(ctx, httpapi.Request{Path: "/3.0/"}, &account); err != nil {
		return err
	}
	switch {
	case account.ID == "":
		return &destinations.Error{
			Kind: destinations.ErrConfig, Message: "what answers at this address is not Mailchimp's API", Hint: "check base_url",
		}
	case slices.Contains(powerless, account.Role):
		return &destinations.Error{
			Kind: destinations.ErrAuth, Message: "the API key is of a user with the role " + account.Role + ", who may not change members",
			Hint: "make a key as a manager",
		}
	}
	lists, err := d.audiences(ctx)
	if err != nil {
		return err
	}
	name := ""
	if d.config.Audience != "" {
		known, err := d.audience(ctx, members)
		if err != nil {
			return err
		}
		name = known.Name
	}
	d.Reach(account.Name)
	d.log.InfoContext(ctx, "reached Mailchimp", slog.String("account", account.Name), slog.String("role", account.Role),
		slog.Int("audiences", len(lists)), slog.String("audience", name))
	return nil
}

func (d *destination) Close() error { return d.client.Close() }
