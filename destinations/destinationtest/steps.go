package destinationtest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"spillway/destinations"
)

// Throttle is a form in which a service asks for quiet.
type Throttle struct {
	Name string
	Says Fault
	Wait time.Duration // for how long
}

func stepCases() []testCase {
	return []testCase{
		{"an answer that is lost at any request leaves no false outcome", "", func(b *bench) {
			b.atEachRequest(canary, func(s *step) {
				s.wire.Spoil(s.at(Lose()))
				s.deliver()
				s.truthful()
				if s.batch.Op != b.suite.Once {
					s.want(s.results, destinations.Accepted)
				}
			})
		}},
		{"answers that are all lost from any request on leave no false outcome", "", func(b *bench) {
			b.atEachRequest(canary, func(s *step) {
				s.wire.Spoil(s.from(Lose()))
				s.deliver()
				s.truthful()
			})
		}},
		{"credentials that end at any request are looked up anew, and nothing is lost", Credentials, func(b *bench) {
			b.atEachRequest(&rotating{}, func(s *step) {
				s.wire.Spoil(s.at(Reply(http.StatusUnauthorized, `{"message":"the token has expired"}`)))
				s.deliver()
				s.want(s.results, destinations.Accepted)
				if n := s.calls(s.before); n != s.requests+1 {
					s.Errorf("%s: %d requests, want %d and one again", s.name, n, s.requests)
				}
			})
		}},
		{"throttling at any request is obeyed, and nothing is lost", "", func(b *bench) {
			for _, throttle := range b.suite.throttles() {
				b.atEachRequest(canary, func(s *step) {
					s.name += ", " + throttle.Name
					s.wire.Spoil(s.at(throttle.Says))
					start := time.Now()
					s.deliver()
					s.want(s.results, destinations.Accepted)
					s.waited(start, throttle.Wait, throttle.Wait+15*time.Second)
				})
			}
		}},
	}
}

func (s Suite) throttles() []Throttle {
	seven := Throttle{Name: "a 429 with Retry-After", Says: Reply(http.StatusTooManyRequests, "slow down", "Retry-After", "7"), Wait: 7 * time.Second}
	return append([]Throttle{seven}, s.Throttles...)
}

// rotating is a secret that is another one whenever it is looked up.
type rotating struct{ looks atomic.Int64 }

func (r *rotating) Reveal(context.Context) (string, error) {
	return fmt.Sprintf("%s-%d", canary, r.looks.Add(1)), nil
}

// step is the delivery of a batch of one operation, at one request of which something is to happen.
type step struct {
	*bench
	name     string
	batch    destinations.Batch
	request  int // the one at which, from 1
	requests int // that the delivery takes when all goes well
	before   int // requests before it
	results  []destinations.Result
}

// atEachRequest runs test for each operation that the object under test has, and for each of the requests that it
// takes, with a service and a destination of their own.
func (b *bench) atEachRequest(credential destinations.Secret, test func(*step)) {
	b.Helper()
	for _, op := range b.object().Operations {
		plain := newBenchFor(b.T, b.suite, canary).prepared(op)
		plain.deliver()
		plain.want(plain.results, destinations.Accepted)
		for request := range plain.calls(plain.before) {
			s := newBenchFor(b.T, b.suite, credential).prepared(op)
			s.request, s.requests = request+1, plain.calls(plain.before)
			s.name = fmt.Sprintf("%s, request %d of %d", op, s.request, s.requests)
			test(s)
		}
	}
}

// prepared returns the step of a batch of op, whose records the service holds where op needs that.
func (b *bench) prepared(op destinations.Op) *step {
	b.Helper()
	n := min(b.object().MaxBatch, 3)
	batch := b.good(0, n)
	if op != b.suite.Op && op != destinations.Insert {
		b.must(batch, destinations.Accepted)
		batch = b.good(0, n)
	}
	batch.Op = op
	for i, r := range batch.Records {
		batch.Records[i].Token += "-" + string(op)
		switch op {
		case destinations.Delete, destinations.Archive:
			batch.Records[i].Fields = nil
		case destinations.Clear:
			batch.Records[i].Fields = slices.Clone(r.Fields)
			for f := range r.Fields {
				batch.Records[i].Fields[f].Value = nil
			}
		default:
		}
	}
	return &step{bench: b, name: string(op), batch: batch, before: len(b.wire.Calls())}
}

func (s *step) deliver() {
	s.Helper()
	var err error
	if s.results, err = s.write(s.Context(), s.batch); err != nil {
		s.Errorf("%s: %v", s.name, err)
	}
}

func (s *step) at(fault Fault) func(int, *http.Request) Fault {
	return func(n int, _ *http.Request) Fault {
		if n == s.request {
			return fault
		}
		return nil
	}
}

func (s *step) from(fault Fault) func(int, *http.Request) Fault {
	return func(n int, _ *http.Request) Fault {
		if n >= s.request {
			return fault
		}
		return nil
	}
}

// truthful holds the outcomes to what the service holds. Of an update that cannot be told from here.
func (s *step) truthful() {
	s.Helper()
	for i, r := range s.results {
		_, held := s.service.Get(s.batch.Object, s.batch.Records[i].ID)
		done := held
		switch s.batch.Op {
		case destinations.Delete, destinations.Archive:
			done = !held
		case destinations.Update, destinations.Clear:
			done = r.Status == destinations.Accepted
		default:
		}
		switch {
		case r.Status == destinations.Rejected:
			s.Errorf("%s: record %d is rejected (%s: %s)", s.name, i, r.Code, r.Reason)
		case r.Status == destinations.Accepted && !done:
			s.Errorf("%s: record %d is accepted, and was not applied", s.name, i)
		case r.Status == destinations.Deferred && !r.Doubt && done:
			s.Errorf("%s: record %d is deferred without a doubt, and was applied", s.name, i)
		}
	}
}
