package sendgrid

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/sendgrid/sendgridtest"
)

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
