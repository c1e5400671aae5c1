package main

import (
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer"
	"spillway/syncer/runlog"
)

// testThrottling keeps the whole account quiet for as long as a 429 asks.
func testThrottling(s *suite) {
	t := s.t
	p := newSite(s, 2_000)
	const quiet = 2 * time.Second
	requests := 0
	var asked []time.Time
	p.service.answers(func(*request) reply {
		if requests++; requests == 5 || requests == 14 {
			asked = append(asked, time.Now())
			return reply{status: 429, header: map[string]string{"Retry-After": "2"}}
		}
		return reply{}
	})
	run := p.run(exitDone)
	if run.Accepted != 2_000 || run.Retries < 2 || run.ThrottledMS < 2*quiet.Milliseconds() {
		t.Errorf("%+v, %d retries, throttled for %d ms", run.Counts, run.Retries, run.ThrottledMS)
	}
	if n := p.service.onceEach(); n != 2_000 || len(asked) != 2 {
		t.Errorf("%d keys were applied, %d times 429", n, len(asked))
	}
	came := p.service.came()
	for _, at := range asked {
		for _, req := range came {
			// What was sent before the answer could arrive is on its way.
			if after := req.at.Sub(at); after > 250*time.Millisecond && after < quiet-20*time.Millisecond {
				t.Errorf("a request came %s after a 429 that asked for %s", after, quiet)
			}
		}
	}
	p.converged()
}

// testRefusedCredentials stops after a few calls, and blames no row.
func testRefusedCredentials(s *suite) {
	t := s.t
	p := newSite(s, 2_000)
	for _, status := range []int{401, 403} {
		p.service.answers(func(*request) reply { return reply{status: status, body: "who are you?"} })
		p.service.came()
		run := p.run(exitFailed)
		if run.State != runlog.Failed || run.Error.Code != syncer.CodeAuth || run.Rejected != 0 || run.Deferred != 2_000 {
			t.Errorf("%d: %s, %+v, %+v", status, run.State, run.Error, run.Counts)
		}
		if came := p.service.came(); len(came) == 0 || len(came) > 3 {
			t.Errorf("%d: %d calls", status, len(came))
		}
	}
	// A credential that is revoked half-way.
	requests := 0
	p.service.answers(func(*request) reply {
		if requests++; requests > 8 {
			return reply{status: 401}
		}
		return reply{}
	})
	run := p.run(exitFailed)
	if run.Accepted != 800 || run.Rejected != 0 || run.Deferred != 1_200 {
		t.Errorf("%+v", run.Counts)
	}
	p.service.calm()
	p.run(exitDone)
	p.converged()
}

// testUnreachable says that trying again may help where nothing could be sent, and goes on where it was.
func testUnreachable(s *suite) {
	t := s.t
	p := newSite(s, 1_000)
	p.sync = "retry = { attempts = 2 }"
	p.configure()
	url := p.service.server.URL
	p.write("spillway.toml", strings.Replace(p.read("spillway.toml"), url, "http://127.0.0.1:1", 1))
	run := p.run(exitTemporary)
	if run.State != runlog.Failed || run.Error.Code != syncer.CodeUnreachable || run.Deferred != 1_000 {
		t.Errorf("%s, %+v, %+v", run.State, run.Error, run.Counts)
	}
	p.configure()
	// A service that breaks down half-way.
	requests := 0
	p.service.answers(func(*request) reply {
		if requests++; requests > 4 {
			return reply{status: 503, body: "down"}
		}
		return reply{}
	})
	run = p.run(exitPartial)
	if run.State != runlog.Partial || run.Accepted != 400 || run.Deferred+run.Unknown != 600 || run.Rejected != 0 {
		t.Errorf("%s, %+v", run.State, run.Counts)
	}
	p.service.calm()
	p.run(exitDone)
	p.converged()
}

// testLostAnswer sends again under the same idempotency key whatever got no answer, in the same run and in the next.
func testLostAnswer(s *suite) {
	t := s.t
	p := newSite(s, 300)
	p.sync = "retry = { attempts = 2 }"
	p.configure()

	seen := map[string]int{}
	p.service.answers(func(r *request) reply {
		seen[r.key]++
		return reply{cut: seen[r.key] == 1}
	})
	run := p.run(exitDone)
	if run.Accepted != 300 || run.Requests != 6 || run.Retries != 3 {
		t.Errorf("in one run: %+v in %d requests with %d retries", run.Counts, run.Requests, run.Retries)
	}
	for key, n := range seen {
		if n != 2 || key == "" {
			t.Errorf("idempotency key %q came %d times", key, n)
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d idempotency keys for 3 batches", len(seen))
	}

	p.sql("update people set score = score + 1")
	p.service.came()
	p.service.answers(func(*request) reply { return reply{cut: true} })
	run = p.run(exitPartial)
	if run.Unknown != 300 || run.State != runlog.Partial || run.Requests != 6 {
		t.Errorf("in the first of two runs: %s, %+v, %d requests", run.State, run.Counts, run.Requests)
	}
	first := keysOfAll(p.service.came())
	p.service.calm()
	run = p.run(exitDone)
	if run.Carried != 300 || run.Accepted != 300 {
		t.Errorf("in the second of two runs: %+v", run.Counts)
	}
	if diff := cmp.Diff(first, keysOfAll(p.service.came())); diff != "" || len(first) != 3 {
		t.Errorf("idempotency keys (-first +second):\n%s", diff)
	}
	p.converged()
}

// keysOfAll returns the idempotency keys of requests, each once.
func keysOfAll(requests []*request) []string {
	var keys []string
	for _, r := range requests {
		keys = append(keys, r.key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// testReturningValue gives A, B and A again an idempotency key each.
func testReturningValue(s *suite) {
	t := s.t
	p := newSite(s, 1)
	for _, score := range []int{1, 2, 1} {
		p.sql("update people set score = $1", score)
		p.run(exitDone)
	}
	if keys := keysOfAll(p.service.came()); len(keys) != 3 {
		t.Errorf("idempotency keys %v", keys)
	}
	if have := p.service.record("p1@x.io"); !strings.Contains(have, `"score":1`) {
		t.Errorf("the service has %s", have)
	}
	p.write("syncs/people.toml", strings.Replace(p.read("syncs/people.toml"), `mode        = "upsert"`, `mode = "insert"`, 1))
	p.sql("update people set score = 5")
	if run := p.run(exitDone); run.Same != 1 || run.Requests != 0 {
		t.Errorf("in insert mode: %+v", run.Counts)
	}
}
