package intercom

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/intercom/intercomtest"
)

func TestAWindowThatIsUsedUpIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		f.Left = 2
		start := time.Now()
		if got, err := d.Write(t.Context(), batch(destinations.Upsert, person(1), person(2))); err != nil || destinationtest.Statuses(got) != "accepted accepted" {
			t.Fatalf("%+v, %v", got, err)
		}
		if took := time.Since(start); took < 7*time.Second || took > 10*time.Second {
			t.Errorf("it took %s, want about eight seconds", took)
		}
	})
}

func TestFieldsAreTheAttributesOfTheWorkspace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t)
		var got []destinations.Field
		for range 2 {
			var err error
			if got, err = d.Fields(t.Context(), contacts); err != nil {
				t.Fatal(err)
			}
		}
		want := append(slices.Clone(models[contacts].fields),
			destinations.Field{Name: "browser", Label: "Browser", Type: destinations.String, ReadOnly: true},
			destinations.Field{Name: "custom_attributes.plan", Label: "Plan", Type: destinations.String, Enum: []string{"free", "pro"}},
			destinations.Field{Name: "custom_attributes.score", Label: "Score", Type: destinations.Number},
			destinations.Field{Name: "custom_attributes.seats", Label: "Seats", Type: destinations.Integer},
			destinations.Field{Name: "custom_attributes.vip", Label: "VIP", Type: destinations.Boolean},
			destinations.Field{Name: "custom_attributes.renews", Label: "Renews", Type: destinations.DateTime},
		)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := len(wire.Calls()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestCheckNamesTheWorkspaceAndFindsMissingPermissions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		wire := destinationtest.NewWire(intercomtest.New())
		d := connect(t, destinationtest.Secret("access-token-1"), destinations.Env{Transport: wire, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err := d.Check(t.Context()); err != nil || !strings.Contains(log.String(), "workspace=abc123") {
			t.Errorf("%v; log %s", err, log.String())
		}
		wire.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			if r.URL.Path == "/contacts" {
				return destinationtest.Reply(403, `{"type":"error.list","errors":[{"code":"forbidden","message":"read_users is missing"}]}`)
			}
			return nil
		})
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrAuth) || !strings.Contains(err.Error(), "permission") {
			t.Errorf("without a permission: %v", err)
		}
	})
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
		"token":    func(c *Config) { c.Token = nil },
		"region":   func(c *Config) { c.Region = "mars" },
		"base_url": func(c *Config) { c.BaseURL = "intercom.io" },
	})
}
