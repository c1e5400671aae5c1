package httpapi

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"spillway/destinations"
)

// times lets n requests through l at once and returns when each was let through, since the start.
func times(t *testing.T, l *limiter, n int) []time.Duration {
	t.Helper()
	start := time.Now()
	var mu sync.Mutex
	var at []time.Duration
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			if _, err := l.wait(t.Context()); err != nil {
				t.Errorf("wait: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(start))
		})
	}
	group.Wait()
	slices.Sort(at)
	return at
}

// most returns the most of at that lie in any window of length per.
func most(at []time.Duration, per time.Duration) int {
	most := 0
	for i, first := range at {
		n := 0
		for _, other := range at[i:] {
			if other < first+per {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestLimiterKeepsEveryLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		rates   []destinations.Rate
		n       int
		longest time.Duration
	}{
		{"without a limit it feels its way", nil, 101, 2 * time.Second},
		{"a rate of zero is no limit", []destinations.Rate{{}}, 101, 2 * time.Second},
		{"a short window is spaced evenly", []destinations.Rate{{Requests: 50, Per: time.Second}}, 200, 4300 * time.Millisecond},
		{"ten seconds are a short window", []destinations.Rate{{Requests: 100, Per: 10 * time.Second}}, 300, 31 * time.Second},
		{"a long window lets a burst through", []destinations.Rate{{Requests: 4, Per: time.Minute}}, 10, 123 * time.Second},
		{
			"several limits hold at once",
			[]destinations.Rate{
				{Requests: 5, Per: time.Second}, {Requests: 20, Per: 30 * time.Second}, {Requests: 50, Per: time.Hour},
			},
			60, 62 * time.Minute,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				at := times(t, newLimiter(test.rates), test.n)
				for _, r := range test.rates {
					if n := most(at, r.Per); r.Requests > 0 && n > r.Requests {
						t.Errorf("%d requests within %s, want at most %d", n, r.Per, r.Requests)
					}
				}
				if last := at[len(at)-1]; last > test.longest {
					t.Errorf("the last of %d requests waited %s, want at most %s", test.n, last, test.longest)
				}
			})
		})
	}
}

// evenGap is the time between two requests of 2/s before any answer: half of a second, 50 ms for unknown delays, 5 ms
// as a part of the window and 2 ms.
const evenGap = (time.Second + 57*time.Millisecond) / 2

func TestLimiterSpacesRequestsEvenly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := times(t, newLimiter([]destinations.Rate{{Requests: 2, Per: time.Second}}), 4)
		for i := range at[1:] {
			if gap := at[i+1] - at[i]; gap != evenGap {
				t.Errorf("request %d came %s after the one before, want %s", i+1, gap, evenGap)
			}
		}
	})
}

func TestLimiterPacesAfterItWasQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter([]destinations.Rate{{Requests: 2, Per: time.Second}})
		time.AfterFunc(100*time.Millisecond, func() { l.silence(30 * time.Second) })
		at := times(t, l, 4)
		if at[0] != 0 {
			t.Errorf("the first request waited %s", at[0])
		}
		for i, want := range []time.Duration{0, evenGap, 2 * evenGap} {
			if want += 30*time.Second + 100*time.Millisecond; at[i+1] != want {
				t.Errorf("request %d was let through at %s, want %s", i+1, at[i+1], want)
			}
		}
	})
}

func TestLimiterTakesBackWhatQuietVoids(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rate := destinations.Rate{Requests: 4, Per: time.Hour}
		l := newLimiter([]destinations.Rate{rate})
		time.AfterFunc(time.Minute, func() { l.silence(time.Minute) })
		at := times(t, l, 12)
		if n := most(at, rate.Per); n > 4 {
			t.Errorf("%d requests within an hour, want at most 4", n)
		}
		if last := at[len(at)-1]; last > 125*time.Minute {
			t.Errorf("the last request waited %s, as if the quiet minute had cost it its turn", last)
		}
	})
}

func TestLimiterRefusesToWaitForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(nil)
		l.silence(time.Hour)
		l.silence(time.Second) // a shorter one does not end the longer one
		var quiet *quietError
		if turn, err := l.wait(t.Context()); !errors.As(err, &quiet) || turn.waited != 0 {
			t.Errorf("waited %s, error %v; want a refusal at once", turn.waited, err)
		}
		<-time.After(time.Hour - maxQuiet)
		if turn, err := l.wait(t.Context()); err != nil || turn.waited != maxQuiet {
			t.Errorf("waited %s, error %v; want %s", turn.waited, err, maxQuiet)
		}
	})
}

func TestLimiterStopsWaitingWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(nil)
		l.silence(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if turn, err := l.wait(ctx); !errors.Is(err, context.DeadlineExceeded) || turn.waited != time.Second {
			t.Errorf("waited %s, error %v; want the context's after a second", turn.waited, err)
		}
	})
}

func TestWindowForgetsWhatIsPast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter([]destinations.Rate{{Requests: 3, Per: time.Minute}})
		for range 100 {
			if _, err := l.wait(t.Context()); err != nil {
				t.Fatalf("wait: %v", err)
			}
		}
		if n := len(l.windows[0].sent); n > 4 {
			t.Errorf("the window remembers %d requests, want at most 4", n)
		}
	})
}
