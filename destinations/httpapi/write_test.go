package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/httpapi"
)

func TestBulkIsolatesBadRecordsInFewRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		for _, n := range []int{1, 2, 3, 7, 100, 1000} {
			for _, k := range []int{0, 1, 2, 5, n} {
				p := &picky{status: []int{400, 409, 413, 422}[random.IntN(4)], bad: map[string]bool{}, taken: map[string]int{}}
				for len(p.bad) < min(k, n) {
					p.bad[fmt.Sprintf("r%d", random.IntN(n))] = true
				}
				b := batch(n)
				results, err := httpapi.Bulk{Request: ids}.Write(t.Context(), client(t, destinationtest.NewWire(p)), b)
				if err != nil {
					t.Fatalf("%d of %d: %v", k, n, err)
				}
				for i, r := range results {
					id := b.Records[i].ID
					want := destinations.Result{Status: destinations.Accepted}
					if p.bad[id] {
						want = destinations.Result{Status: destinations.Rejected, Code: fmt.Sprint(p.status), Reason: "there is a bad one"}
					} else if p.taken[id] != 1 {
						t.Errorf("%d of %d: %s was applied %d times", k, n, id, p.taken[id])
					}
					if r != want {
						t.Errorf("%d of %d: %s is %+v, want %+v", k, n, id, r, want)
					}
				}
				if most := 2*len(p.bad)*int(math.Ceil(math.Log2(float64(n)))) + 1; p.calls > most {
					t.Errorf("%d of %d took %d requests, want at most %d", k, n, p.calls, most)
				}
			}
		}
	})
}

func TestBulkDoesNotHalveWhatConcernsNoRecord(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]destinations.Status{404: destinations.Deferred, 405: destinations.Deferred, 503: destinations.Deferred} {
		synctest.Test(t, func(t *testing.T) {
			w := wire()
			w.SpoilAll(destinationtest.Reply(status, "no"))
			b := batch(8)
			b.Attempts = 1
			results, err := httpapi.Bulk{Request: ids}.Write(t.Context(), client(t, w), b)
			if errors.Is(err, destinations.ErrConfig) != (status < 500) {
				t.Errorf("%d: error %v", status, err)
			}
			if diff := cmp.Diff(map[destinations.Status]int{want: 8}, statuses(results)); diff != "" || len(w.Calls()) != 1 {
				t.Errorf("%d: %d requests, outcomes (-want +got):\n%s", status, len(w.Calls()), diff)
			}
		})
	}
}

func TestBulkKeepsWhatIsKnownWhenItHasToStop(t *testing.T) {
	t.Parallel()
	w := wire()
	w.Spoil(func(n int, _ *http.Request) destinationtest.Fault {
		switch n {
		case 1:
			return destinationtest.Reply(422, "one of these is bad")
		case 3:
			return destinationtest.Reply(403, "no more")
		}
		return nil
	})
	results, err := httpapi.Bulk{Request: ids}.Write(t.Context(), client(t, w), batch(4))
	if !errors.Is(err, destinations.ErrAuth) {
		t.Errorf("error %v, want ErrAuth", err)
	}
	want := []destinations.Status{destinations.Accepted, destinations.Accepted, destinations.Deferred, destinations.Deferred}
	for i, r := range results {
		if r.Status != want[i] {
			t.Errorf("record %d is %s, want %s", i, r.Status, want[i])
		}
	}
}

func TestBulkLeavesUnknownWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for name, decode := range map[string]func(destinations.Batch, httpapi.Answer) ([]destinations.Result, error){
		"an error": func(destinations.Batch, httpapi.Answer) ([]destinations.Result, error) {
			return nil, errors.New("what is this?")
		},
		"too few results": func(destinations.Batch, httpapi.Answer) ([]destinations.Result, error) {
			return make([]destinations.Result, 1), nil
		},
	} {
		results, err := httpapi.Bulk{Request: ids, Decode: decode}.Write(t.Context(), client(t, wire()), batch(2))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, r := range results {
			if r.Status != destinations.Unknown || r.Code != "answer" || r.Reason == "" {
				t.Errorf("%s: %+v, want an unknown record with a reason", name, r)
			}
		}
	}
}

func TestResultsAreFitToBeShown(t *testing.T) {
	t.Parallel()
	long := httpapi.Bulk{Request: ids, Decode: func(destinations.Batch, httpapi.Answer) ([]destinations.Result, error) {
		return []destinations.Result{
			{Status: destinations.Rejected},
			{Status: destinations.Rejected, Code: strings.Repeat("c", 100), Reason: "a\x00\r\n\x1b[31m" + strings.Repeat("ü", 400)},
			{Status: destinations.Rejected, Code: "x", Reason: "the token " + string(secret) + " is fine"},
		}, nil
	}}
	results, err := long.Write(t.Context(), client(t, wire()), batch(3))
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	want := []destinations.Result{
		{Status: destinations.Rejected, Code: "rejected", Reason: "the service gave no reason"},
		{Status: destinations.Rejected, Code: strings.Repeat("c", 61) + "…", Reason: "a [31m" + strings.Repeat("ü", 245) + "…"},
		{Status: destinations.Rejected, Code: "x", Reason: "the token ••• is fine"},
	}
	if diff := cmp.Diff(want, results); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func TestBulkSaysThatARequestCannotBeBuilt(t *testing.T) {
	t.Parallel()
	w := wire()
	bulk := httpapi.Bulk{Request: func(destinations.Batch) (httpapi.Request, error) { return httpapi.Request{}, errors.New("odd") }}
	results, err := bulk.Write(t.Context(), client(t, w), batch(2))
	if err == nil || !strings.Contains(err.Error(), "2 records of people: odd") || len(w.Calls()) != 0 {
		t.Errorf("error %v after %d requests", err, len(w.Calls()))
	}
	for _, r := range results {
		if r.Status != destinations.Deferred {
			t.Errorf("%+v, want a deferred record", r)
		}
	}
}

// each sends one record in a request, known by its path.
func each() httpapi.Each {
	return httpapi.Each{Request: func(_ destinations.Batch, r destinations.Record) (httpapi.Request, error) {
		return httpapi.Request{Path: "/" + r.ID, Route: "/{id}", Body: []byte(`{}`)}, nil
	}}
}

func TestEachGivesEveryRecordItsOwnOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wire()
		w.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			switch {
			case strings.HasSuffix(r.URL.Path, "/r1"):
				return destinationtest.Reply(422, "bad e-mail")
			case strings.HasSuffix(r.URL.Path, "/r2"):
				return destinationtest.Reply(404, "")
			case strings.HasSuffix(r.URL.Path, "/r3"):
				return destinationtest.Reply(500, "oops")
			case strings.HasSuffix(r.URL.Path, "/r4"):
				return destinationtest.Lose()
			}
			return destinationtest.Slow(time.Second, nil)
		})
		results, err := each().Write(t.Context(), client(t, w), batch(6))
		if err != nil {
			t.Fatalf("write: %v", err)
		}
		want := []destinations.Result{
			{Status: destinations.Accepted},
			{Status: destinations.Rejected, Code: "422", Reason: "bad e-mail"},
			{Status: destinations.Rejected, Code: "404", Reason: "the service answered 404 Not Found and gave no reason"},
			{Status: destinations.Deferred, Code: "500", Reason: "oops", Doubt: true},
			{Status: destinations.Unknown, Code: "no_answer", Reason: "unexpected EOF"},
			{Status: destinations.Accepted},
		}
		if diff := cmp.Diff(want, results); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
	})
}

func TestEachStopsWithoutCuttingOffWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wire()
		c := client(t, w, func(a *httpapi.API) { a.Concurrency = 4 })
		if _, err := c.Do(t.Context(), post(1)); err != nil {
			t.Fatalf("do: %v", err)
		}
		w.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			if strings.HasSuffix(r.URL.Path, "/r1") {
				return destinationtest.Slow(time.Second, destinationtest.Reply(403, "no"))
			}
			return destinationtest.Slow(2*time.Second, nil)
		})
		results, err := each().Write(t.Context(), c, batch(50))
		if !errors.Is(err, destinations.ErrAuth) {
			t.Errorf("error %v, want ErrAuth", err)
		}
		want := map[destinations.Status]int{destinations.Accepted: 3, destinations.Deferred: 47}
		if diff := cmp.Diff(want, statuses(results)); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
	})
}

func TestEachEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wire()
		w.SpoilAll(destinationtest.Hang())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		results, err := each().Write(ctx, client(t, w), batch(20))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
		want := map[destinations.Status]int{destinations.Unknown: 2, destinations.Deferred: 18}
		if diff := cmp.Diff(want, statuses(results)); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
	})
}

func TestIdempotencyKeyIsTheSameForTheSameRecordsOnly(t *testing.T) {
	t.Parallel()
	b := batch(3)
	key := httpapi.IdempotencyKey(b, b.Records)
	if len(key) != 64 {
		t.Errorf("key %q, want the hexadecimal digits of a SHA-256", key)
	}
	reversed := []destinations.Record{b.Records[2], b.Records[0], b.Records[1]}
	if other := httpapi.IdempotencyKey(b, reversed); other != key {
		t.Error("the order of the records changes the key")
	}
	valued := b.Records[0]
	valued.Fields = destinations.Fields{{Name: "plan", Value: "Pro"}}
	if httpapi.IdempotencyKey(b, []destinations.Record{valued}) != httpapi.IdempotencyKey(b, b.Records[:1]) {
		t.Error("a record with a token has a key that depends on its fields")
	}

	seen := map[string]string{"": "empty"}
	add := func(what string, b destinations.Batch, records ...destinations.Record) {
		key := httpapi.IdempotencyKey(b, records)
		if before, twice := seen[key]; twice {
			t.Errorf("%s has the key of %s", what, before)
		}
		seen[key] = what
	}
	add("all", b, b.Records...)
	add("two", b, b.Records[:2]...)
	add("one", b, b.Records[0])
	add("one twice", b, b.Records[0], b.Records[0])
	removal, elsewhere, other := b, b, b
	removal.Op, elsewhere.Object, other.Sync = destinations.Delete, "companies", "others"
	add("a removal", removal, b.Records[0])
	add("another object", elsewhere, b.Records[0])
	add("another sync", other, b.Records[0])
	for i, value := range []destinations.Value{nil, "", "1", "nil", true, json.Number("1"), []destinations.Value{"1"}} {
		record := destinations.Record{Key: "k", ID: "i", Fields: destinations.Fields{{Name: "f", Value: value}}}
		add(fmt.Sprintf("without a token, value %d", i), b, record)
	}
	add("without a token or fields", b, destinations.Record{Key: "k", ID: "i"})
	add("without a token, split elsewhere", b, destinations.Record{Key: "ki", ID: ""})
}

func TestAnAccountIsTriedByFewBeforeAllFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wire()
		w.SpoilAll(destinationtest.Slow(time.Second, nil))
		c := client(t, w)
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if _, err := c.Do(t.Context(), post(1)); err != nil {
					t.Errorf("do: %v", err)
				}
			})
		}
		group.Wait()
		perSecond := map[int]int{}
		start := w.Calls()[0].At
		for _, call := range w.Calls() {
			perSecond[int(call.At.Sub(start).Seconds())]++
		}
		if diff := cmp.Diff(map[int]int{0: 2, 1: 6}, perSecond); diff != "" {
			t.Errorf("requests by second (-want +got):\n%s", diff)
		}
	})
}
