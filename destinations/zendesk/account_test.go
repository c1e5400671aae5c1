package zendesk

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/zendesk/zendesktest"
)

func TestErrorsAreReadInAllTheirForms(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][2]string{
		`{"error":"RecordInvalid","description":"Record validation errors","details":{"phone":[{"description":"Phone: is odd","error":"InvalidFormat"}]}}`: {"RecordInvalid", "Record validation errors; phone: Phone: is odd"},
		`{"error":"RecordInvalid","description":"Bad","details":[{"description":"is odd"}]}`:                                                               {"RecordInvalid", "Bad; is odd"},
		`{"error":"InvalidValue","description":"Bad","details":"no such role"}`:                                                                            {"InvalidValue", "Bad; no such role"},
		`{"error":{"title":"Forbidden","message":"You do not have access to this page."}}`:                                                                 {"Forbidden", "You do not have access to this page."},
		`{"errors":[{"code":"TooManyRequests","title":"Too many requests to update"}]}`:                                                                    {"TooManyRequests", "Too many requests to update"},
		`Rate limit for ticket updates exceeded`:                                                                                                           {"", ""},
	} {
		code, reason := words([]byte(body))
		if diff := cmp.Diff(want, [2]string{code, reason}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func TestFieldsAreThoseOfTheAccount(t *testing.T) {
	t.Parallel()
	own := map[string][]destinations.Field{
		users: {
			{Name: "user_fields.plan", Label: "Plan", Type: destinations.String, Enum: []string{"pro", "free"}},
			{Name: "user_fields.score", Label: "Score", Type: destinations.Number},
			{Name: "user_fields.seats", Label: "Seats", Type: destinations.Integer},
			{Name: "user_fields.vip", Label: "VIP", Type: destinations.Boolean},
			{Name: "user_fields.renews", Label: "Renews", Type: destinations.DateType},
		},
		organizations: {
			{Name: "organization_fields.tier", Label: "Tier", Type: destinations.String},
			{Name: "organization_fields.regions", Label: "Regions", Type: destinations.List, Enum: []string{"eu"}},
		},
		tickets: {
			{Name: "custom_fields.360001", Label: "Order value", Type: destinations.Number},
			{Name: "custom_fields.360002", Label: "Cause", Type: destinations.String, Enum: []string{"late"}},
		},
	}
	for object, custom := range own {
		synctest.Test(t, func(t *testing.T) {
			d, _, wire := dial(t)
			var got []destinations.Field
			for range 2 {
				var err error
				if got, err = d.Fields(t.Context(), object); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(append(slices.Clone(kinds[object].fields), custom...), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if n := len(wire.Calls()); n != 2 {
				t.Errorf("%d requests, want one for each of two pages", n)
			}
		})
	}
}

func TestCheckNamesTheAccountAndWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		set  func(*zendesktest.Fake)
		want error
		says string // in the error or in the log
	}{
		{"all is well", func(*zendesktest.Fake) {}, nil, "account=acme.zendesk.com user=1 role=admin"},
		{"credentials that are not known", func(f *zendesktest.Fake) { f.Role = "" }, destinations.ErrAuth, "does not know"},
		{"an end user", func(f *zendesktest.Fake) { f.Role = "end-user" }, destinations.ErrAuth, "end user"},
		{"a token that only reads", func(f *zendesktest.Fake) { f.Scopes = []string{"read"} }, nil, "users:write organizations:write tickets:write"},
		{"a token for tickets", func(f *zendesktest.Fake) { f.Scopes = []string{"read", "tickets:write"} }, nil, "[users:write organizations:write]"},
		{"a token that reads nothing", func(f *zendesktest.Fake) { f.Scopes = []string{"users:write"} }, destinations.ErrAuth, "read, organizations:write"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				f := zendesktest.New()
				test.set(f)
				d := byToken(t, destinationtest.Secret("access-token-1"), destinations.Env{
					Transport: destinationtest.NewWire(f), Log: slog.New(slog.NewTextHandler(&log, nil)),
				})
				err := d.Check(t.Context())
				if !errors.Is(err, test.want) || !strings.Contains(fmt.Sprint(err)+log.String(), test.says) {
					t.Errorf("%v; log %s", err, log.String())
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t)
		wire.SpoilAll(destinationtest.Reply(200, `{"hello":"world"}`))
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrConfig) {
			t.Errorf("another service: %v", err)
		}
	})
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	destinationtest.RefusesSettings(t, open, config(), map[string]func(*Config){
		"subdomain is":            func(c *Config) { c.Subdomain = "acme.zendesk.com" },
		"credentials are missing": func(c *Config) { c.Token = nil },
		"email is missing":        func(c *Config) { c.Token, c.APIToken = nil, c.Token },
		"exclude each other":      func(c *Config) { c.APIToken = c.Token },
		"keep one":                func(c *Config) { c.ClientID = "client" },
		"jobs is 0":               func(c *Config) { c.Jobs = 0 },
		"base_url":                func(c *Config) { c.BaseURL = "acme" },
	})
}
