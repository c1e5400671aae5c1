package http_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	nethttp "net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/http"
)

// posts returns a wire to a service that answers every request with 204.
func posts() *destinationtest.Wire {
	return destinationtest.NewWire(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		w.WriteHeader(nethttp.StatusNoContent)
	}))
}

func env(w *destinationtest.Wire) destinations.Env {
	return destinations.Env{Name: "hook", Log: slog.New(slog.DiscardHandler), Transport: w}
}

func people(n int) destinations.Batch {
	b := destinations.Batch{Sync: "contacts", Object: "people", Op: destinations.Upsert, Identifier: "email", Attempts: 3}
	for i := range n {
		b.Records = append(b.Records, person(i, "Pro"))
	}
	return b
}

func TestEveryAttemptIsSignedAfreshUnderOneID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := posts()
		w.SpoilFirst(2, destinationtest.Reply(429, "", "Retry-After", "60"))
		d := open(t, env(w), func(c *http.Config) {
			c.SigningSecret = destinationtest.Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
		})
		if _, err := d.Write(t.Context(), people(1)); err != nil {
			t.Fatalf("write: %v", err)
		}
		signatures := map[string]bool{}
		for _, call := range w.Calls() {
			h := call.Header
			if h.Get("Webhook-Id") == "" || h.Get("Webhook-Id") != h.Get("Idempotency-Key") {
				t.Errorf("webhook-id is %q, the idempotency key %q", h.Get("Webhook-Id"), h.Get("Idempotency-Key"))
			}
			if want := fmt.Sprint(call.At.Unix()); h.Get("Webhook-Timestamp") != want {
				t.Errorf("webhook-timestamp is %s, want %s", h.Get("Webhook-Timestamp"), want)
			}
			signatures[h.Get("Webhook-Signature")] = true
		}
		if len(signatures) != 3 {
			t.Errorf("%d different signatures of 3 attempts", len(signatures))
		}
	})
}

func TestRefusedBatchIsNarrowedDown(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 409, 413, 422} {
		w := destinationtest.NewWire(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
			if body, err := io.ReadAll(r.Body); err != nil || strings.Contains(string(body), "unheard-of") {
				nethttp.Error(w, "no such plan", status)
			}
		}))
		b := people(8)
		b.Records[3], b.Records[6] = person(3, "unheard-of"), person(6, "unheard-of")
		results, err := open(t, env(w), func(*http.Config) {}).Write(t.Context(), b)
		if err != nil {
			t.Fatalf("%d: %v", status, err)
		}
		for i, r := range results {
			want := destinations.Result{Status: destinations.Accepted}
			if i == 3 || i == 6 {
				want = destinations.Result{Status: destinations.Rejected, Code: fmt.Sprint(status), Reason: "no such plan"}
			}
			if diff := cmp.Diff(want, r); diff != "" {
				t.Errorf("%d: record %d (-want +got):\n%s", status, i, diff)
			}
		}
		keys := map[string]bool{}
		for _, call := range w.Calls() {
			keys[call.Header.Get("Idempotency-Key")] = true
		}
		if len(keys) != len(w.Calls()) {
			t.Errorf("%d: %d requests with different records carry %d idempotency keys", status, len(w.Calls()), len(keys))
		}
	}
}

func TestAddressThatTakesNothingFailsTheRunAndRejectsNoRow(t *testing.T) {
	t.Parallel()
	w := posts()
	w.SpoilAll(destinationtest.Reply(404, "no route for person1@example.com"))
	results, err := open(t, env(w), func(*http.Config) {}).Write(t.Context(), people(4))
	if !errors.Is(err, destinations.ErrConfig) || strings.Contains(err.Error(), "person1") || len(w.Calls()) != 1 {
		t.Errorf("error %v after %d requests", err, len(w.Calls()))
	}
	for i, r := range results {
		if r.Status != destinations.Deferred {
			t.Errorf("record %d is %s", i, r.Status)
		}
	}
}

func TestRecordsWithoutAnIdentifierAreMatchedByKey(t *testing.T) {
	t.Parallel()
	w := posts()
	w.SpoilAll(destinationtest.Reply(200, `{"results":[{"id":"1","status":"rejected"},{"id":"0","status":"accepted"}]}`))
	b := people(2)
	b.Op, b.Identifier, b.Records[0].ID, b.Records[1].ID = destinations.Insert, "", "", ""
	results, err := open(t, env(w), func(*http.Config) {}).Write(t.Context(), b)
	if err != nil || results[0].Status != destinations.Accepted || results[1].Status != destinations.Rejected {
		t.Errorf("results %+v, error %v", results, err)
	}
	var body struct{ Records []map[string]json.RawMessage }
	if err := json.Unmarshal(w.Calls()[0].Body, &body); err != nil || string(body.Records[0]["id"]) != "null" {
		t.Errorf("the body is %s, error %v; want null as id", w.Calls()[0].Body, err)
	}
}

func TestRateIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := posts()
		d := open(t, env(w), func(c *http.Config) { c.Rate = destinations.Rate{Requests: 10, Per: time.Second} })
		for i := range 25 {
			b := people(1)
			b.Records[0] = person(i, "Pro")
			if _, err := d.Write(t.Context(), b); err != nil {
				t.Fatalf("write: %v", err)
			}
		}
		calls := w.Calls()
		for i := range calls[10:] {
			if d := calls[i+10].At.Sub(calls[i].At); d < time.Second {
				t.Errorf("11 requests within %s", d)
			}
		}
		if d := calls[24].At.Sub(calls[0].At); d > 2600*time.Millisecond {
			t.Errorf("25 requests took %s", d)
		}
	})
}

func TestCheckSendsOneHeadAndNoRecord(t *testing.T) {
	t.Parallel()
	for status, well := range map[int]bool{
		200: true, 204: true, 301: true, 400: true, 401: false, 403: false, 404: true, 405: true, 429: true,
		500: false, 501: false, 503: false,
	} {
		w := posts()
		w.SpoilAll(destinationtest.Reply(status, ""))
		d := open(t, env(w), func(c *http.Config) {
			c.URL = "https://ops.example.com/in/{object}/{op}?tenant=7"
			c.Token = destinationtest.Secret("token-of-the-hook")
		})
		if err := d.Check(t.Context()); (err == nil) != well {
			t.Errorf("%d: %v", status, err)
		}
		calls := w.Calls()
		if len(calls) != 1 || calls[0].Method != nethttp.MethodHead || calls[0].Path != "/in" || calls[0].Query != "tenant=7" ||
			len(calls[0].Body) != 0 || calls[0].Header.Get("Authorization") == "" {
			t.Errorf("%d: requests %+v", status, calls)
		}
	}
}

func TestCheckFindsASigningSecretOfAnotherForm(t *testing.T) {
	t.Parallel()
	w := posts()
	d := open(t, env(w), func(c *http.Config) { c.SigningSecret = destinationtest.Secret("plain-text-secret") })
	if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrConfig) || strings.Contains(err.Error(), "plain-text") {
		t.Errorf("check: %v", err)
	}
}

func TestOpenNamesTheDestinationWhoseSettingsAreWrong(t *testing.T) {
	t.Parallel()
	for want, set := range map[string]func(*http.Config){
		"destination hook: url":       func(c *http.Config) { c.URL = "people" },
		"destination hook: max_batch": func(c *http.Config) { c.MaxBatch = -1 },
	} {
		if _, err := tryOpen(t, env(posts()), set); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want one that begins with %q", err, want)
		}
	}
}
