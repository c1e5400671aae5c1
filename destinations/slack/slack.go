// Package slack posts messages to Slack's channels and people, and keeps messages up to date that it posted before.
//
// Slack has no idempotency key and does not find messages by anything of the sender's. What was sent stands in a journal
// of ours: a message whose answer came is never posted twice, and one whose answer was lost is, by default, not posted
// again.
package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Config are the settings of a Slack workspace.
type Config struct {
	Token      destinations.Secret `toml:"token" help:"The token of a bot with the scope chat:write, and users:read.email where people are addressed by e-mail. It or webhook is needed."`
	Webhook    destinations.Secret `toml:"webhook" help:"The URL of an incoming webhook, which posts to the one channel that it was made for."`
	Unanswered string              `toml:"unanswered" default:"hold" enum:"hold,send" help:"What becomes of a message whose answer was lost, so that it may be there: hold leaves it unknown, send posts it again."`
	BaseURL    string              `toml:"base_url" default:"https://slack.com/api" help:"Where Slack's API is reached: a proxy or a stand-in may take its place."`
	Rate       destinations.Rate   `toml:"rate" default:"1/s" help:"How many messages are sent at most. Slack allows about one a second in a channel; raise it where they go to many."`
	Timeout    time.Duration       `toml:"timeout" default:"60s" help:"How long one request may take."`
}

// Definition describes Slack as a destination.
func Definition() destinations.Definition {
	return destinations.Define(destinations.Definition{
		Name:    "slack",
		Title:   "Slack",
		Docs:    "destinations/slack.md",
		Objects: objects(destinations.Rate{}),
	}, open)
}

const (
	messages = "messages"
	posts    = "posts"
	postID   = "post_id"

	maxBatch    = 10 // each is a request of its own, and the outcomes come with the last of them
	connections = 1  // so that messages stand in the order of the rows

	hold = "hold"
)

// objects are the messages that are sent once, and the posts that are kept up to date.
func objects(r destinations.Rate) []destinations.Object {
	return []destinations.Object{
		{
			Name: messages, Label: "Messages", Operations: []destinations.Op{destinations.Insert},
			MaxBatch: maxBatch, Rate: r.PerSecond(), Concurrency: connections, AppendOnly: true,
		},
		{
			Name: posts, Label: "Posts that are kept up to date", Operations: []destinations.Op{destinations.Upsert, destinations.Delete},
			Identifiers: []string{postID}, MaxBatch: maxBatch, Rate: r.PerSecond(), Concurrency: connections,
			Irreversible: []destinations.Op{destinations.Delete},
		},
	}
}

type destination struct {
	destinations.Reached

	config  Config
	client  *httpapi.Client
	journal *journal
	log     *slog.Logger

	mu     sync.Mutex
	people map[string]string // Slack's ids by e-mail address
}

func open(_ context.Context, c Config, env destinations.Env) (destinations.Destination, error) {
	if (c.Token == nil) == (c.Webhook == nil) {
		return nil, fmt.Errorf("destination %s: it takes either token or webhook", env.Name)
	}
	d := &destination{config: c, log: env.Log, journal: &journal{}, people: map[string]string{}}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if env.State != "" {
		d.journal.path = filepath.Join(env.State, "sent.jsonl")
	}
	auth := httpapi.Bearer(c.Token)
	if c.Webhook != nil {
		auth = webhook(c.Webhook)
	}
	var err error
	d.client, err = httpapi.New(httpapi.API{
		BaseURL: c.BaseURL, Auth: auth, Limits: []destinations.Rate{c.Rate}, Concurrency: connections,
		Timeout: c.Timeout, Problem: problem, Transport: env.Transport, Log: env.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("destination %s: base_url: %w", env.Name, err)
	}
	return d, nil
}

// webhook sends requests to the address that the secret is.
func webhook(address destinations.Secret) httpapi.Auth {
	return httpapi.Auth{
		Secrets: []destinations.Secret{address},
		Apply: func(r *http.Request, _ []byte, revealed []string) error {
			u, err := url.Parse(revealed[0])
			if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
				return errors.New("webhook is no URL such as https://hooks.slack.com/services/T1/B2/x3")
			}
			r.URL, r.Host = u, u.Host
			return nil
		},
	}
}

// Check asks whose token it is. A webhook can only be asked whether it is there: whatever else it is sent, it posts.
func (d *destination) Check(ctx context.Context) error {
	if d.config.Webhook != nil {
		_, err := d.client.Do(ctx, httpapi.Request{Method: http.MethodHead})
		p, ok := errors.AsType[*httpapi.Problem](err)
		if ok && p.Status != 0 && p.Status < 500 && p.Class != httpapi.Denied {
			return nil
		}
		return err
	}
	a, err := d.client.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: "/auth.test"})
	if err != nil {
		return err
	}
	reply, err := read(a)
	if err != nil {
		return &destinations.Error{
			Kind: destinations.ErrConfig, Message: "what answers at this address is not Slack's API", Hint: "check base_url",
		}
	}
	scopes := strings.FieldsFunc(a.Header.Get("X-OAuth-Scopes"), func(r rune) bool { return r == ',' || r == ' ' })
	if len(scopes) > 0 && !slices.Contains(scopes, "chat:write") {
		return &destinations.Error{Kind: destinations.ErrAuth, Code: "missing_scope", Message: "the token lacks the scope chat:write", Hint: "add it to the app and install the app anew"}
	}
	d.Reach(reply.Team)
	d.log.InfoContext(ctx, "reached Slack", slog.String("team", reply.Team), slog.Any("user", reply.User), slog.Any("scopes", scopes))
	return nil
}

// Objects leaves out posts where there is a webhook, which cannot change them.
func (d *destination) Objects(context.Context) ([]destinations.Object, error) {
	all := objects(d.config.Rate)
	if d.config.Webhook != nil {
		return all[:1], nil
	}
	return all, nil
}

func (d *destination) Fields(_ context.Context, object string) ([]destinations.Field, error) {
	switch {
	case d.config.Webhook != nil && object == messages:
		return slices.Clone(contents), nil
	case object == messages:
		return slices.Concat([]destinations.Field{channel}, contents, asides), nil
	case object == posts && d.config.Webhook == nil:
		return slices.Concat([]destinations.Field{{Name: postID, Label: "Post", Type: destinations.String, Required: true}, channel}, contents, asides), nil
	}
	return nil, &destinations.Error{
		Kind: destinations.ErrNoObject, Message: fmt.Sprintf("there is no object %q", object), Hint: "there are messages and, with a token, posts",
	}
}

func (d *destination) Close() error { return errors.Join(d.client.Close(), d.journal.close()) }
