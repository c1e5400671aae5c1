package salesforce

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/salesforce/salesforcetest"
)

// statuses gives outcomes as texts: accepted, or the status and the code.
func statuses(results []destinations.Result) []string {
	texts := make([]string, len(results))
	for i, r := range results {
		texts[i] = r.Status.String()
		if r.Code != "" {
			texts[i] += " " + r.Code
		}
	}
	return texts
}

// bothWays runs test for deliveries by sObject Collections and by jobs.
func bothWays(t *testing.T, test func(t *testing.T, d *destination, f *salesforcetest.Fake, wire *destinationtest.Wire)) {
	t.Helper()
	for way, byJob := range map[string]bool{"collections": false, "job": true} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, wire := dial(t, byJob)
				test(t, d, f, wire)
			})
		})
	}
}

func write(t *testing.T, d *destination, b destinations.Batch, want ...string) []destinations.Result {
	t.Helper()
	results, err := d.Write(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, statuses(results)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s\n%+v", diff, results)
	}
	for i, r := range results {
		if r.Status != destinations.Accepted && r.Reason == "" {
			t.Errorf("outcome %d has no reason", i)
		}
	}
	return results
}

// held is what the org holds of a contact, without quotes.
func held(f *salesforcetest.Fake, number, field string) string {
	fields, _ := f.Get("Contact", number)
	return strings.Trim(fields[field], `"`)
}

func bare(r destinations.Record) destinations.Record {
	r.Fields = nil
	return r
}

func TestUpdatesAndRemovalsMakeNoRecord(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, d *destination, f *salesforcetest.Fake, _ *destinationtest.Wire) {
		t.Helper()
		id := f.Seed("Contact", map[string]string{"Number__c": "NUMBER-1", "LastName": "Old", "FirstName": "Ada"})
		got := write(t, d, contacts(destinations.Update, person(2), person(1)), "rejected not_found", "accepted")
		if got[1].RemoteID != id {
			t.Errorf("the record is called %s, want %s", got[1].RemoteID, id)
		}
		if name := held(f, "number-1", "LastName"); name != "Person" {
			t.Errorf("the record is called %q after an update", name)
		}
		cleared := destinations.Record{Key: "1", ID: "number-1", Fields: destinations.Fields{{Name: "Number__c"}, {Name: "LastName"}, {Name: "FirstName"}}}
		other := cleared
		other.Key, other.ID = "2", "number-2"
		write(t, d, contacts(destinations.Clear, cleared, other), "accepted", "accepted")
		if first, last := held(f, "number-1", "FirstName"), held(f, "number-1", "LastName"); first != "" || last != "Person" {
			t.Errorf("after clear the names are %q and %q; the last name must be there", first, last)
		}
		write(t, d, contacts(destinations.Delete, bare(person(2)), bare(person(1))), "accepted", "accepted")
		if n := len(f.Records["Contact"]); n != 0 {
			t.Errorf("%d records are left", n)
		}
	})
}

func TestRecordsAreFoundBySalesforcesIDWithoutALookUp(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, d *destination, f *salesforcetest.Fake, wire *destinationtest.Wire) {
		t.Helper()
		id := f.Seed("Contact", map[string]string{"Number__c": "number-1", "LastName": "Old"})
		r := destinations.Record{Key: "1", ID: id, Fields: destinations.Fields{{Name: "Id", Value: id}, {Name: "LastName", Value: "New"}}}
		short, none := r, r
		short.Key, short.ID = "2", id[:15]
		none.Key, none.ID = "3", "003000000000999AAA"
		b := contacts(destinations.Update, r, none)
		b.Identifier = "Id"
		write(t, d, b, "accepted", "rejected ENTITY_IS_DELETED")
		b.Op, b.Records = destinations.Delete, []destinations.Record{bare(short), bare(none)}
		write(t, d, b, "accepted", "accepted")
		for _, call := range wire.Calls() {
			if strings.Contains(call.Path, "/query") || strings.Contains(call.Path, "/describe") {
				t.Errorf("a request to %s", call.Path)
			}
		}
		b.Op = destinations.Upsert
		if _, err := d.Write(t.Context(), b); err == nil {
			t.Error("an upsert by Id was taken, and Salesforce gives ids itself")
		}
	})
}

func TestParentsAreNamedByTheirExternalIDs(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, d *destination, f *salesforcetest.Fake, _ *destinationtest.Wire) {
		t.Helper()
		account := f.Seed("Account", map[string]string{"Number__c": "acme-1", "Name": "Acme"})
		owner := f.Seed("User", map[string]string{"Username": "ada@acme.example"})
		child := with(with(person(1), "Account.Number__c", "ACME-1"), "User:Owner.Username", "ada@acme.example")
		lost := with(person(2), "Account.Number__c", "nobody")
		got := write(t, d, contacts(destinations.Upsert, child, lost), "accepted", "rejected INVALID_FIELD")
		if !strings.Contains(got[1].Reason, "not found for field Number__c in entity Account") {
			t.Errorf("reason %q", got[1].Reason)
		}
		if a, o := held(f, "number-1", "AccountId"), held(f, "number-1", "OwnerId"); a != account || o != owner {
			t.Errorf("the record is of %s and of owner %s, want %s and %s", a, o, account, owner)
		}
		write(t, d, contacts(destinations.Upsert, with(person(1), "Account.Number__c", nil), with(person(2), "Account.Number__c", "acme-1")), "accepted", "accepted")
		if a := held(f, "number-1", "AccountId"); a != "" {
			t.Errorf("the record is still of %s", a)
		}
		if a := held(f, "number-2", "AccountId"); a != account {
			t.Errorf("its neighbour is of %q", a)
		}
	})
}

func TestRowLocksAreTriedAgainAndThenDeferred(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, d *destination, f *salesforcetest.Fake, _ *destinationtest.Wire) {
		t.Helper()
		f.Locked["number-1"], f.Locked["number-2"] = 2, 99
		write(t, d, contacts(destinations.Upsert, person(1), person(2), person(3)), "accepted", "deferred UNABLE_TO_LOCK_ROW", "accepted")
		f.Locked["number-4"] = 1
		once := contacts(destinations.Insert, person(4))
		once.Attempts = 1
		write(t, d, once, "deferred UNABLE_TO_LOCK_ROW")
	})
}

func TestNumbersAndAwkwardTextsFindRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t, false)
		f.Seed("Contact", map[string]string{"Number__c": `o'br"i\en, (x)`, "LastName": "Old"})
		b := contacts(destinations.Update)
		for n := range 7 {
			r := person(n)
			f.Seed("Contact", map[string]string{"Number__c": r.ID, "LastName": "Old", "Code__c": fmt.Sprint(100 + n)})
			b.Records = append(b.Records, r)
		}
		awkward := person(9)
		awkward.ID = `o'br"i\en, (x)`
		b.Records = append(b.Records, awkward)
		write(t, d, b, "accepted", "accepted", "accepted", "accepted", "accepted", "accepted", "accepted", "accepted")
		b.Identifier, b.Records = "Code__c", nil
		for _, code := range []string{"100", "101", "777"} {
			r := person(1)
			r.ID, r.Fields = code, destinations.Fields{{Name: "Code__c", Value: json.Number(code)}, {Name: "FirstName", Value: "By number"}}
			b.Records = append(b.Records, r)
		}
		write(t, d, b, "accepted", "accepted", "rejected not_found")
		last := wire.Calls()[len(wire.Calls())-1]
		if strings.Contains(string(last.Body), "Code__c") {
			t.Errorf("the identifier is sent with an update: %s", last.Body)
		}
		b.Identifier = "LastName"
		if _, err := d.Write(t.Context(), b); err == nil || !strings.Contains(err.Error(), "no external id") {
			t.Errorf("a look-up by a field that is no external id: %v", err)
		}
	})
}

func TestOfSeveralRecordsThatAreAlikeNoneIsTouched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t, false)
		f.Seed("Contact", map[string]string{"Email": "Ada@example.com", "LastName": "One"})
		f.Seed("Contact", map[string]string{"Email": "ADA@example.com", "LastName": "Two"})
		b := contacts(destinations.Delete, destinations.Record{Key: "1", ID: "ada@example.com"})
		b.Identifier = "Email"
		write(t, d, b, "rejected DUPLICATE_EXTERNAL_ID")
		b.Records[0].ID = "Ada@example.com"
		write(t, d, b, "accepted")
		if len(f.Records["Contact"]) != 1 {
			t.Errorf("%d records are left, want the one with other letters", len(f.Records["Contact"]))
		}
	})
}

func TestAnswersThatDoNotFitTheRecordsLeaveThemUnknown(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"fewer results":       `[{"id":"003000000000001AAA","success":true}]`,
		"more results":        `[{"id":"1","success":true},{"id":"2","success":true},{"id":"3","success":true}]`,
		"no list":             `{"id":"003000000000001AAA","success":true}`,
		"the same id twice":   `[null,{"success":false,"errors":[]}]`,
		"a success of no one": `[{"success":true},{"success":true}]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, _, wire := dial(t, false)
				wire.SpoilAll(destinationtest.Reply(200, body))
				results, err := d.Write(t.Context(), contacts(destinations.Upsert, person(1), person(2)))
				if err != nil {
					t.Fatal(err)
				}
				for i, r := range results {
					if r.Status != destinations.Unknown {
						t.Errorf("record %d is %s", i, r.Status)
					}
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t, false)
		wire.SpoilAll(destinationtest.Reply(200, `[{"id":"003000000000001AAA","success":true},{"id":"003000000000001AAA","success":true}]`))
		write(t, d, contacts(destinations.Upsert, person(1), person(2)), "accepted", "unknown no_result")
		b := contacts(destinations.Update, person(1), person(2))
		b.Identifier = "Id"
		b.Records[0].ID, b.Records[1].ID = "003000000000009AAA", "003000000000001AAA"
		write(t, d, b, "unknown no_result", "accepted")
	})
}

func TestRequestsOfEachOperationAreAsTheyWere(t *testing.T) {
	t.Parallel()
	for way, byJob := range map[string]bool{"collections": false, "job": true} {
		for _, op := range []destinations.Op{destinations.Upsert, destinations.Insert, destinations.Update, destinations.Clear, destinations.Delete} {
			if way == "collections" && (op == destinations.Upsert || op == destinations.Insert) {
				continue // the suite has it
			}
			t.Run(way+" "+string(op), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					d, f, wire := dial(t, byJob)
					f.Seed("Account", map[string]string{"Number__c": "acme-1", "Name": "Acme"})
					f.Seed("User", map[string]string{"Username": "ada@acme.example"})
					if op != destinations.Insert {
						f.Seed("Contact", map[string]string{"Number__c": "number-1", "LastName": "Old"})
					}
					b := goldenBatches()[0]
					b.Op = op
					b.Records[0].Fields = append(b.Records[0].Fields, destinations.FieldValue{Name: "Notes__c", Value: "one, \"two\"\nthree"})
					if op == destinations.Clear {
						for i := range b.Records[0].Fields {
							b.Records[0].Fields[i].Value = nil
						}
					}
					if _, err := d.Write(t.Context(), b); err != nil {
						t.Fatal(err)
					}
					var text strings.Builder
					for _, call := range wire.Calls() {
						if !strings.HasSuffix(call.Path, "/describe") {
							fmt.Fprintf(&text, "%s %s %s\n%s\n", call.Method, call.Path, strings.ReplaceAll(call.Query, "%2C", ","), call.Body)
						}
					}
					destinationtest.Golden(t, way+"_"+string(op)+".txt", []byte(text.String()))
				})
			})
		}
	}
}

func TestLimitsAreReadFromA403(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t, false)
		wire.SpoilAll(destinationtest.Reply(403, `[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`))
		start := time.Now()
		write(t, d, contacts(destinations.Upsert, person(1)), "deferred REQUEST_LIMIT_EXCEEDED")
		got, err := d.Write(t.Context(), contacts(destinations.Upsert, person(2)))
		if err != nil || got[0].Status != destinations.Deferred || len(wire.Calls()) != 1 || time.Since(start) > time.Second {
			t.Errorf("a day's limit that is used up took %d requests and %s: %+v, %v", len(wire.Calls()), time.Since(start), got, err)
		}
	})
}

func TestWhatNoOrgTakesStopsTheRunAndWhatOneRecordHoldsDoesNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t, false)
		results, err := d.Write(t.Context(), contacts(destinations.Upsert, with(person(1), "Nmae__c", "x"), person(2)))
		if err == nil || !strings.Contains(err.Error(), "Nmae__c") || results[0].Status != destinations.Deferred {
			t.Errorf("a field that is not there: %v, %+v", err, results)
		}
		wire.Spoil(func(n int, _ *http.Request) destinationtest.Fault {
			if n == 1 || n == 2 || n == 4 { // all three, the first two, the second alone
				return destinationtest.Reply(400, `[{"message":"Cannot deserialize instance of date from VALUE_STRING value","errorCode":"JSON_PARSER_ERROR"}]`)
			}
			return nil
		})
		write(t, d, contacts(destinations.Upsert, person(2), person(3), person(4)), "accepted", "rejected JSON_PARSER_ERROR", "accepted")
		if len(f.Records["Contact"]) != 2 {
			t.Errorf("%d records were made, want 2", len(f.Records["Contact"]))
		}
	})
}
