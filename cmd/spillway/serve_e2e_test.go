package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"spillway/cmd/spillway/web/audit"
	"spillway/syncer/runlog"
)

// TestServe runs spillway serve itself, and asks it by its API and by the commands beside it.
func TestServe(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	for name, test := range map[string]func(*suite){
		"a schedule":                 testSchedule,
		"requests for runs":          testRequests,
		"commands beside it":         testCommandsBeside,
		"recipes":                    testRecipes,
		"a backup":                   testBackup,
		"every command beside it":    testEveryCommandBeside,
		"a held plan":                testHeldPlan,
		"five runs killed":           testFiveKilled,
		"an end in the middle":       testEndInTheMiddle,
		"an address beyond loopback": testBeyondLoopback,
		"a project that changes":     testChangingProject,
		"alerts":                     testAlerts,
		"a service manager":          testServiceManager,
		"a deployment":               testDeployment,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&suite{t: t, bin: s.bin, pg: s.pg})
		})
	}
}

// served is a daemon that runs.
type served struct {
	*child
	at whereabouts
}

// serve starts a daemon and waits until it can be asked.
func (p *site) serve() *served {
	p.t.Helper()
	d := &served{child: p.start("serve", "--listen", "127.0.0.1:0")}
	p.t.Cleanup(func() {
		if d.cmd.ProcessState == nil {
			_ = d.cmd.Process.Kill()
			_ = d.cmd.Wait()
		}
		if p.t.Failed() {
			p.t.Logf("the daemon said:\n%s%s", d.stdout.String(), d.stderr.String())
		}
	})
	until(p.t, func() bool {
		at, err := readWhereabouts(p.state())
		d.at = at
		return err == nil && at.PID == d.cmd.Process.Pid
	})
	return d
}

// ask sends a request without a token, and returns the status and the answer.
func (d *served) ask(method, path, body string, headers ...string) (int, map[string]any) {
	d.p.t.Helper()
	r, err := http.NewRequestWithContext(d.p.t.Context(), method, d.at.URL+path, strings.NewReader(body))
	if err != nil {
		d.p.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return answerOf(d.p.t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, r)
}

func answerOf(t *testing.T, client *http.Client, r *http.Request) (int, map[string]any) {
	t.Helper()
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil && bytes.HasPrefix(text, []byte("{")) {
		t.Fatalf("%s %s: %v\n%s", r.Method, r.URL, err, text)
	}
	return response.StatusCode, answer
}

// listed returns the runs in the log that match a query, newest first.
func (d *served) listed(query string) []runlog.Run {
	d.p.t.Helper()
	status, answer := d.ask("GET", "/api/v1/runs?limit=500&"+query, "")
	if status != http.StatusOK {
		d.p.t.Fatalf("runs: %d %v", status, answer)
	}
	text, err := json.Marshal(answer["runs"])
	var runs []runlog.Run
	if err == nil {
		err = json.Unmarshal(text, &runs)
	}
	if err != nil {
		d.p.t.Fatal(err)
	}
	return runs
}

// testSchedule lets a sync run every second, pauses it and lets it go on.
func testSchedule(s *suite) {
	t := s.t
	p := newSite(s, 50)
	p.sync = "schedule = \"@every 1s\"\n"
	p.configure()
	d := p.serve()
	until(t, func() bool { return len(d.listed("state=succeeded")) >= 3 })
	if status, answer := d.ask("POST", "/api/v1/syncs/people/pause", ""); status != http.StatusOK || answer["paused"] != true || answer["next_run"] != nil {
		t.Errorf("pause: %d %v", status, answer)
	}
	until(t, func() bool { return len(d.listed("state=running"))+len(d.listed("state=queued")) == 0 })
	before := len(d.listed(""))
	if status, answer := d.ask("POST", "/api/v1/syncs/people/resume", ""); status != http.StatusOK || answer["paused"] != false || answer["next_run"] == nil {
		t.Errorf("resume: %d %v", status, answer)
	}
	until(t, func() bool { return len(d.listed("")) > before })
	for _, run := range d.listed("state=succeeded") {
		if run.Trigger != runlog.BySchedule {
			t.Errorf("run %s was started by %s", run.ID, run.Trigger)
		}
	}
	d.signal(syscall.SIGTERM).exits(exitDone)
	if n := p.service.onceEach(); n != 50 {
		t.Errorf("%d keys were applied", n)
	}
	p.matches()
}

// testRequests asks for runs as another program does.
func testRequests(s *suite) {
	t := s.t
	p := newSite(s, 300)
	sending, answered := newGate(), newGate()
	defer answered.pass()
	p.service.answers(func(*request) reply {
		sending.pass()
		return reply{after: answered.open}
	})
	d := p.serve()
	status, first := d.ask("POST", "/api/v1/syncs/people/runs", "", "Idempotency-Key", "dag-1")
	if status != http.StatusAccepted || first["terminal"] != false || first["trigger"] != "api" {
		t.Fatalf("%d %v", status, first)
	}
	sending.wait(t)
	if status, again := d.ask("POST", "/api/v1/syncs/people/runs", "", "Idempotency-Key", "dag-1"); status != http.StatusAccepted || again["id"] != first["id"] {
		t.Errorf("asked a second time: %d %v", status, again)
	}
	status, refused := d.ask("POST", "/api/v1/syncs/people/runs", "", "Idempotency-Key", "dag-2")
	if status != http.StatusConflict || refused["run"] != first["id"] || refused["code"] != "store.busy" {
		t.Errorf("asked while it runs: %d %v", status, refused)
	}
	p.spillway("run").exits(exitTemporary).says("people is already running", fmt.Sprint(first["id"]))
	id := fmt.Sprint(first["id"])
	start := time.Now()
	if status, run := d.ask("GET", "/api/v1/runs/"+id+"?wait=1s", ""); status != http.StatusOK || run["terminal"] != false || time.Since(start) < time.Second {
		t.Errorf("after %s: %d %v", time.Since(start), status, run)
	}
	go answered.pass()
	if status, run := d.ask("GET", "/api/v1/runs/"+id+"?wait=60s", ""); status != http.StatusOK || run["state"] != "succeeded" || run["terminal"] != true || run["accepted"] != 300. {
		t.Errorf("%d %v", status, run)
	}
	if status, again := d.ask("POST", "/api/v1/syncs/people/runs", "", "Idempotency-Key", "dag-1"); status != http.StatusAccepted || again["id"] != id || again["terminal"] != true {
		t.Errorf("asked when it is over: %d %v", status, again)
	}
	if n := len(d.listed("")); n != 1 {
		t.Errorf("there are %d runs", n)
	}
	status, full := d.ask("POST", "/api/v1/syncs/people/runs", `{"full":true}`)
	if status != http.StatusAccepted {
		t.Fatalf("all rows again: %d %v", status, full)
	}
	if status, run := d.ask("GET", fmt.Sprintf("/api/v1/runs/%v?wait=60s", full["id"]), ""); status != http.StatusOK || run["accepted"] != 300. {
		t.Errorf("all rows again: %d %v", status, run)
	}
	if status, _ := d.ask("POST", "/api/v1/syncs/people/runs", "", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("from another site: %d", status)
	}
	d.signal(syscall.SIGTERM).exits(exitDone)
	p.converged()
}

// testCommandsBeside runs commands while the daemon has the state directory: they do what they do without it.
func testCommandsBeside(s *suite) {
	t := s.t
	p := newSite(s, 200)
	p.service.answers(func(r *request) reply {
		for _, rec := range r.Records {
			if rec.Key == "7" {
				return reply{body: `{"results":[` + results(r, "7") + `]}`}
			}
		}
		return reply{}
	})
	d := p.serve()
	run := p.run(exitPartial)
	if run.Accepted != 199 || run.Rejected != 1 || run.Trigger != runlog.ByCLI {
		t.Errorf("%+v", run)
	}
	p.spillway("runs", "show", "last").exits(exitDone).says(run.ID, "199 accepted")
	p.spillway("run").exits(exitPartial).says("people", "rejected")
	p.service.calm()
	p.spillway("retry", "people", "--key", "9999").exits(exitDone).says("No rejected row of people matches.")
	d.idle()
	p.spillway("retry", "people", "--json").exits(exitDone).says(`"sync": "people"`, `"released": `)
	d.idle()
	p.matches()

	// A run that is waited for ends when the command is interrupted, and one that is not when it is cancelled.
	for _, cancel := range []func(c *child) *done{
		func(c *child) *done { return c.signal(os.Interrupt).exits(130) },
		func(c *child) *done {
			p.spillway("runs", "cancel", "last").exits(exitDone).says("cancelled")
			return c.end().exits(exitFailed)
		},
	} {
		p.sql("update people set score = score + 1")
		sending := newGate()
		p.service.answers(func(*request) reply {
			sending.pass()
			return reply{forever: true}
		})
		c := p.start("run", "--json")
		sending.wait(t)
		if run := cancel(c).run(); run.State != runlog.Cancelled {
			t.Errorf("the run is %s", run.State)
		}
		p.service.calm()
	}
	p.spillway("runs", "cancel", "last").exits(exitFailed).says("is over")
	p.run(exitDone)
	p.converged()
	d.signal(syscall.SIGTERM).exits(exitDone)
	p.converged()
}

// results accepts all records of a request but one.
func results(r *request, but string) string {
	list := make([]string, 0, len(r.Records))
	for _, rec := range r.Records {
		status := "accepted"
		if rec.Key == but {
			status = "rejected"
		}
		list = append(list, fmt.Sprintf(`{"id":%q,"status":%q,"code":"bad","reason":"no"}`, rec.ID, status))
	}
	return strings.Join(list, ",")
}

// idle waits until nothing runs and nothing waits.
func (d *served) idle() {
	d.p.t.Helper()
	until(d.p.t, func() bool { return len(d.listed("state=running"))+len(d.listed("state=queued")) == 0 })
}

// testHeldPlan approves what a guard held, by the command and by the API.
func testHeldPlan(s *suite) {
	t := s.t
	p := newSite(s, 100)
	p.guard = "max_changed = 5\n"
	p.configure()
	d := p.serve()
	p.run(exitDone)
	p.service.came()
	p.sql("update people set score = score + 1")
	if held := p.run(exitHeld); held.Held != 100 || held.Requests != 0 {
		t.Errorf("%+v", held.Counts)
	}
	p.spillway("runs", "approve", "last").exits(exitDone).says("All 100 operations arrived.")
	p.matches()
	p.spillway("runs", "approve", "last").exits(exitFailed).says("was not held")
	p.sql("update people set score = score + 1")
	held := p.run(exitHeld)
	status, started := d.ask("POST", "/api/v1/runs/"+held.ID+"/approve", "")
	if status != http.StatusAccepted || started["trigger"] != "approve" {
		t.Fatalf("%d %v", status, started)
	}
	if status, run := d.ask("GET", fmt.Sprintf("/api/v1/runs/%v?wait=30s", started["id"]), ""); status != http.StatusOK || run["state"] != "succeeded" || run["accepted"] != 100. {
		t.Errorf("%d %v", status, run)
	}
	if status, refused := d.ask("POST", "/api/v1/runs/"+held.ID+"/approve", ""); status != http.StatusConflict || refused["code"] != "approval" {
		t.Errorf("approved twice: %d %v", status, refused)
	}
	d.signal(syscall.SIGTERM).exits(exitDone)
	if n, err := audit.New(p.state(), time.Now).Verify(); n < 8 || err != nil {
		t.Errorf("the audit log has %d entries: %v", n, err)
	}
	p.converged()
}
