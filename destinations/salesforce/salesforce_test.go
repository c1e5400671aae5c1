package salesforce

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/salesforce/salesforcetest"
)

const org = "https://acme.my.salesforce.com"

func config(credential destinations.Secret) Config {
	return Config{Token: credential, BaseURL: org, APIVersion: "67.0", BulkAbove: defaultBulkAbove, Timeout: time.Minute}
}

func connect(t *testing.T, c Config, env destinations.Env) *destination {
	t.Helper()
	opened, err := open(t.Context(), c, env)
	if err != nil {
		t.Fatal(err)
	}
	d, ok := opened.(*destination)
	if !ok {
		t.Fatalf("open returned %T", opened)
	}
	return d
}

// dial returns a destination with a stand-in of Salesforce behind a wire. All is delivered by jobs if byJob.
func dial(t *testing.T, byJob bool) (*destination, *salesforcetest.Fake, *destinationtest.Wire) {
	t.Helper()
	f := salesforcetest.New()
	wire := destinationtest.NewWire(f)
	d := connect(t, config(destinationtest.Secret("00D!token")), destinations.Env{Name: "crm", Transport: wire})
	if byJob {
		d.jobAbove = 0
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, f, wire
}

func person(n int) destinations.Record {
	number := fmt.Sprintf("number-%d", n)
	return destinationtest.Record(n, number, destinations.Fields{
		{Name: "Number__c", Value: number}, {Name: "LastName", Value: "Person"}, {Name: "Email", Value: fmt.Sprintf("person%d@example.com", n)},
	})
}

func with(r destinations.Record, name string, v destinations.Value) destinations.Record {
	r.Fields = append(without(r.Fields, name), destinations.FieldValue{Name: name, Value: v})
	return r
}

func contacts(op destinations.Op, records ...destinations.Record) destinations.Batch {
	return destinations.Batch{Sync: "people", Object: "Contact", Op: op, Identifier: "Number__c", Attempts: 3, Records: records}
}

func suite() destinationtest.Suite {
	return destinationtest.Suite{
		Account:    "Acme, org 00Dxx0000001gPLEAY, a sandbox",
		Service:    func(*testing.T) destinationtest.Service { return salesforcetest.New() },
		Object:     "Contact",
		Identifier: "Number__c",
		Good:       person,
		Bad:        func(n int) destinations.Record { return with(person(n), "Email", fmt.Sprintf("no-address-%d", n)) },
		Exact: []destinationtest.Exact{
			{Field: "FirstName", Value: "Zoë 🚀 <b>&\"\\", Stored: `"Zoë 🚀 <b>&\"\\"`},
			{Field: "FirstName", Value: "", Stored: ""},
			{Field: "FirstName", Value: nil, Stored: ""},
			{Field: "Score__c", Value: json.Number("-0.100"), Stored: `-0.100`},
			{Field: "Active__c", Value: false, Stored: `false`},
			{Field: "Birthdate", Value: destinations.Date("1815-12-10"), Stored: `"1815-12-10"`},
			{Field: "Seen__c", Value: time.Date(2026, 11, 20, 12, 0, 0, 123_999_999, time.FixedZone("", 3600)), Stored: `"2026-11-20T11:00:00.123Z"`},
			{Field: "Topics__c", Value: []destinations.Value{"", "a", nil, "b"}, Stored: `"a;b"`},
		},
		Text:   "FirstName",
		Number: "Score__c",
		Throttles: []destinationtest.Throttle{{
			Name: "too many long requests", Wait: concurrentWait,
			Says: destinationtest.Reply(403, `[{"message":"ConcurrentRequests (Concurrent API) Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`),
		}},
		Lacks: map[destinationtest.Trait]string{
			destinationtest.IdempotencyKeys: "Salesforce has none",
			destinationtest.Archival:        "a deleted record lies in the recycle bin",
			destinationtest.Listed:          "the answer is a list itself, in the order of the records",
		},
	}
}

func TestCollectionsKeepTheContractOfDestinations(t *testing.T) {
	t.Parallel()
	s := suite()
	s.Open = func(t *testing.T, credential destinations.Secret, env destinations.Env) destinations.Destination {
		t.Helper()
		c := config(credential)
		c.BulkAbove = 0
		return connect(t, c, env)
	}
	s.Once = destinations.Insert
	s.Requests = 1
	s.Wide = func(n, bytes int) destinations.Record {
		return with(person(n), "Notes__c", fill(bytes))
	}
	s.Golden = goldenBatches()
	destinationtest.Run(t, s)
}

func fill(n int) string {
	text := make([]byte, n-300)
	for i := range text {
		text[i] = 'a' + byte(i%26)
	}
	return string(text)
}

func TestJobsKeepTheContractOfDestinations(t *testing.T) {
	t.Parallel()
	s := suite()
	s.Open = func(t *testing.T, credential destinations.Secret, env destinations.Env) destinations.Destination {
		t.Helper()
		d := connect(t, config(credential), env)
		d.jobAbove = 0
		return d
	}
	silent := person(999_999)
	s.Service = func(*testing.T) destinationtest.Service {
		f := salesforcetest.New()
		f.Silent = silent.ID
		return f
	}
	s.Dropped = func(int) destinations.Record { return silent }
	s.Lacks[destinationtest.NotRepeatable] = "a job does nothing before it is closed, and its state shows whether it is"
	s.Lacks[destinationtest.Direct] = "a job is made before anything is changed"
	destinationtest.Run(t, s)
}

func goldenBatches() []destinations.Batch {
	full := person(1)
	full.Fields = append(
		full.Fields,
		destinations.FieldValue{Name: "FirstName", Value: nil},
		destinations.FieldValue{Name: "Score__c", Value: json.Number("12.50")},
		destinations.FieldValue{Name: "Active__c", Value: true},
		destinations.FieldValue{Name: "Birthdate", Value: destinations.Date("1815-12-10")},
		destinations.FieldValue{Name: "Seen__c", Value: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)},
		destinations.FieldValue{Name: "Topics__c", Value: []destinations.Value{"a", "b"}},
		destinations.FieldValue{Name: "Account.Number__c", Value: "acme-1"},
		destinations.FieldValue{Name: "User:Owner.Username", Value: "ada@acme.example"},
	)
	return []destinations.Batch{contacts(destinations.Upsert, full, person(2)), contacts(destinations.Insert, full)}
}
