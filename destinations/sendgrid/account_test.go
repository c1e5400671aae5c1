package sendgrid

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/sendgrid/sendgridtest"
)

func TestAWindowThatIsUsedUpIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		f.Left = 1
		start := time.Now()
		if got, err := d.Write(t.Context(), batch(contacts, destinations.Upsert, person(1))); err != nil || destinationtest.Statuses(got) != "accepted" {
			t.Fatalf("%+v, %v", got, err)
		}
		if took := time.Since(start); took < 7*time.Second || took > 10*time.Second {
			t.Errorf("it took %s, want about eight seconds", took)
		}
	})
}

func TestFieldsAreNamedAndSentByTheirIDs(t *testing.T) {
	t.Parallel()
	text := func(name, label string) destinations.Field {
		return destinations.Field{Name: name, Label: label, Type: destinations.String}
	}
	want := []destinations.Field{
		text("email", "email"), text("phone_number_id", "phone_number_id"), text("external_id", "external_id"), text("anonymous_id", "anonymous_id"),
		text("first_name", "first_name"),
		{Name: alternate, Label: alternate, Type: destinations.List},
		{Name: "created_at", Label: "created_at", Type: destinations.DateTime, ReadOnly: true},
		text(customDot+"notes", "notes"),
		{Name: customDot + "Score", Label: "Score", Type: destinations.Number},
		{Name: customDot + "renews", Label: "renews", Type: destinations.DateTime},
	}
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t)
		for range 2 {
			got, err := d.Fields(t.Context(), members)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		}
		if n := len(wire.Calls()); n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
		objects, err := d.Objects(t.Context())
		if err != nil || len(objects) != 3 || objects[1].Name != members || !slices.Contains(objects[1].Operations, destinations.Archive) {
			t.Errorf("%+v, %v", objects, err)
		}
		if _, err := d.Fields(t.Context(), contacts+".nosuchlist"); !errors.Is(err, destinations.ErrNoObject) {
			t.Errorf("a list that is not there: %v", err)
		}
		got, err := d.Write(t.Context(), batch(contacts, destinations.Upsert, with(person(1), customDot+"lost", "x")))
		if !errors.Is(err, destinations.ErrConfig) || !strings.Contains(err.Error(), "lost") || destinationtest.Statuses(got) != "deferred:not_sent" {
			t.Errorf("a field that is not there: %+v, %v", got, err)
		}
	})
}

func TestCheckNamesTheAccountAndFindsMissingScopes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		f := sendgridtest.New()
		wire := destinationtest.NewWire(f)
		d := destinationtest.Open(t, open, config(func(c *Config) { c.Region = "eu" }), destinations.Env{Transport: wire, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err := d.Check(t.Context()); err != nil || !strings.Contains(log.String(), "account=acme") || wire.Calls()[0].Host != "api.eu.sendgrid.com" {
			t.Errorf("%v; log %s; %s", err, log.String(), wire.Calls()[0].Host)
		}
		f.Scopes = []string{"mail.send"}
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrAuth) || !strings.Contains(err.Error(), "Marketing") {
			t.Errorf("without a scope: %v", err)
		}
		f.Scopes = nil
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrConfig) {
			t.Errorf("another service: %v", err)
		}
	})
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	destinationtest.RefusesSettings(t, open, config(), map[string]func(*Config){
		"api_key":  func(c *Config) { c.APIKey = nil },
		"region":   func(c *Config) { c.Region = "mars" },
		"base_url": func(c *Config) { c.BaseURL = "sendgrid.com" },
	})
}
