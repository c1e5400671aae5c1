package httpapi

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"spillway/destinations"
)

const (
	// maxQuiet is how long a request waits because the service asked for quiet. Beyond it the rows are deferred.
	maxQuiet = 2 * time.Minute

	// longestQuiet bounds how long an account is left alone, whatever the service says.
	longestQuiet = 24 * time.Hour
)

// limiter gives each request of an account its time, so that no limit is passed and all are quiet while the service
// asks for it (invariant 7). Requests are let through one after the other: the time of one is decided only once it is
// the next, so that whatever was learned by then holds for it, and a request that gives up costs nobody a turn.
type limiter struct {
	queue chan struct{} // holds the request that is the next

	mu      sync.Mutex
	windows []*window // the limits as configured
	told    *window   // the limit that the service itself named; nil until it did
	learned learned   // what 429s have taught
	spread  spread
	bound   float64       // the part of a window that spread may lengthen it by
	last    time.Time     // when the latest request was due
	quiet   time.Time     // nothing is sent before
	hushed  chan struct{} // closed when quiet moves
}

// turn is the leave of one request to be sent.
type turn struct {
	due    time.Time     // from when on it might have been sent
	waited time.Duration // for the sake of a limit
	paced  bool          // it is the learned rate that it waited for
}

// quietError says that the service wants to be left alone for longer than a request may wait.
type quietError struct{ until time.Time }

func (e *quietError) Error() string {
	return fmt.Sprintf("the service asked to be left alone until %s", e.until.UTC().Format(time.RFC3339))
}

func newLimiter(rates []destinations.Rate) *limiter {
	l := &limiter{queue: make(chan struct{}, 1), hushed: make(chan struct{}), bound: trusted}
	for _, r := range rates {
		if r.Requests > 0 {
			l.windows = append(l.windows, newWindow(r))
		}
	}
	l.learned = newLearned(len(l.windows) > 0)
	return l
}

// wait returns when a request may be sent. Its error is a *quietError or the context's.
func (l *limiter) wait(ctx context.Context) (turn, error) {
	start := time.Now()
	if l.open(start) {
		return turn{due: start}, ctx.Err()
	}
	select {
	case l.queue <- struct{}{}:
		defer func() { <-l.queue }()
	case <-ctx.Done():
		return turn{waited: time.Since(start)}, ctx.Err()
	}
	for {
		t, hushed, err := l.take(start, time.Now())
		if err != nil || hushed == nil {
			return t, err
		}
		if err := sleep(ctx, time.Until(t.due), hushed); err != nil {
			return turn{waited: time.Since(start)}, err
		}
	}
}

// open says that nothing is to be waited for.
func (l *limiter) open(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.windows) == 0 && l.told == nil && l.learned.open() && !now.Before(l.quiet)
}

// take lets the request through that is the next and has been waiting since start. If it is too early for that,
// the channel is not nil: the request is to come again when it is due, or once the channel is closed.
func (l *limiter) take(start, now time.Time) (turn, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := turn{waited: now.Sub(start)}
	if l.quiet.Sub(now) > maxQuiet {
		return t, nil, &quietError{until: l.quiet}
	}
	stated, own := l.spacing(), l.learned.spacing()
	t.due = latest(l.quiet, l.last.Add(max(stated, own)))
	margin := l.margin(time.Second)
	for _, w := range l.all() {
		t.due = latest(t.due, w.free(l.margin(w.per)))
		margin = min(margin, l.margin(w.per))
	}
	if t.due.After(now) {
		return t, l.hushed, nil
	}
	t.paced = own > stated && start.Before(t.due)
	if l.learned.trying() && !l.quiet.After(start) {
		t.waited = 0 // nothing shows yet that the service has a limit
	}
	// A request that woke up late was late by itself, as the margin takes into account: it does not delay the next.
	// One that came late does, as what was not sent in time is not made up for by a burst.
	t.due = latest(t.due, start, now.Add(-margin))
	l.last = t.due
	for _, w := range l.all() {
		w.take(t.due, now.Add(-l.margin(w.per)))
	}
	return t, nil, nil
}

// silence keeps the account quiet for d from now on. After too many 429s in a row d is not believed to be enough.
func (l *limiter) silence(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.learned.strikes > believed {
		d = max(d, l.learned.hush())
	}
	until := time.Now().Add(min(d, longestQuiet))
	if !until.After(l.quiet) {
		return
	}
	l.quiet = until
	close(l.hushed)
	l.hushed = make(chan struct{})
}

// passed takes note that the service let the request of t pass and answered after a time that tells how requests to it
// are delayed, unless it is negative.
func (l *limiter) passed(t turn, after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if after >= 0 {
		l.spread.add(after, now, l.longest())
	}
	l.learned.passed(t, now, l.quiet, l.spread.least, l.ceiling())
}

// exceeded takes note that the request of t went beyond a limit of the service.
func (l *limiter) exceeded(t turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.learned.exceeded(t, time.Now(), l.ceiling()) {
		l.bound = min(2*l.bound, 1)
	}
}

// tell sets the limit that the service names, which holds besides those that are configured.
func (l *limiter) tell(r destinations.Rate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Requests < 1 || r.Per <= 0 || l.told != nil && l.told.rate == r {
		return
	}
	before := l.told
	l.told = newWindow(r)
	if before != nil {
		l.told.sent = before.sent
	}
	if l.learned.trying() {
		l.learned.rate = math.Inf(1)
	}
	l.learned.stated = true
}

func (l *limiter) all() []*window {
	if l.told == nil {
		return l.windows
	}
	return append(slices.Clip(l.windows), l.told)
}

// spacing is the time between two requests that all short windows leave.
func (l *limiter) spacing() time.Duration {
	var most time.Duration
	for _, w := range l.all() {
		most = max(most, w.spacing(l.margin(w.per)))
	}
	return most
}

// margin is what a window of length per is lengthened by.
func (l *limiter) margin(per time.Duration) time.Duration {
	return min(l.spread.width(), time.Duration(l.bound*float64(per))) + min(per/200, maxSlack) + slack
}

// ceiling is the number of requests a second that the stated limits allow, +Inf if there is none.
func (l *limiter) ceiling() float64 {
	least := math.Inf(1)
	for _, w := range l.all() {
		least = min(least, w.rate.PerSecond())
	}
	return least
}

// longest is the length of the longest window whose requests are spaced evenly.
func (l *limiter) longest() time.Duration {
	most := time.Second
	for _, w := range l.all() {
		if w.even() {
			most = max(most, w.per)
		}
	}
	return most
}

func latest(times ...time.Time) time.Time {
	var last time.Time
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// sleep waits for d, until early is closed, or for the end of ctx, which alone is an error.
func sleep(ctx context.Context, d time.Duration, early <-chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-early:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
