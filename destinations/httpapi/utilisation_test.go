package httpapi_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// tableVariable names the environment variable that holds the file to which the table of utilisations is written.
const tableVariable = "SPILLWAY_LIMITER_TABLE"

const delay, jitter = 30 * time.Millisecond, 40 * time.Millisecond

var (
	limits = []destinations.Rate{
		{Requests: 10, Per: time.Second}, {Requests: 100, Per: time.Second}, {Requests: 100, Per: 10 * time.Second},
	}
	servers = []struct {
		name string
		rule func(destinations.Rate) rule
	}{
		{"sliding window", func(r destinations.Rate) rule { return &sliding{limit: r} }},
		{"fixed window", func(r destinations.Rate) rule { return &fixed{limit: r} }},
		{"token bucket", func(r destinations.Rate) rule { return &bucket{limit: r} }},
	}
)

// reachable is the part of a limit that a service which counts arrivals in a sliding window can be given without a
// 429, if they are delayed by up to j more than others.
func reachable(r destinations.Rate, j time.Duration) float64 {
	return r.Per.Seconds() / (r.Per + j).Seconds()
}

// bound is the part of a stated limit that must be used at least.
func bound(r destinations.Rate) float64 { return 0.98 * reachable(r, jitter) }

func stated(r ...destinations.Rate) func(*httpapi.API) { return func(a *httpapi.API) { a.Limits = r } }

func name(r destinations.Rate) string {
	text, err := r.MarshalText()
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// strategy is a way of pacing: what it came to, and what it must come to at least.
type strategy struct {
	name    string
	run     func(*testing.T, *service, destinations.Rate) outcome
	share   func(destinations.Rate) float64 // at least so much of the limit
	refused float64                         // at most this part answered with 429
}

func strategies() []strategy {
	none := func(destinations.Rate) float64 { return 0 }
	return []strategy{
		{"even, at the limit (for comparison)", func(t *testing.T, s *service, r destinations.Rate) outcome {
			return simulatePlain(t, s, r, rate.NewLimiter(rate.Limit(r.PerSecond()), 1))
		}, none, 1},
		{"bursts, at the limit (for comparison)", func(t *testing.T, s *service, r destinations.Rate) outcome {
			return simulatePlain(t, s, r, rate.NewLimiter(rate.Limit(r.PerSecond()), r.Requests))
		}, none, 1},
		{"limit stated", func(t *testing.T, s *service, r destinations.Rate) outcome {
			return simulate(t, s, r, 32, 0, time.Minute, stated(r))
		}, bound, 0},
		{"limit stated, two syncs", func(t *testing.T, s *service, r destinations.Rate) outcome {
			return simulateTwo(t, s, r, 32, time.Minute)
		}, bound, 0},
		{"limit unknown, first minute", func(t *testing.T, s *service, r destinations.Rate) outcome {
			return simulate(t, s, r, 32, 0, time.Minute)
		}, none, 1},
		{"limit unknown, after a minute", func(t *testing.T, s *service, r destinations.Rate) outcome {
			return simulate(t, s, r, 32, time.Minute, 3*time.Minute)
		}, func(destinations.Rate) float64 { return 0.85 }, 0.015},
	}
}

// simulatePlain sends requests at the pace of l, without a client.
func simulatePlain(t *testing.T, s *service, limit destinations.Rate, l *rate.Limiter) outcome {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		end := s.begin(0, time.Minute)
		together(32, func(int) {
			for time.Now().Before(end) {
				<-time.After(l.Reserve().Delay())
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.example.com", nil)
				if err != nil {
					t.Errorf("request: %v", err)
					return
				}
				response, err := s.RoundTrip(request)
				if err != nil {
					t.Errorf("send: %v", err)
					return
				}
				_ = response.Body.Close() // in memory
			}
		})
	})
	return s.outcome(limit)
}

// TestLimitsAreUsedWell prints the table of utilisations, and writes it to the file that SPILLWAY_LIMITER_TABLE names.
func TestLimitsAreUsedWell(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	fmt.Fprintf(&table, "| strategy | service counts by | limit | used | J | 0.98 · W/(W+J) | W/(W+J) | 429 |\n|---|---|---|---|---|---|---|---|\n")
	for _, strategy := range strategies() {
		for _, server := range servers {
			for _, limit := range limits {
				s := &service{rule: server.rule(limit), delay: delay, jitter: jitter}
				o := strategy.run(t, s, limit)
				fmt.Fprintf(&table, "| %s | %s | %s | %.1f %% | %s | %.1f %% | %.1f %% | %d of %d |\n", strategy.name, server.name, name(limit),
					100*o.share, jitter, 100*bound(limit), 100*reachable(limit, jitter), o.over, o.over+o.passed)
				if least := strategy.share(limit); o.share < least {
					t.Errorf("%s, %s, %s: %.4f of the limit was used, want at least %.4f", strategy.name, server.name, name(limit), o.share, least)
				}
				if o.refused > strategy.refused {
					t.Errorf("%s, %s, %s: %.4f of the requests were answered with 429", strategy.name, server.name, name(limit), o.refused)
				}
			}
		}
	}
	t.Logf("delays of %s to %s, 32 workers:\n%s", delay, delay+jitter, table.String())
	if file := os.Getenv(tableVariable); file != "" {
		if err := os.WriteFile(file, []byte(table.String()), 0o600); err != nil {
			t.Errorf("write the table: %v", err)
		}
	}
}

func TestStatedLimitIsNeverPassed(t *testing.T) {
	t.Parallel()
	for _, j := range []time.Duration{0, 20 * time.Millisecond, 200 * time.Millisecond} {
		for _, server := range servers {
			for _, limit := range append(limits, destinations.Rate{Requests: 5, Per: 2 * time.Second}) {
				s := &service{rule: server.rule(limit), delay: delay, jitter: j}
				o := simulate(t, s, limit, 32, 0, time.Minute, stated(limit))
				if least := 0.98 * reachable(limit, j); o.share < least || o.over > 0 {
					t.Errorf("%s, %s, jitter %s: %.4f used, want at least %.4f; %d x 429", server.name, name(limit), j, o.share, least, o.over)
				}
			}
		}
	}
}

func TestSeveralStatedLimitsHoldAtOnce(t *testing.T) {
	t.Parallel()
	second := destinations.Rate{Requests: 10, Per: time.Second}
	for _, test := range []struct {
		name    string
		longer  destinations.Rate
		tighter destinations.Rate
	}{
		{"the longer says the same", destinations.Rate{Requests: 100, Per: 10 * time.Second}, second},
		{"the longer is tighter", destinations.Rate{Requests: 50, Per: 10 * time.Second}, destinations.Rate{Requests: 50, Per: 10 * time.Second}},
		{"a minute in bursts", destinations.Rate{Requests: 300, Per: time.Minute}, destinations.Rate{Requests: 300, Per: time.Minute}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &service{rule: every{&sliding{limit: second}, &sliding{limit: test.longer}}, delay: delay, jitter: jitter}
			o := simulate(t, s, test.tighter, 32, time.Minute, 6*time.Minute, stated(second, test.longer))
			if least := 0.98 * reachable(second, jitter); o.share < least || o.over > 0 {
				t.Errorf("%.4f of the tighter limit used, want at least %.4f; %d x 429", o.share, least, o.over)
			}
		})
	}
}

// simulateTwo lets two syncs of one account send through so many workers each. Neither may have less than its share.
func simulateTwo(t *testing.T, s *service, limit destinations.Rate, workers int, total time.Duration) outcome {
	t.Helper()
	var meters [2]destinations.Meter
	synctest.Test(t, func(t *testing.T) {
		end := s.begin(0, total)
		c := client(t, s, stated(limit), func(a *httpapi.API) { a.Concurrency = workers })
		together(len(meters)*workers, func(i int) {
			for time.Now().Before(end) {
				r := post(5)
				r.Meter = &meters[i%len(meters)]
				if _, err := c.Do(t.Context(), r); err != nil {
					t.Errorf("do: %v", err)
				}
			}
		})
	})
	o := s.outcome(limit)
	for i := range meters {
		if part := float64(meters[i].Usage().Requests) / float64(o.passed); part < 0.45 {
			t.Errorf("sync %d got %.2f of the requests", i, part)
		}
	}
	return o
}

func TestTwoSyncsShareOneAccountsLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range limits[:2] {
		t.Run(name(limit), func(t *testing.T) {
			t.Parallel()
			s := &service{rule: &sliding{limit: limit}, delay: delay, jitter: jitter}
			o := simulateTwo(t, s, limit, 32, 2*time.Minute)
			t.Logf("two syncs, %s: %.1f %% used, %d x 429", name(limit), 100*o.share, o.over)
			if least := 0.98 * reachable(limit, jitter); o.share < least || o.over > 0 {
				t.Errorf("%.4f used, want at least %.4f; %d x 429", o.share, least, o.over)
			}
		})
	}
}

func TestRequestsUnderWayFollowRateAndLatency(t *testing.T) {
	t.Parallel()
	limit := destinations.Rate{Requests: 100, Per: time.Second}
	s := &service{rule: &sliding{limit: limit}, delay: 400 * time.Millisecond, jitter: jitter}
	o := simulate(t, s, limit, 200, 10*time.Second, time.Minute, stated(limit))
	if o.share < 0.98*reachable(limit, jitter) || o.over > 0 || o.most > 50 {
		t.Errorf("%.4f used, %d x 429, %d requests at once; want at most 50", o.share, o.over, o.most)
	}
}

func TestServiceWithoutALimitIsNotHeldBack(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		delay   time.Duration
		workers int
		most    float64 // requests a second that workers and delay leave
	}{
		{"a close one", time.Millisecond, 4, 4000},
		{"a far one", 100 * time.Millisecond, 16, 160},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &service{delay: test.delay}
			o := simulate(t, s, destinations.Rate{Requests: 1, Per: time.Second}, test.workers, 5*time.Second, 20*time.Second)
			if o.share < 0.97*test.most {
				t.Errorf("%.0f requests a second, want %.0f", o.share, test.most)
			}
		})
	}
}

func TestIdleAccountDoesNotBurst(t *testing.T) {
	t.Parallel()
	limit := destinations.Rate{Requests: 20, Per: time.Second}
	s := &service{rule: &sliding{limit: destinations.Rate{Requests: 2, Per: 90 * time.Millisecond}}, delay: delay}
	synctest.Test(t, func(t *testing.T) {
		s.begin(0, time.Hour)
		c := client(t, s, stated(limit), func(a *httpapi.API) { a.Concurrency = 32 })
		for range 3 {
			together(50, func(int) {
				if _, err := c.Do(t.Context(), post(1)); err != nil {
					t.Errorf("do: %v", err)
				}
			})
			<-time.After(time.Minute)
		}
	})
}

func TestAccountThatOthersUseTooIsSharedWithThem(t *testing.T) {
	t.Parallel()
	left := destinations.Rate{Requests: 50, Per: time.Second}
	s := &service{rule: &sliding{limit: left}, delay: delay, jitter: jitter}
	o := simulate(t, s, left, 32, time.Minute, 3*time.Minute, stated(destinations.Rate{Requests: 100, Per: time.Second}))
	if o.share < 0.85 || o.refused > 0.015 {
		t.Errorf("%.4f of what is left was used, %.4f answered with 429", o.share, o.refused)
	}
}

// usedUp allows two requests and then nothing for a time, as others had used the account up, and then what rule does.
type usedUp struct {
	rule
	until time.Duration // since the first request
	first time.Time
	n     int
}

func (u *usedUp) allows(now time.Time) bool {
	if u.n++; u.n == 1 {
		u.first = now
	}
	return u.n <= 2 || now.Sub(u.first) >= u.until && u.rule.allows(now)
}

func TestAccountThatOthersHadUsedUpIsUsedWellAfterwards(t *testing.T) {
	t.Parallel()
	limit := destinations.Rate{Requests: 100, Per: time.Second}
	s := &service{
		rule: &usedUp{rule: &sliding{limit: limit}, until: 3 * time.Second}, delay: delay, jitter: jitter, retry: 3 * time.Second,
	}
	o := simulate(t, s, limit, 32, 10*time.Second, 40*time.Second, stated(limit))
	if o.share < 0.85 || o.refused > 0.015 {
		t.Errorf("%.4f of the limit was used, %.4f answered with 429", o.share, o.refused)
	}
}

func TestTimeThatAServiceWorksIsNotTakenForJitterForLong(t *testing.T) {
	t.Parallel()
	limit := destinations.Rate{Requests: 10, Per: time.Second}
	s := &service{rule: &sliding{limit: limit}, delay: delay, jitter: jitter, work: 2 * time.Second}
	o := simulate(t, s, limit, 64, 10*time.Second, time.Minute, stated(limit))
	if o.share < 0.75 || o.over > 0 {
		t.Errorf("%.4f used, %d x 429", o.share, o.over)
	}
}

func TestLimitThatTheServiceNamesIsObeyed(t *testing.T) {
	t.Parallel()
	limit := destinations.Rate{Requests: 20, Per: time.Second}
	for name, configured := range map[string][]destinations.Rate{
		"none was configured": nil, "more was configured": {{Requests: 200, Per: time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &service{rule: &sliding{limit: limit}, delay: delay, jitter: jitter}
			o := simulate(t, s, limit, 8, time.Second, time.Minute, stated(configured...), func(a *httpapi.API) {
				a.Problem = func(_ httpapi.Answer, usual httpapi.Problem) httpapi.Problem {
					usual.Limit = limit
					return usual
				}
			})
			if o.share < 0.98*reachable(limit, jitter) || o.refused > 0.005 {
				t.Errorf("%.4f used, %.4f answered with 429", o.share, o.refused)
			}
		})
	}
}

func TestSuccessMayAskForQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wire()
		var once sync.Once
		c := client(t, w, func(a *httpapi.API) {
			a.Problem = func(_ httpapi.Answer, usual httpapi.Problem) httpapi.Problem {
				once.Do(func() { usual.Throttled, usual.Wait = true, 20*time.Second })
				return usual
			}
		})
		start := time.Now()
		for range 2 {
			if _, err := c.Do(t.Context(), post(1)); err != nil {
				t.Errorf("do: %v", err)
			}
		}
		if d := time.Since(start); d < 20*time.Second || d > 21*time.Second || len(w.Calls()) != 2 {
			t.Errorf("two requests took %s and %d attempts, want 20s and 2", d, len(w.Calls()))
		}
	})
}
