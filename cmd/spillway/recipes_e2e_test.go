package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/oasdiff/yaml"
)

// recipe is a block of docs/operate.md that has a name.
var recipe = regexp.MustCompile("(?s)<!-- recipe ([a-z-]+) -->\n```[a-z]+\n(.*?)```")

func recipes(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docs, "operate.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range recipe.FindAllStringSubmatch(string(text), -1) {
		found[m[1]] = m[2]
	}
	return found
}

// with runs another program in the project's directory.
func (p *site) with(name string, args ...string) *done {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), name, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	return p.wait(cmd)
}

// TestPythonOfTheRecipesIsPython compiles what is to be run by Airflow and Dagster.
func TestPythonOfTheRecipesIsPython(t *testing.T) {
	t.Parallel()
	all := recipes(t)
	for _, name := range []string{"airflow-bash", "airflow-http", "deliver", "dagster"} {
		if all[name] == "" {
			t.Errorf("there is no recipe %s", name)
			continue
		}
		cmd := exec.CommandContext(t.Context(), "python3", "-c", "import sys; compile(sys.stdin.read(), sys.argv[1], 'exec')", name)
		cmd.Stdin = strings.NewReader(all[name])
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// testRecipes does what docs/operate.md says, against a daemon.
func testRecipes(s *suite) {
	t := s.t
	p := newSite(s, 30)
	all := recipes(t)
	d := p.serve()

	p.write("deliver.py", all["deliver"]+`
import sys
run = deliver("people", sys.argv[1], sys.argv[2], "none")
print(run["accepted"], run["id"])
`)
	// On the loopback interface no token is asked for, and one that is not known is refused.
	p.with("python3", "deliver.py", "dag-1", d.at.URL).exits(exitFailed).says("401")
	p.write("deliver.py", strings.Replace(p.read("deliver.py"), `"none"`, "sys.argv[3]", 1))
	token := strings.TrimSpace(p.spillway("token", "create", "--name", "airflow", "--scope", "run", "--quiet").exits(exitDone).stdout)
	first := p.with("python3", "deliver.py", "dag-1", d.at.URL, token).exits(exitDone).says("30 01")
	if again := p.with("python3", "deliver.py", "dag-1", d.at.URL, token).exits(exitDone); again.stdout != first.stdout {
		t.Errorf("a second try led to %q, the first to %q", again.stdout, first.stdout)
	}

	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ ID, Run string }
		}
	}
	text, err := yaml.YAMLToJSON([]byte(all["github"]))
	if err == nil {
		err = json.Unmarshal(text, &workflow)
	}
	if err != nil || len(workflow.Jobs["plan"].Steps) != 5 {
		t.Fatal(err, workflow)
	}
	p.env = append(p.env, "PATH="+filepath.Dir(p.suite.bin)+":"+os.Getenv("PATH"))
	p.guard = "max_changed = 5\n"
	p.configure()
	p.sql("update people set score = score + 1 where id <= 7; delete from people where id = 30")
	for _, step := range workflow.Jobs["plan"].Steps {
		if step.ID != "" {
			p.with("bash", "-eo", "pipefail", "-c", step.Run).exits(exitDone)
		}
	}
	want := []string{"| sync | added | changed | removed | fields | held |", "|---|---|---|---|---|---|", "| people | 0 | 7 | 1 | score | 7 rows of the 30"}
	for n, line := range strings.Split(strings.TrimSpace(p.read("plan.md")), "\n") {
		if n >= len(want) || !strings.HasPrefix(line, want[n]) {
			t.Errorf("the comment's line %d is %q", n, line)
		}
	}
	d.signal(syscall.SIGTERM).exits(exitDone)
}

// testBackup copies the state directory as docs/operate.md does, loses it, and puts it back.
func testBackup(s *suite) {
	t := s.t
	text, err := os.ReadFile(filepath.Join(docs, "operate.md"))
	if err != nil {
		t.Fatal(err)
	}
	p := newSite(s, 50)
	commands := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 3 && words[0] == "tar" {
			here := strings.NewReplacer("/var/lib/spillway", p.dir, "state", ".spillway", "spillway-.spillway.tar.gz", "backup.tar.gz")
			commands[words[3]] = here.Replace(strings.TrimSpace(line))
		}
	}
	if commands["-czf"] == "" || commands["-xzpf"] == "" {
		t.Fatalf("the page has the commands %v", commands)
	}
	shell := func(command string) {
		t.Helper()
		p.with("sh", "-ec", strings.ReplaceAll(command, "spillway-.spillway", "backup")).exits(exitDone)
	}
	d := p.serve()
	p.run(exitDone)
	d.signal(syscall.SIGTERM).exits(exitDone)
	shell(commands["-czf"])
	if err := os.RemoveAll(p.state()); err != nil {
		t.Fatal(err)
	}
	if lost := p.plan(); lost.Added != 50 {
		t.Errorf("without the state %d rows are new", lost.Added)
	}
	shell(commands["-xzpf"])
	p.spillway("state", "verify").exits(exitDone).says("50 rows")
	p.spillway("audit", "verify").exits(exitDone)
	if plan := p.plan(); plan.Same != 50 || plan.Due() {
		t.Errorf("with it put back: %+v", plan)
	}
	p.spillway("runs", "list").exits(exitDone).says("succeeded")
	d = p.serve()
	p.converged()
	d.signal(syscall.SIGTERM).exits(exitDone)
}
