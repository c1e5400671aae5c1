package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// processes is the key under which a script keeps what it started.
type processes struct{}

// patience is how long a script waits for what should take no time.
const patience = 2 * time.Minute

func started(ts *testscript.TestScript) map[string]*exec.Cmd {
	all, ok := ts.Value(processes{}).(map[string]*exec.Cmd)
	if !ok {
		ts.Fatalf("the script was not set up")
	}
	return all
}

// start runs a command in the background.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME CMD [ARG...]")
	}
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "HOOK", "CRM"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	out, err := os.Create(ts.MkAbs(args[0] + ".out"))
	ts.Check(err)
	errout, err := os.Create(ts.MkAbs(args[0] + ".err"))
	ts.Check(err)
	cmd.Stdout, cmd.Stderr = out, errout
	ts.Check(cmd.Start())
	ts.Check(errors.Join(out.Close(), errout.Close()))
	started(ts)[args[0]] = cmd
	ts.Defer(func() {
		if _, running := started(ts)[args[0]]; running { // the script failed before it came to its end
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
}

// end stops what start began.
func end(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: end NAME INT|TERM CODE")
	}
	cmd, ok := started(ts)[args[0]]
	if !ok {
		ts.Fatalf("nothing called %s was started", args[0])
	}
	signal := map[string]os.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}[args[1]]
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(cmd.Process.Signal(signal))
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
		delete(started(ts), args[0])
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		ts.Fatalf("%s did not end", args[0])
	}
	if got := exitCodeOf(ts, err); got != want {
		ts.Fatalf("%s ended with exit code %d, want %d\n%s", args[0], got, want, ts.ReadFile(args[0]+".err"))
	}
}

// await waits until a file holds what it should.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: await FILE PATTERN [VAR]")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			ts.Check(err)
		}
		if found := pattern.FindSubmatch(text); found != nil {
			if len(args) == 3 {
				ts.Setenv(args[2], string(found[1]))
			}
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("%s never matched %s:\n%s", args[0], args[1], text)
		}
	}
}

// get fetches a page of a server that a script started.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: get URL FILE")
	}
	answer, err := http.Get(args[0])
	ts.Check(err)
	body, err := io.ReadAll(answer.Body)
	ts.Check(errors.Join(err, answer.Body.Close()))
	if answer.StatusCode != http.StatusOK {
		ts.Fatalf("GET %s: %s", args[0], answer.Status)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), body, 0o600))
}
