package notify_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/alert"
)

const signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestWebhooksAreSigned(t *testing.T) {
	t.Parallel()
	s := newService(t, http.StatusNoContent, "")
	hook := must(t, "webhook", fmt.Sprintf("url = %q\ntoken = \"s3cr3t-token\"\nsigning_secret = %q\nheaders = { X-Team = \"data\" }\n", s.URL+"/in?key=s3cr3t", signingSecret))
	for range 2 {
		if got := gives(t, hook, failure); got != "204 No Content" {
			t.Errorf("answered %s", got)
		}
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signingSecret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range s.asked {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", failure.ID, a.header.Get("Webhook-Timestamp"), a.body)
		want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if a.header.Get("Webhook-Signature") != want || a.header.Get("Webhook-Id") != failure.ID {
			t.Errorf("signed as %v", a.header)
		}
		if a.path != "/in?key=s3cr3t" || a.header.Get("Authorization") != "Bearer s3cr3t-token" || a.header.Get("X-Team") != "data" {
			t.Errorf("%s %v", a.path, a.header)
		}
		type body struct {
			Type      string       `json:"type"`
			Timestamp time.Time    `json:"timestamp"`
			Data      alert.Notice `json:"data"`
		}
		if diff := cmp.Diff(body{"alert.firing", failure.At, failure}, decoded[body](t, a)); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
	}
}

func TestWhatAServiceAnswersIsUnderstood(t *testing.T) {
	t.Parallel()
	s := newService(t, http.StatusNotFound, "nothing at /in?key=s3cr3t for s3cr3t-token\x1b[2J")
	hook := must(t, "webhook", fmt.Sprintf("url = %q\ntoken = \"s3cr3t-token\"\n", s.URL+"/in?key=s3cr3t"))
	refused(t, hook, alert.ErrRefused, "answered 404 Not Found: nothing at /in?••• for •••")
	s.status, s.header = http.StatusTooManyRequests, http.Header{"Retry-After": {"90"}}
	refused(t, hook, alert.ErrUnreachable, "429 Too Many Requests")
	if _, err := hook.Notify(t.Context(), failure); err != nil {
		if e, ok := errors.AsType[*alert.Error](err); !ok || e.Wait != 90*time.Second {
			t.Errorf("it waits for %+v", e)
		}
	}
	s.status, s.header = http.StatusBadGateway, nil
	refused(t, hook, alert.ErrUnreachable, "502 Bad Gateway")
	asked := len(s.asked)
	s.status, s.header = http.StatusFound, http.Header{"Location": {s.URL + "/elsewhere"}}
	refused(t, hook, alert.ErrRefused, "redirects are not followed")
	if len(s.asked) != asked+1 {
		t.Errorf("a redirect was followed")
	}
	s.Close()
	refused(t, hook, alert.ErrUnreachable, "refused")
}

func TestSlackByWebhook(t *testing.T) {
	t.Parallel()
	s := newService(t, http.StatusOK, "ok")
	slack := must(t, "slack", fmt.Sprintf("url = %q\n", s.URL+"/services/T0/B0/s3cr3t"))
	if got := gives(t, slack, failure); got != "200 ok" {
		t.Errorf("answered %s", got)
	}
	type message struct{ Text, Channel string }
	got := decoded[message](t, s.asked[0])
	for _, want := range []string{
		":red_circle: *people failed with &lt;model&gt; &amp; more.*", "\nSync: people\n", "\nRun: 01JD\n", "\nRows read: 1,200\n", "\nOperations: 3 rejected\n",
		"\n<https://spillway.example.com/runs/01JD|Open the page>",
	} {
		if !strings.Contains(got.Text, want) {
			t.Errorf("%q lacks %q", got.Text, want)
		}
	}
	gives(t, slack, recovery())
	if got := decoded[message](t, s.asked[1]); !strings.HasPrefix(got.Text, ":large_green_circle: *people does not fail any more") {
		t.Error(got.Text)
	}
	s.status, s.answer = http.StatusForbidden, "invalid_token"
	refused(t, slack, alert.ErrRefused, "403 Forbidden: invalid_token")
}

func TestSlackByToken(t *testing.T) {
	t.Parallel()
	s := newService(t, http.StatusOK, `{"ok":true,"ts":"1"}`)
	slack := must(t, "slack", fmt.Sprintf("token = \"xoxb-s3cr3t\"\nchannel = \"C1\"\nbase_url = %q\n", s.URL+"/api/"))
	if got := gives(t, slack, failure); got != "200 ok" {
		t.Errorf("answered %s", got)
	}
	type message struct{ Text, Channel string }
	if a := s.asked[0]; a.path != "/api/chat.postMessage" || a.header.Get("Authorization") != "Bearer xoxb-s3cr3t" || decoded[message](t, a).Channel != "C1" {
		t.Errorf("%s %v %s", a.path, a.header, a.body)
	}
	s.answer = `{"ok":false,"error":"not_in_channel"}`
	refused(t, slack, alert.ErrRefused, "not_in_channel")
	s.answer = `{"ok":false,"error":"internal_error"}`
	refused(t, slack, alert.ErrUnreachable, "internal_error")
	s.answer = `<html>`
	refused(t, slack, alert.ErrUnreachable, "no JSON")
}

// event is a request of the Events API v2.
type event struct {
	RoutingKey string `json:"routing_key"`
	Action     string `json:"event_action"`
	DedupKey   string `json:"dedup_key"`
	ClientURL  string `json:"client_url"`
	Payload    *struct {
		Summary, Source, Severity, Timestamp, Component, Class string
		Details                                                alert.Notice `json:"custom_details"`
	} `json:"payload"`
}

func TestPagerDutyOpensAndResolvesTheSameIncident(t *testing.T) {
	t.Parallel()
	s := newService(t, http.StatusAccepted, `{"status":"success","message":"Event processed","dedup_key":"x"}`)
	pager := must(t, "pagerduty", fmt.Sprintf("routing_key = \"s3cr3t-key\"\nseverity = \"critical\"\nbase_url = %q\n", s.URL))
	if got := gives(t, pager, failure); got != "202 Event processed" {
		t.Errorf("answered %s", got)
	}
	gives(t, pager, recovery())
	gives(t, pager, trial())
	if len(s.asked) != 4 {
		t.Fatalf("%d requests", len(s.asked))
	}
	opened, resolved, tested, over := decoded[event](t, s.asked[0]), decoded[event](t, s.asked[1]), decoded[event](t, s.asked[2]), decoded[event](t, s.asked[3])
	if p := opened.Payload; opened.Action != "trigger" || opened.RoutingKey != "s3cr3t-key" || opened.ClientURL != failure.Link || p == nil || p.Summary != failure.Summary ||
		p.Source != "crm" || p.Severity != "critical" || p.Timestamp != "2026-11-20T12:00:00Z" || p.Component != "people" || p.Class != "failed" || p.Details.Run.ID != "01JD" {
		t.Errorf("opened by %s", s.asked[0].body)
	}
	if resolved.Action != "resolve" || resolved.DedupKey != opened.DedupKey || opened.DedupKey != "spillway/crm/ops/failed/people" || resolved.Payload != nil {
		t.Errorf("resolved by %s", s.asked[1].body)
	}
	if tested.Action != "trigger" || tested.Payload.Severity != "info" || over.Action != "resolve" || over.DedupKey != tested.DedupKey || tested.DedupKey == opened.DedupKey {
		t.Errorf("tested by %s and %s", s.asked[2].body, s.asked[3].body)
	}
	for _, a := range s.asked {
		if a.path != "/v2/enqueue" {
			t.Errorf("sent to %s", a.path)
		}
	}
	long := failure
	long.Sync, long.Summary = strings.Repeat("a", 300), strings.Repeat("é", 2000)
	gives(t, pager, long)
	if e := decoded[event](t, s.asked[4]); len(e.DedupKey) > 255 || len([]rune(e.Payload.Summary)) != 1024 {
		t.Errorf("a key of %d and a summary of %d", len(e.DedupKey), len(e.Payload.Summary))
	}
	s.status, s.answer = http.StatusBadRequest, `{"status":"invalid event","errors":["'routing_key' s3cr3t-key is invalid"]}`
	refused(t, pager, alert.ErrRefused, "400 Bad Request")
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"slack ":                                                     "either url, of an incoming webhook, or token and channel",
		"slack url = \"x\"\ntoken = \"y\"":                           "either url",
		"slack token = \"y\"":                                        "token and channel belong together",
		"slack url = \"x\"\nbase_url = \"x\"":                        "base_url: it must start with https://",
		"pagerduty routing_key=\"x\"\nbase_url=\"\"":                 "base_url",
		"webhook url = \"ftp://x\"":                                  "url: it must start with https://",
		"webhook url = \"https://x\"\nheaders = { Host = \"x\" }":    "Host is set by every request itself",
		"webhook url = \"https://x\"\nheaders = { \"a b\" = \"x\" }": "is no name of a header",
		"webhook url = \"https://x\"\ntoken = \"x\"\nheaders = { authorization = \"x\" }":            "exclude each other",
		"email host = \"a:25\"\nfrom = \"a@b.c\"\nto = [\"a@b.c\"]":                                  "host: it is a name alone",
		"email host = \"a\"\nfrom = \"a\"\nto = [\"a@b.c\"]":                                         "from: \"a\" is no address",
		"email host = \"a\"\nfrom = \"a@b.c\"\nto = [\"b\"]":                                         "to: \"b\" is no address",
		"email host = \"a\"\nfrom = \"a@b.c\"\nto = [\"a@b.c\\r\\nBcc: x@y.z\"]":                     "to:",
		"email host = \"a\"\nfrom = \"a@b.c\"\nto = [\"a@b.c\"]\nuser = \"u\"":                       "user and password belong together",
		"email host=\"a\"\nfrom=\"a@b.c\"\nto=[\"a@b.c\"]\nuser=\"u\"\npassword=\"p\"\ntls=\"none\"": "a password is not sent unencrypted",
	} {
		kind, rest, _ := strings.Cut(text, " ")
		if _, err := made(t, kind, rest); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\nis refused with %v, want %q", text, err, want)
		}
	}
}
