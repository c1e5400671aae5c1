// Package pagerduty opens and resolves incidents by the Events API v2 of PagerDuty.
package pagerduty

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"spillway/cmd/spillway/notify/post"
	"spillway/syncer/alert"
	"spillway/syncer/secrets"
)

// Config holds the settings of an alert of type "pagerduty".
type Config struct {
	RoutingKey secrets.Secret `toml:"routing_key" required:"true" help:"The integration key of the service, of the type Events API v2."`
	Severity   string         `toml:"severity" default:"error" enum:"critical,error,warning,info" help:"How severe an incident is."`
	BaseURL    string         `toml:"base_url" default:"https://events.pagerduty.com" help:"Where the API lives: https://events.eu.pagerduty.com for accounts in the EU."`
}

// Definition describes this kind of service.
func Definition() alert.Definition {
	return alert.Define(alert.Definition{Name: "pagerduty", Title: "PagerDuty"}, newNotifier)
}

type notifier struct{ Config }

func newNotifier(c Config, _ alert.Env) (alert.Notifier, error) {
	if _, err := post.Address(c.BaseURL); err != nil {
		return nil, fmt.Errorf("base_%w", err)
	}
	return notifier{c}, nil
}

const (
	mostSummary = 1024 // characters
	mostKey     = 255
)

// event is the body of a request.
type event struct {
	RoutingKey string   `json:"routing_key"`
	Action     string   `json:"event_action"`
	DedupKey   string   `json:"dedup_key"`
	Client     string   `json:"client,omitempty"`
	ClientURL  string   `json:"client_url,omitempty"`
	Links      []link   `json:"links,omitempty"`
	Payload    *payload `json:"payload,omitempty"` // of trigger alone
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

type payload struct {
	Summary   string       `json:"summary"`
	Source    string       `json:"source"`
	Severity  string       `json:"severity"`
	Timestamp string       `json:"timestamp"`
	Component string       `json:"component,omitempty"`
	Group     string       `json:"group"`
	Class     string       `json:"class"`
	Details   alert.Notice `json:"custom_details"`
}

// Notify opens an incident, or resolves the one of the same alert, trigger and sync. A test opens one and resolves it at
// once, so that nobody has to.
func (p notifier) Notify(ctx context.Context, n alert.Notice) (string, error) {
	key, err := p.RoutingKey.Reveal(ctx)
	if err != nil {
		return "", err
	}
	switch n.State {
	case alert.Resolved:
		return send(ctx, p.BaseURL, resolution(key, n))
	case alert.Testing:
		if _, err := send(ctx, p.BaseURL, p.incident(key, "info", n)); err != nil {
			return "", err
		}
		return send(ctx, p.BaseURL, resolution(key, n))
	default:
		return send(ctx, p.BaseURL, p.incident(key, p.Severity, n))
	}
}

func (p notifier) incident(key, severity string, n alert.Notice) event {
	class := string(n.Trigger)
	if n.State == alert.Testing {
		class = string(n.State)
	}
	e := event{
		RoutingKey: key, Action: "trigger", DedupKey: dedupKey(n), Client: "Spillway", ClientURL: n.Link,
		Payload: &payload{
			Summary: shortened(n.Summary), Source: n.Project, Severity: severity, Timestamp: n.At.UTC().Format(time.RFC3339),
			Component: n.Sync, Group: n.Project, Class: class, Details: n,
		},
	}
	if n.Link != "" {
		e.Links = []link{{Href: n.Link, Text: "Open the page"}}
	}
	return e
}

func resolution(key string, n alert.Notice) event {
	return event{RoutingKey: key, Action: "resolve", DedupKey: dedupKey(n)}
}

// dedupKey is that of the incident: the same whenever the same thing goes wrong and is well again.
func dedupKey(n alert.Notice) string {
	about := "spillway/" + n.About()
	if len(about) <= mostKey {
		return about
	}
	sum := sha256.Sum256([]byte(about))
	return "spillway/" + hex.EncodeToString(sum[:])
}

func shortened(summary string) string {
	if runes := []rune(summary); len(runes) > mostSummary {
		return string(runes[:mostSummary-1]) + "…"
	}
	return summary
}

func send(ctx context.Context, base string, e event) (string, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("write the event: %w", err)
	}
	answer, err := post.Send(ctx, post.Request{URL: strings.TrimRight(base, "/") + "/v2/enqueue", Body: body, Secrets: []string{e.RoutingKey}})
	if err != nil {
		return "", err
	}
	var taken struct {
		Status  string `json:"status"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(answer.Body, &taken); err != nil || taken.Status != "success" {
		return "", &alert.Error{Kind: alert.ErrUnreachable, Message: fmt.Sprintf("PagerDuty answered %d without taking the event: %s", answer.Status, answer.Text())}
	}
	return fmt.Sprintf("%d %s", answer.Status, taken.Message), nil
}
