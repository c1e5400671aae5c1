package sendgrid

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/destinationtest/vendorspec"
	"spillway/destinations/sendgrid/sendgridtest"
)

const members = contacts + "." + sendgridtest.List

type doc = map[string]any

func config(set ...func(*Config)) Config {
	return destinationtest.Changed(Config{
		APIKey: destinationtest.Secret("SG.key-1"), Region: "global", Rate: destinations.Rate{Requests: 5, Per: time.Second},
		Wait: 15 * time.Minute, Timeout: time.Minute,
	}, set)
}

func dial(t *testing.T) (destinations.Destination, *sendgridtest.Fake, *destinationtest.Wire) {
	t.Helper()
	f := sendgridtest.New()
	wire := destinationtest.NewWire(f)
	return destinationtest.Open(t, open, config(), destinations.Env{Name: "news", Transport: wire}), f, wire
}

func person(n int) destinations.Record { return contact(fmt.Sprintf("person%d@example.com", n)) }

func contact(address string) destinations.Record {
	return destinations.Record{Key: address, ID: address, Token: "token-" + address, Fields: destinations.Fields{
		{Name: "email", Value: address}, {Name: "first_name", Value: "Person"},
	}}
}

func bad(n int) destinations.Record { return contact(fmt.Sprintf("no-address-%d", n)) }

func with(r destinations.Record, name string, v destinations.Value) destinations.Record {
	r.Fields = append(slices.Clone(r.Fields), destinations.FieldValue{Name: name, Value: v})
	return r
}

func gone(n int) destinations.Record {
	r := person(n)
	r.Fields = nil
	return r
}

func batch(object string, op destinations.Op, records ...destinations.Record) destinations.Batch {
	return destinations.Batch{Sync: "people", Object: object, Op: op, Identifier: "email", Attempts: 3, Records: records}
}

// held is a fake whose requests and answers are held to SendGrid's documents. The file of errors is in none of them.
type held struct {
	*sendgridtest.Fake
	handlers map[string]http.Handler // by the beginning of their paths
}

func (h held) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for prefix, handler := range h.handlers {
		if strings.HasPrefix(r.URL.Path, prefix) {
			handler.ServeHTTP(w, r)
			return
		}
	}
	h.Fake.ServeHTTP(w, r)
}

func service(t *testing.T) func(*testing.T) destinationtest.Service {
	t.Helper()
	specs := map[string]*vendorspec.Spec{}
	for prefix, name := range map[string]string{
		"/v3/marketing/contacts": "mc_contacts", "/v3/marketing/field_definitions": "mc_custom_fields", "/v3/marketing/lists": "mc_lists",
		"/v3/scopes": "scopes", "/v3/user/": "user",
	} {
		specs[prefix] = vendorspec.Load(t, "sendgrid/tsg_"+name+"_v3.json")
	}
	return func(t *testing.T) destinationtest.Service {
		t.Helper()
		h := held{sendgridtest.New(), map[string]http.Handler{}}
		h.Document = true
		for prefix, spec := range specs {
			h.handlers[prefix] = spec.Hold(t, h.Fake)
		}
		return h
	}
}

func TestSendGridKeepsTheContractOfDestinations(t *testing.T) {
	t.Parallel()
	documented := service(t)
	full := with(with(person(1), customDot+"notes", "coffee"), customDot+"score", json.Number("12.50"))
	full = with(with(full, customDot+"renews", time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)), "country", nil)
	full = with(full, alternate, []destinations.Value{"p1@example.org"})
	for _, object := range []string{contacts, members} {
		lacks := map[destinationtest.Trait]string{
			destinationtest.IdempotencyKeys: "SendGrid has none",
			destinationtest.NotRepeatable:   "contacts are made or changed",
			destinationtest.Listed:          "a file lists the refused ones alone",
			destinationtest.Direct:          "an import is asked for until it is over",
		}
		if object == contacts {
			lacks[destinationtest.Archival] = "contacts are deleted, or taken off a list"
		}
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			destinationtest.Run(t, destinationtest.Suite{
				Account: "acme",
				Open: func(t *testing.T, credential destinations.Secret, env destinations.Env) destinations.Destination {
					t.Helper()
					d, err := open(t.Context(), config(func(c *Config) { c.APIKey = credential }), env)
					if err != nil {
						t.Fatal(err)
					}
					return d
				},
				Service: documented, Object: object, Identifier: "email", Good: person, Bad: bad,
				Exact: []destinationtest.Exact{
					{Field: customDot + "renews", Value: time.Date(2026, 11, 20, 12, 0, 0, 5, time.FixedZone("", 3600)), Stored: `"2026-11-20T11:00:00Z"`},
					{Field: alternate, Value: []destinations.Value{"a@example.org"}, Stored: `["a@example.org"]`},
				},
				Text: customDot + "notes", Number: customDot + "Score",
				Throttles: []destinationtest.Throttle{{
					Name: "a 429 without headers", Says: destinationtest.Reply(429, `{"errors":[{"field":null,"message":"too many requests"}]}`),
				}},
				Golden: []destinations.Batch{batch(object, destinations.Upsert, full)}, Lacks: lacks,
			})
		})
	}
}

func TestTheRequestsForContactsThatAreThere(t *testing.T) {
	t.Parallel()
	for _, b := range []destinations.Batch{
		batch(contacts, destinations.Update, person(1), person(2)), batch(contacts, destinations.Delete, gone(1), gone(2)),
		batch(members, destinations.Archive, gone(1), gone(2)),
	} {
		t.Run(string(b.Op), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, wire := dial(t)
				f.Keep(doc{"email": person(1).ID}, []any{sendgridtest.List})
				got, err := d.Write(t.Context(), b)
				if err != nil || got[0].Status != destinations.Accepted || got[0].RemoteID == "" || (got[1].Code == codeAbsent) != (b.Op == destinations.Update) {
					t.Errorf("%+v, %v", got, err)
				}
				var text strings.Builder
				for i, call := range wire.Calls() {
					if i > 0 {
						text.WriteString("\n")
					}
					text.WriteString(strings.ReplaceAll(call.String(), "SG.key-1", "•••"))
				}
				destinationtest.Golden(t, b.Object+"_"+string(b.Op)+".txt", []byte(text.String()))
			})
		})
	}
}

func TestABatchIsSplitByItsBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		wide := func(n, bytes int) destinations.Record {
			return with(person(n), customDot+"notes", strings.Repeat("x", bytes))
		}
		records := []destinations.Record{wide(0, 6_000_001)}
		for n := range 20 {
			records = append(records, wide(1+n, 500_000))
		}
		got, err := d.Write(t.Context(), batch(contacts, destinations.Upsert, records...))
		if err != nil || destinationtest.Statuses(got[:2]) != "rejected:too_large accepted" || len(f.People) != 20 {
			t.Errorf("%s, %v; %d contacts", destinationtest.Statuses(got), err, len(f.People))
		}
		sizes := 0
		for _, c := range wire.Calls() {
			if c.Method == http.MethodPut {
				sizes++
			}
		}
		if sizes != 2 {
			t.Errorf("%d imports, want 2", sizes)
		}
	})
}

func TestAThousandContactsTakeOneImport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		var records []destinations.Record
		for n := range 1000 {
			records = append(records, person(n))
		}
		records[1], records[998] = bad(1), bad(998)
		got, err := d.Write(t.Context(), batch(members, destinations.Upsert, records...))
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range got {
			if want := map[bool]destinations.Status{true: destinations.Rejected, false: destinations.Accepted}[i == 1 || i == 998]; r.Status != want {
				t.Errorf("record %d: %+v", i, r)
			}
		}
		if n := len(wire.Calls()); n != 3 || len(f.People) != 998 {
			t.Errorf("%d requests, want 3; %d contacts", n, len(f.People))
		}
	})
}

func TestManyAreLookedUpAndDeletedByTheHundred(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		var records []destinations.Record
		for n := range 250 {
			f.People[strconv.Itoa(n)] = doc{"id": strconv.Itoa(n), "email": person(n).ID}
			records = append(records, gone(n))
		}
		got, err := d.Write(t.Context(), batch(contacts, destinations.Delete, records...))
		if err != nil || len(f.People) != 0 {
			t.Errorf("%s, %v; %d contacts", destinationtest.Statuses(got), err, len(f.People))
		}
		if n := len(wire.Calls()); n != 3+3*2 {
			t.Errorf("%d requests, want 9", n)
		}
	})
}
