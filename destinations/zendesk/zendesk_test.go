package zendesk

import (
	"context"
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
	"spillway/destinations/zendesk/zendesktest"
)

func config(set ...func(*Config)) Config {
	c := Config{
		Subdomain: "acme", Token: destinationtest.Secret("access-token-1"), Jobs: 10, JobTimeout: 10 * time.Minute,
		Rate: destinations.Rate{Requests: 400, Per: time.Minute}, Timeout: time.Minute,
	}
	for _, f := range set {
		f(&c)
	}
	return c
}

func dial(t *testing.T, set ...func(*Config)) (destinations.Destination, *zendesktest.Fake, *destinationtest.Wire) {
	t.Helper()
	f := zendesktest.New()
	wire := destinationtest.NewWire(f)
	d, err := open(t.Context(), config(set...), destinations.Env{Name: "support", Transport: wire})
	if err != nil {
		t.Fatal(err)
	}
	return d, f, wire
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
	d, err := open(t.Context(), config(set), env)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func person(n int) destinations.Record {
	id := fmt.Sprintf("Customer-%d", n)
	return destinations.Record{
		Key: strconv.Itoa(n), ID: id, Token: fmt.Sprintf("token-%d", n),
		Fields: destinations.Fields{
			{Name: externalID, Value: id}, {Name: email, Value: fmt.Sprintf("person%d@example.com", n)}, {Name: "name", Value: "Person"},
		},
	}
}

func firm(n int) destinations.Record {
	id := fmt.Sprintf("Account-%d", n)
	return destinations.Record{
		Key: strconv.Itoa(n), ID: id, Token: fmt.Sprintf("token-%d", n),
		Fields: destinations.Fields{{Name: externalID, Value: id}, {Name: "name", Value: fmt.Sprintf("Acme %d", n)}},
	}
}

func request(n int) destinations.Record {
	id := fmt.Sprintf("Incident-%d", n)
	return destinations.Record{
		Key: strconv.Itoa(n), ID: id, Token: fmt.Sprintf("token-%d", n),
		Fields: destinations.Fields{
			{Name: externalID, Value: id}, {Name: "subject", Value: "A late parcel"}, {Name: "comment.body", Value: "It has not come."},
		},
	}
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
			Open: byToken, Service: service(func(*zendesktest.Fake) {}), Object: users, Identifier: externalID, Good: person, Bad: bad,
			Text: "notes", Number: "user_fields.score", Requests: 2, Throttles: throttles, Exact: exact, Lacks: lacks,
		})
	})
	t.Run("users of an account that may not import", func(t *testing.T) {
		t.Parallel()
		destinationtest.Run(t, destinationtest.Suite{
			Open: byAPIToken, Service: service(func(f *zendesktest.Fake) { f.NoImports = true }), Object: users, Identifier: externalID,
			Good: person, Bad: bad, Text: "notes", Number: "user_fields.score", Throttles: throttles, Exact: exact,
			Lacks: lacks,
		})
	})
	t.Run("organizations", func(t *testing.T) {
		t.Parallel()
		destinationtest.Run(t, destinationtest.Suite{
			Open: byAPIToken, Service: service(func(*zendesktest.Fake) {}), Object: organizations, Identifier: externalID, Good: firm,
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
			Open: byToken, Service: service(func(*zendesktest.Fake) {}), Object: tickets, Op: destinations.Insert, Good: request,
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
			if got, err := d.Write(t.Context(), batch(users, destinations.Upsert, person(1))); err != nil || statuses(got) != "accepted" {
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

func statuses(results []destinations.Result) string {
	var texts []string
	for _, r := range results {
		text := r.Status.String()
		if r.Code != "" {
			text += ":" + r.Code
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ")
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
				if err != nil || statuses(got) != test.want {
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

func TestWhatJobsSayIsUnderstood(t *testing.T) {
	t.Parallel()
	const id = 7_000_000_000
	made := func(n int) record {
		return record{"id": id + n, "status": "Created", "external_id": fmt.Sprintf("customer-%d", n)}
	}
	for _, test := range []struct {
		name string
		by   string
		says any
		want string
	}{
		{"in order", externalID, []any{made(0), made(1), made(2)}, "accepted accepted accepted"},
		{"external ids as numbers", externalID, []any{made(0), record{"id": id + 1, "status": "Created", "external_id": 42}, made(2)}, "accepted accepted accepted"},
		{"out of order", externalID, []any{made(2), made(0), made(1)}, "accepted accepted accepted"},
		{"twice", externalID, []any{made(0), made(1), made(2), made(0)}, "accepted accepted accepted"},
		{"too few", externalID, []any{made(0), made(2)}, "accepted unknown:no_result accepted"},
		{"one in the place of another", externalID, []any{made(0), made(0), made(2)}, "accepted unknown:no_result accepted"},
		{"a failure with its index as id", externalID, []any{made(0), record{"id": 1, "error": "UserUpdateError", "details": "no", "status": "Failed"}, made(2)}, "accepted rejected:UserUpdateError accepted"},
		{"the same out of order", externalID, []any{record{"id": 2, "error": "UserUpdateError", "details": "no", "status": "Failed"}, made(0), made(1)}, "accepted accepted rejected:UserUpdateError"},
		{"a failure with an index", externalID, []any{record{"index": 2, "error": "UserUpdateError", "details": "no"}, made(0), made(1)}, "accepted accepted rejected:UserUpdateError"},
		{"a failure of which nothing tells the place", externalID, []any{made(0), record{"id": 4711, "error": "Odd", "details": "no"}}, "accepted unknown:unplaced unknown:unplaced"},
		{"the same in order", externalID, []any{made(0), record{"error": "Odd", "details": record{"name": "no"}}, made(2)}, "accepted rejected:Odd accepted"},
		{"other addresses of the same users, in order", email, []any{
			record{"id": id, "status": "Updated", "email": "a@x.io"}, record{"id": id + 1, "status": "Updated", "email": "b@x.io"}, record{"id": id + 2, "status": "Updated", "email": "c@x.io"},
		}, "accepted accepted accepted"},
		{"the same, and not in order", email, []any{
			record{"id": id, "status": "Updated", "email": "a@x.io"}, record{"id": id + 2, "status": "Updated", "email": "customer-2"}, record{"id": id + 1, "status": "Updated", "email": "c@x.io"},
		}, "unknown:no_result unknown:no_result accepted"},
		{"a failure that passes", externalID, []any{made(0), record{"id": 1, "error": "DatabaseConflict", "details": "busy", "status": "Failed"}, made(2)}, "accepted deferred:DatabaseConflict accepted"},
		{"neither well nor not", externalID, []any{made(0), record{"external_id": "Customer-1"}, made(2)}, "accepted unknown:unclear accepted"},
		{"nothing", externalID, nil, "unknown:no_result unknown:no_result unknown:no_result"},
		{"an object", externalID, record{"success": true}, "unknown:no_result unknown:no_result unknown:no_result"},
		{"what is no outcome", externalID, []any{made(0), "odd", nil, 7, made(1), made(2)}, "accepted accepted accepted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, _ := dial(t)
				f.Outcomes = func([]any) any { return test.says }
				b := batch(users, destinations.Upsert, person(0), person(1), person(2))
				b.Identifier = test.by
				got, err := d.Write(t.Context(), b)
				if err != nil || statuses(got) != test.want {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}

func TestADeletionMayBeConfirmedAsAWhole(t *testing.T) {
	t.Parallel()
	for says, want := range map[bool]string{true: "accepted", false: "unknown:no_result"} {
		synctest.Test(t, func(t *testing.T) {
			d, f, _ := dial(t)
			f.Records[users]["7"] = record{"id": json.Number("7"), "external_id": "Customer-1"}
			f.Outcomes = func([]any) any { return record{"success": says} }
			got, err := d.Write(t.Context(), batch(users, destinations.Delete, gone(person(1))))
			if err != nil || statuses(got) != want {
				t.Errorf("%t: %+v, %v", says, got, err)
			}
		})
	}
}

func TestJobsAreWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		f.Polls = 5
		start := time.Now()
		got, err := d.Write(t.Context(), batch(users, destinations.Upsert, person(1)))
		if err != nil || statuses(got) != "accepted" || len(wire.Calls()) != 7 {
			t.Errorf("%+v, %v after %d requests", got, err, len(wire.Calls()))
		}
		if took := time.Since(start); took < 30*time.Second || took > 40*time.Second { // 1 + 2 + 4 + 8 + 10 + 10
			t.Errorf("it took %s", took)
		}
		f.Polls = 1000
		got, err = d.Write(t.Context(), batch(users, destinations.Upsert, person(1)))
		if err != nil || statuses(got) != "unknown:answer" || !strings.Contains(got[0].Reason, "10m0s") {
			t.Errorf("a job without an end: %+v, %v", got, err)
		}
		f.Polls, f.Ending = 0, "failed"
		f.Outcomes = func([]any) any { return nil }
		got, err = d.Write(t.Context(), batch(users, destinations.Upsert, person(1)))
		if err != nil || statuses(got) != "unknown:no_result" || !strings.Contains(got[0].Reason, "failed") {
			t.Errorf("a job that failed: %+v, %v", got, err)
		}
	})
}

func TestWhatCannotBeKnownOfAJobIsUnknown(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]destinationtest.Fault{
		"an answer that is cut short": destinationtest.Cut(), "a service that hangs": destinationtest.Hang(), "what is no JSON": destinationtest.Reply(200, "<html>"),
		"no job": destinationtest.Reply(200, "{}"),
	} {
		for request := range 2 {
			synctest.Test(t, func(t *testing.T) {
				d, _, wire := dial(t)
				wire.Spoil(func(n int, _ *http.Request) destinationtest.Fault {
					if n > request {
						return fault
					}
					return nil
				})
				got, err := d.Write(t.Context(), batch(users, destinations.Upsert, person(1), person(2)))
				if err != nil || got[0].Status != destinations.Unknown || got[1].Status != destinations.Unknown {
					t.Errorf("%s at request %d: %+v, %v", name, request+1, got, err)
				}
			})
		}
	}
}

func TestADeliveryThatIsCancelledWhileItsJobRunsEndsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		f.Polls = 1000
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		start := time.Now()
		got, err := d.Write(ctx, batch(users, destinations.Upsert, person(1)))
		if !errors.Is(err, context.DeadlineExceeded) || statuses(got) != "unknown:answer" || time.Since(start) > 21*time.Second {
			t.Errorf("%+v, %v after %s", got, err, time.Since(start))
		}
	})
}

func TestNoMoreJobsAreQueuedThanTheAccountTakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t, func(c *Config) { c.Jobs = 2 })
		f.Polls = 3
		done := make(chan error)
		for n := range 6 {
			go func() {
				got, err := d.Write(t.Context(), batch(users, destinations.Upsert, person(n)))
				if statuses(got) != "accepted" {
					err = fmt.Errorf("%+v, %w", got, err)
				}
				done <- err
			}()
		}
		for range 6 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		queued := 0
		for _, call := range wire.Calls() {
			if call.Method == http.MethodPost {
				queued++
			}
		}
		var times []time.Duration
		for _, call := range wire.Calls() {
			if call.Method == http.MethodPost {
				times = append(times, call.At.Sub(wire.Calls()[0].At).Truncate(10*time.Second))
			}
		}
		// Two at a time, each of 1 + 2 + 4 + 8 seconds.
		if diff := cmp.Diff([]time.Duration{0, 0, 10 * time.Second, 10 * time.Second, 30 * time.Second, 30 * time.Second}, times); diff != "" {
			t.Errorf("jobs were queued at (-want +got):\n%s", diff)
		}
		if queued != 6 {
			t.Errorf("%d jobs, want 6", queued)
		}
		f.Running, f.Polls = 32, 0
		start := time.Now()
		if got, err := d.Write(t.Context(), batch(users, destinations.Upsert, person(7))); err != nil || statuses(got) != "deferred:TooManyJobs" {
			t.Errorf("with other jobs: %+v, %v", got, err)
		}
		if took := time.Since(start); took < 2*jobsWait {
			t.Errorf("three attempts took %s", took)
		}
	})
}

func TestUsersAreMadeOneASecondWhereTheyCannotBeImported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		f.NoImports = true
		start := time.Now()
		var records []destinations.Record
		for n := range 10 {
			records = append(records, person(n))
		}
		got, err := d.Write(t.Context(), batch(users, destinations.Upsert, records...))
		if err != nil || statuses(got) != strings.TrimSpace(strings.Repeat("accepted ", 10)) {
			t.Errorf("%+v, %v", got, err)
		}
		if took := time.Since(start); took < 9*time.Second || took > 15*time.Second {
			t.Errorf("it took %s", took)
		}
		before := len(wire.Calls())
		if _, err := d.Write(t.Context(), batch(users, destinations.Upsert, person(1))); err != nil || len(wire.Calls()) != before+3 {
			t.Errorf("%v after %d requests, want 3", err, len(wire.Calls())-before)
		}
		time.Sleep(refusalLasts) //nolint:forbidigo // it is the bubble's time
		f.NoImports = false
		before = len(wire.Calls())
		if _, err := d.Write(t.Context(), batch(users, destinations.Upsert, person(1))); err != nil || len(wire.Calls()) != before+2 {
			t.Errorf("an hour later: %v after %d requests, want 2", err, len(wire.Calls())-before)
		}
	})
}

func TestNewUsersAreWrittenToOnlyIfThatIsWanted(t *testing.T) {
	t.Parallel()
	for _, wanted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d, _, wire := dial(t, func(c *Config) { c.VerifyEmail = wanted })
			if _, err := d.Write(t.Context(), batch(users, destinations.Upsert, person(1))); err != nil {
				t.Fatal(err)
			}
			if skips := strings.Contains(string(wire.Calls()[0].Body), `"skip_verify_email":true`); skips == wanted {
				t.Errorf("verify_email = %t: %s", wanted, wire.Calls()[0].Body)
			}
		})
	}
}

func TestAMinuteThatIsUsedUpIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		f.Left = 1
		start := time.Now()
		if got, err := d.Write(t.Context(), batch(users, destinations.Upsert, person(1))); err != nil || statuses(got) != "accepted" {
			t.Fatalf("%+v, %v", got, err)
		}
		if took := time.Since(start); took < 41*time.Second || took > 50*time.Second {
			t.Errorf("it took %s, want about 41 seconds", took)
		}
	})
}

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
	for want, set := range map[string]func(*Config){
		"subdomain is":            func(c *Config) { c.Subdomain = "acme.zendesk.com" },
		"credentials are missing": func(c *Config) { c.Token = nil },
		"email is missing":        func(c *Config) { c.Token, c.APIToken = nil, c.Token },
		"exclude each other":      func(c *Config) { c.APIToken = c.Token },
		"keep one":                func(c *Config) { c.ClientID = "client" },
		"jobs is 0":               func(c *Config) { c.Jobs = 0 },
		"base_url":                func(c *Config) { c.BaseURL = "acme" },
	} {
		if _, err := open(t.Context(), config(set), destinations.Env{Name: "support"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
