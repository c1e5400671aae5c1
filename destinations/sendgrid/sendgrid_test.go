package sendgrid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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

func TestImports(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		set   func(*sendgridtest.Fake)
		batch destinations.Batch
		want  string
		calls int
	}{
		{"one that takes its time is waited for", func(f *sendgridtest.Fake) { f.Unseen, f.Pending = 1, 3 }, batch(contacts, destinations.Upsert, person(1)), "accepted", 6},
		{
			"the file names who was refused", nil,
			batch(contacts, destinations.Upsert, person(1), bad(2), person(3)), "accepted rejected:import_error accepted", 3,
		},
		{"all may be refused", nil, batch(contacts, destinations.Upsert, bad(1), bad(2)), "rejected:import_error rejected:import_error", 3},
		{
			"without a file they are halved", func(f *sendgridtest.Fake) { f.File = "none" },
			batch(contacts, destinations.Upsert, person(1), bad(2), person(3), person(4)), "accepted rejected:import_error accepted accepted", 2 * 5,
		},
		{
			"a file that names nobody tells nothing", func(f *sendgridtest.Fake) { f.File = "bare" },
			batch(contacts, destinations.Upsert, person(1), bad(2)), "accepted rejected:import_error", 3 + 2 + 3,
		},
		{
			"a file that is gone tells nothing", func(f *sendgridtest.Fake) { f.File = "gone" },
			batch(contacts, destinations.Upsert, person(1), bad(2)), "accepted rejected:import_error", 3 + 2 + 3,
		},
		{"one that fails says nothing of the contacts", func(f *sendgridtest.Fake) { f.Failing = true }, batch(contacts, destinations.Upsert, person(1), person(2)), "deferred:import_failed deferred:import_failed", 2},
		{"one that counts too few leaves all in doubt", func(f *sendgridtest.Fake) { f.Dropping = true }, batch(contacts, destinations.Upsert, person(1), person(2)), "unknown:answer unknown:answer", 2},
		{
			"a contact that is refused at once does not stop the others", nil,
			batch(contacts, destinations.Upsert, person(1), contact(strings.Repeat("x", 250)+"@example.com")), "accepted rejected:400", 1 + 2 + 1,
		},
		{"nobody is made by an update", nil, batch(contacts, destinations.Update, person(1)), "rejected:not_found", 1},
		{
			"who is found by an alternate address is left alone", func(f *sendgridtest.Fake) {
				f.People["x"] = doc{"id": "x", "email": "other@example.com", "alternate_emails": []any{"person1@example.com"}}
			},
			batch(contacts, destinations.Delete, gone(1), gone(2)), "rejected:alternate_email accepted", 1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, wire := dial(t)
				if test.set != nil {
					test.set(f)
				}
				destinationtest.Delivers(t, d, wire, test.batch, test.want, test.calls)
			})
		})
	}
}

func TestAnImportThatDoesNotEndLeavesItsRowsUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		f.Pending = 1000
		start := time.Now()
		got, err := d.Write(t.Context(), batch(contacts, destinations.Upsert, person(1)))
		if err != nil || destinationtest.Statuses(got) != "unknown:answer" || !strings.Contains(got[0].Reason, "within 15m") {
			t.Errorf("%+v, %v", got, err)
		}
		if took := time.Since(start); took != 15*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAnAnswerThatIsLostOrCutLeavesItsRowsUnknown(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]destinationtest.Fault{
		"hung": destinationtest.Hang(), "cut": destinationtest.Cut(), "without an import": destinationtest.Reply(202, `{}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, _, wire := dial(t)
				wire.SpoilAll(fault)
				if got, err := d.Write(t.Context(), batch(contacts, destinations.Upsert, person(1))); err != nil || got[0].Status != destinations.Unknown {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}

func TestTheFileOfErrorsIsAskedForWithoutTheKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t)
		got, err := d.Write(t.Context(), batch(contacts, destinations.Upsert, person(1), bad(2)))
		if err != nil || got[1].Reason != "email, 'no-address-2', is invalid" {
			t.Errorf("%+v, %v", got, err)
		}
		last := wire.Calls()[2]
		if last.Host != "sg-exports.s3.example" || last.Header.Get("Authorization") != "" || !strings.Contains(last.Query, "X-Amz-Signature=abc%2Fdef") {
			t.Errorf("%+v", last)
		}
		wire.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			if !strings.Contains(r.URL.Path, "/imports/") {
				return nil
			}
			return destinationtest.Reply(200, `{"status":"errored","results":{"requested_count":1,"errored_count":1,"errors_url":"http://169.254.169.254/latest"}}`)
		})
		if got, err := d.Write(t.Context(), batch(contacts, destinations.Upsert, bad(2))); err != nil || destinationtest.Statuses(got) != "rejected:import_error" {
			t.Errorf("%+v, %v", got, err)
		}
		if n := len(wire.Calls()); n != 5 {
			t.Errorf("%d requests, want 5, as an address that is not https is not gone to", n)
		}
	})
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

func TestAWindowThatIsUsedUpIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		f.Left = 1
		start := time.Now()
		if got, err := d.Write(t.Context(), batch(contacts, destinations.Upsert, person(1))); err != nil || destinationtest.Statuses(got) != "accepted" {
			t.Fatalf("%+v, %v", got, err)
		}
		if took := time.Since(start); took < 7*time.Second || took > 10*time.Second {
			t.Errorf("it took %s, want about eight seconds", took)
		}
	})
}

func TestFieldsAreNamedAndSentByTheirIDs(t *testing.T) {
	t.Parallel()
	text := func(name, label string) destinations.Field {
		return destinations.Field{Name: name, Label: label, Type: destinations.String}
	}
	want := []destinations.Field{
		text("email", "email"), text("phone_number_id", "phone_number_id"), text("external_id", "external_id"), text("anonymous_id", "anonymous_id"),
		text("first_name", "first_name"),
		{Name: alternate, Label: alternate, Type: destinations.List},
		{Name: "created_at", Label: "created_at", Type: destinations.DateTime, ReadOnly: true},
		text(customDot+"notes", "notes"),
		{Name: customDot + "Score", Label: "Score", Type: destinations.Number},
		{Name: customDot + "renews", Label: "renews", Type: destinations.DateTime},
	}
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t)
		for range 2 {
			got, err := d.Fields(t.Context(), members)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		}
		if n := len(wire.Calls()); n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
		objects, err := d.Objects(t.Context())
		if err != nil || len(objects) != 3 || objects[1].Name != members || !slices.Contains(objects[1].Operations, destinations.Archive) {
			t.Errorf("%+v, %v", objects, err)
		}
		if _, err := d.Fields(t.Context(), contacts+".nosuchlist"); !errors.Is(err, destinations.ErrNoObject) {
			t.Errorf("a list that is not there: %v", err)
		}
		got, err := d.Write(t.Context(), batch(contacts, destinations.Upsert, with(person(1), customDot+"lost", "x")))
		if !errors.Is(err, destinations.ErrConfig) || !strings.Contains(err.Error(), "lost") || destinationtest.Statuses(got) != "deferred:not_sent" {
			t.Errorf("a field that is not there: %+v, %v", got, err)
		}
	})
}

func TestCheckNamesTheAccountAndFindsMissingScopes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		f := sendgridtest.New()
		wire := destinationtest.NewWire(f)
		d := destinationtest.Open(t, open, config(func(c *Config) { c.Region = "eu" }), destinations.Env{Transport: wire, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err := d.Check(t.Context()); err != nil || !strings.Contains(log.String(), "account=acme") || wire.Calls()[0].Host != "api.eu.sendgrid.com" {
			t.Errorf("%v; log %s; %s", err, log.String(), wire.Calls()[0].Host)
		}
		f.Scopes = []string{"mail.send"}
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrAuth) || !strings.Contains(err.Error(), "Marketing") {
			t.Errorf("without a scope: %v", err)
		}
		f.Scopes = nil
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrConfig) {
			t.Errorf("another service: %v", err)
		}
	})
}

func TestAWriteThatIsCancelledWhileItWaitsForAnImportEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		f.Pending = 1000
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		got, err := d.Write(ctx, batch(contacts, destinations.Upsert, person(1)))
		if err == nil || got[0].Status != destinations.Unknown {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	destinationtest.RefusesSettings(t, open, config(), map[string]func(*Config){
		"api_key":  func(c *Config) { c.APIKey = nil },
		"region":   func(c *Config) { c.Region = "mars" },
		"base_url": func(c *Config) { c.BaseURL = "sendgrid.com" },
	})
}

func FuzzFilesOfErrorsBlameNobodyTheyDoNotName(f *testing.F) {
	f.Add("email,error\nPERSON1@example.com,no\n")
	f.Add("\ufeffperson2@example.com\n")
	f.Add("\"a\nb\",\"person3@example.com\",x\n")
	b := batch(contacts, destinations.Upsert, person(1), person(2), person(3))
	f.Fuzz(func(t *testing.T, text string) {
		for i, reason := range readFaults(b, []byte(text)) {
			if !strings.Contains(strings.ToLower(text), "person"+strconv.Itoa(i+1)) || reason == "" {
				t.Errorf("record %d is blamed (%q)", i, reason)
			}
		}
	})
}
