package hubspot

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/hubspot/hubspottest"
)

func TestFieldsAreThePropertiesOfTheAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		want := []destinations.Field{
			{Name: "age", Label: "Age", Type: destinations.Number, ReadOnly: true},
			{Name: "email", Label: "E-mail", Type: destinations.String},
			{Name: "external_id", Label: "External ID", Type: destinations.String},
			{Name: "firstname", Label: "First name", Type: destinations.String},
			{Name: "hs_object_id", Label: "Record ID", Type: destinations.Number, ReadOnly: true},
			{Name: "mobile", Label: "Mobile", Type: destinations.String},
			{Name: "name", Label: "Name", Type: destinations.String},
			{Name: "opt_in", Label: "Opt-in", Type: destinations.Boolean},
			{Name: "owner", Label: "Owner", Type: destinations.String},
			{Name: "plan", Label: "Plan", Type: destinations.String, Enum: []string{"free", "pro"}},
			{Name: "score", Label: "Score", Type: destinations.Number},
			{Name: "seen", Label: "Seen", Type: destinations.DateTime},
			{Name: "signup", Label: "Signed up", Type: destinations.DateType},
			{Name: "topics", Label: "Topics", Type: destinations.List, Enum: []string{"a", "b"}},
		}
		by := func(object, label string, identifiers ...string) {
			for _, id := range identifiers {
				want = append(want, destinations.Field{Name: "associations." + object + "." + id, Label: label + " by " + id})
			}
		}
		by("contacts", "Contacts", "email", "external_id", "hs_object_id")
		by("companies", "Companies", "external_id", "hs_object_id")
		by("tickets", "Tickets", "external_id", "hs_object_id")
		by("p4242_cars", "Cars", "external_id", "hs_object_id")
		f.Closed["deals"] = true // which is of no other object's concern
		for range 2 {
			got, err := d.Fields(t.Context(), "contacts")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		if n := len(wire.Calls()); n != 6 {
			t.Errorf("%d requests, want 6: one for each of five objects and one that lists them; the properties are to be kept", n)
		}
		if _, err := d.Fields(t.Context(), "deals"); !errors.Is(err, destinations.ErrAuth) {
			t.Errorf("fields without a scope: %v", err)
		}
		objects, err := d.Objects(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found := map[string][]string{}
		for _, o := range objects {
			found[o.Name] = o.Identifiers
		}
		unique := []string{"external_id", "hs_object_id"}
		if diff := cmp.Diff(map[string][]string{
			"contacts": {"email", "external_id", "hs_object_id"}, "companies": unique, "deals": {"*"}, "tickets": unique, "p4242_cars": unique,
		}, found); diff != "" {
			t.Errorf("identifiers (-want +got):\n%s", diff)
		}
	})
}

func TestCompaniesAreNotFoundByTheirDomain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		company := destinations.Record{ID: "acme.example", Fields: destinations.Fields{{Name: "name", Value: "Acme"}}}
		b := destinations.Batch{Object: "companies", Op: destinations.Upsert, Identifier: "domain", Records: []destinations.Record{company}}
		got, err := d.Write(t.Context(), b)
		if !errors.Is(err, destinations.ErrConfig) || !strings.Contains(err.Error(), "use external_id") {
			t.Errorf("error %v", err)
		}
		if got[0].Status != destinations.Deferred || len(f.Records["companies"]) > 0 {
			t.Errorf("%+v", got)
		}
		b.Identifier = "external_id"
		if got, err = d.Write(t.Context(), b); err != nil || got[0].Status != destinations.Accepted {
			t.Errorf("by a unique property: %+v, %v", got, err)
		}
	})
}

func TestCheckNamesThePortal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		f := hubspottest.New()
		wire := destinationtest.NewWire(f)
		d := connect(t, destinationtest.Secret("pat-eu1-1"), destinations.Env{Transport: wire, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err := d.Check(t.Context()); err != nil || !strings.Contains(log.String(), "portal=4242") {
			t.Errorf("%v; log %s", err, log.String())
		}
		f.Closed["deals"] = true
		if err := d.Check(t.Context()); err != nil || !strings.Contains(log.String(), "crm.objects.deals.read") {
			t.Errorf("without a scope for deals: %v; log %s", err, log.String())
		}
		for _, k := range kinds {
			f.Closed[k.name] = true
		}
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrAuth) {
			t.Errorf("without any scope: %v", err)
		}
		wire.SpoilAll(destinationtest.Reply(http.StatusOK, `{"name":"another service"}`))
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrConfig) {
			t.Errorf("another service: %v", err)
		}
		wire.SpoilAll(destinationtest.Reply(http.StatusForbidden, `{"category":"MISSING_SCOPES","message":"This app hasn't been granted all required scopes."}`))
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrAuth) || !strings.Contains(err.Error(), "scopes") {
			t.Errorf("missing scopes: %v", err)
		}
	})
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		set  func(*Config)
		want string
	}{
		{"no token", func(c *Config) { c.Token = nil }, "token"},
		{"a token and an app", func(c *Config) { c.ClientID = "app" }, "excludes"},
		{"half an app", func(c *Config) { c.Token, c.ClientID = nil, "app" }, "refresh_token"},
		{"a numbered version", func(c *Config) { c.APIVersion = "v3" }, "api_version"},
		{"a month that there is not", func(c *Config) { c.APIVersion = "2026-13" }, "api_version"},
		{"no address", func(c *Config) { c.BaseURL = "api.hubapi.com" }, "base_url"},
	}
	for _, test := range tests {
		c := config(destinationtest.Secret("pat-eu1-1"))
		test.set(&c)
		if _, err := open(t.Context(), c, destinations.Env{Name: "crm"}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
