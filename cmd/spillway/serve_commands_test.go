package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spillway/syncer/runlog"
)

// beside is what a command does while a daemon has the state directory.
type beside struct {
	args string
	code int
	says string
}

// commandsBeside has every command there is, by its path. Those that go on until they are stopped are asked for what they
// refuse.
func commandsBeside() map[string]beside {
	return map[string]beside{
		"init":                  {"init other --json", exitDone, "other"},
		"demo":                  {"demo --exit", exitDone, "That is all of it"},
		"sandbox":               {"sandbox --listen nowhere", exitUsage, "nowhere"},
		"validate":              {"validate", exitDone, "sync"},
		"doctor":                {"doctor", exitDone, "hook"},
		"plan":                  {"plan", exitDone, "people"},
		"run":                   {"run", exitDone, "people"},
		"serve":                 {"serve --listen 127.0.0.1:0", exitTemporary, "spillway serve"},
		"runs":                  {"runs", exitDone, "people"},
		"runs list":             {"runs list", exitDone, "people"},
		"runs show":             {"runs show last", exitDone, "people"},
		"runs rows":             {"runs rows last --json", exitDone, "rows"},
		"runs errors":           {"runs errors last", exitDone, "No problems"},
		"runs logs":             {"runs logs last", exitDone, ""},
		"runs cancel":           {"runs cancel last", exitFailed, "is over"},
		"runs approve":          {"runs approve last", exitFailed, "was not held"},
		"alerts":                {"alerts", exitDone, "test"},
		"alerts list":           {"alerts list", exitDone, ""},
		"alerts test":           {"alerts test nobody", exitUsage, "no alert"},
		"why":                   {"why people 7", exitDone, "It arrived"},
		"runs export":           {"runs export --format jsonl", exitDone, "people"},
		"audit":                 {"audit", exitDone, ""},
		"audit list":            {"audit list", exitDone, "serve.start"},
		"audit verify":          {"audit verify", exitDone, ""},
		"state":                 {"state", exitDone, "verify"},
		"state verify":          {"state verify", exitDone, "ok"},
		"state show":            {"state show people 7", exitDone, "p7@x.io"},
		"models":                {"models", exitDone, "show"},
		"models show":           {"models show people --limit 1", exitDone, "email"},
		"destinations":          {"destinations", exitDone, "hook"},
		"destinations list":     {"destinations list", exitDone, "hook"},
		"destinations describe": {"destinations describe hook", exitDone, "http"},
		"destinations objects":  {"destinations objects hook", exitDone, ""},
		"destinations fields":   {"destinations fields hook people", exitDone, ""},
		"retry":                 {"retry people", exitDone, "No rejected row"},
		"reset":                 {"reset people --adopt", exitDone, "taken as delivered"},
		"forget":                {"forget people --key 7", exitDone, "erased"},
		"token":                 {"token", exitDone, "create"},
		"token create":          {"token create --name ops --scope read", exitDone, ""},
		"token list":            {"token list", exitDone, "ops"},
		"token revoke":          {"token revoke ops", exitDone, "ops"},
		"schema":                {"schema", exitDone, "definitions"},
		"completion":            {"completion bash", exitDone, "spillway"},
		"version":               {"version", exitDone, "spillway"},
	}
}

// commandPaths are the paths of all commands below one, without the name of the program.
func commandPaths(root *cobra.Command) []string {
	var paths []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			_, path, _ := strings.Cut(c.CommandPath(), " ")
			paths = append(append(paths, path), commandPaths(c)...)
		}
	}
	return paths
}

// testEveryCommandBeside runs each command while a daemon has the state directory. What would have to have it for itself
// is done by the daemon, and only another daemon is refused.
func testEveryCommandBeside(s *suite) {
	t := s.t
	p := newSite(s, 20)
	d := p.serve()
	p.run(exitDone)
	table := commandsBeside()
	paths := commandPaths(newApp(nil, nil, nil).root())
	slices.Sort(paths) // forget comes before retry, and token create before token list
	for _, path := range paths {
		b, ok := table[path]
		if !ok {
			t.Errorf("nobody says what %q does beside a daemon", path)
			continue
		}
		done := p.spillway(strings.Fields(b.args)...).exits(b.code).says(b.says)
		if locked := strings.Contains(done.stdout+done.stderr, "state directory is in use"); locked != (path == "serve") {
			t.Errorf("spillway %s met the lock: %t\n%s", b.args, locked, done.stderr)
		}
		d.idle()
	}

	// While a run of the sync goes on, its snapshot is not touched, and the run is named.
	sending, answered := newGate(), newGate()
	p.service.answers(func(*request) reply {
		sending.pass()
		return reply{after: answered.open}
	})
	p.sql("update people set score = score + 1")
	c := p.start("run", "--json")
	sending.wait(t)
	for _, args := range [][]string{{"reset", "people", "--resend"}, {"reset", "people", "--adopt"}, {"forget", "people", "--key", "1"}} {
		p.spillway(args...).exits(exitTemporary).says("people is already running", "wait for the run, or cancel it")
	}
	answered.pass()
	if run := c.end().exits(exitDone).run(); run.State != runlog.Succeeded {
		t.Errorf("the run is %s", run.State)
	}
	p.spillway("reset", "people", "--resend", "--json").exits(exitDone).says(`"reset": "resend"`)
	if plan := p.plan(); plan.Added != 20 {
		t.Errorf("after a reset %d rows are added", plan.Added)
	}
	if text := p.audited(); !strings.Contains(text, `"action":"sync.forget"`) || strings.Contains(text, `"key"`) {
		t.Errorf("the audit log:\n%s", text)
	}
}
