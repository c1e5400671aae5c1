package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spillway/syncer/runlog"
)

// child is a command that is still running.
type child struct {
	p      *site
	cmd    *exec.Cmd
	start  time.Time
	stdout bytes.Buffer
	stderr bytes.Buffer
}

func (p *site) start(args ...string) *child {
	p.t.Helper()
	c := &child{p: p, cmd: p.command(args...), start: time.Now()}
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	if err := c.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	return c
}

// signal sends a signal and waits for the end.
func (c *child) signal(s os.Signal) *done {
	c.p.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.p.t.Fatal(err)
	}
	c.start = time.Now()
	return c.end()
}

func (c *child) end() *done {
	_ = c.cmd.Wait() // its exit code is looked at
	return &done{
		c.p.t, strings.Join(c.cmd.Args[1:], " "), c.cmd.ProcessState.ExitCode(), c.stdout.String(), c.stderr.String(), time.Since(c.start),
	}
}

// gate is passed once.
type gate struct {
	once sync.Once
	open chan struct{}
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) pass() { g.once.Do(func() { close(g.open) }) }

func (g *gate) wait(t *testing.T) {
	t.Helper()
	select {
	case <-g.open:
	case <-time.After(30 * time.Second):
		t.Fatal("it did not come so far in 30 s")
	}
}

// testHanging interrupts a run while no request is answered.
func testHanging(s *suite, signal os.Signal, code int) {
	t := s.t
	p := newSite(s, 2_000)
	sending := newGate()
	requests := 0
	p.service.answers(func(*request) reply {
		if requests++; requests > 4 {
			sending.pass()
			return reply{forever: true}
		}
		return reply{}
	})
	c := p.start("run", "--json")
	sending.wait(t)
	d := c.signal(signal).exits(code)
	if d.took > 15*time.Second {
		t.Errorf("it ended after %s", d.took)
	}
	run := d.run()
	if run.State != runlog.Cancelled || run.Accepted != 400 || run.Unknown == 0 || run.Unknown > 400 || run.Rejected != 0 {
		t.Errorf("%s, %+v", run.State, run.Counts)
	}
	t.Logf("it ended after %s", d.took)
	p.service.calm()
	if run = p.run(exitDone); run.Accepted != 1_600 {
		t.Errorf("the next run: %+v", run.Counts)
	}
	p.converged()
}

func testInterrupt(s *suite) {
	testHanging(s, os.Interrupt, 130)
}

func testTerminate(s *suite) {
	testHanging(s, syscall.SIGTERM, 143)
}

// testInterruptAnswered interrupts a run whose requests are answered: nothing is in doubt.
func testInterruptAnswered(s *suite) {
	t := s.t
	p := newSite(s, 20_000)
	p.service.slow(20 * time.Millisecond)
	sending := newGate()
	requests := 0
	p.service.answers(func(*request) reply {
		if requests++; requests > 10 {
			sending.pass()
		}
		return reply{}
	})
	c := p.start("run", "--json")
	sending.wait(t)
	d := c.signal(os.Interrupt).exits(130)
	if d.took > 15*time.Second {
		t.Errorf("it ended after %s", d.took)
	}
	run := d.run()
	if run.State != runlog.Cancelled || run.Unknown != 0 || run.Accepted == 0 || run.Accepted+run.Deferred != 20_000 {
		t.Errorf("%s, %+v", run.State, run.Counts)
	}
	p.service.slow(0)
	if next := p.run(exitDone); next.Accepted != run.Deferred {
		t.Errorf("the next run: %+v after %+v", next.Counts, run.Counts)
	}
	if n := p.service.onceEach(); n != 20_000 {
		t.Errorf("%d keys were applied", n)
	}
	p.converged()
}

// testInterruptReading interrupts a run while the warehouse is at work: its statement is cancelled there.
func testInterruptReading(s *suite) {
	t := s.t
	p := newSite(s, 10)
	p.write("models/people.sql", "select id, email, name, plan, score from people, pg_sleep(60)\n")
	c := p.start("run", "--json")
	busy := func(state string) bool {
		var n int
		err := p.db.QueryRow(t.Context(), "select count(*) from pg_stat_activity where state = $1 and datname = current_database() and application_name like 'spillway people%' and query like '%pg_sleep(60)%'", state).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	until(t, func() bool { return busy("active") })
	d := c.signal(os.Interrupt).exits(130)
	if run := d.run(); d.took > 15*time.Second || run.State != runlog.Cancelled || run.Requests != 0 {
		t.Errorf("after %s: %s, %+v", d.took, run.State, run.Counts)
	}
	until(t, func() bool { return !busy("active") })
}

// until waits for a condition.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not come to that in 30 s")
		}
	}
}

// testTwoProcesses sends the second of two processes away at once.
func testTwoProcesses(s *suite) {
	t := s.t
	p := newSite(s, 300)
	sending, answered := newGate(), newGate()
	p.service.answers(func(*request) reply {
		sending.pass()
		<-answered.open
		return reply{}
	})
	c := p.start("run", "--json")
	sending.wait(t)
	for _, args := range [][]string{{"run"}, {"retry", "people"}, {"reset", "people", "--resend"}, {"forget", "people", "--key", "1"}} {
		second := p.spillway(args...).exits(exitTemporary).says(fmt.Sprint("process ", c.cmd.Process.Pid), "spillway run", p.state())
		if second.took > 3*time.Second {
			t.Errorf("%v: it took %s", args, second.took)
		}
	}
	// Whoever only looks is welcome.
	if plan := p.plan(); plan.Source != 300 || plan.Carried+plan.Added != 300 {
		t.Errorf("a plan beside the run: %+v", plan)
	}
	p.spillway("runs", "list").exits(exitDone).says("running")
	answered.pass()
	c.end().exits(exitDone)
	if n := p.service.onceEach(); n != 300 {
		t.Errorf("%d keys were applied", n)
	}
	p.converged()
}
