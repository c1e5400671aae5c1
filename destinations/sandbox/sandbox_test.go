package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
)

func openDestination(t *testing.T, c Config, env destinations.Env) destinations.Destination {
	t.Helper()
	env.Name = "crm"
	d, err := open(t.Context(), c, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// remote returns a destination that reaches s by a transport, as it would a sandbox elsewhere.
func remote(t *testing.T, s *Server) destinations.Destination {
	t.Helper()
	return openDestination(t, Config{URL: "http://127.0.0.1:1"},
		destinations.Env{Transport: &local{open: func() (*Server, error) { return s, nil }}})
}

func contacts(op destinations.Op, records ...destinations.Record) destinations.Batch {
	return destinations.Batch{
		Sync: "contacts", Object: "contacts", Op: op, Identifier: "email", Attempts: 3, Records: records,
	}
}

func record(email string, fields ...destinations.FieldValue) destinations.Record {
	return destinations.Record{Key: "key of " + email, ID: email, Token: "token of " + email, Fields: fields}
}

func write(t *testing.T, d destinations.Destination, b destinations.Batch) []destinations.Result {
	t.Helper()
	results, err := d.Write(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func TestEveryTypeOfValueArrivesAsItWasSent(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	d := remote(t, s)
	const text = "Zoë <b>\"O'Neil\"</b> 👩‍👧 \u202e\u2028\x00\n, ünï"
	got := write(t, d, contacts(destinations.Upsert, record("ada@x.io",
		destinations.FieldValue{Name: "email", Value: "ada@x.io"},
		destinations.FieldValue{Name: "notes", Value: text},
		destinations.FieldValue{Name: "lifetime_value", Value: json.Number("12345678901234567890.100")},
		destinations.FieldValue{Name: "lead_score", Value: json.Number("9223372036854775807")},
		destinations.FieldValue{Name: "marketing_opt_in", Value: false},
		destinations.FieldValue{Name: "signup", Value: destinations.Date("2024-02-29")},
		destinations.FieldValue{Name: "first_seen", Value: time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.FixedZone("", 3600))},
		destinations.FieldValue{Name: "tags", Value: []destinations.Value{"a", json.Number("1"), true}},
		destinations.FieldValue{Name: "custom", Value: json.RawMessage(`{"b": [1.50, {"<": null}]}`)},
		destinations.FieldValue{Name: "phone", Value: ""},
		destinations.FieldValue{Name: "city", Value: nil},
	)))
	if diff := cmp.Diff([]destinations.Result{{Status: destinations.Accepted, RemoteID: "1"}}, got); diff != "" {
		t.Fatal(diff)
	}
	records, _, err := s.Records(t.Context(), Query{Object: "contacts"})
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := encode(text)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]json.RawMessage{
		"email": json.RawMessage(`"ada@x.io"`), "notes": quoted,
		"lifetime_value": json.RawMessage(`12345678901234567890.100`), "lead_score": json.RawMessage(`9223372036854775807`),
		"marketing_opt_in": json.RawMessage(`false`), "signup": json.RawMessage(`"2024-02-29"`),
		"first_seen": json.RawMessage(`"2026-01-02T02:04:05.678901Z"`), "tags": json.RawMessage(`["a",1,true]`),
		"custom": json.RawMessage(`{"b":[1.50,{"<":null}]}`), "phone": json.RawMessage(`""`),
	}
	if diff := cmp.Diff(want, records[0].Fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestResultsAreFoundWhateverTheirOrder(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	d := remote(t, s)
	write(t, d, contacts(destinations.Upsert, record("c@x.io"), record("b@x.io")))
	got := write(t, d, contacts(destinations.Upsert,
		record("a@x.io"), record("no address"), record("b@x.io"), record("e@x.io", destinations.FieldValue{Name: "plan", Value: "Gold"}), record("c@x.io")))
	for i := range got {
		if got[i].Status == destinations.Rejected && got[i].Reason == "" {
			t.Errorf("result %d has no reason", i)
		}
		got[i].Reason = ""
	}
	want := []destinations.Result{
		{Status: destinations.Accepted, RemoteID: "3"},
		{Status: destinations.Rejected, Code: "invalid_email"},
		{Status: destinations.Accepted, RemoteID: "2"},
		{Status: destinations.Rejected, Code: "invalid_option"},
		{Status: destinations.Accepted, RemoteID: "1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// losing answers every request but gives the first answers to nobody.
type losing struct {
	http.RoundTripper
	left int
}

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.RoundTripper.RoundTrip(r)
	if l.left > 0 && err == nil {
		l.left--
		return nil, errors.Join(errors.New("the connection broke"), response.Body.Close())
	}
	return response, err
}

func TestAnInsertWhoseAnswerWasLostIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	d := openDestination(t, Config{URL: "http://localhost"},
		destinations.Env{Transport: &losing{&local{open: func() (*Server, error) { return s, nil }}, 1}})
	b := contacts(destinations.Insert, record("ada@x.io"), record("bob@x.io"))
	for i, r := range write(t, d, b) {
		if r.Status != destinations.Accepted {
			t.Errorf("result %d: %+v", i, r)
		}
	}
	b.Records = b.Records[1:] // sent again by a later run, in another batch
	for i, r := range write(t, d, b) {
		if r.Status != destinations.Accepted {
			t.Errorf("again, result %d: %+v", i, r)
		}
	}
	b.Records[0].Token = "a new one"
	if got := write(t, d, b)[0]; got.Code != "conflict" {
		t.Errorf("another insert of the same address: %+v", got)
	}
	if diff := cmp.Diff([]string{`{"email":"ada@x.io"}`, `{"email":"bob@x.io"}`}, kept(t, s, "contacts")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARateLimitIsObeyed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openTestServer(t, Options{Rate: destinations.Rate{Requests: 2, Per: 20 * time.Second}})
		d := remote(t, s) // which knows of no limit
		start := time.Now()
		for _, email := range []string{"a@x.io", "b@x.io", "c@x.io", "d@x.io"} {
			if got := write(t, d, contacts(destinations.Upsert, record(email))); got[0].Status != destinations.Accepted {
				t.Errorf("%+v", got)
			}
		}
		if took := time.Since(start); took < 20*time.Second || took > time.Minute {
			t.Errorf("took %s", took)
		}
		totals, err := s.Totals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Totals{Requests: 6, Accepted: 4, Throttled: 2}, totals); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestALocalSandboxKeepsItsRecordsInTheStateDirectory(t *testing.T) {
	t.Parallel()
	env := destinations.Env{State: filepath.Join(t.TempDir(), "crm")}
	for range 2 {
		d := openDestination(t, Config{}, env)
		if err := d.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := write(t, d, contacts(destinations.Upsert, record("ada@x.io"))); got[0].RemoteID != "1" {
			t.Errorf("%+v", got)
		}
	}
	s := openTestServer(t, Options{Dir: env.State})
	if diff := cmp.Diff([]string{`{"email":"ada@x.io"}`}, kept(t, s, "contacts")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestALocalSandboxIsNotMadeBeforeItIsNeeded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := openDestination(t, Config{}, destinations.Env{State: filepath.Join(dir, "crm")})
	if _, err := d.Fields(t.Context(), "contacts"); err != nil {
		t.Fatal(err)
	}
	if made, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(made) > 0 {
		t.Errorf("made %v, %v", made, err)
	}
}

func TestFieldsAndObjectsAgreeWithTheServer(t *testing.T) {
	t.Parallel()
	near := openDestination(t, Config{}, destinations.Env{})
	far := remote(t, newTestServer(t))
	described, err := far.Objects(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range described {
		want, err := near.Fields(t.Context(), o.Name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := far.Fields(t.Context(), o.Name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-near +far):\n%s", o.Name, diff)
		}
		for _, identifier := range o.Identifiers {
			if !slices.ContainsFunc(got, func(f destinations.Field) bool { return f.Name == identifier }) {
				t.Errorf("%s has no field %s", o.Name, identifier)
			}
		}
	}
	for _, d := range []destinations.Destination{near, far} {
		if _, err := d.Fields(t.Context(), "peo/ple"); !errors.Is(err, destinations.ErrNoObject) {
			t.Errorf("an unknown object: %v", err)
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestCheckKnowsASandbox(t *testing.T) {
	t.Parallel()
	if err := remote(t, newTestServer(t)).Check(t.Context()); err != nil {
		t.Error(err)
	}
	other := openDestination(t, Config{URL: "http://localhost"}, destinations.Env{Transport: transport(func(r *http.Request) (*http.Response, error) {
		a := &answer{header: http.Header{}}
		reply(a, http.StatusOK, map[string]string{"name": "another service"})
		return a.response(r), nil
	})})
	if err := other.Check(t.Context()); !errors.Is(err, destinations.ErrConfig) || !strings.Contains(err.Error(), "no Spillway sandbox") {
		t.Errorf("another service: %v", err)
	}
	stranger := openDestination(t, Config{URL: "http://crm.example"}, destinations.Env{Transport: &local{open: func() (*Server, error) { return newTestServer(t), nil }}})
	if err := stranger.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "host name") {
		t.Errorf("a name that is not allowed: %v", err)
	}
}

// service is a sandbox as the suite of destinations sees it.
type service struct{ *Server }

func (s service) Get(object, id string) (map[string]string, bool) {
	records, _, err := s.Records(context.Background(), Query{Object: object})
	if err != nil {
		return nil, false
	}
	o, _ := findObject(object)
	for _, r := range records {
		if r.Archived || o.key(plain(r.Fields[o.identifiers[0]])) != o.key(id) {
			continue
		}
		fields := map[string]string{}
		for name, value := range r.Fields {
			fields[name] = string(value)
		}
		return fields, true
	}
	return nil, false
}

func person(n int, plan string) destinations.Record {
	email := fmt.Sprintf("person%d@example.com", n)
	return destinations.Record{
		Key: strconv.Itoa(n), ID: email, Token: fmt.Sprintf("token-%d-%s", n, plan),
		Fields: destinations.Fields{{Name: "email", Value: email}, {Name: "plan", Value: plan}},
	}
}

func TestTheSandboxKeepsTheContractOfDestinations(t *testing.T) {
	t.Parallel()
	destinationtest.Run(t, destinationtest.Suite{
		Open: func(t *testing.T, _ destinations.Secret, env destinations.Env) destinations.Destination {
			t.Helper()
			d, err := open(t.Context(), Config{URL: "http://localhost:8080", Rate: destinations.Rate{Requests: 50, Per: time.Second}}, env)
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
		Service: func(t *testing.T) destinationtest.Service {
			t.Helper()
			return service{newTestServer(t)}
		},
		Object:     "contacts",
		Identifier: "email",
		Good:       func(n int) destinations.Record { return person(n, "Pro") },
		Bad:        func(n int) destinations.Record { return person(n, "plan-unheard-of") },
		Results:    []string{"results"},
		Exact: []destinationtest.Exact{
			{Field: "firstname", Value: "Zoë 🚀 <b>&\u2028\"\\", Stored: `"Zoë 🚀 <b>&\u2028\"\\"`},
			{Field: "lead_score", Value: json.Number("9223372036854775807"), Stored: `9223372036854775807`},
			{Field: "lifetime_value", Value: json.Number("-18446744073709551616.100"), Stored: `-18446744073709551616.100`},
			{Field: "signup", Value: destinations.Date("1815-12-10"), Stored: `"1815-12-10"`},
			{Field: "city", Value: nil, Stored: ""},
		},
		Golden: goldenBatches(),
		Lacks: map[destinationtest.Trait]string{
			destinationtest.Credentials:     "a sandbox is open to its own machine",
			destinationtest.NotRepeatable:   "each record of an insert carries a token",
			destinationtest.IdempotencyKeys: "the tokens stand in the records, so that they outlive the batch",
		},
	})
}

func goldenBatches() []destinations.Batch {
	var batches []destinations.Batch
	for _, op := range operations {
		b := destinations.Batch{Sync: "people", Object: "contacts", Op: op, Identifier: "email"}
		for n := range 2 {
			r := person(n, "Pro")
			switch op {
			case destinations.Archive, destinations.Delete:
				r.Fields = nil
			case destinations.Clear:
				r.Fields = destinations.Fields{{Name: "email"}, {Name: "plan"}}
			case destinations.Upsert, destinations.Update, destinations.Insert:
			}
			b.Records = append(b.Records, r)
		}
		batches = append(batches, b)
	}
	return batches
}
