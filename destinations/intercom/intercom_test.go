package intercom

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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
			Open: connect, Service: service(spec), Object: contacts, Identifier: "email", Good: person,
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
			Open: connect, Service: service(spec), Object: companies, Identifier: companyID, Good: firm,
			Bad:  func(n int) destinations.Record { return with(firm(n), "website", "bad") },
			Text: "name", Requests: maxBatch, Throttles: throttle,
			Golden: []destinations.Batch{firms(destinations.Upsert, with(firm(1), "custom_attributes.tier", "gold"))},
			Lacks:  own,
		})
	})
}

func TestContacts(t *testing.T) {
	t.Parallel()
	gone := func(n int) destinations.Record { return destinations.Record{Key: strconv.Itoa(n), ID: person(n).ID} }
	user := func(email string) map[string]any { return map[string]any{"role": "user", "email": email} }
	for _, test := range []struct {
		name  string
		held  []map[string]any
		set   func(*intercomtest.Fake)
		batch destinations.Batch
		want  string
		then  []string // the addresses of contacts that are not archived, with the names
		calls int
	}{
		{
			"an upsert changes what the search finds and makes the rest",
			[]map[string]any{user("PERSON1@example.com")},
			nil,
			batch(destinations.Upsert, person(1), person(2)), "accepted accepted",
			[]string{"person1@example.com Person", "person2@example.com Person"},
			3,
		},
		{
			"a contact that the search does not know yet is changed",
			[]map[string]any{user("person1@example.com")},
			func(f *intercomtest.Fake) { f.Blind = true },
			batch(destinations.Upsert, person(1)), "accepted",
			[]string{"person1@example.com Person"},
			4,
		},
		{
			"an archived contact comes back",
			[]map[string]any{{"role": "user", "email": "person1@example.com", "archived": true}},
			nil,
			batch(destinations.Upsert, person(1)), "accepted",
			[]string{"person1@example.com Person"},
			5,
		},
		{
			"a user goes before a lead of the same address",
			[]map[string]any{user("person1@example.com"), {"role": "lead", "email": "person1@example.com"}},
			nil,
			batch(destinations.Upsert, person(1)), "accepted",
			[]string{"person1@example.com <nil>", "person1@example.com Person"},
			2,
		},
		{
			"of several leads none is touched",
			[]map[string]any{{"role": "lead", "email": "person1@example.com"}, {"role": "lead", "email": "person1@example.com"}},
			nil,
			batch(destinations.Update, person(1)), "rejected:ambiguous",
			[]string{"person1@example.com <nil>", "person1@example.com <nil>"},
			1,
		},
		{
			"an update makes nothing",
			[]map[string]any{user("person1@example.com")},
			nil,
			batch(destinations.Update, person(2), person(1)), "rejected:not_found accepted",
			[]string{"person1@example.com Person"},
			2,
		},
		{
			"an insert changes nothing",
			[]map[string]any{user("person1@example.com")},
			nil,
			batch(destinations.Insert, person(1), person(2)), "rejected:conflict accepted",
			[]string{"person1@example.com <nil>", "person2@example.com Person"},
			2,
		},
		{
			"a removal of what is not there is well",
			[]map[string]any{user("person1@example.com")},
			nil,
			batch(destinations.Delete, gone(2), gone(1)), "accepted accepted", nil, 2,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, wire := dial(t)
				for i, c := range test.held {
					id := fmt.Sprintf("5da6f%d", i)
					f.Contacts[id] = maps.Clone(c)
					f.Contacts[id]["id"] = id
				}
				if test.set != nil {
					test.set(f)
				}
				got, err := d.Write(t.Context(), test.batch)
				if err != nil || destinationtest.Statuses(got) != test.want {
					t.Errorf("%+v, %v", got, err)
				}
				var there []string
				for _, c := range f.Contacts {
					if c["archived"] != true {
						there = append(there, fmt.Sprint(c["email"], " ", c["name"]))
					}
				}
				slices.Sort(there)
				if diff := cmp.Diff(test.then, there); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if n := len(wire.Calls()); n != test.calls {
					t.Errorf("%d requests, want %d", n, test.calls)
				}
			})
		})
	}
}

func TestAContactThatOnlySharesAnAddressIsLeftAlone(t *testing.T) {
	t.Parallel()
	record := destinations.Record{Key: "1", ID: "mine", Fields: destinations.Fields{
		{Name: "external_id", Value: "mine"}, {Name: "email", Value: "shared@example.com"}, {Name: "name", Value: "Person"},
	}}
	for _, test := range []struct {
		name string
		held map[string]any
		want string
	}{
		{"another's", map[string]any{"id": "5da6f1", "role": "user", "email": "shared@example.com", "external_id": "other"}, "rejected:conflict"},
		{"nobody's yet", map[string]any{"id": "5da6f1", "role": "user", "email": "shared@example.com"}, "accepted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, _ := dial(t)
				f.Contacts["5da6f1"] = test.held
				b := batch(destinations.Upsert, record)
				b.Identifier = "external_id"
				got, err := d.Write(t.Context(), b)
				if err != nil || destinationtest.Statuses(got) != test.want || (test.held["name"] == "Person") != (test.want == "accepted") {
					t.Errorf("%+v, %v; %v", got, err, test.held)
				}
			})
		})
	}
}

func TestAContactThatIsChangedIntoAnotherLeavesThatAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		f.Contacts["5da6f1"] = map[string]any{"id": "5da6f1", "role": "user", "email": "person1@example.com"}
		wire.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			if r.Method == http.MethodPut {
				return destinationtest.Reply(409, `{"type":"error.list","errors":[{"code":"conflict","message":"A contact matching those details already exists with id=5da6f2"}]}`)
			}
			return nil
		})
		got, err := d.Write(t.Context(), batch(destinations.Upsert, person(1)))
		if err != nil || destinationtest.Statuses(got) != "rejected:conflict" || len(wire.Calls()) != 2 {
			t.Errorf("%+v, %v after %d requests", got, err, len(wire.Calls()))
		}
	})
}

func TestAContactThatCannotComeBackIsNotChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		f.Contacts["5da6f1"] = map[string]any{"id": "5da6f1", "role": "user", "email": "person1@example.com", "archived": true}
		wire.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			if strings.HasSuffix(r.URL.Path, "/unarchive") {
				return destinationtest.Reply(503, "maintenance")
			}
			return nil
		})
		got, err := d.Write(t.Context(), batch(destinations.Upsert, person(1), person(2)))
		if err != nil || destinationtest.Statuses(got) != "deferred:503 accepted" || f.Contacts["5da6f1"]["name"] != nil {
			t.Errorf("%+v, %v; %v", got, err, f.Contacts["5da6f1"])
		}
	})
}

func TestTagsAreAdded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		tags := func(r destinations.Record, names ...destinations.Value) destinations.Record {
			return with(r, "tags", names)
		}
		b := batch(destinations.Upsert, tags(person(1), "VIP", "beta"), tags(person(2), "vip"), tags(person(3), "forbidden"), tags(person(4)))
		for range 2 {
			got, err := d.Write(t.Context(), b)
			if err != nil || destinationtest.Statuses(got) != "accepted accepted rejected:parameter_invalid accepted" || !strings.HasPrefix(got[2].Reason, "written, but not tagged") {
				t.Errorf("%+v, %v", got, err)
			}
		}
		if diff := cmp.Diff([]string{"VIP", "beta"}, slices.Sorted(maps.Values(f.Tags))); diff != "" || len(f.Tagged) != 3 {
			t.Errorf("tags (-want +got):\n%s\n%v", diff, f.Tagged)
		}
		wire.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			if strings.HasSuffix(r.URL.Path, "/tags") {
				return destinationtest.Reply(503, "maintenance")
			}
			return nil
		})
		got, err := d.Write(t.Context(), batch(destinations.Upsert, tags(person(1), "VIP"), tags(person(2), "new")))
		if err != nil || destinationtest.Statuses(got) != "deferred:503 deferred:503" || !got[0].Doubt || !got[1].Doubt {
			t.Errorf("%+v, %v", got, err)
		}
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
