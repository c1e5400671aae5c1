package hubspot

import (
	"errors"
	"net/http"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/hubspot/hubspottest"
)

// third lets fault happen to every request from the third on.
func third(fault destinationtest.Fault) func(int, *http.Request) destinationtest.Fault {
	return func(n int, _ *http.Request) destinationtest.Fault {
		if n >= 3 {
			return fault
		}
		return nil
	}
}

func TestObjectsOfTheAccountsOwnAreDelivered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, name := range []string{"deals", "tickets", "p4242_cars"} {
			d, f, _ := dial(t)
			b := destinations.Batch{Object: name, Op: destinations.Upsert, Identifier: "external_id", Records: []destinations.Record{
				{ID: "x-1", Fields: destinations.Fields{{Name: "external_id", Value: "x-1"}, {Name: "name", Value: "One"}}},
			}}
			got, err := d.Write(t.Context(), b)
			if err != nil || got[0].Status != destinations.Accepted || f.Records[name][got[0].RemoteID]["name"] != "One" {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	})
}

func TestCustomObjectsThatMayNotBeListedAreLeftOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		f.Closed["schemas"] = true
		objects, err := d.Objects(t.Context())
		if err != nil || len(objects) != len(kinds) {
			t.Errorf("%d objects, %v", len(objects), err)
		}
		if _, err := d.Fields(t.Context(), "p4242_cars"); !errors.Is(err, destinations.ErrNoObject) {
			t.Errorf("fields: %v", err)
		}
	})
}

func TestRecordsAreFoundByHubSpotsOwnID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		seed(f, map[string]string{"email": "person1@example.com"})
		record := func(id string) destinations.Record {
			return destinations.Record{ID: id, Fields: destinations.Fields{{Name: "hs_object_id", Value: id}, {Name: "plan", Value: "pro"}}}
		}
		b := contacts(destinations.Update, record("101"), record("404"))
		b.Identifier = "hs_object_id"
		got, err := d.Write(t.Context(), b)
		if err != nil || got[0].Status != destinations.Accepted || got[1].Code != codeAbsent {
			t.Errorf("%+v, %v", got, err)
		}
		if diff := cmp.Diff(map[string]string{"email": "person1@example.com", "plan": "pro"}, f.Records["contacts"]["101"]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		b.Op = destinations.Upsert
		if _, err := d.Write(t.Context(), b); !errors.Is(err, destinations.ErrConfig) {
			t.Errorf("an upsert: %v", err)
		}
	})
}

func TestAnAppsTokensAreRefreshed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := hubspottest.New()
		wire := destinationtest.NewWire(f)
		c := config(nil)
		c.Token, c.ClientID, c.ClientSecret, c.RefreshToken = nil, "app", destinationtest.Secret("app-secret"), destinationtest.Secret("refresh-me")
		d := destinationtest.Open(t, open, c, destinations.Env{Transport: wire, Tokens: filepath.Join(t.TempDir(), "hubspot.json")})
		for n := range 3 {
			got, err := d.Write(t.Context(), contacts(destinations.Upsert, person(n)))
			if err != nil || got[0].Status != destinations.Accepted {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		if calls := wire.Calls(); len(calls) != 4 || calls[0].Path != "/oauth/2026-09/token" || calls[3].Header.Get("Authorization") != "Bearer access-token-1" {
			t.Errorf("%d requests", len(calls))
		}
	})
}
