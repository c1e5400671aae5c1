package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/httpapi"
)

func TestWhatMayBeSentOnlyOnceIsSentAgainOnlyIfItWasNotApplied(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		fault destinationtest.Fault
		calls int
		class httpapi.Class
	}{
		{"an answer that was lost", destinationtest.Lose(), 1, httpapi.Lost},
		{"a service that hangs", destinationtest.Hang(), 1, httpapi.Lost},
		{"an error within the service", destinationtest.Reply(500, ""), 1, httpapi.Lost},
		{"an error behind the service", destinationtest.Reply(504, ""), 1, httpapi.Lost},
		{"a service that has no room", destinationtest.Reply(503, ""), 4, httpapi.Later},
		{"a service that throttles", destinationtest.Reply(429, ""), 4, httpapi.Later},
		{"a connection that is refused", destinationtest.Unreachable(), 4, httpapi.Unsent},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := wire()
				w.SpoilAll(test.fault)
				r := post(4)
				r.Once = true
				_, err := client(t, w).Do(t.Context(), r)
				if p := problem(t, err); p.Class != test.class || len(w.Calls()) != test.calls {
					t.Errorf("class %d after %d calls, want class %d after %d", p.Class, len(w.Calls()), test.class, test.calls)
				}
			})
		})
	}
}

func TestDoubtOutlivesTheAttemptThatCausedIt(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]destinationtest.Fault{
		"throttled":   destinationtest.Reply(429, ""),
		"failing":     destinationtest.Reply(503, ""),
		"denied":      destinationtest.Reply(403, ""),
		"unreachable": destinationtest.Unreachable(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := wire()
				w.Spoil(func(n int, _ *http.Request) destinationtest.Fault {
					if n == 1 {
						return destinationtest.Lose()
					}
					return last
				})
				bulk := httpapi.Bulk{Request: ids}
				results, _ := bulk.Write(t.Context(), client(t, w), batch(2))
				if diff := cmp.Diff(map[destinations.Status]int{destinations.Unknown: 2}, statuses(results)); diff != "" {
					t.Errorf("outcomes (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestDeferredRecordsAreInDoubtAfterAnErrorOfTheService(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		statuses []int
		doubt    bool
	}{
		{"throttled throughout", []int{429, 429, 429}, false},
		{"too early", []int{425, 425, 425}, false},
		{"failing throughout", []int{500, 502, 503}, true},
		{"failing, then throttled", []int{500, 429, 429}, true},
		{"throttled, then failing", []int{429, 429, 503}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := wire()
				w.Spoil(func(n int, _ *http.Request) destinationtest.Fault {
					return destinationtest.Reply(test.statuses[n-1], "")
				})
				results, err := httpapi.Bulk{Request: ids}.Write(t.Context(), client(t, w), batch(1))
				if err != nil || results[0].Status != destinations.Deferred || results[0].Doubt != test.doubt {
					t.Errorf("%+v, error %v; want a deferred record, in doubt: %t", results[0], err, test.doubt)
				}
			})
		})
	}
}

func TestBackOffIsRandomAndGrows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var longest [4]time.Duration
		distinct := map[time.Duration]bool{}
		for range 50 {
			w := wire()
			w.SpoilAll(destinationtest.Reply(500, ""))
			if _, err := client(t, w).Do(t.Context(), post(5)); err == nil {
				t.Fatal("a service that fails was taken for one that does not")
			}
			calls := w.Calls()
			for i := range longest {
				gap := calls[i+1].At.Sub(calls[i].At)
				longest[i] = max(longest[i], gap)
				distinct[gap] = true
			}
		}
		for i, most := range longest {
			ceiling := 500 * time.Millisecond << i
			if most > ceiling || most < ceiling/2 {
				t.Errorf("the longest of 50 waits after attempt %d is %s, want close below %s", i+1, most, ceiling)
			}
		}
		if len(distinct) < 190 {
			t.Errorf("%d different waits of 200", len(distinct))
		}
	})
}

func TestCancelDuringBackOffEndsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wire()
		w.SpoilAll(destinationtest.Reply(500, ""))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := client(t, w).Do(ctx, post(100))
		if p := problem(t, err); p.Class != httpapi.Unsent || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, destinations.ErrUnreachable) {
			t.Errorf("class %d, error %v; want the context's", p.Class, err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("it took %s, want 1s", d)
		}
	})
}
