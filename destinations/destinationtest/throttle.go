package destinationtest

import (
	"net/http"
	"sync"
	"time"

	"spillway/destinations"
)

func throttleCases() []testCase {
	return []testCase{
		{"Retry-After is obeyed to the second", "", func(b *bench) {
			b.wire.SpoilFirst(1, Reply(429, "slow down", "Retry-After", "37"))
			start := time.Now()
			b.must(b.good(0, 1), destinations.Accepted)
			b.waited(start, 37*time.Second, 40*time.Second)
			if usage := b.meter.Usage(); usage.Retries != 1 || usage.Throttled < 37*time.Second {
				b.Errorf("the meter counts %+v", usage)
			}
		}},
		{"Retry-After as a date is obeyed", "", func(b *bench) {
			at := time.Now().Add(42 * time.Second).UTC().Truncate(time.Second)
			b.wire.SpoilFirst(1, Reply(429, "slow down", "Retry-After", at.Format(http.TimeFormat)))
			start := time.Now()
			b.must(b.good(0, 1), destinations.Accepted)
			b.waited(start, at.Sub(start), 45*time.Second)
		}},
		{"a Retry-After of an hour defers the rows, and the account is left alone", "", func(b *bench) {
			b.wire.SpoilAll(Reply(429, "come back later", "Retry-After", "3600"))
			start := time.Now()
			before := len(b.wire.Calls())
			b.must(b.good(0, 1), destinations.Deferred)
			b.must(b.good(1, 1), destinations.Deferred)
			b.waited(start, 0, time.Second)
			if n := b.calls(before); n != 1 {
				b.Errorf("%d requests, want 1", n)
			}
		}},
		{"an account that keeps throttling gets its rows deferred", "", func(b *bench) {
			b.wire.SpoilAll(Reply(429, "slow down"))
			before := len(b.wire.Calls())
			b.must(b.good(0, 1), destinations.Deferred)
			if n := b.calls(before); n != attempts {
				b.Errorf("%d requests, want %d", n, attempts)
			}
		}},
		{"one 429 quiets every writer of the account", "", quiets},
	}
}

// quiets lets many writers run, of which one is throttled.
func quiets(b *bench) {
	const quiet = 30 * time.Second
	b.must(b.good(0, 1), destinations.Accepted)
	var mu sync.Mutex
	var told time.Time
	b.wire.Spoil(func(n int, _ *http.Request) Fault {
		if n != 2 {
			return Slow(100*time.Millisecond, nil)
		}
		mu.Lock()
		defer mu.Unlock()
		told = time.Now().Add(100 * time.Millisecond)
		return Slow(100*time.Millisecond, Reply(429, "slow down", "Retry-After", "30"))
	})
	var writers sync.WaitGroup
	for i := range 12 {
		writers.Go(func() { b.must(b.good(1+i, 1), destinations.Accepted) })
	}
	writers.Wait()
	for _, call := range b.wire.Calls() {
		if call.At.After(told) && call.At.Before(told.Add(quiet)) {
			b.Errorf("a request was sent %s after the account was told to be quiet for %s", call.At.Sub(told), quiet)
		}
	}
}

// waited checks how much time went by since start.
func (b *bench) waited(start time.Time, least, most time.Duration) {
	b.Helper()
	if d := time.Since(start); d < least || d > most {
		b.Errorf("it took %s, want %s to %s", d, least, most)
	}
}
