// Package salesforce delivers records of any object to Salesforce: up to two hundred in a request of sObject Collections,
// and more of them by a job of Bulk API 2.0.
//
// Records are found by a field that the org declares an external id, which Salesforce upserts by itself. An update and a
// removal look the records up first, as Salesforce takes them by its own ids alone. There is no idempotency key: an insert
// whose answer was lost may have happened.
package salesforce

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Config are the settings of a Salesforce org.
type Config struct {
	BaseURL         string              `toml:"base_url" required:"true" help:"The org's My Domain address, such as https://acme.my.salesforce.com, or https://acme--test.sandbox.my.salesforce.com for a sandbox. A proxy or a stand-in may take its place."`
	ClientID        string              `toml:"client_id" help:"The consumer key of an external client app. It comes with client_secret, with client_secret and refresh_token, or with username and private_key."`
	ClientSecret    destinations.Secret `toml:"client_secret" help:"The app's consumer secret. Without a refresh token it stands for the client credentials flow, in which the app runs as a user that it names."`
	RefreshToken    destinations.Secret `toml:"refresh_token" help:"The refresh token that the app was given by a user."`
	Username        string              `toml:"username" help:"The user in whose name the app signs in by the JWT bearer flow."`
	PrivateKey      destinations.Secret `toml:"private_key" help:"The RSA private key, as PEM, whose certificate the app holds."`
	Audience        string              `toml:"audience" help:"The audience of the JWT; it is base_url if empty. Older apps want https://login.salesforce.com or https://test.salesforce.com."`
	Token           destinations.Secret `toml:"token" help:"An access token in the place of an app, as the command sf org display prints it. It ends after some hours."`
	APIVersion      string              `toml:"api_version" default:"67.0" help:"The version of Salesforce's API."`
	BulkAbove       int                 `toml:"bulk_above" default:"2000" help:"Batches of more records than this are delivered by a job of Bulk API 2.0, up to 10,000 in each; 0 is never."`
	AssignmentRules bool                `toml:"assignment_rules" default:"false" help:"Whether the org's active assignment rules give leads, cases and accounts that are delivered to other owners. Jobs are not used then, as they know no such rules."`
	AllowDuplicates bool                `toml:"allow_duplicates" default:"false" help:"Whether records are saved though a duplicate rule of the org raises an alert. Jobs are not used then."`
	Rate            destinations.Rate   `toml:"rate" help:"How many requests are sent at most, such as 10/s. Salesforce limits them by the day alone."`
	Timeout         time.Duration       `toml:"timeout" default:"120s" help:"How long one request may take. Salesforce itself gives up after ten minutes."`
}

// Definition describes Salesforce as a destination.
func Definition() destinations.Definition {
	return destinations.Define(destinations.Definition{
		Name:  "salesforce",
		Title: "Salesforce",
		Docs:  "destinations/salesforce.md",
		Objects: []destinations.Object{(&destination{jobAbove: defaultBulkAbove}).object(global{
			Name: "*", Label: "An object of the org", Createable: true, Updateable: true, Deletable: true, Undeletable: true,
		})},
	}, open)
}

const (
	maxBatch         = 200    // records of sObject Collections
	maxJob           = 10_000 // records of a job: Salesforce works on so many at a time
	maxBytes         = 5 << 20
	connections      = 5 // a developer edition allows so many requests that take 20 seconds, other orgs 25
	defaultBulkAbove = 2000
)

type destination struct {
	destinations.Reached

	client   *httpapi.Client
	root     string // of all paths: /services/data/v67.0
	jobAbove int    // records from which on a job delivers them; negative is never
	rate     destinations.Rate
	log      *slog.Logger
	usage    usage
	journal  journal

	schemas httpapi.Known[schema]   // of an object
	globals httpapi.Known[[]global] // the org's objects
}

func open(_ context.Context, c Config, env destinations.Env) (destinations.Destination, error) {
	auth, err := c.auth(env)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", env.Name, err)
	}
	d := &destination{
		root: "/services/data/v" + c.APIVersion, jobAbove: c.BulkAbove, rate: c.Rate, log: env.Log,
	}
	if env.State != "" {
		d.journal.dir = filepath.Join(env.State, "jobs")
	}
	if c.BulkAbove == 0 || c.AssignmentRules || c.AllowDuplicates {
		d.jobAbove = -1
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	headers := map[string]string{"Sforce-Auto-Assign": "FALSE"}
	if c.AssignmentRules {
		headers["Sforce-Auto-Assign"] = "TRUE"
	}
	if c.AllowDuplicates {
		headers["Sforce-Duplicate-Rule-Header"] = "allowSave=true"
	}
	d.client, err = httpapi.New(httpapi.API{
		BaseURL: c.BaseURL, Auth: auth, Headers: headers, Limits: []destinations.Rate{c.Rate}, Concurrency: connections,
		Timeout: c.Timeout, Problem: d.problem, Transport: env.Transport, Log: env.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("destination %s: base_url: %w", env.Name, err)
	}
	return d, nil
}

func (d *destination) Close() error { return d.client.Close() }

// Write delivers b. What Salesforce takes by its own ids alone is looked up first.
func (d *destination) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	known := b.Identifier == recordID
	switch b.Op {
	case destinations.Upsert, destinations.Insert:
		if known {
			return notSent(b), &destinations.Error{
				Kind: destinations.ErrConfig, Message: "Salesforce gives " + recordID + " itself, so that no record can be made with it",
				Hint: "write mode = \"update\", or use an external id",
			}
		}
		known = !slices.ContainsFunc(b.Records, losesParent)
	case destinations.Update:
		known = known && !slices.ContainsFunc(b.Records, losesParent)
	case destinations.Delete:
	case destinations.Clear:
		known = false
	default:
		return notSent(b), &destinations.Error{Kind: destinations.ErrConfig, Message: fmt.Sprintf("%s cannot be given the operation %q", b.Object, b.Op)}
	}
	if known {
		return d.deliver(ctx, b)
	}
	s, err := d.schema(ctx, b.Object, b)
	if err != nil {
		return undelivered(b, err)
	}
	b = s.orphaned(b)
	if b.Op == destinations.Clear {
		if b = s.clearable(b); len(b.Records[0].Fields) == 0 {
			return all(b, destinations.Result{Status: destinations.Accepted}), nil
		}
	}
	if b.Op == destinations.Upsert || b.Op == destinations.Insert || b.Identifier == recordID {
		return d.deliver(ctx, b)
	}
	return d.found(ctx, b, s)
}

// deliver sends records that need no look-up, by a job where they are many.
func (d *destination) deliver(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	if d.jobAbove < 0 || len(b.Records) <= d.jobAbove || !fitsSheet(b) {
		return d.collections(ctx, b)
	}
	results, err := d.job(ctx, b)
	if err != nil {
		return results, err
	}
	return results, d.unlock(ctx, b, results)
}

// all gives every record of b the same result.
func all(b destinations.Batch, r destinations.Result) []destinations.Result {
	return slices.Repeat([]destinations.Result{r}, len(b.Records))
}

// notSent says of every record that it did not leave.
func notSent(b destinations.Batch) []destinations.Result {
	return all(b, destinations.Result{Status: destinations.Deferred, Code: "not_sent", Reason: "not sent, as the batch was stopped before"})
}
