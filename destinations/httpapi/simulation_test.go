package httpapi_test

import (
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// rule is how a service counts requests: whether one that arrives at this time is allowed.
type rule interface{ allows(now time.Time) bool }

// sliding allows so many requests in any stretch of time.
type sliding struct {
	limit destinations.Rate
	taken []time.Time
}

func (s *sliding) allows(now time.Time) bool {
	for len(s.taken) > 0 && now.Sub(s.taken[0]) >= s.limit.Per {
		s.taken = s.taken[1:]
	}
	if len(s.taken) >= s.limit.Requests {
		return false
	}
	s.taken = append(s.taken, now)
	return true
}

// fixed allows so many requests in each stretch, one after the other.
type fixed struct {
	limit   destinations.Rate
	stretch int64
	n       int
}

func (f *fixed) allows(now time.Time) bool {
	if stretch := now.UnixNano() / int64(f.limit.Per); stretch != f.stretch {
		f.stretch, f.n = stretch, 0
	}
	f.n++
	return f.n <= f.limit.Requests
}

// bucket holds so many tokens, and is filled up evenly.
type bucket struct {
	limit  destinations.Rate
	tokens float64
	filled time.Time
}

func (b *bucket) allows(now time.Time) bool {
	if b.filled.IsZero() {
		b.tokens = float64(b.limit.Requests)
	} else {
		b.tokens = min(float64(b.limit.Requests), b.tokens+now.Sub(b.filled).Seconds()*b.limit.PerSecond())
	}
	b.filled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// every holds all of its rules at once.
type every []rule

func (e every) allows(now time.Time) bool {
	ok := true
	for _, r := range e {
		ok = r.allows(now) && ok
	}
	return ok
}

// service is a service in simulated time: requests arrive after a delay that differs, and are counted then.
type service struct {
	rule         rule
	delay        time.Duration // until a request arrives, at least
	jitter       time.Duration // and at most so much longer
	work         time.Duration // until it is answered, at most, differing too
	retry        time.Duration // Retry-After of a 429, in whole seconds; 0 is none
	mu           sync.Mutex
	random       *rand.Rand
	from, until  time.Time // requests that arrive outside of it are not counted
	passed, over int
	flying, most int
}

func (s *service) delays() (arrive, answer time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flying++
	s.most = max(s.most, s.flying)
	return s.delay + time.Duration(s.random.Float64()*float64(s.jitter)), time.Duration(s.random.Float64() * float64(s.work))
}

func (s *service) arrive() (status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	ok := s.rule == nil || s.rule.allows(now)
	switch counted := !now.Before(s.from) && now.Before(s.until); {
	case counted && ok:
		s.passed++
	case counted:
		s.over++
	}
	if !ok {
		return http.StatusTooManyRequests
	}
	return http.StatusOK
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	arrive, answer := s.delays()
	<-time.After(arrive)
	status := s.arrive()
	header := http.Header{}
	if status == http.StatusTooManyRequests && s.retry > 0 {
		header.Set("Retry-After", strconv.Itoa(int(s.retry.Seconds())))
	}
	<-time.After(answer)
	s.mu.Lock()
	s.flying--
	s.mu.Unlock()
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

// outcome is what a simulation came to.
type outcome struct {
	share        float64 // of the limit that was used
	refused      float64 // part of the requests that were answered with 429
	passed, over int     // requests that were not, and that were
	most         int     // requests under way at once
}

// begin makes s count from the time from on, and until total.
func (s *service) begin(from, total time.Duration) (end time.Time) {
	s.random = rand.New(rand.NewPCG(1, 2))
	s.from, s.until = time.Now().Add(from), time.Now().Add(total)
	return s.until
}

func (s *service) outcome(limit destinations.Rate) outcome {
	return outcome{
		share: float64(s.passed) / s.until.Sub(s.from).Seconds() / limit.PerSecond(), passed: s.passed, over: s.over, most: s.most,
		refused: float64(s.over) / float64(max(s.over+s.passed, 1)),
	}
}

// simulate sends requests through so many workers for as long as total, and counts those from the time from on.
func simulate(t *testing.T, s *service, limit destinations.Rate, workers int, from, total time.Duration, set ...func(*httpapi.API)) outcome {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		end := s.begin(from, total)
		c := client(t, s, append([]func(*httpapi.API){func(a *httpapi.API) { a.Concurrency = workers }}, set...)...)
		together(workers, func(int) {
			for time.Now().Before(end) {
				_, _ = c.Do(t.Context(), post(5)) // one that was refused too often is counted by the service
			}
		})
	})
	return s.outcome(limit)
}
