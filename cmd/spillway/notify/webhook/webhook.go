// Package webhook gives notices to any service of the user's own that takes JSON over HTTP, signed as Standard Webhooks
// says.
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"spillway/cmd/spillway/notify/post"
	"spillway/destinations/httpapi"
	"spillway/syncer/alert"
	"spillway/syncer/secrets"
)

// Config holds the settings of an alert of type "webhook".
type Config struct {
	URL           secrets.Secret            `toml:"url" required:"true" literal:"true" help:"Where notices are posted. It may be a reference too, where the address is a secret."`
	Token         secrets.Secret            `toml:"token" help:"Sent as Authorization: Bearer."`
	Headers       map[string]secrets.Secret `toml:"headers" literal:"true" help:"Headers added to each request."`
	SigningSecret secrets.Secret            `toml:"signing_secret" help:"Signs each request as Standard Webhooks says: whsec_ and base64."`
}

// Definition describes this kind of service.
func Definition() alert.Definition {
	return alert.Define(alert.Definition{Name: "webhook", Title: "Webhook"}, newNotifier)
}

type notifier struct{ Config }

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// ours are the headers that a request has anyway.
var ours = []string{"Connection", "Content-Length", "Content-Type", "Host", "Transfer-Encoding", "User-Agent", httpapi.WebhookID, httpapi.WebhookTimestamp, httpapi.WebhookSignature}

func newNotifier(c Config, _ alert.Env) (alert.Notifier, error) {
	if text, ok := c.URL.Plain(); ok {
		if _, err := post.Address(text); err != nil {
			return nil, err
		}
	}
	for name := range c.Headers {
		switch canonical := http.CanonicalHeaderKey(name); {
		case !headerName.MatchString(name):
			return nil, fmt.Errorf("headers: %q is no name of a header", name)
		case slices.Contains(ours, canonical):
			return nil, fmt.Errorf("headers: %s is set by every request itself", canonical)
		case canonical == "Authorization" && c.Token.IsSet():
			return nil, errors.New("headers: Authorization and token exclude each other")
		}
	}
	return notifier{c}, nil
}

// message is the body of a request, in the form that Standard Webhooks recommends.
type message struct {
	Type      string       `json:"type"`
	Timestamp time.Time    `json:"timestamp"`
	Data      alert.Notice `json:"data"`
}

// Notify posts a notice. Any 2xx takes it.
func (w notifier) Notify(ctx context.Context, n alert.Notice) (string, error) {
	body, err := json.Marshal(message{Type: "alert." + string(n.State), Timestamp: n.At, Data: n})
	if err != nil {
		return "", fmt.Errorf("write the notice: %w", err)
	}
	r := post.Request{Header: http.Header{}, Body: body}
	if r.URL, err = w.URL.Reveal(ctx); err != nil {
		return "", err
	}
	if err := w.authorize(ctx, &r, n); err != nil {
		return "", err
	}
	answer, err := post.Send(ctx, r)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %s", answer.Status, http.StatusText(answer.Status)), nil
}

// authorize adds the headers and the signature.
func (w notifier) authorize(ctx context.Context, r *post.Request, n alert.Notice) error {
	for name, secret := range w.Headers {
		value, err := secret.Reveal(ctx)
		if err != nil {
			return err
		}
		r.Header.Set(name, value)
		r.Secrets = append(r.Secrets, value)
	}
	if w.Token.IsSet() {
		token, err := w.Token.Reveal(ctx)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Secrets = append(r.Secrets, token)
	}
	r.Header.Set(httpapi.WebhookID, n.ID)
	if !w.SigningSecret.IsSet() {
		return nil
	}
	secret, err := w.SigningSecret.Reveal(ctx)
	if err != nil {
		return err
	}
	return httpapi.SignWebhook(r.Header, secret, n.ID, time.Now(), r.Body)
}
