package zendesk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
)

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
				if err != nil || destinationtest.Statuses(got) != test.want {
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
			if err != nil || destinationtest.Statuses(got) != want {
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
		if err != nil || destinationtest.Statuses(got) != "accepted" || len(wire.Calls()) != 7 {
			t.Errorf("%+v, %v after %d requests", got, err, len(wire.Calls()))
		}
		if took := time.Since(start); took < 30*time.Second || took > 40*time.Second { // 1 + 2 + 4 + 8 + 10 + 10
			t.Errorf("it took %s", took)
		}
		f.Polls = 1000
		got, err = d.Write(t.Context(), batch(users, destinations.Upsert, person(1)))
		if err != nil || destinationtest.Statuses(got) != "unknown:answer" || !strings.Contains(got[0].Reason, "10m0s") {
			t.Errorf("a job without an end: %+v, %v", got, err)
		}
		f.Polls, f.Ending = 0, "failed"
		f.Outcomes = func([]any) any { return nil }
		got, err = d.Write(t.Context(), batch(users, destinations.Upsert, person(1)))
		if err != nil || destinationtest.Statuses(got) != "unknown:no_result" || !strings.Contains(got[0].Reason, "failed") {
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
		if !errors.Is(err, context.DeadlineExceeded) || destinationtest.Statuses(got) != "unknown:answer" || time.Since(start) > 21*time.Second {
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
				if destinationtest.Statuses(got) != "accepted" {
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
		if got, err := d.Write(t.Context(), batch(users, destinations.Upsert, person(7))); err != nil || destinationtest.Statuses(got) != "deferred:TooManyJobs" {
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
		if err != nil || destinationtest.Statuses(got) != strings.TrimSpace(strings.Repeat("accepted ", 10)) {
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
		if got, err := d.Write(t.Context(), batch(users, destinations.Upsert, person(1))); err != nil || destinationtest.Statuses(got) != "accepted" {
			t.Fatalf("%+v, %v", got, err)
		}
		if took := time.Since(start); took < 41*time.Second || took > 50*time.Second {
			t.Errorf("it took %s, want about 41 seconds", took)
		}
	})
}
