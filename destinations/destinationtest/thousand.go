package destinationtest

import (
	"net/http"
	"sync"
	"time"

	"spillway/destinations"
)

// thousand delivers a thousand records in full batches, two of them bad, while the service once asks for quiet and once
// says that the credentials have ended.
func thousand(outer *bench) {
	if outer.suite.Requests == 0 {
		return
	}
	b := newBenchFor(outer.T, outer.suite, &rotating{})
	most := b.object().MaxBatch
	batches := (1000 + most - 1) / most
	b.must(b.good(0, 1), destinations.Accepted) // whatever is asked once for an account is asked now
	want := batches*b.suite.Requests + 1
	faults := []Fault{Reply(http.StatusTooManyRequests, "slow down", "Retry-After", "7")}
	if _, anonymous := b.suite.Lacks[Credentials]; !anonymous {
		faults = append(faults, Reply(http.StatusUnauthorized, `{"message":"the token has expired"}`))
		want++
	}
	b.wire.Spoil(func(n int, _ *http.Request) Fault {
		if n > len(faults) {
			return nil
		}
		return faults[n-1]
	})
	bad := map[int]bool{1: true, batches*most - 2: true}
	before, start := len(b.wire.Calls()), time.Now()
	work := make(chan int)
	var writers sync.WaitGroup
	for range max(1, b.object().Concurrency) {
		writers.Go(func() {
			for n := range work {
				batch := b.good(1+n*most, most)
				statuses := make([]destinations.Status, most)
				for i := range batch.Records {
					statuses[i] = destinations.Accepted
					if bad[n*most+i] {
						batch.Records[i], statuses[i] = b.suite.Bad(1+n*most+i), destinations.Rejected
					}
				}
				b.must(batch, statuses...)
			}
		})
	}
	for n := range batches {
		work <- n
	}
	close(work)
	writers.Wait()
	if n := b.calls(before); n != want {
		b.Errorf("%d requests for %d records, want %d", n, batches*most, want)
	}
	if took := time.Since(start); took < 7*time.Second {
		b.Errorf("it took %s, and the service had asked for 7s of quiet", took)
	}
	b.holds(b.suite.Good(1), b.suite.Good(batches*most/2), b.suite.Good(batches*most))
}
