package hubspot

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/hubspot/hubspottest"
)

func config(credential destinations.Secret) Config {
	return Config{
		Token: credential, BaseURL: "https://api.hubapi.com", APIVersion: "2026-09",
		Rate: destinations.Rate{Requests: 100, Per: 10 * time.Second}, Timeout: time.Minute,
	}
}

func connect(t *testing.T, credential destinations.Secret, env destinations.Env) destinations.Destination {
	t.Helper()
	return destinationtest.Open(t, open, config(credential), env)
}

// dial returns a destination with a fake of HubSpot behind a wire.
func dial(t *testing.T) (destinations.Destination, *hubspottest.Fake, *destinationtest.Wire) {
	t.Helper()
	f := hubspottest.New()
	wire := destinationtest.NewWire(f)
	d := connect(t, destinationtest.Secret("pat-eu1-1"), destinations.Env{Name: "crm", Transport: wire})
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, f, wire
}

func person(n int) destinations.Record {
	address := fmt.Sprintf("person%d@example.com", n)
	return destinationtest.Record(n, address, destinations.Fields{{Name: "email", Value: address}, {Name: "firstname", Value: "Person"}})
}

func dropped(int) destinations.Record { return person(999_999) }

func contacts(op destinations.Op, records ...destinations.Record) destinations.Batch {
	return destinations.Batch{Sync: "people", Object: "contacts", Op: op, Identifier: "email", Attempts: 3, Records: records}
}

func TestHubSpotKeepsTheContractOfDestinations(t *testing.T) {
	t.Parallel()
	destinationtest.Run(t, destinationtest.Suite{
		Open: connect,
		Service: func(*testing.T) destinationtest.Service {
			f := hubspottest.New()
			f.Unlisted = dropped(0).ID
			return f
		},
		Dropped:    func(int) destinations.Record { return dropped(0) },
		Object:     "contacts",
		Identifier: "email",
		Good:       person,
		Bad: func(n int) destinations.Record {
			r := person(n)
			r.ID = fmt.Sprintf("no-address-%d", n)
			r.Fields[0].Value = r.ID
			return r
		},
		Once:    destinations.Insert,
		Results: []string{"results", "errors"},
		Exact: []destinationtest.Exact{
			{Field: "firstname", Value: "Zoë 🚀 <b>&\"\\", Stored: `"Zoë 🚀 \u003cb\u003e\u0026\"\\"`},
			{Field: "firstname", Value: "", Stored: ""},
			{Field: "firstname", Value: nil, Stored: ""},
			{Field: "score", Value: json.Number("9223372036854775807"), Stored: `"9223372036854775807"`},
			{Field: "score", Value: json.Number("-0.100"), Stored: `"-0.100"`},
			{Field: "opt_in", Value: false, Stored: `"false"`},
			{Field: "signup", Value: destinations.Date("1815-12-10"), Stored: `"1815-12-10"`},
			{Field: "seen", Value: time.Date(2026, 11, 20, 12, 0, 0, 123_999_999, time.FixedZone("", 3600)), Stored: `"2026-11-20T11:00:00.123Z"`},
			{Field: "topics", Value: []destinations.Value{"", "a", nil, "b"}, Stored: `"a;b"`},
		},
		Text:     "firstname",
		Number:   "score",
		Requests: 1,
		Throttles: []destinationtest.Throttle{{
			Name: "ten seconds' requests are used up", Wait: 10 * time.Second,
			Says: destinationtest.Reply(429, `{"status":"error","errorType":"RATE_LIMIT","category":"RATE_LIMITS","policyName":"TEN_SECONDLY_ROLLING","message":"You have reached your ten_secondly_rolling limit."}`),
		}, {
			Name: "the records are locked", Wait: 2 * time.Second, Says: destinationtest.Reply(423, `{"message":"locked"}`),
		}},
		Golden: goldenBatches(),
		Lacks: map[destinationtest.Trait]string{
			destinationtest.IdempotencyKeys: "HubSpot has none",
		},
	})
}

func goldenBatches() []destinations.Batch {
	full := person(1)
	full.Fields = append(
		full.Fields,
		destinations.FieldValue{Name: "plan", Value: nil},
		destinations.FieldValue{Name: "score", Value: json.Number("12.50")},
		destinations.FieldValue{Name: "signup", Value: destinations.Date("2026-11-20")},
		destinations.FieldValue{Name: "topics", Value: []destinations.Value{"a", "b"}},
	)
	company := destinations.Record{
		Key: "1", ID: "acme-1", Fields: destinations.Fields{{Name: "external_id", Value: "acme-1"}, {Name: "name", Value: "Acme"}},
	}
	batches := []destinations.Batch{
		contacts(destinations.Upsert, full, person(2)),
		contacts(destinations.Insert, full),
		{Sync: "firms", Object: "companies", Op: destinations.Upsert, Identifier: "external_id", Records: []destinations.Record{company}},
	}
	return batches
}

func TestRequestsUseTheRecordIDsThatWereFound(t *testing.T) {
	t.Parallel()
	for _, op := range []destinations.Op{destinations.Update, destinations.Clear, destinations.Archive, destinations.Delete} {
		t.Run(string(op), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, wire := dial(t)
				seed(f, map[string]string{"email": "person1@example.com", "plan": "pro"})
				one, other := person(1), person(2)
				if op != destinations.Update {
					one.Fields, other.Fields = destinations.Fields{{Name: "email"}, {Name: "plan"}}, nil
				}
				if _, err := d.Write(t.Context(), contacts(op, one, other)); err != nil {
					t.Fatal(err)
				}
				var text strings.Builder
				for _, call := range wire.Calls() {
					fmt.Fprintf(&text, "%s %s\n%s\n", call.Method, call.Path, call.Body)
				}
				destinationtest.Golden(t, "found_"+string(op)+".txt", []byte(text.String()))
			})
		})
	}
}

func seed(f *hubspottest.Fake, records ...map[string]string) {
	for _, r := range records {
		f.LastID++
		f.Records["contacts"][strconv.Itoa(f.LastID)] = r
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	ada, bob := person(1), person(2)
	gone := func(r destinations.Record) destinations.Record { return destinations.Record{Key: r.Key, ID: r.ID} }
	accepted := func(id string) destinations.Result {
		return destinations.Result{Status: destinations.Accepted, RemoteID: id}
	}
	rejected := func(id, code string) destinations.Result {
		return destinations.Result{Status: destinations.Rejected, RemoteID: id, Code: code}
	}
	tests := []struct {
		name  string
		held  []map[string]string
		batch destinations.Batch
		want  []destinations.Result
		then  map[string]map[string]string
	}{
		{
			"an update changes what is there and makes nothing",
			[]map[string]string{{"email": "Person1@example.com"}},
			contacts(destinations.Update, bob, ada),
			[]destinations.Result{rejected("", "not_found"), accepted("101")},
			map[string]map[string]string{"101": {"email": "person1@example.com", "firstname": "Person"}},
		},
		{
			"an insert of an address that is there is a conflict",
			[]map[string]string{{"email": "person1@example.com"}},
			contacts(destinations.Insert, ada, bob),
			[]destinations.Result{rejected("", "CONFLICT"), accepted("102")},
			map[string]map[string]string{"101": {"email": "person1@example.com"}, "102": {"email": "person2@example.com", "firstname": "Person"}},
		},
		{
			"clear empties the fields, keeps the identifier, and makes nothing",
			[]map[string]string{{"email": "person1@example.com", "firstname": "Ada", "plan": "pro"}},
			contacts(destinations.Clear,
				destinations.Record{ID: ada.ID, Fields: destinations.Fields{{Name: "email"}, {Name: "firstname"}}},
				destinations.Record{ID: bob.ID, Fields: destinations.Fields{{Name: "email"}, {Name: "firstname"}}}),
			[]destinations.Result{accepted("101"), accepted("")},
			map[string]map[string]string{"101": {"email": "person1@example.com", "plan": "pro"}},
		},
		{
			"clear has nothing to do where only the identifier is mapped",
			[]map[string]string{{"email": "person1@example.com"}},
			contacts(destinations.Clear, destinations.Record{ID: ada.ID, Fields: destinations.Fields{{Name: "email"}}}),
			[]destinations.Result{accepted("")},
			map[string]map[string]string{"101": {"email": "person1@example.com"}},
		},
		{
			"archive takes away what is there",
			[]map[string]string{{"email": "person1@example.com"}, {"email": "person3@example.com"}},
			contacts(destinations.Archive, gone(bob), gone(ada)),
			[]destinations.Result{accepted(""), accepted("101")},
			map[string]map[string]string{"102": {"email": "person3@example.com"}},
		},
		{
			"delete takes away what is there for good",
			[]map[string]string{{"email": "person1@example.com"}},
			contacts(destinations.Delete, gone(bob), gone(ada)),
			[]destinations.Result{accepted(""), accepted("101")},
			map[string]map[string]string{},
		},
		{
			"a contact is not removed because of a secondary address",
			[]map[string]string{{"email": "eve@example.com", "hs_additional_emails": "x@example.com;person1@example.com"}},
			contacts(destinations.Archive, gone(ada)),
			[]destinations.Result{rejected("101", "secondary_email")},
			map[string]map[string]string{"101": {"email": "eve@example.com", "hs_additional_emails": "x@example.com;person1@example.com"}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, _ := dial(t)
				seed(f, test.held...)
				got, err := d.Write(t.Context(), test.batch)
				if err != nil {
					t.Fatal(err)
				}
				for i := range got {
					if got[i].Status != destinations.Accepted && got[i].Reason == "" {
						t.Errorf("result %d has no reason", i)
					}
					got[i].Reason = ""
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("results (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.then, f.Records["contacts"]); diff != "" {
					t.Errorf("records (-want +got):\n%s", diff)
				}
				if len(f.Blocked) > 0 {
					t.Errorf("addresses were barred: %v", f.Blocked)
				}
			})
		})
	}
}

func TestRefusalsHaveTheCodeAndTheWordsThatPeopleNeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, _ := dial(t)
		bad := person(1)
		bad.ID = "nobody"
		bad.Fields[0].Value = "nobody"
		got, err := d.Write(t.Context(), contacts(destinations.Upsert, bad))
		if err != nil {
			t.Fatal(err)
		}
		want := []destinations.Result{{Status: destinations.Rejected, Code: "INVALID_EMAIL", Reason: "Email address nobody is invalid"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestARecordThatNoAnswerNamesIsUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		f.Unlisted = person(2).ID
		got, err := d.Write(t.Context(), contacts(destinations.Upsert, person(1), person(2), person(3)))
		if err != nil {
			t.Fatal(err)
		}
		statuses := []string{got[0].Status.String(), got[1].Status.String(), got[2].Status.String()}
		if diff := cmp.Diff([]string{"accepted", "unknown", "accepted"}, statuses); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAPropertyThatIsGoneIsNoRecordsFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t)
		one, other := person(1), person(2)
		one.Fields = append(one.Fields, destinations.FieldValue{Name: "retired", Value: "x"})
		got, err := d.Write(t.Context(), contacts(destinations.Upsert, one, other))
		if !errors.Is(err, destinations.ErrConfig) || !strings.Contains(err.Error(), "PROPERTY_DOESNT_EXIST") {
			t.Errorf("error %v", err)
		}
		for i, r := range got {
			if r.Status != destinations.Deferred {
				t.Errorf("result %d: %+v", i, r)
			}
		}
		if n := len(wire.Calls()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestALookThatFailsLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]destinationtest.Fault{
		"a failure":     destinationtest.Reply(500, ""),
		"a lost answer": destinationtest.Lose(),
		"another state": destinationtest.Reply(200, `{"status":"PROCESSING","results":[]}`),
		"another fault": destinationtest.Reply(207, `{"status":"COMPLETE","errors":[{"category":"INTERNAL_ERROR","message":"odd"}]}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, wire := dial(t)
				seed(f, map[string]string{"email": person(1).ID})
				wire.SpoilAll(fault)
				got, err := d.Write(t.Context(), contacts(destinations.Archive, destinations.Record{ID: person(1).ID}))
				if err != nil || got[0].Status != destinations.Deferred || got[0].Doubt || len(f.Records["contacts"]) != 1 {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}

func TestLimitsAreUnderstood(t *testing.T) {
	t.Parallel()
	limit := func(policy string) string {
		return `{"status":"error","message":"You have reached your limit.","errorType":"RATE_LIMIT","category":"RATE_LIMITS","policyName":"` + policy + `"}`
	}
	tests := []struct {
		name        string
		fault       destinationtest.Fault
		status      destinations.Status
		least, most time.Duration
	}{
		{"a second's requests are used up", destinationtest.Reply(429, limit("SECONDLY")), destinations.Accepted, time.Second, 3 * time.Second},
		{"ten seconds' requests are used up", destinationtest.Reply(429, limit("TEN_SECONDLY_ROLLING")), destinations.Accepted, 10 * time.Second, 13 * time.Second},
		{
			"the interval is named", destinationtest.Reply(429, "slow down", "X-HubSpot-RateLimit-Max", "7", "X-HubSpot-RateLimit-Interval-Milliseconds", "25000"),
			destinations.Accepted, 25 * time.Second, 28 * time.Second,
		},
		{"a day's requests are used up", destinationtest.Reply(429, limit("DAILY")), destinations.Deferred, 0, time.Second},
		{"the records are locked", destinationtest.Reply(423, `{"message":"locked"}`), destinations.Accepted, 2 * time.Second, 4 * time.Second},
		{"the account moves", destinationtest.Reply(477, ``, "Retry-After", "45"), destinations.Accepted, 45 * time.Second, 48 * time.Second},
		{"the account moves and does not say how long", destinationtest.Reply(477, ``), destinations.Accepted, 30 * time.Second, 33 * time.Second},
		{"the gateway has no origin", destinationtest.Reply(521, `<html>`), destinations.Accepted, 0, 5 * time.Second},
		{"the gateway waited in vain", destinationtest.Reply(524, `<html>`), destinations.Accepted, 0, 5 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, _, wire := dial(t)
				wire.SpoilFirst(1, test.fault)
				start := time.Now()
				got, err := d.Write(t.Context(), contacts(destinations.Upsert, person(1)))
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); got[0].Status != test.status || took < test.least || took > test.most {
					t.Errorf("%+v after %s", got[0], took)
				}
			})
		})
	}
}

func TestADayWithoutRequestsIsNotHammered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t)
		wire.SpoilAll(destinationtest.Reply(429, `{"category":"RATE_LIMITS","policyName":"DAILY","message":"no more today"}`))
		for n := range 20 {
			if _, err := d.Write(t.Context(), contacts(destinations.Upsert, person(n))); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Minute)
		}
		if n := len(wire.Calls()); n != 1 {
			t.Errorf("%d requests in twenty minutes, want 1", n)
		}
	})
}

func TestFieldsAreThePropertiesOfTheAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		want := []destinations.Field{
			{Name: "age", Label: "Age", Type: destinations.Number, ReadOnly: true},
			{Name: "email", Label: "E-mail", Type: destinations.String},
			{Name: "external_id", Label: "External ID", Type: destinations.String},
			{Name: "firstname", Label: "First name", Type: destinations.String},
			{Name: "hs_object_id", Label: "Record ID", Type: destinations.Number, ReadOnly: true},
			{Name: "mobile", Label: "Mobile", Type: destinations.String},
			{Name: "name", Label: "Name", Type: destinations.String},
			{Name: "opt_in", Label: "Opt-in", Type: destinations.Boolean},
			{Name: "owner", Label: "Owner", Type: destinations.String},
			{Name: "plan", Label: "Plan", Type: destinations.String, Enum: []string{"free", "pro"}},
			{Name: "score", Label: "Score", Type: destinations.Number},
			{Name: "seen", Label: "Seen", Type: destinations.DateTime},
			{Name: "signup", Label: "Signed up", Type: destinations.DateType},
			{Name: "topics", Label: "Topics", Type: destinations.List, Enum: []string{"a", "b"}},
		}
		by := func(object, label string, identifiers ...string) {
			for _, id := range identifiers {
				want = append(want, destinations.Field{Name: "associations." + object + "." + id, Label: label + " by " + id})
			}
		}
		by("contacts", "Contacts", "email", "external_id", "hs_object_id")
		by("companies", "Companies", "external_id", "hs_object_id")
		by("tickets", "Tickets", "external_id", "hs_object_id")
		by("p4242_cars", "Cars", "external_id", "hs_object_id")
		f.Closed["deals"] = true // which is of no other object's concern
		for range 2 {
			got, err := d.Fields(t.Context(), "contacts")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		if n := len(wire.Calls()); n != 6 {
			t.Errorf("%d requests, want 6: one for each of five objects and one that lists them; the properties are to be kept", n)
		}
		if _, err := d.Fields(t.Context(), "deals"); !errors.Is(err, destinations.ErrAuth) {
			t.Errorf("fields without a scope: %v", err)
		}
		objects, err := d.Objects(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found := map[string][]string{}
		for _, o := range objects {
			found[o.Name] = o.Identifiers
		}
		unique := []string{"external_id", "hs_object_id"}
		if diff := cmp.Diff(map[string][]string{
			"contacts": {"email", "external_id", "hs_object_id"}, "companies": unique, "deals": {"*"}, "tickets": unique, "p4242_cars": unique,
		}, found); diff != "" {
			t.Errorf("identifiers (-want +got):\n%s", diff)
		}
	})
}

func TestCompaniesAreNotFoundByTheirDomain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		company := destinations.Record{ID: "acme.example", Fields: destinations.Fields{{Name: "name", Value: "Acme"}}}
		b := destinations.Batch{Object: "companies", Op: destinations.Upsert, Identifier: "domain", Records: []destinations.Record{company}}
		got, err := d.Write(t.Context(), b)
		if !errors.Is(err, destinations.ErrConfig) || !strings.Contains(err.Error(), "use external_id") {
			t.Errorf("error %v", err)
		}
		if got[0].Status != destinations.Deferred || len(f.Records["companies"]) > 0 {
			t.Errorf("%+v", got)
		}
		b.Identifier = "external_id"
		if got, err = d.Write(t.Context(), b); err != nil || got[0].Status != destinations.Accepted {
			t.Errorf("by a unique property: %+v, %v", got, err)
		}
	})
}

func TestCheckNamesThePortal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		f := hubspottest.New()
		wire := destinationtest.NewWire(f)
		d := connect(t, destinationtest.Secret("pat-eu1-1"), destinations.Env{Transport: wire, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err := d.Check(t.Context()); err != nil || !strings.Contains(log.String(), "portal=4242") {
			t.Errorf("%v; log %s", err, log.String())
		}
		f.Closed["deals"] = true
		if err := d.Check(t.Context()); err != nil || !strings.Contains(log.String(), "crm.objects.deals.read") {
			t.Errorf("without a scope for deals: %v; log %s", err, log.String())
		}
		for _, k := range kinds {
			f.Closed[k.name] = true
		}
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrAuth) {
			t.Errorf("without any scope: %v", err)
		}
		wire.SpoilAll(destinationtest.Reply(http.StatusOK, `{"name":"another service"}`))
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrConfig) {
			t.Errorf("another service: %v", err)
		}
		wire.SpoilAll(destinationtest.Reply(http.StatusForbidden, `{"category":"MISSING_SCOPES","message":"This app hasn't been granted all required scopes."}`))
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrAuth) || !strings.Contains(err.Error(), "scopes") {
			t.Errorf("missing scopes: %v", err)
		}
	})
}

func TestALowerLimitOfTheAccountIsLearned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		c := config(destinationtest.Secret("pat-eu1-1"))
		c.Rate = destinations.Rate{Requests: 190, Per: 10 * time.Second}
		d := destinationtest.Open(t, open, c, destinations.Env{Transport: destinationtest.NewWire(hubspottest.New()), Log: slog.New(slog.NewTextHandler(&log, nil))})
		for range 3 {
			if err := d.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		objects, err := d.Objects(t.Context())
		if err != nil || objects[0].Rate != 10 || strings.Count(log.String(), "fewer requests") != 1 {
			t.Errorf("rate %v, %v; log %s", objects[0].Rate, err, log.String())
		}
	})
}

func TestUsedUpLimitSlowsTheAccount(t *testing.T) {
	t.Parallel()
	for remaining, least := range map[string]time.Duration{"0": 54 * 200 * time.Millisecond, "1": 54 * 100 * time.Millisecond, "": 54 * 100 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			d, _, wire := dial(t)
			wire.SpoilAll(destinationtest.Reply(http.StatusOK, `{"portalId":1}`, "X-HubSpot-RateLimit-Max", "100",
				"X-HubSpot-RateLimit-Interval-Milliseconds", "10000", "X-HubSpot-RateLimit-Remaining", remaining))
			start := time.Now()
			for range 11 {
				if err := d.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(start); took < least || took > least+100*time.Millisecond {
				t.Errorf("with %q remaining, 55 requests took %s, want about %s", remaining, took, least)
			}
		})
	}
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		set  func(*Config)
		want string
	}{
		{"no token", func(c *Config) { c.Token = nil }, "token"},
		{"a token and an app", func(c *Config) { c.ClientID = "app" }, "excludes"},
		{"half an app", func(c *Config) { c.Token, c.ClientID = nil, "app" }, "refresh_token"},
		{"a numbered version", func(c *Config) { c.APIVersion = "v3" }, "api_version"},
		{"a month that there is not", func(c *Config) { c.APIVersion = "2026-13" }, "api_version"},
		{"no address", func(c *Config) { c.BaseURL = "api.hubapi.com" }, "base_url"},
	}
	for _, test := range tests {
		c := config(destinationtest.Secret("pat-eu1-1"))
		test.set(&c)
		if _, err := open(t.Context(), c, destinations.Env{Name: "crm"}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
