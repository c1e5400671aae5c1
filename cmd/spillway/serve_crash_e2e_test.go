package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"spillway/syncer/runlog"
)

const (
	fiveSyncs              = 5
	destinationConcurrency = 4 // of the one destination that they share
)

// fiveSites makes a project of five syncs that share the rows among them.
func fiveSites(s *suite, rows int) *site {
	p := newSite(s, rows)
	p.destination = fmt.Sprintf("\n[serve]\nmax_runs = %d\n", fiveSyncs)
	p.configure()
	text := p.read("syncs/people.toml")
	for n := range fiveSyncs {
		name := fmt.Sprint("people", n)
		p.write("models/"+name+".sql", fmt.Sprintf("select id, email, name, plan, score from people where id %% %d = %d\n", fiveSyncs, n))
		p.write("syncs/"+name+".toml", strings.Replace(text, `= "people"`, `= "`+name+`"`, 1))
	}
	if err := os.Remove(filepath.Join(p.dir, "syncs", "people.toml")); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// testFiveKilled kills the daemon in the middle of five runs at once. The next one goes on by itself.
func testFiveKilled(s *suite) {
	t := s.t
	const rows = 5_000
	p := fiveSites(s, rows)
	sending, gone := newGate(), newGate()
	defer gone.pass()
	requests := 0
	book := newBook(t)
	p.env = append(p.env, "HOOK_TOKEN=life-1")
	p.service.answers(func(r *request) reply {
		if requests++; requests <= 6 {
			return reply{}
		}
		if requests == 6+destinationConcurrency { // all that may be in flight are
			sending.pass()
		}
		r.unanswered = true
		return reply{skip: requests%2 == 0, after: gone.open, cut: true}
	})
	d := p.serve()
	for n := range fiveSyncs {
		if status, answer := d.ask("POST", fmt.Sprintf("/api/v1/syncs/people%d/runs", n), ""); status != http.StatusAccepted {
			t.Fatalf("%d %v", status, answer)
		}
	}
	sending.wait(t)
	until(t, func() bool { return len(d.listed("state=running")) == fiveSyncs })
	d.signal(os.Kill)
	gone.pass()
	p.service.hangUp()
	p.service.calm()
	book.enter(p.service.came())

	p.env = append(p.env, "HOOK_TOKEN=life-2")
	d = p.serve()
	until(t, func() bool { return len(d.listed("state=succeeded")) == fiveSyncs })
	d.idle()
	p.matches()
	book.enter(p.service.came())
	book.close(rows)
	runs := d.listed("")
	if failed := d.listed("state=failed"); len(runs) != 2*fiveSyncs || len(failed) != fiveSyncs {
		t.Errorf("there are %d runs, of which %d failed", len(runs), len(failed))
	}
	for i := range runs {
		if err := runs[i].Balance(); err != nil || runs[i].Trigger != runlog.ByAPI {
			t.Errorf("run %s by %s: %v", runs[i].ID, runs[i].Trigger, err)
		}
	}
	p.service.came()
	p.spillway("run", "-q").exits(exitDone)
	if n := len(p.service.came()); n > 0 {
		t.Errorf("with nothing changed %d requests were made", n)
	}
	d.signal(syscall.SIGTERM).exits(exitDone)
}

// testEndInTheMiddle stops the daemon in order while five runs are being sent, and starts it again.
func testEndInTheMiddle(s *suite) {
	t := s.t
	p := fiveSites(s, 5_000)
	sending := newGate()
	requests := 0
	p.service.slow(50 * time.Millisecond)
	p.service.answers(func(*request) reply {
		if requests++; requests == 12 {
			sending.pass()
		}
		return reply{}
	})
	d := p.serve()
	for n := range fiveSyncs {
		d.ask("POST", fmt.Sprintf("/api/v1/syncs/people%d/runs", n), "")
	}
	sending.wait(t)
	if ended := d.signal(syscall.SIGTERM).exits(exitDone); ended.took > shutdownTime {
		t.Errorf("it took %s", ended.took)
	}
	p.service.slow(0)
	d = p.serve()
	until(t, func() bool { return len(d.listed("state=succeeded")) == fiveSyncs })
	d.idle()
	if n := p.service.onceEach(); n != 5_000 {
		t.Errorf("%d keys were applied", n)
	}
	p.matches()
	d.signal(syscall.SIGINT).exits(exitDone)
}
