package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"

	"spillway/syncer/alert"
)

// operations is where somebody hears of alerts.
type operations struct {
	*httptest.Server
	mu    sync.Mutex
	heard []alert.Notice
}

func (o *operations) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var message struct{ Data alert.Notice }
	if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard = append(o.heard, message.Data)
}

func (o *operations) notices() []alert.Notice {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.heard
}

// testAlerts lets runs fail before and after the daemon is killed, and come through again: that makes two notices.
func testAlerts(s *suite) {
	t := s.t
	ops := &operations{}
	ops.Server = httptest.NewServer(ops)
	t.Cleanup(ops.Close)
	p := newSite(s, 20)
	p.destination = fmt.Sprintf("\n[serve]\nurl = \"https://spillway.example.com\"\n\n[alerts.ops]\ntype = \"webhook\"\nurl = %q\n", ops.URL)
	p.configure()
	d := p.serve()
	p.run(exitDone)
	p.sql("alter table people rename to gone")
	first := p.run(exitFailed)
	until(t, func() bool { return len(ops.notices()) == 1 })
	p.run(exitFailed)
	p.spillway("alerts", "list").exits(exitDone).says("1 thing wrong", "people failed since")
	if n := ops.notices()[0]; n.State != alert.Firing || n.Trigger != alert.Failed || n.Sync != "people" || n.Project != "e2e" || n.Run.ID != first.ID ||
		n.Run.Code != first.Error.Code || n.Link != "https://spillway.example.com/runs/"+first.ID {
		t.Errorf("told %+v", n)
	}
	d.signal(syscall.SIGKILL)
	d = p.serve()
	p.run(exitFailed)
	p.sql("alter table gone rename to people")
	last := p.run(exitDone)
	until(t, func() bool { return len(ops.notices()) > 1 })
	p.run(exitDone)
	p.spillway("alerts", "list").exits(exitDone).says("well")
	d.signal(syscall.SIGTERM).exits(exitDone)
	if all := ops.notices(); len(all) != 2 || all[1].State != alert.Resolved || all[1].Run.ID != last.ID {
		t.Errorf("told %+v", all)
	}
	p.converged()
}
