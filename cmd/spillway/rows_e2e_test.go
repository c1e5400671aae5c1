package main

import (
	"encoding/json"
	"slices"
	"strings"

	"spillway/syncer/runlog"
)

// refusing answers a request with results in which the records of ids are rejected.
func refusing(ids ...string) func(*request) reply {
	return func(r *request) reply {
		results := make([]map[string]string, len(r.Records))
		for i, rec := range r.Records {
			results[i] = map[string]string{"id": rec.ID, "status": "accepted"}
			if slices.Contains(ids, rec.ID) {
				results[i] = map[string]string{"id": rec.ID, "status": "rejected", "code": "bad_plan", "reason": "the plan is not sold any more"}
			}
		}
		body, err := json.Marshal(map[string]any{"results": results})
		if err != nil {
			panic(err)
		}
		return reply{body: string(body)}
	}
}

// testRejectedRow sends a rejected row again in the next run, with the value that it has then.
func testRejectedRow(s *suite) {
	t := s.t
	p := newSite(s, 250)
	p.service.answers(refusing("p17@x.io"))
	run := p.run(exitPartial)
	want := runlog.Counts{Source: 250, Added: 250, Accepted: 249, Rejected: 1}
	if run.State != runlog.Partial || run.Counts != want || len(run.Errors) != 1 || run.Errors[0].Code != "bad_plan" || !slices.Equal(run.Errors[0].SampleKeys, []string{"17"}) {
		t.Errorf("%s, %+v, %+v", run.State, run.Counts, run.Errors)
	}
	p.spillway("runs", "rows", "last").exits(exitDone).says("17", "bad_plan", "the plan is not sold any more")
	p.service.came()
	if run = p.run(exitPartial); run.Carried != 1 || run.Rejected != 1 || run.Same != 249 {
		t.Errorf("%+v", run.Counts)
	}
	p.sql("update people set plan = 'pro', score = 77 where id = 17")
	p.service.came()
	p.service.calm()
	if run = p.run(exitDone); run.Added != 1 || run.Accepted != 1 {
		t.Errorf("%+v", run.Counts)
	}
	if came := p.service.came(); len(came) != 1 || len(came[0].Records) != 1 || !strings.Contains(string(came[0].Records[0].Fields), `"score":77`) {
		t.Errorf("it came as %+v", came)
	}
	p.converged()
}

// testPoisonRow delivers all rows of a batch but the one for which the service refuses the whole.
func testPoisonRow(s *suite) {
	t := s.t
	p := newSite(s, 300)
	p.service.answers(func(r *request) reply {
		for _, rec := range r.Records {
			if rec.ID == "p142@x.io" {
				return reply{status: 400, body: `{"message":"one of the records is malformed"}`}
			}
		}
		return reply{}
	})
	run := p.run(exitPartial)
	if run.Accepted != 299 || run.Rejected != 1 || run.Errors[0].SampleKeys[0] != "142" {
		t.Errorf("%+v, %+v", run.Counts, run.Errors)
	}
	if limit := int64(3 + 2*7); run.Requests > limit { // of each halving, one half is the good one
		t.Errorf("%d requests, want %d at most", run.Requests, limit)
	}
	if n := p.service.onceEach(); n != 299 {
		t.Errorf("%d keys were applied", n)
	}
	p.service.calm()
	p.run(exitDone)
	p.converged()
}

// testQuarantine gives a row up after so many runs that rejected it, until retry.
func testQuarantine(s *suite) {
	t := s.t
	p := newSite(s, 20)
	p.sync = "retry = { give_up = { runs = 3 } }"
	p.configure()
	p.service.answers(refusing("p4@x.io", "p5@x.io"))
	for n := range 3 {
		if run := p.run(exitPartial); run.Rejected != 2 {
			t.Errorf("run %d: %+v", n, run.Counts)
		}
	}
	run := p.run(exitDone)
	want := runlog.Counts{Source: 20, Same: 18, Carried: 2, Quarantined: 2}
	if run.State != runlog.Succeeded || run.Counts != want || run.Requests != 0 {
		t.Errorf("given up: %s, %+v, %d requests", run.State, run.Counts, run.Requests)
	}
	if plan := p.plan(); plan.Quarantined != 2 || plan.Requests != 0 {
		t.Errorf("the plan says %+v", plan)
	}
	p.service.calm()
	p.sql("update people set score = 99 where id = 5") // a change releases it
	if run = p.run(exitDone); run.Accepted != 1 || run.Quarantined != 1 {
		t.Errorf("after a change: %+v", run.Counts)
	}
	p.spillway("retry", "people", "--key", "4", "--error", "bad_plan").exits(exitDone).says("1 row")
	if run = p.run(exitDone); run.Accepted != 1 || run.Quarantined != 0 {
		t.Errorf("after retry: %+v", run.Counts)
	}
	p.spillway("retry", "people").exits(exitDone).says("No rejected row")
	p.converged()
}
