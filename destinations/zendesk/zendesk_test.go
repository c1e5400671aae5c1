package zendesk

import (
	"encoding/json"
	"fmt"
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
	"spillway/destinations/zendesk/zendesktest"
)

func config(set ...func(*Config)) Config {
	return destinationtest.Changed(Config{
		Subdomain: "acme", Token: destinationtest.Secret("access-token-1"), Jobs: 10, JobTimeout: 10 * time.Minute,
		Rate: destinations.Rate{Requests: 400, Per: time.Minute}, Timeout: time.Minute,
	}, set)
}

func dial(t *testing.T, set ...func(*Config)) (destinations.Destination, *zendesktest.Fake, *destinationtest.Wire) {
	t.Helper()
	f := zendesktest.New()
	wire := destinationtest.NewWire(f)
	return destinationtest.Open(t, open, config(set...), destinations.Env{Name: "support", Transport: wire}), f, wire
}

func byToken(t *testing.T, credential destinations.Secret, env destinations.Env) destinations.Destination {
	t.Helper()
	return connect(t, env, func(c *Config) { c.Token = credential })
}

func byAPIToken(t *testing.T, credential destinations.Secret, env destinations.Env) destinations.Destination {
	t.Helper()
	return connect(t, env, func(c *Config) { c.Token, c.Email, c.APIToken = nil, "agent@acme.example", credential })
}

func connect(t *testing.T, env destinations.Env, set func(*Config)) destinations.Destination {
	t.Helper()
	return destinationtest.Open(t, open, config(set), env)
}

func person(n int) destinations.Record {
	id := fmt.Sprintf("Customer-%d", n)
	return destinationtest.Record(n, id, destinations.Fields{
		{Name: externalID, Value: id}, {Name: email, Value: fmt.Sprintf("person%d@example.com", n)}, {Name: "name", Value: "Person"},
	})
}

func firm(n int) destinations.Record {
	id := fmt.Sprintf("Account-%d", n)
	return destinationtest.Record(n, id, destinations.Fields{{Name: externalID, Value: id}, {Name: "name", Value: fmt.Sprintf("Acme %d", n)}})
}

func request(n int) destinations.Record {
	id := fmt.Sprintf("Incident-%d", n)
	return destinationtest.Record(n, id, destinations.Fields{
		{Name: externalID, Value: id}, {Name: "subject", Value: "A late parcel"}, {Name: "comment.body", Value: "It has not come."},
	})
}

func with(r destinations.Record, name string, v destinations.Value) destinations.Record {
	r.Fields = slices.DeleteFunc(slices.Clone(r.Fields), func(f destinations.FieldValue) bool { return f.Name == name })
	r.Fields = append(r.Fields, destinations.FieldValue{Name: name, Value: v})
	return r
}

func gone(r destinations.Record) destinations.Record {
	r.Fields = nil
	return r
}

func batch(object string, op destinations.Op, records ...destinations.Record) destinations.Batch {
	b := destinations.Batch{Sync: "people", Object: object, Op: op, Identifier: externalID, Attempts: 3, Records: records}
	if object == tickets {
		b.Identifier = ""
	}
	return b
}

func TestZendeskKeepsTheContractOfDestinations(t *testing.T) {
	t.Parallel()
	lacks := map[destinationtest.Trait]string{
		destinationtest.IdempotencyKeys: "what is written by a job has none",
		destinationtest.NotRepeatable:   "records are made or changed",
		destinationtest.Listed:          "a job lists them below job_status, which is tested here",
		destinationtest.Direct:          "a job is asked for, and then what became of it; or records are looked up first",
		destinationtest.Archival:        "Zendesk archives no users and no organizations",
	}
	throttles := []destinationtest.Throttle{
		{
			Name: "too many jobs", Wait: jobsWait,
			Says: destinationtest.Reply(429, `{"error":"TooManyJobs","description":"Too many jobs are currently queued or running. Try again later."}`),
		},
		{Name: "a 429 of an endpoint", Wait: 41 * time.Second, Says: destinationtest.Reply(429, "Rate limit exceeded", "Ratelimit-Reset", "41")},
	}
	service := func(set func(*zendesktest.Fake)) func(*testing.T) destinationtest.Service {
		return func(*testing.T) destinationtest.Service {
			f := zendesktest.New()
			set(f)
			return f
		}
	}
	bad := func(n int) destinations.Record { return with(person(n), email, fmt.Sprintf("no-address-%d", n)) }
	exact := []destinationtest.Exact{
		{Field: "user_fields.renews", Value: destinations.Date("2026-12-01"), Stored: `"2026-12-01"`},
		{Field: "user_fields.vip", Value: false, Stored: `false`},
		{Field: "user_fields.plan", Value: nil, Stored: `null`},
		{Field: "tags", Value: []destinations.Value{"a", "b"}, Stored: `["a","b"]`},
		{Field: "tags", Value: nil, Stored: `[]`},
		{Field: "organization_id", Value: json.Number("360000000000001"), Stored: `360000000000001`},
	}
	t.Run("users", func(t *testing.T) {
		t.Parallel()
		destinationtest.Run(t, destinationtest.Suite{
			Account: "acme.zendesk.com",
			Open:    byToken, Service: service(func(*zendesktest.Fake) {}), Object: users, Identifier: externalID, Good: person, Bad: bad,
			Text: "notes", Number: "user_fields.score", Requests: 2, Throttles: throttles, Exact: exact, Lacks: lacks,
		})
	})
	t.Run("users of an account that may not import", func(t *testing.T) {
		t.Parallel()
		destinationtest.Run(t, destinationtest.Suite{
			Account: "acme.zendesk.com",
			Open:    byAPIToken, Service: service(func(f *zendesktest.Fake) { f.NoImports = true }), Object: users, Identifier: externalID,
			Good: person, Bad: bad, Text: "notes", Number: "user_fields.score", Throttles: throttles, Exact: exact,
			Lacks: lacks,
		})
	})
	t.Run("organizations", func(t *testing.T) {
		t.Parallel()
		destinationtest.Run(t, destinationtest.Suite{
			Account: "acme.zendesk.com",
			Open:    byAPIToken, Service: service(func(*zendesktest.Fake) {}), Object: organizations, Identifier: externalID, Good: firm,
			Bad:  func(n int) destinations.Record { return with(firm(n), "name", "") },
			Text: "notes", Number: "organization_fields.size", Requests: 1 + maxBatch, Throttles: throttles,
			Lacks: lacks,
		})
	})
	t.Run("tickets", func(t *testing.T) {
		t.Parallel()
		own := map[destinationtest.Trait]string{
			destinationtest.NotRepeatable: "a key keeps a ticket from being made twice",
			destinationtest.Listed:        "a request is one ticket",
			destinationtest.Deletion:      "tickets are only made",
			destinationtest.Archival:      "tickets are only made",
		}
		destinationtest.Run(t, destinationtest.Suite{
			Account: "acme.zendesk.com",
			Open:    byToken, Service: service(func(*zendesktest.Fake) {}), Object: tickets, Op: destinations.Insert, Good: request,
			Bad: func(n int) destinations.Record { return with(request(n), "comment.body", "") },
			Key: "Idempotency-Key", Text: "comment.body", Number: "custom_fields.360001", Requests: maxBatch, Throttles: throttles[1:],
			Lacks: own,
		})
	})
}

func TestRequestsAreAsTheyWere(t *testing.T) {
	t.Parallel()
	user := with(with(person(1), "user_fields.plan", "pro"), "user_fields.score", json.Number("12.50"))
	user = with(with(user, "user_fields.renews", destinations.Date("2026-12-01")), "tags", []destinations.Value{"vip", "beta"})
	organization := with(with(firm(1), "organization_fields.tier", "gold"), "domain_names", []destinations.Value{"acme.example"})
	ticket := with(with(request(1), "requester.email", "ada@example.com"), "due_at", time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	ticket = with(with(ticket, "custom_fields.360001", json.Number("12.50")), "custom_fields.360002", "late")
	for _, b := range []destinations.Batch{
		batch(users, destinations.Upsert, user, person(2)),
		batch(users, destinations.Update, user, person(2)),
		batch(users, destinations.Clear, with(person(1), "user_fields.plan", nil)),
		batch(users, destinations.Delete, gone(person(1)), gone(person(2))),
		batch(organizations, destinations.Upsert, organization, firm(2)),
		batch(organizations, destinations.Update, organization),
		batch(organizations, destinations.Clear, with(firm(1), "organization_fields.tier", nil)),
		batch(organizations, destinations.Delete, gone(firm(1))),
		batch(tickets, destinations.Insert, ticket),
	} {
		name := b.Object + "_" + string(b.Op)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := zendesktest.New()
				f.Records[users]["7"] = record{"id": json.Number("7"), "external_id": "Customer-1", "name": "Person"}
				f.Records[organizations]["8"] = record{"id": json.Number("8"), "external_id": "Account-1", "name": "Acme 1"}
				wire := destinationtest.NewWire(f)
				d := byAPIToken(t, destinationtest.Secret("api-token-1"), destinations.Env{Transport: wire})
				got, err := d.Write(t.Context(), b)
				for _, r := range got {
					if r.Status != destinations.Accepted && r.Code != codeAbsent {
						t.Errorf("%+v, %v", got, err)
					}
				}
				var requests []string
				for _, call := range wire.Calls() {
					requests = append(requests, call.String())
				}
				destinationtest.Golden(t, name+".txt", []byte(strings.Join(requests, "\n")))
			})
		})
	}
}

func TestAccessTokensOfAClientAreRefreshed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wire := destinationtest.NewWire(zendesktest.New())
		wire.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			if r.URL.Path == "/oauth/tokens" {
				return destinationtest.Reply(200, `{"access_token":"fresh-token","token_type":"bearer","expires_in":7200,"refresh_token":"refresh-2"}`, "Content-Type", "application/json")
			}
			return nil
		})
		d := connect(t, destinations.Env{Transport: wire}, func(c *Config) {
			c.Token, c.ClientID = nil, "spillway"
			c.ClientSecret, c.RefreshToken = destinationtest.Secret("client-secret"), destinationtest.Secret("refresh-1")
		})
		for range 2 {
			if got, err := d.Write(t.Context(), batch(users, destinations.Upsert, person(1))); err != nil || destinationtest.Statuses(got) != "accepted" {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		calls := wire.Calls()
		if calls[0].Host != "acme.zendesk.com" || !strings.Contains(string(calls[0].Body), "refresh_token=refresh-1") || len(calls) != 5 {
			t.Errorf("%d requests, the first to %s: %s", len(calls), calls[0].Host, calls[0].Body)
		}
		if got := calls[1].Header.Get("Authorization"); got != "Bearer fresh-token" {
			t.Errorf("Authorization: %s", got)
		}
	})
}

func paths(wire *destinationtest.Wire) string {
	var texts []string
	for _, call := range wire.Calls() {
		path := strings.TrimPrefix(call.Path, "/api/v2/")
		if strings.HasPrefix(path, "job_statuses/") {
			path = "job"
		}
		texts = append(texts, path)
	}
	return strings.Join(texts, " ")
}

type record = map[string]any

func TestWhatIsThereIsLookedUp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		held   []record
		set    func(*zendesktest.Fake)
		batch  destinations.Batch
		by     string
		want   string
		places string
	}{
		{
			"an update makes nothing",
			[]record{{"external_id": "customer-1"}},
			nil,
			batch(users, destinations.Update, person(2), person(1)), externalID,
			"rejected:not_found accepted", "users/show_many users/update_many job",
		},
		{
			"a deletion of what is not there is well",
			[]record{{"external_id": "Customer-1"}},
			nil,
			batch(users, destinations.Delete, gone(person(2)), gone(person(1))), externalID,
			"accepted accepted", "users/show_many users/destroy_many job",
		},
		{
			"a user that was deleted is not there",
			[]record{{"external_id": "Customer-1", "active": false}},
			nil,
			batch(users, destinations.Update, person(1)), externalID,
			"rejected:not_found", "users/show_many",
		},
		{
			"an external id that has no place in a list is looked up alone",
			[]record{{"external_id": "a,b"}},
			nil,
			batch(users, destinations.Delete, destinations.Record{Key: "1", ID: "a,b"}, gone(person(1))), externalID,
			"accepted accepted", "users/show_many users/search users/destroy_many job",
		},
		{
			"e-mail addresses are searched for, and must be the same",
			[]record{{"email": "PERSON1@example.com"}, {"email": "n2@example.com"}},
			nil,
			batch(users, destinations.Update, withID(person(1), "person1@example.com"), withID(person(2), "person2@example.com")), email,
			"accepted rejected:not_found", "users/search users/search users/update_many job",
		},
		{
			"organizations that are there are changed by a job, and the others are made",
			[]record{{"external_id": "ACCOUNT-2", "name": "Acme 2"}},
			nil,
			batch(organizations, destinations.Upsert, firm(1), firm(2)), externalID,
			"accepted accepted", "organizations/show_many organizations/update_many job organizations/create_or_update",
		},
		{
			"the name of another organization is a fault of the record's own",
			[]record{{"external_id": "other", "name": "Acme 1"}, {"external_id": "Account-2", "name": "Acme 2"}},
			nil,
			batch(organizations, destinations.Upsert, firm(1), with(firm(2), "name", "Acme 1")), externalID,
			"rejected:RecordInvalid rejected:RecordInvalid", "organizations/show_many organizations/update_many job organizations/create_or_update",
		},
		{
			"without imports users that are there are changed by a job",
			[]record{{"external_id": "Customer-1"}},
			func(f *zendesktest.Fake) { f.NoImports = true },
			batch(users, destinations.Upsert, person(1), person(2)), externalID,
			"accepted accepted", "users/create_or_update_many users/show_many users/update_many job users/create_or_update",
		},
		{
			"what a record is found by and must have is not cleared",
			[]record{{"external_id": "Customer-1", "name": "Ada", "notes": "old"}},
			nil,
			batch(users, destinations.Clear, with(with(person(1), "name", nil), "notes", nil)), externalID,
			"accepted", "users/show_many users/update_many job",
		},
		{
			"where nothing can be cleared nothing is sent",
			[]record{{"external_id": "Customer-1", "name": "Ada"}},
			nil,
			batch(users, destinations.Clear, with(person(1), "name", nil)), externalID,
			"accepted", "",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, wire := dial(t)
				for i, held := range test.held {
					id := strconv.Itoa(7_000_000_000 + i)
					f.Records[test.batch.Object][id] = maps.Clone(held)
					f.Records[test.batch.Object][id]["id"] = json.Number(id)
				}
				if test.set != nil {
					test.set(f)
				}
				test.batch.Identifier = test.by
				got, err := d.Write(t.Context(), test.batch)
				if err != nil || destinationtest.Statuses(got) != test.want {
					t.Errorf("%+v, %v", got, err)
				}
				if diff := cmp.Diff(test.places, paths(wire)); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
				if test.batch.Op == destinations.Clear && f.Records[users]["7000000000"]["name"] != "Ada" {
					t.Errorf("%v", f.Records[users])
				}
			})
		})
	}
}

func withID(r destinations.Record, id string) destinations.Record {
	r.ID = id
	return r
}
