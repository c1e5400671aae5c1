// Package slack gives notices to a channel of Slack: by an incoming webhook, or by a bot's token.
package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"spillway/cmd/spillway/notify/post"
	"spillway/destinations/httpapi"
	"spillway/syncer/alert"
	"spillway/syncer/secrets"
)

// Config holds the settings of an alert of type "slack".
type Config struct {
	URL     secrets.Secret `toml:"url" help:"The address of an incoming webhook, which is a secret. Either it or token."`
	Token   secrets.Secret `toml:"token" help:"A bot's token with the scope chat:write."`
	Channel string         `toml:"channel" help:"Where the bot writes: the channel's id or #name. The bot must be in it."`
	BaseURL string         `toml:"base_url" default:"https://slack.com/api" help:"Where the API lives that takes the token; change it for a proxy."`
}

// Definition describes this kind of service.
func Definition() alert.Definition {
	return alert.Define(alert.Definition{Name: "slack", Title: "Slack"}, newNotifier)
}

type notifier struct{ Config }

func newNotifier(c Config, _ alert.Env) (alert.Notifier, error) {
	switch {
	case c.URL.IsSet() == c.Token.IsSet():
		return nil, errors.New("needs either url, of an incoming webhook, or token and channel")
	case c.Token.IsSet() != (c.Channel != ""):
		return nil, errors.New("token and channel belong together")
	}
	if _, err := post.Address(c.BaseURL); err != nil {
		return nil, fmt.Errorf("base_%w", err)
	}
	return notifier{c}, nil
}

// message is what both ways take.
type message struct {
	Channel     string `json:"channel,omitempty"`
	Text        string `json:"text"`
	UnfurlLinks bool   `json:"unfurl_links"`
	UnfurlMedia bool   `json:"unfurl_media"`
}

// Notify writes a notice into the channel.
func (s notifier) Notify(ctx context.Context, n alert.Notice) (string, error) {
	body, err := json.Marshal(message{Channel: s.Channel, Text: text(n)})
	if err != nil {
		return "", fmt.Errorf("write the notice: %w", err)
	}
	if s.URL.IsSet() {
		return s.byWebhook(ctx, body)
	}
	return s.byToken(ctx, body)
}

func (s notifier) byWebhook(ctx context.Context, body []byte) (string, error) {
	address, err := s.URL.Reveal(ctx)
	if err != nil {
		return "", err
	}
	answer, err := post.Send(ctx, post.Request{URL: address, Body: body})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %s", answer.Status, answer.Text()), nil
}

// passing are the errors after which Slack may take the same message later.
var passing = []string{"fatal_error", "internal_error", "ratelimited", "request_timeout", "service_unavailable"}

// byToken calls chat.postMessage, which answers 200 to what it refuses too.
func (s notifier) byToken(ctx context.Context, body []byte) (string, error) {
	token, err := s.Token.Reveal(ctx)
	if err != nil {
		return "", err
	}
	answer, err := post.Send(ctx, post.Request{
		URL: strings.TrimRight(s.BaseURL, "/") + "/chat.postMessage", Body: body,
		Header: http.Header{"Authorization": {"Bearer " + token}}, Secrets: []string{token},
	})
	if err != nil {
		return "", err
	}
	var verdict struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	switch err := json.Unmarshal(answer.Body, &verdict); {
	case err != nil:
		return "", &alert.Error{Kind: alert.ErrUnreachable, Message: "Slack's answer is no JSON: " + answer.Text()}
	case !verdict.OK:
		refusal := &alert.Error{Kind: alert.ErrRefused, Message: "Slack refused the message: " + httpapi.Answer{Body: []byte(verdict.Error)}.Text()}
		if slices.Contains(passing, verdict.Error) {
			refusal.Kind = alert.ErrUnreachable
		}
		return "", refusal
	}
	return fmt.Sprintf("%d ok", answer.Status), nil
}

var marks = map[alert.State]string{alert.Firing: ":red_circle:", alert.Resolved: ":large_green_circle:", alert.Testing: ":large_blue_circle:"}

// text is a notice in Slack's mrkdwn.
func text(n alert.Notice) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s *%s*", marks[n.State], escape(n.Summary))
	for _, d := range n.Details() {
		fmt.Fprintf(&b, "\n%s: %s", escape(d.Name), escape(d.Value))
	}
	if n.Link != "" {
		fmt.Fprintf(&b, "\n<%s|Open the page>", strings.NewReplacer("<", "%3C", ">", "%3E", "|", "%7C").Replace(n.Link))
	}
	return b.String()
}

// escape keeps text from being read as a link, a mention or an entity, as Slack asks for.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
