package customerio

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
	"spillway/destinations/customerio/customeriotest"
	"spillway/destinations/destinationtest"
	"spillway/destinations/httpapi"
)

func config(set ...func(*Config)) Config {
	return destinationtest.Changed(Config{
		SiteID: "site-1", APIKey: destinationtest.Secret("api-key-1"), Region: "us", Deletion: "delete",
		Rate: destinations.Rate{Requests: 100, Per: time.Second}, Timeout: time.Minute,
	}, set)
}

func dial(t *testing.T, set ...func(*Config)) (destinations.Destination, *customeriotest.Fake, *destinationtest.Wire) {
	t.Helper()
	f := customeriotest.New()
	wire := destinationtest.NewWire(f)
	return destinationtest.Open(t, open, config(set...), destinations.Env{Name: "mail", Transport: wire}), f, wire
}

func person(n int) destinations.Record {
	address := fmt.Sprintf("person%d@example.com", n)
	return destinationtest.Record(n, address, destinations.Fields{{Name: "email", Value: address}, {Name: "name", Value: "Person"}})
}

func batch(object string, op destinations.Op, identifier string, records ...destinations.Record) destinations.Batch {
	return destinations.Batch{Sync: "people", Object: object, Op: op, Identifier: identifier, Attempts: 3, Records: records}
}

func purchase(n int) destinations.Record {
	return destinations.Record{Key: strconv.Itoa(n), Token: fmt.Sprintf("token-%d", n), Fields: destinations.Fields{
		{Name: "person.email", Value: "ada@example.com"},
		{Name: "person.id", Value: "7"},
		{Name: "name", Value: "purchase"},
		{Name: "timestamp", Value: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)},
		{Name: "price", Value: json.Number("12.50")},
		{Name: "coupon", Value: nil},
	}}
}

func TestCustomerIOKeepsTheContractOfDestinations(t *testing.T) {
	t.Parallel()
	full := person(1)
	full.Fields = append(
		full.Fields,
		destinations.FieldValue{Name: "created_at", Value: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)},
		destinations.FieldValue{Name: "score", Value: json.Number("12.50")},
		destinations.FieldValue{Name: "plan"},
		destinations.FieldValue{Name: "tags", Value: []destinations.Value{"a", "b"}},
	)
	gone := destinations.Record{Key: "2", ID: "person2@example.com"}
	company := destinations.Record{Key: "3", ID: "acme", Fields: destinations.Fields{{Name: "object_id", Value: "acme"}, {Name: "seats", Value: json.Number("7")}}}
	destinationtest.Run(t, destinationtest.Suite{
		Account: "workspace 42, region us",
		Open: func(t *testing.T, credential destinations.Secret, env destinations.Env) destinations.Destination {
			t.Helper()
			d, err := open(t.Context(), config(func(c *Config) { c.APIKey = credential }), env)
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
		Service:    func(*testing.T) destinationtest.Service { return customeriotest.New() },
		Object:     people,
		Identifier: "email",
		Good:       person,
		Bad: func(n int) destinations.Record {
			r := person(n)
			r.ID = fmt.Sprintf("no-address-%d", n)
			r.Fields[0].Value = r.ID
			return r
		},
		Exact: []destinationtest.Exact{
			{Field: "seen", Value: time.Date(2026, 11, 20, 12, 0, 0, 5, time.FixedZone("", 3600)), Stored: `1795172400`},
			{Field: "born", Value: destinations.Date("1815-12-10"), Stored: `"1815-12-10"`},
			{Field: "vip", Value: false, Stored: `false`},
			{Field: "name", Value: nil, Stored: ""},
			{Field: "tags", Value: []destinations.Value{"a", json.Number("1")}, Stored: `["a",1]`},
		},
		Text:     "name",
		Number:   "score",
		Requests: 1,
		Wide: func(n, bytes int) destinations.Record {
			r := person(n)
			r.Fields = append(r.Fields, destinations.FieldValue{Name: "bio", Value: strings.Repeat("x", bytes-100)})
			return r
		},
		Golden: []destinations.Batch{
			batch(people, destinations.Upsert, "email", full),
			batch(people, destinations.Update, "email", full),
			batch(people, destinations.Delete, "email", gone),
			batch("objects.1", destinations.Upsert, "object_id", company),
			batch(events, destinations.Insert, "", purchase(1)),
		},
		Lacks: map[destinationtest.Trait]string{
			destinationtest.Archival:        "people are deleted or suppressed",
			destinationtest.NotRepeatable:   "what is said of people may be said twice; events have a test of their own",
			destinationtest.IdempotencyKeys: "events alone carry an id, in the body",
			destinationtest.Listed:          "answers list the refused records alone",
		},
	})
}

func TestWhatTheAnswerNamesIsRefused(t *testing.T) {
	t.Parallel()
	b := batch(people, destinations.Upsert, "email", person(1), person(2), person(3))
	for _, test := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"nothing", 200, `{}`, "accepted accepted accepted"},
		{"one by its place", 207, `{"errors":[{"batch_index":1,"reason":"invalid","field":"email","message":"no"}]}`, "accepted rejected accepted"},
		{"one twice", 207, `{"errors":[{"batch_index":2,"reason":"a"},{"batch_index":2,"reason":"b"}]}`, "accepted accepted rejected"},
		{"one in a 200", 200, `{"errors":[{"batch_index":0,"reason":"invalid"}]}`, "rejected accepted accepted"},
		{"one without a place", 207, `{"errors":[{"reason":"invalid"},{"batch_index":0,"reason":"x"}]}`, "rejected unknown unknown"},
		{"one beyond the batch", 207, `{"errors":[{"batch_index":3,"reason":"invalid"}]}`, "unknown unknown unknown"},
		{"one that is odd", 207, `{"errors":["odd"]}`, "unknown unknown unknown"},
		{"some, but not which", 207, `{}`, "unknown unknown unknown"},
	} {
		got, err := decode(b, httpapi.Answer{Status: test.status, Body: []byte(test.body)})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		statuses := make([]string, len(got))
		for i, r := range got {
			statuses[i] = r.Status.String()
			if r.Status != destinations.Accepted && (r.Code == "" || r.Reason == "") {
				t.Errorf("%s: result %d is %+v", test.name, i, r)
			}
		}
		if diff := cmp.Diff(test.want, strings.Join(statuses, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestAnUpdateMakesNobody(t *testing.T) {
	t.Parallel()
	for _, op := range []destinations.Op{destinations.Update, destinations.Clear} {
		synctest.Test(t, func(t *testing.T) {
			d, f, _ := dial(t)
			if got, err := d.Write(t.Context(), batch(people, op, "email", person(1))); err != nil || got[0].Status != destinations.Accepted || len(f.Records) != 0 {
				t.Errorf("%s: %+v, %v, %v", op, got, err, f.Records)
			}
		})
	}
}

func TestSuppressedPeopleStayOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t, func(c *Config) { c.Deletion = suppress })
		for _, op := range []destinations.Op{destinations.Upsert, destinations.Delete, destinations.Upsert} {
			if got, err := d.Write(t.Context(), batch(people, op, "email", person(1))); err != nil || got[0].Status != destinations.Accepted {
				t.Errorf("%s: %+v, %v", op, got, err)
			}
		}
		if len(f.Records) != 0 || len(f.Barred) != 1 {
			t.Errorf("records %v, barred %v", f.Records, f.Barred)
		}
	})
}

func TestRecordsThatNoRequestHoldsStayHereAndTheOthersGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		wide := func(n, bytes int) destinations.Record {
			r := person(n)
			r.Fields = append(r.Fields, destinations.FieldValue{Name: "bio", Value: strings.Repeat("x", bytes)})
			return r
		}
		records := []destinations.Record{wide(0, 33_000)}
		for n := range 40 {
			records = append(records, wide(1+n, 30_000))
		}
		got, err := d.Write(t.Context(), batch(people, destinations.Upsert, "email", records...))
		if err != nil || got[0].Code != "too_large" || got[0].Status != destinations.Rejected {
			t.Errorf("%+v, %v", got[0], err)
		}
		for i, r := range got[1:] {
			if r.Status != destinations.Accepted {
				t.Errorf("record %d: %+v", i+1, r)
			}
		}
		if len(f.Records) != 40 || len(wire.Calls()) != 3 {
			t.Errorf("%d records in %d requests, want 40 in 3", len(f.Records), len(wire.Calls()))
		}
	})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		nobody := destinations.Record{Key: "9", Fields: destinations.Fields{{Name: "name", Value: "purchase"}, {Name: "person.id"}}}
		got, err := d.Write(t.Context(), batch(events, destinations.Insert, "", purchase(1), nobody, purchase(2)))
		if err != nil || got[0].Status != destinations.Accepted || got[1].Status != destinations.Rejected || got[2].Status != destinations.Accepted {
			t.Errorf("%+v, %v", got, err)
		}
		if len(f.Events) != 2 || f.Events[0].ID == f.Events[1].ID || len(f.Events[0].ID) != 26 || f.Events[0].Identifiers["id"] != "7" {
			t.Fatalf("events: %+v", f.Events)
		}
		wire.SpoilFirst(1, destinationtest.Lose())
		if got, err = d.Write(t.Context(), batch(events, destinations.Insert, "", purchase(3))); err != nil || got[0].Status != destinations.Unknown || len(f.Events) != 3 {
			t.Errorf("a lost answer: %+v, %v; %d events", got, err, len(f.Events))
		}
		if _, err = d.Write(t.Context(), batch(events, destinations.Insert, "", purchase(3))); err != nil || f.Events[3].ID != f.Events[2].ID {
			t.Errorf("the same event has another id when it is sent again: %v", err)
		}
	})
}

func TestIDsOfEventsAreULIDs(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1469918176385) // the example of github.com/ulid/spec
	if got := eventID(at, "x"); !strings.HasPrefix(got, "01ARYZ6S41") || len(got) != 26 {
		t.Errorf("%s", got)
	}
	if got := eventID(time.Unix(-5, 0), "x"); !strings.HasPrefix(got, "0000000000") {
		t.Errorf("before 1970: %s", got)
	}
}

func TestCheckFindsTheRegion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		f := customeriotest.New()
		wire := destinationtest.NewWire(f)
		d := destinationtest.Open(t, open, config(), destinations.Env{Transport: wire, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err := d.Check(t.Context()); err != nil || !strings.Contains(log.String(), "workspace=42") {
			t.Errorf("%v; log %s", err, log.String())
		}
		f.Region = "eu"
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrConfig) || !strings.Contains(err.Error(), `region = "eu"`) {
			t.Errorf("the other region: %v", err)
		}
		if got := wire.Calls()[0].Host; got != "track.customer.io" {
			t.Errorf("the host is %s", got)
		}
		wire.SpoilAll(destinationtest.Reply(200, `{"hello":"world"}`))
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrConfig) {
			t.Errorf("another service: %v", err)
		}
	})
}

func TestObjectsAreNamedByTheirType(t *testing.T) {
	t.Parallel()
	d, _, _ := dial(t)
	if _, err := d.Fields(t.Context(), "objects.12"); err != nil {
		t.Error(err)
	}
	if _, err := d.Fields(t.Context(), "objects"); !errors.Is(err, destinations.ErrNoObject) || !strings.Contains(err.Error(), "objects.1") {
		t.Errorf("without a type: %v", err)
	}
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	destinationtest.RefusesSettings(t, open, config(), map[string]func(*Config){
		"site_id":  func(c *Config) { c.SiteID = "" },
		"api_key":  func(c *Config) { c.APIKey = nil },
		"region":   func(c *Config) { c.Region = "mars" },
		"base_url": func(c *Config) { c.BaseURL = "customer.io" },
	})
}

func FuzzAnswersAreNeverTakenForMoreThanTheySay(f *testing.F) {
	f.Add(200, `{}`)
	f.Add(207, `{"errors":[{"batch_index":1,"reason":"invalid"}]}`)
	f.Add(207, `{"errors":[{"batch_index":-1}, 7]}`)
	b := batch(people, destinations.Upsert, "email", person(1), person(2), person(3))
	f.Fuzz(func(t *testing.T, status int, body string) {
		got, err := decode(b, httpapi.Answer{Status: status, Body: []byte(body)})
		if err != nil {
			return
		}
		accepted := 0
		for i, r := range got {
			if r.Status == destinations.Accepted {
				accepted++
			} else if r.Code == "" || r.Reason == "" {
				t.Errorf("result %d has no code or reason: %+v", i, r)
			}
		}
		if status == 207 && accepted == len(got) {
			t.Errorf("a 207 accepts all: %s", body)
		}
	})
}
