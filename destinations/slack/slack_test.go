package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/slack/slacktest"
)

func config(set ...func(*Config)) Config {
	return destinationtest.Changed(Config{
		Token: destinationtest.Secret("xoxb-1-token"), Unanswered: hold, BaseURL: "https://slack.com/api",
		Rate: destinations.Rate{Requests: 1, Per: time.Second}, Timeout: time.Minute,
	}, set)
}

const hookURL = destinationtest.Secret("https://hooks.slack.com/services/T/B/X")

func byWebhook(c *Config) { c.Token, c.Webhook = nil, hookURL }

// dial returns a destination with a fake of Slack behind a wire, whose journal is in dir.
func dial(t *testing.T, f *slacktest.Fake, dir string, set ...func(*Config)) (destinations.Destination, *destinationtest.Wire) {
	t.Helper()
	wire := destinationtest.NewWire(f)
	return destinationtest.Open(t, open, config(set...), destinations.Env{Name: "chat", Transport: wire, State: dir}), wire
}

func message(n int) destinations.Record {
	sender := fmt.Sprintf("sender %d", n)
	return destinationtest.Record(n, sender, destinations.Fields{
		{Name: "channel", Value: "#sales"}, {Name: "text", Value: "An order of £5 & more"}, {Name: "username", Value: sender},
	})
}

func batch(records ...destinations.Record) destinations.Batch {
	return destinations.Batch{Sync: "orders", Object: messages, Op: destinations.Insert, Attempts: 3, Records: records}
}

func postBatch(op destinations.Op, records ...destinations.Record) destinations.Batch {
	b := batch(records...)
	b.Object, b.Op, b.Identifier = posts, op, postID
	return b
}

func TestSlackKeepsTheContractOfDestinations(t *testing.T) {
	t.Parallel()
	lacks := map[destinationtest.Trait]string{
		destinationtest.Redelivery:      "a message that is posted twice is there twice",
		destinationtest.IdempotencyKeys: "Slack has none",
		destinationtest.Listed:          "a request is one message",
		destinationtest.Deletion:        "what was sent once stays",
		destinationtest.Archival:        "Slack archives no message",
	}
	full := message(1)
	full.Fields = append(
		full.Fields,
		destinations.FieldValue{Name: "blocks", Value: json.RawMessage(`[{"type":"divider"}]`)},
		destinations.FieldValue{Name: "unfurl_links", Value: false},
		destinations.FieldValue{Name: "thread_ts"},
	)
	suite := destinationtest.Suite{
		Account: "Acme",
		Open: func(t *testing.T, credential destinations.Secret, env destinations.Env) destinations.Destination {
			t.Helper()
			d, err := open(t.Context(), config(func(c *Config) { c.Token = credential }), env)
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
		Service: service(t),
		Object:  messages,
		Op:      destinations.Insert,
		Once:    destinations.Insert,
		Good:    message,
		Bad: func(n int) destinations.Record {
			r := message(n)
			r.Fields = append(destinations.Fields{{Name: "channel", Value: "#gone"}}, r.Fields[1:]...)
			return r
		},
		Text:     "text",
		Requests: maxBatch,
		Throttles: []destinationtest.Throttle{{
			Name: "a 200 that says so", Wait: rest, Says: destinationtest.Reply(200, `{"ok":false,"error":"ratelimited"}`),
		}},
		Golden: []destinations.Batch{batch(full), postBatch(destinations.Upsert, message(1))},
		Lacks:  lacks,
	}
	t.Run("token", func(t *testing.T) {
		t.Parallel()
		destinationtest.Run(t, suite)
	})
}

func TestWhatSlackAnswersIsUnderstood(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answer string
		want   destinations.Status
		kind   error
		code   string
		calls  int
	}{
		{`{"ok":true,"channel":"C1","ts":"1.2"}`, destinations.Accepted, nil, "", 1},
		{`{"ok":false,"error":"msg_too_long"}`, destinations.Rejected, nil, "msg_too_long", 1},
		{`{"ok":false,"error":"a_code_of_tomorrow"}`, destinations.Rejected, nil, "a_code_of_tomorrow", 1},
		{`{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["[ERROR] no type"]}}`, destinations.Rejected, nil, "invalid_blocks", 1},
		{`{"ok":false,"error":"invalid_auth"}`, destinations.Deferred, destinations.ErrAuth, "invalid_auth", 1},
		{`{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"x"}`, destinations.Deferred, destinations.ErrAuth, "missing_scope", 1},
		{`{"ok":false,"error":"service_unavailable"}`, destinations.Deferred, nil, "service_unavailable", 3},
		{`{"ok":false,"error":"fatal_error"}`, destinations.Unknown, nil, "fatal_error", 1},
		{`{"ok":true`, destinations.Unknown, nil, "answer", 1},
		{`<html>`, destinations.Unknown, nil, "answer", 1},
		{`{}`, destinations.Unknown, nil, "answer", 1},
	} {
		t.Run(test.answer, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, wire := dial(t, slacktest.New(), "")
				wire.SpoilAll(destinationtest.Reply(200, test.answer))
				got, err := d.Write(t.Context(), batch(message(1)))
				if !errors.Is(err, test.kind) || got[0].Status != test.want || got[0].Code != test.code {
					t.Errorf("%+v, %v", got, err)
				}
				if n := len(wire.Calls()); n != test.calls {
					t.Errorf("%d requests, want %d", n, test.calls)
				}
			})
		})
	}
}

func TestAMessageIsPostedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir, f := t.TempDir(), slacktest.New()
		for n := range 3 {
			d, _ := dial(t, f, dir) // a process that ended before its caller kept the outcome
			got, err := d.Write(t.Context(), batch(message(1), message(2)))
			if err != nil || got[0].Status != destinations.Accepted || got[0].RemoteID != "CSALES/"+slacktest.TS(0) {
				t.Fatalf("time %d: %+v, %v", n, got, err)
			}
		}
		if n := len(f.Texts()); n != 2 {
			t.Errorf("%d messages, want 2: %v", n, f.Texts())
		}
		changed := message(1)
		changed.Token = "another record"
		d, _ := dial(t, f, dir)
		if got, err := d.Write(t.Context(), batch(changed)); err != nil || got[0].Status != destinations.Accepted || len(f.Texts()) != 3 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestAMessageWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	for unanswered, want := range map[string]int{"hold": 1, "send": 2} {
		t.Run(unanswered, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				dir, f := t.TempDir(), slacktest.New()
				d, wire := dial(t, f, dir)
				wire.SpoilFirst(1, destinationtest.Lose())
				got, err := d.Write(t.Context(), batch(message(1)))
				if err != nil || got[0].Status != destinations.Unknown {
					t.Fatalf("%+v, %v", got, err)
				}
				d, _ = dial(t, f, dir, func(c *Config) { c.Unanswered = unanswered })
				got, err = d.Write(t.Context(), batch(message(1)))
				if err != nil || (got[0].Status == destinations.Accepted) != (want == 2) || len(f.Texts()) != want {
					t.Errorf("%+v, %v; %d messages, want %d", got, err, len(f.Texts()), want)
				}
			})
		})
	}
}

func TestAPostIsKeptUpToDate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir, f := t.TempDir(), slacktest.New()
		order := func(text string) destinations.Record {
			return destinations.Record{Key: "1", ID: "order-1", Fields: destinations.Fields{
				{Name: "post_id", Value: "order-1"}, {Name: "channel", Value: "#sales"}, {Name: "text", Value: text},
			}}
		}
		write := func(op destinations.Op, r destinations.Record, want ...string) {
			t.Helper()
			d, _ := dial(t, f, dir)
			got, err := d.Write(t.Context(), postBatch(op, r))
			if err != nil || got[0].Status != destinations.Accepted {
				t.Errorf("%+v, %v", got, err)
			}
			if diff := cmp.Diff(want, f.Texts()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		gone := destinations.Record{Key: "1", ID: "order-1"}
		write(destinations.Delete, gone)
		write(destinations.Upsert, order("open"), "CSALES: open")
		write(destinations.Upsert, order("paid"), "CSALES: paid")
		f.Posted[0] = nil // by hand
		write(destinations.Delete, gone)
		write(destinations.Upsert, order("open again"), "CSALES: open again")
		write(destinations.Delete, gone)
	})
}

func TestTextIsShownAsItIsAndMarkupIsNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := slacktest.New()
		d, _ := dial(t, f, "")
		markup := message(2)
		markup.Fields[1] = destinations.FieldValue{Name: "mrkdwn", Value: "<https://example.com|order> by <@U1>"}
		plain := message(1)
		plain.Fields[1].Value = "<!channel> a & b"
		if _, err := d.Write(t.Context(), batch(plain)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Write(t.Context(), batch(markup)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"CSALES: &lt;!channel&gt; a &amp; b", "CSALES: <https://example.com|order> by <@U1>"}, f.Texts()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestPeopleAreFoundByTheirAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := slacktest.New()
		d, wire := dial(t, f, "")
		to := func(n int, address string) destinations.Record {
			r := message(n)
			r.Fields[0].Value = address
			return r
		}
		got, err := d.Write(t.Context(), batch(to(1, "ada@example.com"), to(2, "nobody@example.com"), to(3, "ada@example.com")))
		if err != nil || got[0].RemoteID != "U1/"+slacktest.TS(0) && got[0].RemoteID != "U1/"+slacktest.TS(1) || got[1].Status != destinations.Rejected ||
			got[1].Code != "users_not_found" || got[2].Status != destinations.Accepted {
			t.Errorf("%+v, %v", got, err)
		}
		if f.Lookups != 2 {
			t.Errorf("%d lookups, want 2", f.Lookups)
		}
		wire.SpoilAll(destinationtest.Reply(503, ""))
		if got, err = d.Write(t.Context(), batch(to(4, "eve@example.com"))); err != nil || got[0].Status != destinations.Deferred || got[0].Doubt {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := slacktest.New()
		d, wire := dial(t, f, t.TempDir(), byWebhook)
		note := func(n int, text string) destinations.Record {
			return destinations.Record{Key: strconv.Itoa(n), Token: strconv.Itoa(n), Fields: destinations.Fields{{Name: "text", Value: text}}}
		}
		for range 2 {
			got, err := d.Write(t.Context(), batch(note(1, "a < b"), note(2, "")))
			want := []destinations.Result{{Status: destinations.Accepted}, {Status: destinations.Rejected, Code: "no_text", Reason: "Slack answered no_text"}}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		}
		if diff := cmp.Diff([]string{"<nil>: a &lt; b"}, f.Texts()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if err := d.Check(t.Context()); err != nil {
			t.Errorf("check: %v", err)
		}
		objects, err := d.Objects(t.Context())
		if err != nil || len(objects) != 1 {
			t.Errorf("objects: %v, %v", objects, err)
		}
		wire.SpoilAll(destinationtest.Reply(403, "invalid_token"))
		if _, err := d.Write(t.Context(), batch(note(3, "x"))); !errors.Is(err, destinations.ErrAuth) || strings.Contains(err.Error(), "T/B/X") {
			t.Errorf("a webhook that was withdrawn: %v", err)
		}
		for _, call := range wire.Calls() {
			if call.Header.Get("Authorization") != "" || call.Path != "/services/T/B/X" {
				t.Errorf("%s %s", call.Method, call.Path)
			}
		}
	})
}

func TestCheckNamesTheTeamAndTheMissingScope(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		f := slacktest.New()
		wire := destinationtest.NewWire(f)
		d := destinationtest.Open(t, open, config(), destinations.Env{Transport: wire, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err := d.Check(t.Context()); err != nil || !strings.Contains(log.String(), "team=Acme") {
			t.Errorf("%v; log %s", err, log.String())
		}
		f.Scopes = "users:read.email"
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrAuth) || !strings.Contains(err.Error(), "chat:write") {
			t.Errorf("without the scope: %v", err)
		}
		wire.SpoilAll(destinationtest.Reply(200, `{"hello":"world"}`))
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrConfig) {
			t.Errorf("another service: %v", err)
		}
	})
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*Config){
		"nothing":     func(c *Config) { c.Token = nil },
		"both":        func(c *Config) { c.Webhook = hookURL },
		"no address":  func(c *Config) { c.BaseURL = "slack" },
		"credentials": func(c *Config) { c.BaseURL = "https://a:b@slack.com" },
	} {
		if _, err := open(t.Context(), config(set), destinations.Env{Name: "chat"}); err == nil || !strings.Contains(err.Error(), "chat") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
