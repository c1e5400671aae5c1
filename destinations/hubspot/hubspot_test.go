package hubspot

import (
	"encoding/json"
	"fmt"
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
		Account: "portal 4242",
		Open:    connect,
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
