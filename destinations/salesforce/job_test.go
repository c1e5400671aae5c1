package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/httpapi"
	"spillway/destinations/salesforce/salesforcetest"
)

// routes are the requests that a wire has carried, without ids.
func routes(wire *destinationtest.Wire) []string {
	var list []string
	for _, call := range wire.Calls() {
		path := strings.TrimPrefix(call.Path, salesforcetest.Root)
		if parts := strings.Split(path, "/"); len(parts) > 3 && parts[1] == "jobs" {
			parts[3] = "ID"
			path = strings.Join(parts, "/")
		}
		list = append(list, call.Method+" "+path)
	}
	return list
}

func many(n int) destinations.Batch {
	b := contacts(destinations.Upsert)
	for i := range n {
		b.Records = append(b.Records, person(i))
	}
	return b
}

var wholeJob = []string{
	"POST /jobs/ingest", "PUT /jobs/ingest/ID/batches", "PATCH /jobs/ingest/ID", "GET /jobs/ingest/ID", "GET /jobs/ingest/ID",
	"GET /jobs/ingest/ID/successfulResults/",
}

func TestTenThousandRecordsAreOneJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t, false)
		b := many(maxJob)
		results, err := d.Write(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if r.Status != destinations.Accepted || r.RemoteID == "" || string(f.Records["Contact"][r.RemoteID]["Number__c"]) != `"`+b.Records[i].ID+`"` {
				t.Fatalf("record %d: %+v", i, r)
			}
		}
		if diff := cmp.Diff(wholeJob, routes(wire)); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		b.Records[17], b.Records[9000] = with(b.Records[17], "Email", "no-address"), with(b.Records[9000], "LastName", nil)
		b.Records[9000].ID = "new"
		b.Records[9000] = with(b.Records[9000], "Number__c", "new")
		results, err = d.Write(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		refused := map[int]string{}
		for i, r := range results {
			if r.Status != destinations.Accepted {
				refused[i] = fmt.Sprintf("%s %s: %s", r.Status, r.Code, r.Reason)
			}
		}
		want := map[int]string{
			17:   "rejected INVALID_EMAIL_ADDRESS: Email: invalid email address: no-address",
			9000: "rejected REQUIRED_FIELD_MISSING: Required fields are missing: [LastName]",
		}
		if diff := cmp.Diff(want, refused); diff != "" {
			t.Errorf("refused records (-want +got):\n%s", diff)
		}
		if n := len(wire.Calls()); n != 2*len(wholeJob)+1 {
			t.Errorf("%d requests, want %d and the file of failures", n, 2*len(wholeJob))
		}
	})
}

func TestBatchesUpToTheThresholdAreCollections(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{1: 1, 200: 1, 201: 2, 2000: 10, 2001: len(wholeJob)} {
		synctest.Test(t, func(t *testing.T) {
			d, f, wire := dial(t, false)
			results, err := d.Write(t.Context(), many(n))
			if err != nil || len(results) != n || len(f.Records["Contact"]) != n || len(wire.Calls()) != want {
				t.Errorf("%d records took %d requests and made %d: %v", n, len(wire.Calls()), len(f.Records["Contact"]), err)
			}
		})
	}
}

func TestWhatAJobDoesNotFinishIsDeferred(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t, true)
		f.StopAfter = 2
		got := write(t, d, many(4), "accepted", "accepted", "deferred unprocessed", "deferred unprocessed")
		if !strings.Contains(got[3].Reason, "the job was stopped") {
			t.Errorf("reason %q", got[3].Reason)
		}
		if last := routes(wire)[len(wire.Calls())-1]; last != "GET /jobs/ingest/ID/unprocessedrecords/" {
			t.Errorf("the last request is %s", last)
		}
	})
}

func TestObjectsThatNoJobTakesAreCollections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t, true)
		f.NoJobs = true
		write(t, d, many(2), "accepted", "accepted")
		if diff := cmp.Diff([]string{"POST /jobs/ingest", "PATCH /composite/sobjects/Contact/Number__c"}, routes(wire)); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

func TestTextsThatACSVCannotHoldAreCollections(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"#N/A", strings.Repeat("x", 33_000)} {
		synctest.Test(t, func(t *testing.T) {
			d, f, _ := dial(t, true)
			write(t, d, contacts(destinations.Upsert, with(person(1), "Notes__c", text), person(2)), "accepted", "accepted")
			if f.Jobs != 0 || held(f, "number-1", "Notes__c") != text {
				t.Errorf("%d jobs; the text is %.20q", f.Jobs, held(f, "number-1", "Notes__c"))
			}
		})
	}
}

// A run that is stopped while Salesforce works on a job leaves its records in doubt. The next one sends the same batch.
func TestTheNextRunTakesUpAJobThatWasLeftRunning(t *testing.T) {
	t.Parallel()
	for _, op := range []destinations.Op{destinations.Upsert, destinations.Insert} {
		synctest.Test(t, func(t *testing.T) {
			f, state := salesforcetest.New(), t.TempDir()
			wire := destinationtest.NewWire(f)
			env := destinations.Env{Name: "crm", Transport: wire, State: state}
			d := connect(t, config(destinationtest.Secret("00D!token")), env)
			d.jobAbove = 0
			b := many(3)
			b.Op = op
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(700*time.Millisecond, cancel)
			results, err := d.Write(ctx, b)
			if !errors.Is(err, context.Canceled) || results[0].Status != destinations.Unknown {
				t.Fatalf("%v, %+v", err, results)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			next := connect(t, config(destinationtest.Secret("00D!token")), env)
			next.jobAbove = 0
			write(t, next, b, "accepted", "accepted", "accepted")
			if len(f.Records["Contact"]) != 3 || f.Jobs != 1 {
				t.Errorf("%d records by %d jobs, want 3 by one", len(f.Records["Contact"]), f.Jobs)
			}
			left, err := filepath.Glob(filepath.Join(state, "jobs", "*"))
			if err != nil || len(left) != 0 {
				t.Errorf("what was kept of the job is still there: %v, %v", left, err)
			}
			if err := next.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAJobThatSalesforceHasDroppedIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t, true)
		d.journal.dir = t.TempDir()
		b := many(2)
		old := filepath.Join(d.journal.dir, "of-rows-that-changed")
		if err := errors.Join(d.journal.keep("of-rows-that-changed", "750"), d.journal.keep(httpapi.IdempotencyKey(b, b.Records), "750gone")); err != nil {
			t.Fatal(err)
		}
		write(t, d, b, "unknown job_running", "unknown job_running")
		long := time.Now().Add(-jobsKept - time.Hour)
		if err := os.Chtimes(old, long, long); err != nil {
			t.Fatal(err)
		}
		write(t, d, b, "accepted", "accepted")
		if _, err := os.Stat(old); f.Jobs != 1 || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%d jobs, want one; an old entry: %v", f.Jobs, err)
		}
	})
}

func TestAJobThatIsNotClosedDoesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t, true)
		wire.Spoil(func(n int, _ *http.Request) destinationtest.Fault {
			if n >= 3 && n <= 5 {
				return destinationtest.Reply(503, "")
			}
			return nil
		})
		write(t, d, many(2), "deferred job_open", "deferred job_open")
		if last := routes(wire)[len(wire.Calls())-1]; last != "PATCH /jobs/ingest/ID" || len(f.Records["Contact"]) != 0 {
			t.Errorf("the last request is %s, and %d records were made", last, len(f.Records["Contact"]))
		}
	})
}
