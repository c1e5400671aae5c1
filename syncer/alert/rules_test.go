package alert_test

import (
	"strings"
	"testing"
	"time"

	"spillway/syncer/alert"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

func succeeded(rows int64) runlog.Run {
	return runlog.Run{State: runlog.Succeeded, DurationMS: 1000, Counts: runlog.Counts{Source: rows, Same: rows}}
}

func fails(code string) runlog.Run {
	return runlog.Run{State: runlog.Failed, DurationMS: 1000, Error: &runlog.Failure{Code: code, Message: "ada@example.com is no warehouse"}}
}

func rejects(n, of int64) runlog.Run {
	return runlog.Run{State: runlog.Partial, DurationMS: 1000, Counts: runlog.Counts{Source: of, Changed: of, Rejected: n, Accepted: of - n}}
}

func held(n int64) runlog.Run {
	return runlog.Run{State: runlog.Held, DurationMS: 1000, Error: &runlog.Failure{Code: "guard"}, Counts: runlog.Counts{Source: n, Changed: n, Held: n}}
}

func lasting(d time.Duration, state runlog.State) runlog.Run {
	return runlog.Run{State: state, DurationMS: d.Milliseconds()}
}

// TestWhatRunsSay lets runs end one after another and holds what is told to what should be.
func TestWhatRunsSay(t *testing.T) {
	t.Parallel()
	cancelled := runlog.Run{State: runlog.Cancelled, DurationMS: 1000}
	quarantined := runlog.Run{State: runlog.Partial, Counts: runlog.Counts{Source: 110, Same: 10, Carried: 100, Quarantined: 95, Rejected: 5}}
	inARow := rules(alert.Failed)
	inARow.Failures = 3
	exact := rules(alert.Rejected)
	exact.Rejected = project.Share{Rows: 10}
	fewRuns := rules(alert.Rows)
	fewRuns.RowsRuns = 1
	for name, test := range map[string]struct {
		rules alert.Rules
		runs  []runlog.Run
		want  []string
	}{
		"a failure and its end, once each": {
			rules(alert.Failed),
			[]runlog.Run{succeeded(9), fails("warehouse"), fails("warehouse"), fails("model"), succeeded(9), succeeded(9)},
			[]string{"failed firing", "failed resolved"},
		},
		"a first run that fails":                {rules(alert.Failed), []runlog.Run{fails("warehouse")}, []string{"failed firing"}},
		"rows that are rejected are no failure": {rules(alert.Failed), []runlog.Run{fails("x"), rejects(9, 9)}, []string{"failed firing", "failed resolved"}},
		"what comes to no end says nothing": {
			rules(alert.Failed),
			[]runlog.Run{fails("x"), cancelled, held(5), fails("interrupted"), fails("x"), succeeded(1), fails("interrupted"), cancelled},
			[]string{"failed firing", "failed resolved"},
		},
		"three failures in a row": {
			inARow,
			[]runlog.Run{fails("x"), fails("x"), succeeded(1), fails("x"), cancelled, fails("x"), fails("x"), fails("x"), succeeded(1)},
			[]string{"failed firing", "failed resolved"},
		},
		"more than five percent rejected": {
			rules(alert.Rejected),
			[]runlog.Run{rejects(5, 100), rejects(6, 100), rejects(100, 100), fails("x"), rejects(5, 100)},
			[]string{"rejected firing", "rejected resolved"},
		},
		"one of ten rejected":                    {rules(alert.Rejected), []runlog.Run{rejects(1, 10), succeeded(10)}, []string{"rejected firing", "rejected resolved"}},
		"what is in quarantine was not sent":     {rules(alert.Rejected), []runlog.Run{quarantined}, []string{"rejected firing"}},
		"a number of rejected rows":              {exact, []runlog.Run{rejects(10, 10), rejects(11, 1000)}, []string{"rejected firing"}},
		"a plan waits until a run comes through": {rules(alert.Held), []runlog.Run{held(5), held(6), cancelled, fails("x"), succeeded(5)}, []string{"held firing", "held resolved"}},
		"a run takes long": {
			rules(alert.Slow),
			[]runlog.Run{lasting(time.Hour, runlog.Succeeded), lasting(61*time.Minute, runlog.Partial), lasting(2*time.Hour, runlog.Failed), lasting(time.Minute, runlog.Failed), lasting(time.Minute, runlog.Succeeded)},
			[]string{"slow firing", "slow resolved"},
		},
		"a model gives few rows": {
			rules(alert.Rows),
			[]runlog.Run{succeeded(100), succeeded(100), succeeded(104), succeeded(51), succeeded(49), held(0), succeeded(100)},
			[]string{"rows firing", "rows resolved"},
		},
		"a model gives many rows":              {rules(alert.Rows), []runlog.Run{succeeded(100), succeeded(100), succeeded(100), succeeded(151)}, []string{"rows firing"}},
		"too few runs to hold rows to":         {rules(alert.Rows), []runlog.Run{succeeded(100), succeeded(100), succeeded(1)}, nil},
		"one run is enough where one is asked": {fewRuns, []runlog.Run{succeeded(100), succeeded(1)}, []string{"rows firing"}},
		"nothing is what nothing is held to":   {rules(alert.Rows), []runlog.Run{succeeded(0), succeeded(0), succeeded(0), succeeded(5)}, nil},
		"one outlier moves nothing": {
			rules(alert.Rows),
			[]runlog.Run{succeeded(100), succeeded(100), succeeded(100), succeeded(100_000), succeeded(100)},
			[]string{"rows firing", "rows resolved"},
		},
		"several at once": {
			rules(alert.Failed, alert.Held, alert.Rejected),
			[]runlog.Run{fails("x"), held(3), rejects(2, 2), succeeded(3)},
			[]string{"failed firing", "held firing", "failed resolved", "held resolved", "rejected firing", "rejected resolved"},
		},
		"nothing that it does not tell of": {rules(alert.Overdue), []runlog.Run{fails("x"), held(3), rejects(2, 2)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &phone{}
			w := newWorld(t, calls("ops", p, test.rules))
			w.sync("people")
			w.pass()
			for _, run := range test.runs {
				w.later(time.Minute)
				w.ends("people", run)
				w.pass()
				w.pass()
			}
			for i := range test.want {
				test.want[i] = "people " + test.want[i]
			}
			p.expect(t, "in the end", test.want...)
			if strings.Contains(readFile(t, w), "ada@") {
				t.Error("the file holds a message of a run")
			}
		})
	}
}

// TestOverdue holds syncs that run every hour to their schedule.
func TestOverdue(t *testing.T) {
	t.Parallel()
	p := &phone{}
	w := newWorld(t, calls("ops", p, rules(alert.Overdue)))
	w.ends("people", succeeded(1))
	w.sync("idle").Schedule = nil
	w.sync("asleep").Paused = true
	hour := func() {
		for range 60 {
			w.later(time.Minute)
			w.pass()
		}
	}
	w.later(time.Second) // nothing is due at noon itself
	w.pass()
	hour()
	hour()
	p.expect(t, "after two hours")
	hour()
	p.expect(t, "after three hours", "people overdue firing")
	w.ends("people", fails("x"))
	hour()
	p.expect(t, "after another failure")
	w.restart()
	hour()
	p.expect(t, "after a restart")
	w.ends("people", succeeded(1))
	w.pass()
	p.expect(t, "after a success", "people overdue resolved")

	w.sync("people").Paused = true
	hour()
	hour()
	hour()
	hour()
	p.expect(t, "while it is paused")
	w.sync("people").Paused = false
	w.sync("asleep").Paused = false
	hour()
	hour()
	p.expect(t, "two hours after it was resumed")
	hour()
	p.expect(t, "three hours after it was resumed", "people overdue firing", "asleep overdue firing")

	w.sync("asleep").Schedule = nil
	w.pass()
	p.expect(t, "without a schedule", "asleep overdue resolved")
}

// TestOverdueAfterTheDaemonWasDown: a sync is given the time to catch up.
func TestOverdueAfterTheDaemonWasDown(t *testing.T) {
	t.Parallel()
	p := &phone{}
	w := newWorld(t, calls("ops", p, rules(alert.Overdue)))
	w.later(time.Minute)
	w.ends("people", succeeded(1))
	w.pass()
	w.later(48*time.Hour + 10*time.Minute)
	w.restart()
	w.pass()
	w.later(30 * time.Minute)
	w.pass()
	p.expect(t, "within the hour")
	w.later(30 * time.Minute)
	w.pass()
	p.expect(t, "after its next tick", "people overdue firing")
}

// TestARunThatGoesOnForLong is told of while it does.
func TestARunThatGoesOnForLong(t *testing.T) {
	t.Parallel()
	p := &phone{}
	w := newWorld(t, calls("ops", p, rules(alert.Slow)))
	w.sync("people").Running = &runlog.Run{ID: "people-1", Sync: "people", State: runlog.Running, StartedAt: noon}
	w.later(time.Hour)
	w.pass()
	p.expect(t, "after an hour")
	w.later(time.Minute)
	w.pass()
	if len(p.taken) == 1 && (p.taken[0].Summary != "A run of people has been going on for 1h1m; 1h is allowed." || p.taken[0].Link != "https://spillway.example.com/runs/people-1") {
		t.Errorf("%+v", p.taken[0])
	}
	p.expect(t, "after more", "people slow firing")
	w.ends("people", lasting(2*time.Hour, runlog.Succeeded))
	w.pass()
	p.expect(t, "at its end")
	w.later(time.Minute)
	w.ends("people", lasting(time.Minute, runlog.Succeeded))
	w.pass()
	p.expect(t, "after a quick one", "people slow resolved")
}

// TestAProjectWithMistakes is told of once, and when it is mended.
func TestAProjectWithMistakes(t *testing.T) {
	t.Parallel()
	p := &phone{}
	w := newWorld(t, calls("ops", p, rules(alert.Reload)))
	w.pass()
	w.view.Mistakes = &alert.Mistakes{Count: 2, First: "syncs/people.toml:3: kye: unknown key"}
	w.pass()
	w.restart()
	w.pass()
	if len(p.taken) != 1 || !strings.Contains(p.taken[0].Summary, "2 problems, the first at syncs/people.toml:3: kye: unknown key") {
		t.Errorf("%+v", p.taken)
	}
	p.expect(t, "with mistakes", "reload firing")
	w.view.Mistakes = nil
	w.pass()
	p.expect(t, "without", "reload resolved")
}
