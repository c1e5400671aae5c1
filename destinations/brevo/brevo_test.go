package brevo

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/brevo/brevotest"
	"spillway/destinations/destinationtest"
)

func config(credential destinations.Secret) Config {
	return Config{APIKey: credential, BaseURL: "https://api.brevo.com", Rate: destinations.Rate{Requests: 10, Per: time.Second}, Timeout: time.Minute}
}

func connect(t *testing.T, credential destinations.Secret, env destinations.Env) destinations.Destination {
	t.Helper()
	return destinationtest.Open(t, open, config(credential), env)
}

func dial(t *testing.T) (destinations.Destination, *brevotest.Fake, *destinationtest.Wire) {
	t.Helper()
	f := brevotest.New()
	wire := destinationtest.NewWire(f)
	return connect(t, destinationtest.Secret("xkeysib-1"), destinations.Env{Name: "news", Transport: wire}), f, wire
}

func person(n int) destinations.Record {
	address := fmt.Sprintf("person+%d@example.com", n)
	return destinationtest.Record(n, address, destinations.Fields{{Name: "email", Value: address}, {Name: "attributes.FIRSTNAME", Value: "Person"}})
}

func with(r destinations.Record, name string, v destinations.Value) destinations.Record {
	r.Fields = append(slices.Clone(r.Fields), destinations.FieldValue{Name: name, Value: v})
	return r
}

func batch(op destinations.Op, records ...destinations.Record) destinations.Batch {
	return destinations.Batch{Sync: "people", Object: contacts, Op: op, Identifier: "email", Attempts: 3, Records: records}
}

func TestBrevoKeepsTheContractOfDestinations(t *testing.T) {
	t.Parallel()
	full := with(with(person(1), "attributes.BORN", destinations.Date("1815-12-10")), "attributes.SCORE", json.Number("12.50"))
	full = with(with(full, "listIds", []destinations.Value{json.Number("4")}), "emailBlacklisted", false)
	destinationtest.Run(t, destinationtest.Suite{
		Account: "Acme",
		Open:    connect,
		Service: func(*testing.T) destinationtest.Service { return brevotest.New() },
		Object:  contacts, Identifier: "email", Good: person,
		Bad: func(n int) destinations.Record {
			r := person(n)
			r.ID = fmt.Sprintf("no-address-%d", n)
			r.Fields[0].Value = r.ID
			return r
		},
		Once: destinations.Insert, Text: "attributes.FIRSTNAME", Number: "attributes.SCORE", Requests: maxBatch,
		Exact: []destinationtest.Exact{
			{Field: "attributes.BORN", Value: destinations.Date("1815-12-10"), Stored: `"1815-12-10"`},
			{Field: "attributes.VIP", Value: false, Stored: `false`},
			{Field: "attributes.REGIONS", Value: []destinations.Value{"EU", "US"}, Stored: `["EU","US"]`},
		},
		Throttles: []destinationtest.Throttle{{
			Name: "a 429 with a header of its own", Wait: 17 * time.Second,
			Says: destinationtest.Reply(429, `{"code":"too_many_requests","message":"slow down"}`, "X-Sib-Ratelimit-Reset", "17"),
		}},
		Golden: []destinations.Batch{
			batch(destinations.Upsert, full), batch(destinations.Insert, full), batch(destinations.Update, full),
			batch(destinations.Clear, with(person(1), "attributes.SCORE", nil)),
			batch(destinations.Delete, destinations.Record{Key: "1", ID: person(1).ID}),
		},
		Lacks: map[destinationtest.Trait]string{
			destinationtest.IdempotencyKeys: "Brevo has none",
			destinationtest.Listed:          "a request is one contact",
			destinationtest.Archival:        "Brevo keeps a contact or deletes it",
		},
	})
}

func TestWhatIsThereDecides(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		op   destinations.Op
		want string
	}{
		{destinations.Upsert, "accepted accepted"},
		{destinations.Insert, "rejected:duplicate_parameter accepted"},
		{destinations.Update, "accepted rejected:document_not_found"},
		{destinations.Clear, "accepted accepted"},
		{destinations.Delete, "accepted accepted"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, f, wire := dial(t)
			f.Contacts["PERSON+1@example.com"] = map[string]any{"id": 7}
			got, err := d.Write(t.Context(), batch(test.op, person(1), person(2)))
			if err != nil || destinationtest.Statuses(got) != test.want || len(wire.Calls()) != 2 {
				t.Errorf("%s: %+v, %v after %d requests", test.op, got, err, len(wire.Calls()))
			}
		})
	}
}

func TestAnAddressWhereNothingIsDeletesNobody(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"<html>Not Found</html>", `{"message":"no such route"}`} {
		synctest.Test(t, func(t *testing.T) {
			d, _, wire := dial(t)
			wire.SpoilAll(destinationtest.Reply(404, body))
			got, err := d.Write(t.Context(), batch(destinations.Delete, destinations.Record{Key: "1", ID: person(1).ID}))
			if err != nil || destinationtest.Statuses(got) != "unknown:answer" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestContactsAreFoundByAnIDOfTheSenders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t)
		r := with(person(1), "ext_id", "u/1")
		r.ID = "u/1"
		for op, want := range map[destinations.Op]string{
			destinations.Upsert: `POST /v3/contacts? {"email":"person+1@example.com","ext_id":"u/1","updateEnabled":true,"attributes":{"FIRSTNAME":"Person"}}`,
			destinations.Update: `PUT /v3/contacts/u%2F1?identifierType=ext_id {"attributes":{"EMAIL":"person+1@example.com","FIRSTNAME":"Person"}}`,
		} {
			b := batch(op, r)
			b.Identifier = "ext_id"
			if _, err := d.Write(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			call := wire.Calls()[len(wire.Calls())-1]
			if got := fmt.Sprintf("%s %s?%s %s", call.Method, call.Path, call.Query, call.Body); got != want {
				t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
			}
		}
	})
}

func TestASecondThatIsUsedUpIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		f.Left = 1
		start := time.Now()
		got, err := d.Write(t.Context(), batch(destinations.Upsert, person(1)))
		if err == nil {
			got, err = d.Write(t.Context(), batch(destinations.Upsert, person(2)))
		}
		if took := time.Since(start); err != nil || destinationtest.Statuses(got) != "accepted" || took < 8*time.Second || took > 10*time.Second {
			t.Errorf("%+v, %v after %s", got, err, took)
		}
	})
}

func TestFieldsAreTheAttributesOfTheAccount(t *testing.T) {
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
		want := append(
			slices.Clone(fields),
			destinations.Field{Name: "attributes.FIRSTNAME", Label: "FIRSTNAME", Type: destinations.String},
			destinations.Field{Name: "attributes.SCORE", Label: "SCORE", Type: destinations.Number},
			destinations.Field{Name: "attributes.BORN", Label: "BORN", Type: destinations.DateType},
			destinations.Field{Name: "attributes.VIP", Label: "VIP", Type: destinations.Boolean},
			destinations.Field{Name: "attributes.REGIONS", Label: "REGIONS", Type: destinations.List, Enum: []string{"EU", "US"}},
			destinations.Field{Name: "attributes.GENDER", Label: "GENDER", Type: destinations.Integer, Enum: []string{"1", "2"}},
			destinations.Field{Name: "attributes.BLACKLIST", Label: "BLACKLIST", ReadOnly: true},
		)
		if diff := cmp.Diff(want, got); diff != "" || len(wire.Calls()) != 1 {
			t.Errorf("%d requests; (-want +got):\n%s", len(wire.Calls()), diff)
		}
	})
}

func TestCheckNamesTheAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		wire := destinationtest.NewWire(brevotest.New())
		d := connect(t, destinationtest.Secret("xkeysib-1"), destinations.Env{Transport: wire, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err := d.Check(t.Context()); err != nil || !strings.Contains(log.String(), "account=Acme") {
			t.Errorf("%v; log %s", err, log.String())
		}
		wire.SpoilAll(destinationtest.Reply(200, `{"hello":"world"}`))
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrConfig) {
			t.Errorf("another service: %v", err)
		}
	})
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	destinationtest.RefusesSettings(t, open, config(destinationtest.Secret("xkeysib-1")), map[string]func(*Config){
		"api_key":  func(c *Config) { c.APIKey = nil },
		"base_url": func(c *Config) { c.BaseURL = "brevo" },
	})
}
