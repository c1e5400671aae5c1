package mailchimp

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/mailchimp/mailchimptest"
)

func TestTheDataCentreIsTheOneThatTheKeyNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t)
		if _, err := d.Write(t.Context(), batch(destinations.Upsert, person(1))); err != nil || wire.Calls()[0].Host != "us6.api.mailchimp.com" {
			t.Errorf("%v; the host is %s", err, wire.Calls()[0].Host)
		}
		d, _, wire = dial(t, func(c *Config) { c.APIKey = destinationtest.Secret("0123456789abcdef.evil.example") })
		_, err := d.Write(t.Context(), batch(destinations.Upsert, person(1)))
		if !errors.Is(err, destinations.ErrConfig) || !strings.Contains(err.Error(), "data centre") || len(wire.Calls()) != 0 {
			t.Errorf("a key without one: %v after %d requests", err, len(wire.Calls()))
		}
	})
}

func TestObjectsAreTheAudiencesOfTheAccount(t *testing.T) {
	t.Parallel()
	names := func(t *testing.T, d destinations.Destination) string {
		t.Helper()
		objects, err := d.Objects(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, o := range objects {
			list = append(list, o.Name)
		}
		return strings.Join(list, " ")
	}
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t)
		if got := names(t, d); got != "members members.a1b2c3d4e5 members.f6f7f8f9f0" {
			t.Errorf("objects %s", got)
		}
		if _, err := d.Fields(t.Context(), "members.nosuchlist"); !errors.Is(err, destinations.ErrNoObject) || !strings.Contains(err.Error(), "f6f7f8f9f0 for Partners") {
			t.Errorf("an audience that is not there: %v", err)
		}
		if n := len(wire.Calls()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		d, _, _ = dial(t, func(c *Config) { c.Audience = "" })
		if got := names(t, d); got != "members.a1b2c3d4e5 members.f6f7f8f9f0" {
			t.Errorf("objects without a setting: %s", got)
		}
		if got, err := d.Write(t.Context(), batch(destinations.Upsert, person(1))); !errors.Is(err, destinations.ErrNoObject) || destinationtest.Statuses(got) != "deferred:not_sent" {
			t.Errorf("members of one of several: %+v, %v", got, err)
		}
		d, f, wire := dial(t, func(c *Config) { c.Audience = "" })
		f.Audiences = f.Audiences[:1]
		for range 2 {
			if got, err := d.Write(t.Context(), batch(destinations.Upsert, person(1))); err != nil || destinationtest.Statuses(got) != "accepted" {
				t.Errorf("members of the only one: %+v, %v", got, err)
			}
		}
		if n := len(wire.Calls()); n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
	})
}

func TestFieldsAreThoseOfTheAudience(t *testing.T) {
	t.Parallel()
	want := append(slices.Clone(own),
		destinations.Field{Name: mergePrefix + "FNAME", Label: "First name", Type: destinations.String},
		destinations.Field{Name: mergePrefix + "LNAME", Label: "Last name", Type: destinations.String, Required: true},
		destinations.Field{Name: mergePrefix + "SCORE", Label: "Score", Type: destinations.Number},
		destinations.Field{Name: mergePrefix + "SINCE", Label: "Customer since", Type: destinations.DateType},
		destinations.Field{Name: mergePrefix + "BORN", Label: "Birthday", Type: destinations.Any},
		destinations.Field{Name: mergePrefix + "ADDRESS", Label: "Address", Type: destinations.JSON},
		destinations.Field{Name: mergePrefix + "PHONE", Label: "Phone", Type: destinations.String},
		destinations.Field{Name: mergePrefix + "PLAN", Label: "Plan", Type: destinations.String, Enum: []string{"Free", "Pro"}},
		destinations.Field{Name: interestsDot + "9143cf3bd1", Label: "Topics: News", Type: destinations.Boolean},
		destinations.Field{Name: interestsDot + "3a2a927344", Label: "Topics: Offers", Type: destinations.Boolean},
	)
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t)
		var got []destinations.Field
		for range 2 {
			var err error
			if got, err = d.Fields(t.Context(), members); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := len(wire.Calls()); n != 4 {
			t.Errorf("%d requests, want 4", n)
		}
		d, _, wire = dial(t, func(c *Config) { c.SkipRequired = true })
		got, err := d.Fields(t.Context(), members)
		if err != nil || slices.ContainsFunc(got, func(f destinations.Field) bool { return f.Required && f.Name != email }) {
			t.Errorf("without what the audience requires: %+v, %v", got, err)
		}
		if _, err := d.Write(t.Context(), batch(destinations.Upsert, person(1))); err != nil || wire.Calls()[4].Query != "skip_merge_validation=true" {
			t.Errorf("%v; %+v", err, wire.Calls()[4])
		}
	})
}

func TestAMissingMergeFieldIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, _ := dial(t)
		got, err := d.Write(t.Context(), batch(destinations.Upsert, member("nameless@example.com")))
		if err != nil || destinationtest.Statuses(got) != "rejected:ERROR_GENERIC" || got[0].Reason != "Your merge fields were invalid.; LNAME: Please enter a value" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestCheckNamesTheAccountAndFindsAUserWithoutPower(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		f := mailchimptest.New()
		wire := destinationtest.NewWire(f)
		d := destinationtest.Open(t, open, config(), destinations.Env{Transport: wire, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err := d.Check(t.Context()); err != nil || !strings.Contains(log.String(), `account="Freddie's Jokes"`) || !strings.Contains(log.String(), "audience=Customers") {
			t.Errorf("%v; log %s", err, log.String())
		}
		f.Role = "viewer"
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrAuth) || !strings.Contains(err.Error(), "viewer") {
			t.Errorf("a viewer: %v", err)
		}
		wire.SpoilAll(destinationtest.Reply(200, `{"hello":"world"}`))
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrConfig) {
			t.Errorf("another service: %v", err)
		}
		d, _, _ = dial(t, func(c *Config) { c.Audience = "0000000000" })
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrNoObject) {
			t.Errorf("an audience that is not there: %v", err)
		}
	})
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	destinationtest.RefusesSettings(t, open, config(), map[string]func(*Config){
		"api_key":     func(c *Config) { c.APIKey = nil },
		"connections": func(c *Config) { c.Connections = 11 },
		"base_url":    func(c *Config) { c.BaseURL = "mailchimp.com" },
	})
}
