package destinations

import (
	"sync"
	"sync/atomic"
	"time"
)

// Meter counts what is sent on behalf of one run, and tells those who watch of each exchange. A nil Meter counts
// nothing.
type Meter struct {
	counter *Meter         // that counts in this one's place; nil where it counts itself
	watch   func(Exchange) // nil where nobody watches
	records []Record       // that what is sent is about, where that is known

	requests atomic.Int64
	retries  atomic.Int64
	bytes    atomic.Int64

	mu        sync.Mutex
	throttled time.Duration
	until     time.Time // up to when waiting is counted
}

// Watched returns a meter that counts into m, and has watch called after each attempt that left, besides whoever watches m.
// A batch that is given such a meter of its own has its own exchanges watched. Calls may come from several goroutines.
func (m *Meter) Watched(watch func(Exchange)) *Meter { return &Meter{counter: m, watch: watch} }

// About returns a meter like m for a request about some of a batch's records, so that whoever watches knows which.
func (m *Meter) About(records []Record) *Meter {
	if !m.Watching() {
		return m
	}
	return &Meter{counter: m, records: records}
}

// Watching says whether anyone is told of exchanges.
func (m *Meter) Watching() bool {
	return m != nil && (m.watch != nil || m.counter.Watching())
}

// Exchanged tells whoever watches of x.
func (m *Meter) Exchanged(x Exchange) {
	for ; m != nil; m = m.counter {
		if x.Records == nil {
			x.Records = m.records
		}
		if m.watch != nil {
			m.watch(x)
		}
	}
}

// counting is the meter that counts.
func (m *Meter) counting() *Meter {
	for m != nil && m.counter != nil {
		m = m.counter
	}
	return m
}

// Sent counts one request with a body of so many bytes; again says that it repeats an earlier one.
func (m *Meter) Sent(bytes int64, again bool) {
	if m = m.counting(); m == nil {
		return
	}
	m.requests.Add(1)
	m.bytes.Add(bytes)
	if again {
		m.retries.Add(1)
	}
}

// Waited counts time that was spent, up to now, waiting for the service's rate limit. Requests that wait at the same
// time count once, so that the sum is never longer than the run.
func (m *Meter) Waited(d time.Duration) {
	if m = m.counting(); m == nil {
		return
	}
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	from := now.Add(-d)
	if from.Before(m.until) {
		from = m.until
	}
	if now.After(from) {
		m.throttled += now.Sub(from)
		m.until = now
	}
}

// Usage is what a Meter has counted.
type Usage struct {
	Requests, Retries, Bytes int64
	Throttled                time.Duration
}

// Usage returns the counts so far.
func (m *Meter) Usage() Usage {
	if m = m.counting(); m == nil {
		return Usage{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return Usage{
		Requests:  m.requests.Load(),
		Retries:   m.retries.Load(),
		Bytes:     m.bytes.Load(),
		Throttled: m.throttled,
	}
}
