package main

import (
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"spillway/syncer/runlog"
)

// nothingSent checks that a run that must not believe its source sent nothing, and that the next one is as ever.
func (p *site) nothingSent(d *done, code int, state runlog.State, says ...string) {
	p.t.Helper()
	d.exits(code)
	run := d.run()
	if run.State != state || run.Requests != 0 || run.Error == nil {
		p.t.Fatalf("the run is %s with %d requests and %+v", run.State, run.Requests, run.Error)
	}
	if came := p.service.came(); len(came) > 0 {
		p.t.Errorf("%d requests came", len(came))
	}
	(&done{t: p.t, args: d.args, stdout: run.Error.Message}).says(append(says, "people")...)
}

func testSources(s *suite) {
	t := s.t
	p := newSite(s, 200)
	p.run(exitDone)
	p.service.came()
	run := func() *done { return p.spillway("run", "--json") }

	p.sql("create table parked as select * from people")
	p.sql("delete from people")
	p.nothingSent(run(), exitHeld, runlog.Held, "no rows", "200", "allow_empty")
	p.spillway("plan").exits(exitHeld).says("allow_empty")
	p.sql("insert into people select * from parked")

	p.sql("delete from people where id <= 22") // 11 %
	p.nothingSent(run(), exitHeld, runlog.Held, "22 rows of the 200", "11.0 %", "max_removed = 10% allows 20", "approve")
	p.sql("insert into people select * from parked where id <= 2") // 10 %
	if r := p.run(exitDone); r.Removed != 20 || r.Accepted != 20 {
		t.Errorf("10 %% removed: %+v", r.Counts)
	}
	p.service.came()

	p.sql("alter table people drop column score")
	p.nothingSent(run(), exitFailed, runlog.Failed, "score", "models/people.sql")
	p.write("models/people.sql", "select * from people\n")
	p.nothingSent(run(), exitFailed, runlog.Failed, "score", "models/people.sql")
	p.sql("alter table people add column score int")
	p.sql("update people set score = parked.score from parked where parked.id = people.id")

	p.sql("alter table people add column bad int not null default 1")
	p.sql("update people set bad = 0 where id = 150")
	p.write("models/people.sql", "select *, 1 / bad as one from people order by id\n")
	p.nothingSent(run(), exitFailed, runlog.Failed, "division by zero", "models/people.sql")
	p.sql("update people set bad = 1")
	p.converged()
}

// testCutConnection cuts the connection to the warehouse in the middle of a result.
func testCutConnection(s *suite) {
	t := s.t
	p := newSite(s, 20_000)
	p.run(exitDone)
	p.service.came()
	p.sql("update people set score = score + 1")
	p.sql("delete from people where id > 19000")
	for _, after := range []int64{2_000, 40_000, 300_000} {
		dsn := cutProxy(t, p.dsn, after)
		cmd := p.command("run", "--json")
		cmd.Env = append(cmd.Env, "WAREHOUSE_DSN="+dsn)
		p.nothingSent(p.wait(cmd), exitTemporary, runlog.Failed)
	}
	if r := p.run(exitDone); r.Changed != 19_000 || r.Removed != 1000 {
		t.Errorf("%+v", r.Counts)
	}
	p.converged()
}

// cutProxy stands before a server and cuts every connection after so many bytes of answers.
func cutProxy(t *testing.T, dsn string, after int64) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var closed atomic.Bool
	t.Cleanup(func() {
		closed.Store(true)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				if !closed.Load() {
					t.Error(err)
				}
				return
			}
			go cut(t, client, server, after)
		}
	}()
	u.Host = l.Addr().String()
	return u.String()
}

func cut(t *testing.T, client net.Conn, server string, after int64) {
	upstream, err := new(net.Dialer).DialContext(t.Context(), "tcp", server)
	if err == nil { // the test is not over
		go func() { _, _ = io.Copy(upstream, client) }() // ends when either side is closed
		_, _ = io.CopyN(client, upstream, after)
		_ = upstream.Close()
	}
	_ = client.Close() // either side may have been first
}
