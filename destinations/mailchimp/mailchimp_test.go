package mailchimp

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

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/httpapi"
	"spillway/destinations/mailchimp/mailchimptest"
)

const (
	key   = destinationtest.Secret("0123456789abcdef0123456789abcdef-us6")
	first = mergePrefix + "FNAME"
)

type doc = map[string]any

func config(set ...func(*Config)) Config {
	return destinationtest.Changed(Config{APIKey: key, Audience: "a1b2c3d4e5", Connections: 8, Timeout: time.Minute}, set)
}

func dial(t *testing.T, set ...func(*Config)) (destinations.Destination, *mailchimptest.Fake, *destinationtest.Wire) {
	t.Helper()
	f := mailchimptest.New()
	wire := destinationtest.NewWire(f)
	return destinationtest.Open(t, open, config(set...), destinations.Env{Name: "news", Transport: wire}), f, wire
}

func person(n int) destinations.Record { return member(fmt.Sprintf("person%d@example.com", n)) }

func member(address string) destinations.Record {
	return destinations.Record{Key: address, ID: address, Token: "token-" + address, Fields: destinations.Fields{
		{Name: email, Value: address}, {Name: statusIfNew, Value: "subscribed"}, {Name: first, Value: "Person"},
	}}
}

func with(r destinations.Record, name string, v destinations.Value) destinations.Record {
	r.Fields = append(slices.Clone(r.Fields), destinations.FieldValue{Name: name, Value: v})
	return r
}

func batch(op destinations.Op, records ...destinations.Record) destinations.Batch {
	return destinations.Batch{Sync: "people", Object: members, Op: op, Identifier: email, Attempts: 3, Records: records}
}

func gone(n int) destinations.Record {
	r := person(n)
	r.Fields = nil
	return r
}

func TestMailchimpKeepsTheContractOfDestinations(t *testing.T) {
	t.Parallel()
	full := with(with(person(1), mergePrefix+"SCORE", json.Number("12.50")), interestsDot+"9143cf3bd1", true)
	full = with(with(full, locationDot+"latitude", json.Number("32.58")), locationDot+"longitude", json.Number("-97.13"))
	full = with(with(full, tags, []destinations.Value{"VIP", "beta"}), mergePrefix+"ADDRESS", json.RawMessage(`{"addr1":"1 Main St","city":"Ely","state":"","zip":"CB7"}`))
	full = with(full, "timestamp_signup", time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	cleared := destinations.Record{Key: "1", ID: person(1).ID, Fields: destinations.Fields{
		{Name: email}, {Name: statusIfNew}, {Name: first}, {Name: interestsDot + "9143cf3bd1"}, {Name: tags},
	}}
	destinationtest.Run(t, destinationtest.Suite{
		Account: "Freddie's Jokes",
		Open: func(t *testing.T, credential destinations.Secret, env destinations.Env) destinations.Destination {
			t.Helper()
			d, err := open(t.Context(), config(func(c *Config) {
				c.APIKey, c.BaseURL = credential, "https://us6.api.mailchimp.com"
			}), env)
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
		Service:    func(*testing.T) destinationtest.Service { return mailchimptest.New() },
		Object:     members,
		Identifier: email,
		Good:       person,
		Bad:        func(n int) destinations.Record { return member(fmt.Sprintf("no-address-%d", n)) },
		Once:       destinations.Insert,
		Results:    []string{"new_members", "updated_members", "errors"},
		Exact: []destinationtest.Exact{
			{Field: "timestamp_opt", Value: time.Date(2026, 11, 20, 12, 0, 0, 5, time.FixedZone("", 3600)), Stored: `"2026-11-20T11:00:00Z"`},
			{Field: mergePrefix + "SINCE", Value: destinations.Date("1815-12-10"), Stored: `"1815-12-10"`},
			{Field: mergePrefix + "BORN", Value: destinations.Date("1815-12-10"), Stored: `"12/10"`},
			{Field: mergePrefix + "BORN", Value: time.Date(1815, 12, 10, 23, 0, 0, 0, time.FixedZone("", 7200)), Stored: `"12/10"`},
			{Field: mergePrefix + "BORN", Value: "02/29", Stored: `"02/29"`},
			{Field: interestsDot + "3a2a927344", Value: nil, Stored: `false`},
			{Field: "vip", Value: true, Stored: `true`},
		},
		Text:     first,
		Number:   mergePrefix + "SCORE",
		Requests: 1,
		Throttles: []destinationtest.Throttle{
			{Name: "a bare 403", Says: destinationtest.Reply(403, "<html>Access denied</html>")},
			{Name: "an empty 429", Says: destinationtest.Reply(429, "")},
		},
		Golden: []destinations.Batch{
			batch(destinations.Upsert, full),
			batch(destinations.Update, full),
			batch(destinations.Insert, full),
			batch(destinations.Clear, cleared),
			batch(destinations.Archive, gone(1)),
			batch(destinations.Delete, gone(1)),
		},
		Lacks: map[destinationtest.Trait]string{destinationtest.IdempotencyKeys: "Mailchimp has none"},
	})
}

func TestMembers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		set   func(*mailchimptest.Fake)
		batch destinations.Batch
		want  string
		calls int
	}{
		{"refusals are told apart by their words", func(f *mailchimptest.Fake) {
			f.Forgotten[hash("person3@example.com")] = true
			f.People[hash("person4@example.com")] = doc{"status": "unsubscribed"}
			f.Silent = "person5@example.com"
		}, batch(
			destinations.Upsert, person(1), member("busy@example.com"), member("none"), person(3), with(person(4), status, "subscribed"), person(5),
		), "accepted deferred:recent_signups rejected:invalid_address rejected:forgotten rejected:compliance unknown:no_result", 1},
		{
			"an insert changes nobody", func(f *mailchimptest.Fake) { f.People[hash("person1@example.com")] = doc{"status": "subscribed"} },
			batch(destinations.Insert, person(1), person(2)), "rejected:exists accepted", 1,
		},
		{
			"an update makes nobody", func(f *mailchimptest.Fake) { f.People[hash("person1@example.com")] = doc{"status": "subscribed"} },
			batch(destinations.Update, person(2), person(1)), "rejected:not_found accepted", 2,
		},
		{
			"a member under review is not archived, and one that is archived stays so", func(f *mailchimptest.Fake) {
				f.People[hash("person1@example.com")] = doc{"status": "cleaned"}
				f.People[hash("person2@example.com")] = doc{"status": "archived"}
			},
			batch(destinations.Archive, gone(1), gone(2)), "rejected:405 accepted", 4,
		},
		{
			"who is new and has agreed to nothing is not made", nil,
			batch(destinations.Upsert, destinations.Record{Key: "1", ID: "new@example.com", Fields: destinations.Fields{{Name: email, Value: "new@example.com"}}}),
			"rejected:Invalid Resource", 2,
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

func TestConsentIsSaidAsItIsMapped(t *testing.T) {
	t.Parallel()
	for _, strict := range []string{"", "request", "member"} {
		t.Run("a batch that is strict by "+strict, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, wire := dial(t)
				f.Strict = strict
				f.People[hash("person1@example.com")] = doc{"status": "unsubscribed", email: "person1@example.com"}
				b := batch(destinations.Upsert, person(1), with(person(2), tags, []destinations.Value{"VIP"}), with(person(3), status, "pending"))
				for range 2 {
					if got, err := d.Write(t.Context(), b); err != nil || destinationtest.Statuses(got) != "accepted accepted accepted" {
						t.Fatalf("%+v, %v", got, err)
					}
				}
				got := map[string]any{}
				for n := range 3 {
					got[person(n+1).ID] = f.People[hash(person(n+1).ID)]["status"]
				}
				want := map[string]any{"person1@example.com": "unsubscribed", "person2@example.com": "subscribed", "person3@example.com": "pending"}
				if diff := cmp.Diff(want, got); diff != "" || len(f.Tagged[hash("person2@example.com")]) == 0 {
					t.Errorf("(-want +got):\n%s\n%v", diff, f.Tagged)
				}
				calls := map[string]int{"": 2, "request": 1 + 2*(1+3), "member": 2 * (1 + 3)}[strict]
				if n := len(wire.Calls()); n != calls {
					t.Errorf("%d requests, want %d", n, calls)
				}
			})
		})
	}
}

func TestAMemberThatCannotBeTaggedIsNotAccepted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		f.Untagged = "forbidden"
		for n := range 2 {
			f.People[hash(person(n).ID)] = doc{"status": "subscribed", email: person(n).ID}
		}
		b := batch(destinations.Update, with(person(0), tags, []destinations.Value{"forbidden"}), with(person(1), tags, []destinations.Value{"VIP", nil, ""}))
		got, err := d.Write(t.Context(), b)
		if err != nil || destinationtest.Statuses(got) != "rejected:Invalid Resource accepted" || !strings.HasPrefix(got[0].Reason, "written, but not tagged") {
			t.Errorf("%+v, %v", got, err)
		}
		if diff := cmp.Diff([]string{"VIP active"}, f.Tagged[hash(person(1).ID)]); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
		wire.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			if strings.HasSuffix(r.URL.Path, "/tags") {
				return destinationtest.Reply(503, "maintenance")
			}
			return nil
		})
		if got, err = d.Write(t.Context(), b); err != nil || destinationtest.Statuses(got) != "deferred:503 deferred:503" || !got[0].Doubt {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func FuzzAnswersAreNeverTakenForMoreThanTheySay(f *testing.F) {
	f.Add(`{}`)
	f.Add(`{"new_members":[{"id":"1","email_address":"PERSON1@example.com"}],"errors":[{"email_address":"person1@example.com","error":"no"}, 7]}`)
	f.Add(`{"updated_members":[null,[],{"email_address":"person2@example.com"}]}`)
	b := batch(destinations.Upsert, person(1), person(2), person(3))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := decodeBatch(b, httpapi.Answer{Status: 200, Body: []byte(text)})
		if err != nil {
			return
		}
		for i, r := range got {
			named := strings.Contains(strings.ToLower(text), "person"+strconv.Itoa(i+1)) || strings.Contains(text, `\`)
			if r.Status == destinations.Accepted && !named {
				t.Errorf("record %d is accepted, and not named", i)
			}
			if r.Status != destinations.Accepted && r.Code == "" && r.Reason == "" && r.Status != destinations.Rejected {
				t.Errorf("result %d has no code or reason: %+v", i, r)
			}
		}
	})
}
