package salesforce

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
)

func TestFaultsOfRecordsAreSorted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		op     destinations.Op
		faults []fault
		want   destinations.Result
	}{
		{
			"what the record holds", destinations.Upsert,
			[]fault{{StatusCode: "STRING_TOO_LONG", Message: "too long", Fields: []string{"City"}}},
			destinations.Result{Status: destinations.Rejected, Code: "STRING_TOO_LONG", Reason: "too long (City)"},
		},
		{
			"a moment's fault beside one of the record", destinations.Upsert,
			[]fault{{StatusCode: "QUERY_TIMEOUT", Message: "slow"}, {StatusCode: "INVALID_CROSS_REFERENCE_KEY", Message: "no such id"}},
			destinations.Result{Status: destinations.Rejected, Code: "INVALID_CROSS_REFERENCE_KEY", Reason: "slow; no such id"},
		},
		{
			"a lock that a trigger met", destinations.Update,
			[]fault{{StatusCode: "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", Message: "CaseTrigger: System.DmlException: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access"}},
			destinations.Result{Status: destinations.Deferred, Code: codeLocked, Reason: "CaseTrigger: System.DmlException: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access"},
		},
		{
			"a full org", destinations.Insert,
			[]fault{{StatusCode: "STORAGE_LIMIT_EXCEEDED"}},
			destinations.Result{Status: destinations.Deferred, Code: "STORAGE_LIMIT_EXCEEDED", Reason: "Salesforce gave no reason"},
		},
		{"a removal of what is gone", destinations.Delete, []fault{{StatusCode: "ENTITY_IS_DELETED"}}, destinations.Result{Status: destinations.Accepted}},
		{
			"a removal that is not allowed", destinations.Delete,
			[]fault{{StatusCode: "DELETE_FAILED", Message: "it has cases"}},
			destinations.Result{Status: destinations.Rejected, Code: "DELETE_FAILED", Reason: "it has cases"},
		},
	} {
		if diff := cmp.Diff(test.want, result(test.op, test.faults)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestFaultsInFilesOfJobsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fault{
		"REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --": {
			StatusCode: "REQUIRED_FIELD_MISSING", Message: "Required fields are missing: [LastName]", Fields: []string{"LastName"},
		},
		"UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--": {StatusCode: "UNABLE_TO_LOCK_ROW", Message: "unable to obtain exclusive access to this record"},
		"DUPLICATE_VALUE:cut off": {StatusCode: "DUPLICATE_VALUE", Message: "cut off"},
		"something: else":         {Message: "something: else"},
		"":                        {},
	} {
		if diff := cmp.Diff(want, parseFault(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestRequestsThatAreRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, body string
		status     int
		err        error // that ends the run; nil goes on
		want       destinations.Status
		says       string
	}{
		{"an external id that is none", `[{"errorCode":"NOT_FOUND","message":"Provided external ID field does not exist or is not accessible: Nr__c"}]`, 404, destinations.ErrConfig, destinations.Deferred, "see the object's fields"},
		{"a field that is not there", `[{"errorCode":"INVALID_FIELD","message":"No such column 'Nmae' on sobject of type Contact"}]`, 400, destinations.ErrConfig, destinations.Deferred, "Nmae"},
		{"a parent that is not there", `[{"errorCode":"INVALID_FIELD","message":"Foreign key external ID: acme not found for field Number__c in entity Account"}]`, 400, nil, destinations.Rejected, ""},
		{"a lock", `[{"errorCode":"UNABLE_TO_LOCK_ROW","message":"unable to obtain exclusive access"}]`, 400, nil, destinations.Deferred, ""},
		{"an object that the user may not write", `[{"errorCode":"INSUFFICIENT_ACCESS","message":"insufficient access rights on object"}]`, 403, destinations.ErrAuth, destinations.Deferred, "permission set"},
		{"no API", `[{"errorCode":"API_CURRENTLY_DISABLED","message":"API is currently disabled"}]`, 403, nil, destinations.Deferred, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, _, wire := dial(t, false)
				wire.SpoilAll(destinationtest.Reply(test.status, test.body))
				results, err := d.Write(t.Context(), contacts(destinations.Upsert, person(1)))
				if (err == nil) != (test.err == nil) || err != nil && !strings.Contains(err.Error(), test.says) {
					t.Errorf("error %v, want %v with %q", err, test.err, test.says)
				}
				if results[0].Status != test.want {
					t.Errorf("%+v, want %s", results[0], test.want)
				}
			})
		})
	}
}

// Whatever a text holds, it stands in the requests as it is, and as one value.
func FuzzTextsInRequests(f *testing.F) {
	f.Add("Zoë", "Number__c")
	f.Add("a,\"b\"\r\nc\x00\xff", "Account.Number__c")
	f.Add("=cmd|' /C calc'!A0", "User:Owner.Username")
	f.Fuzz(func(t *testing.T, value, name string) {
		b := contacts(destinations.Upsert, destinations.Record{Key: "1", ID: "number-1", Fields: destinations.Fields{{Name: name, Value: value}}})
		text, err := appendRecord(nil, b, b.Records[0])
		if err != nil || !json.Valid(text) {
			t.Fatalf("%s: %v", text, err)
		}
		s, err := newSheet(b)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(s.text)).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[0]) != len(rows[1]) {
			t.Fatalf("%q: %v", s.text, err)
		}
		want := strings.ReplaceAll(value, "\r\n", "\n") // as the reader has it
		if at := slices.Index(rows[0], strings.ReplaceAll(name, "\r\n", "\n")); name != recordID && value != "" && at >= 0 && rows[1][at] != want {
			t.Errorf("%q is %q in the CSV", value, rows[1][at])
		}
	})
}
