package destinationtest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"spillway/destinations"
)

func failureCases() []testCase {
	return []testCase{
		{"a service that fails for a moment is asked again", "", func(b *bench) {
			b.wire.SpoilFirst(2, Reply(503, "maintenance"))
			b.must(b.good(0, 1), destinations.Accepted)
			if usage := b.meter.Usage(); usage.Retries != 2 {
				b.Errorf("the meter counts %+v, want 2 retries", usage)
			}
		}},
		{"a service that keeps failing accepts and rejects nothing", "", func(b *bench) {
			for _, status := range []int{408, 425, 500, 502, 503, 504} {
				want, most := destinations.Deferred, attempts
				if b.suite.Op == b.suite.Once && status >= 500 && status != 503 {
					want, most = destinations.Unknown, 1 // it may have done what must not be repeated
				}
				before := len(b.wire.Calls())
				b.wire.SpoilAll(Reply(status, "out of order"))
				b.must(b.good(status, 1), want)
				if n := b.calls(before); n != most {
					b.Errorf("%d requests were answered %d, want %d", n, status, most)
				}
			}
		}},
		{"refused credentials stop all writers after at most three requests", "", func(b *bench) { b.denied(401) }},
		{"missing rights stop all writers after at most three requests", "", func(b *bench) { b.denied(403) }},
		{"a service that cannot be reached leaves its rows deferred", "", func(b *bench) {
			b.wire.SpoilAll(Unreachable())
			results, err := b.write(b.Context(), b.good(0, 1))
			if !errors.Is(err, destinations.ErrUnreachable) {
				b.Errorf("error %v, want ErrUnreachable", err)
			}
			b.want(results, destinations.Deferred)
		}},
		{"a request whose answer was lost is sent again, with the same idempotency key", Redelivery, func(b *bench) {
			if b.suite.Lacks[Direct] != "" {
				return // the steps have it
			}
			before := len(b.wire.Calls())
			b.wire.SpoilFirst(2, Lose())
			b.must(b.good(0, 1), destinations.Accepted)
			b.sameKey(b.wire.Calls()[before:], 3)
		}},
		{"rows whose answers are all lost are unknown, and keep their idempotency key", Redelivery, func(b *bench) {
			if b.suite.Lacks[Direct] != "" {
				return // the steps have it
			}
			before := len(b.wire.Calls())
			b.wire.SpoilAll(Lose())
			b.must(b.good(0, 1), destinations.Unknown)
			b.must(b.good(0, 1), destinations.Unknown)
			b.sameKey(b.wire.Calls()[before:], 2*attempts)
		}},
		{"another record has another idempotency key", IdempotencyKeys, func(b *bench) {
			before := len(b.wire.Calls())
			b.must(b.good(0, 1), destinations.Accepted)
			b.must(b.good(1, 1), destinations.Accepted)
			calls := b.wire.Calls()[before:]
			if calls[0].Header.Get(b.suite.Key) == calls[1].Header.Get(b.suite.Key) {
				b.Errorf("two records have the same %s", b.suite.Key)
			}
		}},
		{"what must not be repeated is not sent again after its answer was lost", NotRepeatable, func(b *bench) {
			for i, fault := range []Fault{Lose(), Hang(), Reply(502, "bad gateway")} {
				before := len(b.wire.Calls())
				b.wire.SpoilAll(fault)
				b.must(b.batch(b.suite.Once, b.suite.Good(i)), destinations.Unknown)
				if n := b.calls(before); n != 1 {
					b.Errorf("%d requests, want 1", n)
				}
			}
		}},
		{"a service that hangs leaves its rows unknown", Direct, func(b *bench) {
			b.wire.SpoilAll(Hang())
			start := time.Now()
			b.must(b.good(0, 1), destinations.Unknown)
			b.waited(start, time.Second, 10*time.Minute)
		}},
		{"a cancelled write sends nothing", "", func(b *bench) {
			ctx, cancel := context.WithCancel(b.Context())
			cancel()
			before := len(b.wire.Calls())
			results, err := b.write(ctx, b.good(0, 1))
			if !errors.Is(err, context.Canceled) || b.calls(before) != 0 {
				b.Errorf("error %v after %d requests, want a cancelled context and none", err, b.calls(before))
			}
			b.never(results, destinations.Accepted, destinations.Rejected)
		}},
		{"a write that is cancelled while it waits for an answer ends at once, its rows unknown", Direct, func(b *bench) {
			b.cancelled(Hang(), destinations.Unknown)
		}},
		{"a write that is cancelled while the account is quiet ends at once, its rows deferred", "", func(b *bench) {
			b.cancelled(Reply(429, "slow down", "Retry-After", "60"), destinations.Deferred)
		}},
		{"a redirect is not followed", "", redirected},
	}
}

// denied lets many writers run against a service that refuses the credentials.
func (b *bench) denied(status int) {
	quoted := string(canary)
	if _, lacks := b.suite.Lacks[Credentials]; lacks {
		quoted = "that was not sent"
	}
	b.wire.SpoilAll(Reply(status, `{"message":"the token `+quoted+` may not do that"}`))
	before := len(b.wire.Calls())
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			results, err := b.write(b.Context(), b.good(i, 1))
			if !errors.Is(err, destinations.ErrAuth) {
				b.Errorf("error %v, want ErrAuth", err)
			}
			b.want(results, destinations.Deferred)
		})
	}
	writers.Wait()
	if n := b.calls(before); n > 3 {
		b.Errorf("%d requests with credentials that are refused, want at most 3", n)
	}
}

// cancelled cancels a write one second after it met fault.
func (b *bench) cancelled(fault Fault, want destinations.Status) {
	b.Helper()
	b.wire.SpoilAll(fault)
	ctx, cancel := context.WithCancel(b.Context())
	stop := time.AfterFunc(time.Second, cancel)
	defer stop.Stop()
	start := time.Now()
	results, err := b.write(ctx, b.good(0, 1))
	if !errors.Is(err, context.Canceled) {
		b.Errorf("error %v, want a cancelled context", err)
	}
	b.want(results, want)
	b.waited(start, time.Second, 2*time.Second)
}

// sameKey checks that there were n calls, all with the same body and idempotency key.
func (b *bench) sameKey(calls []Call, n int) {
	b.Helper()
	if len(calls) != n {
		b.Fatalf("%d requests, want %d", len(calls), n)
	}
	for _, call := range calls[1:] {
		if string(call.Body) != string(calls[0].Body) {
			b.Error("the request was sent again with another body")
		}
	}
	if _, lacks := b.suite.Lacks[IdempotencyKeys]; lacks {
		return
	}
	for _, call := range calls {
		if key := call.Header.Get(b.suite.Key); key == "" || key != calls[0].Header.Get(b.suite.Key) {
			b.Errorf("%s is %q, and was %q", b.suite.Key, key, calls[0].Header.Get(b.suite.Key))
		}
	}
}

func redirected(b *bench) {
	own := ""
	for _, status := range []int{301, 302, 303, 307, 308} {
		before := len(b.wire.Calls())
		b.wire.SpoilAll(Reply(status, "", "Location", "https://elsewhere.example/take?all=1"))
		results, err := b.write(b.Context(), b.good(status, 1))
		if err == nil || !strings.Contains(err.Error(), "elsewhere.example") {
			b.Errorf("the error of a redirect does not name where it leads: %v", err)
		}
		b.never(results, destinations.Accepted, destinations.Rejected)
		for _, call := range b.wire.Calls()[before:] {
			if own == "" {
				own = call.Host
			}
			if call.Host != own {
				b.Errorf("a request went to %s", call.Host)
			}
		}
		if n := b.calls(before); n != 1 {
			b.Errorf("%d requests were answered %d, want 1", n, status)
		}
	}
}
