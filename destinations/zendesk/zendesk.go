// Package zendesk delivers users, organizations and tickets to Zendesk Support.
//
// Users and organizations are written a hundred at a time by jobs that Zendesk queues, and that are asked for what became
// of each record. Organizations that are not there yet are made one in a request, and so are users where the account may
// not import them in bulk. Tickets are only made, one in a request, as that is what takes an idempotency key.
package zendesk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Config are the settings of a Zendesk account.
type Config struct {
	Subdomain    string              `toml:"subdomain" help:"The account's subdomain: acme of acme.zendesk.com. It is needed where base_url is not given."`
	Email        string              `toml:"email" help:"The e-mail address of the agent or administrator in whose name api_token is used."`
	APIToken     destinations.Secret `toml:"api_token" help:"An API token of the account. It and email, or token, or the three settings below it are needed."`
	Token        destinations.Secret `toml:"token" help:"An OAuth access token with the scope read, and users:write, organizations:write and tickets:write of what is delivered."`
	ClientID     string              `toml:"client_id" help:"The unique identifier of an OAuth client, in the place of token."`
	ClientSecret destinations.Secret `toml:"client_secret" help:"The secret of that client."`
	RefreshToken destinations.Secret `toml:"refresh_token" help:"The refresh token that the client was given for the account."`
	VerifyEmail  bool                `toml:"verify_email" default:"false" help:"Lets Zendesk write to new users, to have them verify their e-mail address."`
	BaseURL      string              `toml:"base_url" help:"Where Zendesk's API is reached, instead of the subdomain's own address: a proxy or a stand-in."`
	Jobs         int                 `toml:"jobs" default:"10" help:"How many jobs may be queued at once. Zendesk takes 30 of an account, all its apps together."`
	JobTimeout   time.Duration       `toml:"job_timeout" default:"10m" help:"How long a job is waited for. Its records are unknown after that, and sent again by the next run."`
	Rate         destinations.Rate   `toml:"rate" default:"400/m" help:"How many requests are sent at most. Team accounts allow 200/m, Growth and Professional 400/m, Enterprise 700/m, Enterprise Plus and the High Volume add-on 2500/m."`
	Timeout      time.Duration       `toml:"timeout" default:"60s" help:"How long one request may take."`
}

// Definition describes Zendesk as a destination.
func Definition() destinations.Definition {
	return destinations.Define(destinations.Definition{
		Name:    "zendesk",
		Title:   "Zendesk",
		Docs:    "destinations/zendesk.md",
		Objects: objects(destinations.Rate{}),
	}, open)
}

const (
	maxBatch    = 100 // of every request for many, by their references
	connections = 8
)

// singly is the limit of the requests that make or change one user, by the page on rate limits.
var singly = destinations.Rate{Requests: 1, Per: time.Second}

type destination struct {
	destinations.Reached

	config Config
	client *httpapi.Client
	log    *slog.Logger

	jobs    chan struct{} // those that are queued
	imports *imports
	singles *rate.Limiter                       // of users
	fields  httpapi.Known[[]destinations.Field] // of an object
}

var subdomain = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9-]*$`)

func open(_ context.Context, c Config, env destinations.Env) (destinations.Destination, error) {
	if c.BaseURL == "" {
		if !subdomain.MatchString(c.Subdomain) {
			return nil, fmt.Errorf("destination %s: subdomain is %q; write acme for acme.zendesk.com", env.Name, c.Subdomain)
		}
		c.BaseURL = "https://" + c.Subdomain + ".zendesk.com"
	}
	auth, err := c.auth(env)
	switch {
	case err != nil:
		return nil, fmt.Errorf("destination %s: %w", env.Name, err)
	case c.Jobs < 1:
		return nil, fmt.Errorf("destination %s: jobs is %d; it takes 1 or more", env.Name, c.Jobs)
	}
	d := &destination{
		config: c, log: env.Log, jobs: make(chan struct{}, c.Jobs), imports: newImports(),
		singles: rate.NewLimiter(rate.Limit(singly.PerSecond()), singly.Requests),
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.client, err = httpapi.New(httpapi.API{
		BaseURL: c.BaseURL, Auth: auth, Limits: []destinations.Rate{c.Rate}, Concurrency: connections, Timeout: c.Timeout,
		Problem: problem, Transport: env.Transport, Log: env.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("destination %s: base_url: %w", env.Name, err)
	}
	return d, nil
}

// auth shows requests as an agent's, by an API token or by OAuth.
func (c Config) auth(env destinations.Env) (httpapi.Auth, error) {
	client := c.ClientID != "" || c.ClientSecret != nil || c.RefreshToken != nil
	switch {
	case c.APIToken != nil && c.Token != nil, client && (c.APIToken != nil || c.Token != nil):
		return httpapi.Auth{}, errors.New("api_token, token and client_id exclude each other: keep one of them")
	case c.APIToken != nil && c.Email != "":
		return httpapi.Basic(c.Email+"/token", c.APIToken), nil
	case c.APIToken != nil:
		return httpapi.Auth{}, errors.New("email is missing: an API token is used in the name of an agent")
	case c.Token != nil:
		return httpapi.Bearer(c.Token), nil
	case c.ClientID == "" || c.ClientSecret == nil || c.RefreshToken == nil:
		return httpapi.Auth{}, errors.New("the credentials are missing: email with api_token, or token, or client_id, client_secret and refresh_token")
	}
	return httpapi.OAuth(httpapi.Grant{
		TokenURL: strings.TrimRight(c.BaseURL, "/") + "/oauth/tokens",
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, RefreshToken: c.RefreshToken,
		File: env.Tokens, Transport: env.Transport,
	}), nil
}

func (d *destination) Objects(context.Context) ([]destinations.Object, error) {
	return objects(d.config.Rate), nil
}

func (d *destination) Close() error { return d.client.Close() }

// Write delivers b by a job where Zendesk has one for it, and else one record in a request.
func (d *destination) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	w := newDelivery(d, b)
	kind, ok := kinds[b.Object]
	if !ok {
		return w.results, noObject(b.Object)
	}
	w.kind = kind
	err := w.deliver(ctx)
	if err == nil {
		err = ctx.Err()
	}
	return w.results, err
}

func noObject(name string) error {
	return &destinations.Error{
		Kind: destinations.ErrNoObject, Message: fmt.Sprintf("there is no object %q", name), Hint: "there are users, organizations and tickets",
	}
}
