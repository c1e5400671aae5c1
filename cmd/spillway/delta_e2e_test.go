package main

import (
	"strings"

	"spillway/syncer"
	"spillway/syncer/runlog"
)

// testDeltas sends what changed of 200,000 rows and nothing else, and the plan tells it beforehand.
func testDeltas(s *suite) {
	t := s.t
	const n = 200_000
	p := newSite(s, n)
	none := map[string]int64{}
	steps := []struct {
		name    string
		do      func()
		added   int64
		changed int64
		fields  map[string]int64
	}{
		{"all at first", func() {}, n, 0, none},
		{"then none", func() {}, 0, 0, none},
		{"1 % that is edited", func() { p.sql("update people set score = score + 1000 where id % 100 = 7") }, 0, n / 100, map[string]int64{"score": n / 100}},
		{"a column that is not mapped", func() { p.sql("update people set note = 'another'") }, 0, 0, none},
		{"a value map that is edited", func() {
			p.sync = strings.Replace(p.sync, `pro = "Pro"`, `pro = "Professional"`, 1)
			p.configure()
		}, 0, n / 3, map[string]int64{"plan": n / 3}},
	}
	for _, step := range steps {
		step.do()
		p.service.came()
		due := step.added + step.changed
		requests := (due + 99) / 100
		plan := p.plan()
		if plan.Source != n || plan.Added != step.added || plan.Changed != step.changed || plan.Same != n-due || plan.Requests != requests ||
			plan.Removed+plan.Carried+plan.Invalid+plan.Left != 0 || !sameFields(plan, step.fields) {
			t.Errorf("%s: the plan says %+v", step.name, plan)
		}
		if came := p.service.came(); len(came) > 0 {
			t.Fatalf("%s: a plan sent %d requests", step.name, len(came))
		}
		run := p.run(exitDone)
		want := runlog.Counts{Source: n, Same: n - due, Added: step.added, Changed: step.changed, Accepted: due}
		if run.Counts != want || run.Requests != requests {
			t.Errorf("%s: the run made %d requests and says %+v", step.name, run.Requests, run.Counts)
		}
		if applied := p.service.onceEach(); int64(applied) != due {
			t.Errorf("%s: %d keys were applied, want %d", step.name, applied, due)
		}
		if came := p.service.came(); int64(len(came)) != requests {
			t.Errorf("%s: %d requests came, want %d", step.name, len(came), requests)
		}
		t.Logf("%s: %d requests in %d ms (%d MB/s out of the process)", step.name, run.Requests, run.DurationMS, run.BytesSent/1000/max(run.DurationMS, 1))
	}
}

func sameFields(p syncer.Plan, want map[string]int64) bool {
	for name, n := range want {
		if p.Fields[name] != n {
			return false
		}
	}
	return len(p.Fields) == len(want)
}
