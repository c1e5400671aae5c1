package intercom

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/destinationtest/vendorspec"
	"spillway/destinations/intercom/intercomtest"
)

const document = "intercom/intercom-2.16.yaml"

func config(set ...func(*Config)) Config {
	return destinationtest.Changed(Config{
		Token: destinationtest.Secret("access-token-1"), Region: "us", APIVersion: "2.16",
		Rate: destinations.Rate{Requests: 1600, Per: 10 * time.Second}, Timeout: time.Minute,
	}, set)
}

func dial(t *testing.T) (destinations.Destination, *intercomtest.Fake, *destinationtest.Wire) {
	t.Helper()
	f := intercomtest.New()
	wire := destinationtest.NewWire(f)
	return connect(t, destinationtest.Secret("access-token-1"), destinations.Env{Name: "support", Transport: wire}), f, wire
}

func connect(t *testing.T, credential destinations.Secret, env destinations.Env) destinations.Destination {
	t.Helper()
	return destinationtest.Open(t, open, config(func(c *Config) { c.Token = credential }), env)
}

func person(n int) destinations.Record {
	address := fmt.Sprintf("person%d@example.com", n)
	return destinationtest.Record(n, address, destinations.Fields{{Name: "email", Value: address}, {Name: "name", Value: "Person"}})
}

func firm(n int) destinations.Record {
	id := fmt.Sprintf("company-%d", n)
	return destinationtest.Record(n, id, destinations.Fields{{Name: "company_id", Value: id}, {Name: "name", Value: "Acme"}})
}

func with(r destinations.Record, name string, v destinations.Value) destinations.Record {
	r.Fields = append(slices.Clone(r.Fields), destinations.FieldValue{Name: name, Value: v})
	return r
}

func batch(op destinations.Op, records ...destinations.Record) destinations.Batch {
	return destinations.Batch{Sync: "people", Object: contacts, Op: op, Identifier: "email", Attempts: 3, Records: records}
}

func firms(op destinations.Op, records ...destinations.Record) destinations.Batch {
	return destinations.Batch{Sync: "firms", Object: companies, Op: op, Identifier: companyID, Attempts: 3, Records: records}
}

// held is a fake whose requests and answers are held to Intercom's document.
type held struct {
	*intercomtest.Fake
	handler http.Handler
}

func (h held) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.handler.ServeHTTP(w, r) }

func service(spec *vendorspec.Spec) func(*testing.T) destinationtest.Service {
	return func(t *testing.T) destinationtest.Service {
		t.Helper()
		f := intercomtest.New()
		return held{f, spec.Hold(t, f)}
	}
}

func TestIntercomKeepsTheContractOfDestinations(t *testing.T) {
	t.Parallel()
	spec := vendorspec.Load(t, document)
	lacks := map[destinationtest.Trait]string{
		destinationtest.IdempotencyKeys: "Intercom has none",
		destinationtest.Listed:          "a request is one record",
	}
	throttle := []destinationtest.Throttle{{
		Name: "a 429 without Retry-After", Wait: slice,
		Says: destinationtest.Reply(429, `{"type":"error.list","errors":[{"code":"rate_limit_exceeded","message":"Exceeded rate limit"}]}`),
	}}
	full := with(with(person(1), "signed_up_at", time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)), "custom_attributes.plan", "pro")
	full = with(with(full, "custom_attributes.score", json.Number("12.50")), "tags", []destinations.Value{"VIP"})
	gone := destinations.Record{Key: "1", ID: person(1).ID}
	t.Run("contacts", func(t *testing.T) {
		t.Parallel()
		own := maps.Clone(lacks)
		own[destinationtest.Direct] = "contacts are looked up first"
		destinationtest.Run(t, destinationtest.Suite{
			Account: "Acme, app abc123",
			Open:    connect, Service: service(spec), Object: contacts, Identifier: "email", Good: person,
			Bad: func(n int) destinations.Record {
				r := person(n)
				r.ID = fmt.Sprintf("no-address-%d", n)
				r.Fields[0].Value = r.ID
				return r
			},
			Once: destinations.Insert, Text: "name", Number: "custom_attributes.score", Requests: maxBatch + 1, Throttles: throttle,
			Exact: []destinationtest.Exact{
				{Field: "signed_up_at", Value: time.Date(2026, 11, 20, 12, 0, 0, 5, time.FixedZone("", 3600)), Stored: `1795172400`},
				{Field: "custom_attributes.vip", Value: false, Stored: `false`},
				{Field: "custom_attributes.plan", Value: nil, Stored: `null`},
			},
			Golden: []destinations.Batch{batch(destinations.Upsert, full), batch(destinations.Insert, full), batch(destinations.Archive, gone)},
			Lacks:  own,
		})
	})
	t.Run("companies", func(t *testing.T) {
		t.Parallel()
		own := maps.Clone(lacks)
		own[destinationtest.NotRepeatable] = "companies are made or changed"
		own[destinationtest.Archival] = "companies are deleted"
		destinationtest.Run(t, destinationtest.Suite{
			Account: "Acme, app abc123",
			Open:    connect, Service: service(spec), Object: companies, Identifier: companyID, Good: firm,
			Bad:  func(n int) destinations.Record { return with(firm(n), "website", "bad") },
			Text: "name", Requests: maxBatch, Throttles: throttle,
			Golden: []destinations.Batch{firms(destinations.Upsert, with(firm(1), "custom_attributes.tier", "gold"))},
			Lacks:  own,
		})
	})
}

func TestCompaniesThatMustNotBeMadeAreLookedUp(t *testing.T) {
	t.Parallel()
	for _, single := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d, f, _ := dial(t)
			f.Single = single
			f.Companies["77"] = map[string]any{"id": "77", "company_id": "company-1"}
			got, err := d.Write(t.Context(), firms(destinations.Update, firm(1), firm(2)))
			if err != nil || destinationtest.Statuses(got) != "accepted rejected:not_found" || f.Companies["77"]["name"] != "Acme" {
				t.Errorf("update: %+v, %v", got, err)
			}
			got, err = d.Write(t.Context(), firms(destinations.Delete, destinations.Record{Key: "2", ID: "company-2"}, destinations.Record{Key: "1", ID: "company-1"}))
			if err != nil || destinationtest.Statuses(got) != "accepted accepted" || len(f.Companies) != 0 {
				t.Errorf("delete: %+v, %v", got, err)
			}
		})
	}
}
