package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	caseVariable      = "SPILLWAY_BENCH_CASE" // set in the processes that are measured
	warehouseVariable = "BENCH_DSN"           // of the project's PostgreSQL
)

// task is what one measured process does.
type task struct {
	Do     string // a key of works
	DSN    string // of PostgreSQL, or the path of a DuckDB file
	Table  string
	Rows   int    // of the table that count; 0 is all
	Dir    string // of the project
	Memory int    // bytes for the state; 0 is the default
	Forget bool   // nothing is recorded of what is sent

	URL      string // to which is posted
	Requests int64
	Bytes    int64 // of a body
}

// figures are what a measured process took.
type figures struct {
	Wall time.Duration
	CPU  time.Duration // user and system
	memory

	Rows    int64
	Due     int64
	Written int64 // bytes that the process dirtied on disks

	Sending    time.Duration // from the first request's making to the last answer's settling
	SendingCPU time.Duration
	Closing    time.Duration // from there to the end of the run
	Requests   int64
	Bytes      int64 // of all bodies
}

// works are what measured processes do.
func works() map[string]func(task, *figures) error {
	return map[string]func(task, *figures) error{
		"scan":        scan,
		"plan":        plan,
		"adopt":       adopt,
		"deliver":     deliver,
		"post":        post,
		"md5":         compareInside,
		"naive":       compareNaively,
		"duckdb":      makeDuckDB,
		"scan duckdb": scanDuckDB,
	}
}

// runCase is the main of a measured process. It prints its figures as JSON.
func runCase(text string) error {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	work, ok := works()[t.Do]
	if !ok {
		return fmt.Errorf("there is no case %q", t.Do)
	}
	if t.Do != "deliver" { // which profiles what counts of it
		profile(t)
		defer pprof.StopCPUProfile()
	}
	var f figures
	stop := watchMemory()
	started := time.Now()
	err := work(t, &f)
	f.Wall = time.Since(started)
	f.CPU = cpu()
	f.memory = stop()
	f.Written = written()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(f)
}

// profile begins to write where the processors' time goes into the directory that BENCH_PROFILE names, one file a
// process.
func profile(t task) {
	dir := os.Getenv("BENCH_PROFILE")
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s-%s-%d.pprof", strings.ReplaceAll(t.Do, " ", "-"), t.Table, os.Getpid())))
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// cpu is what this process has taken of the processors so far.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// measure does t in a process of its own.
func measure(b *testing.B, t task) figures {
	b.Helper()
	text, err := json.Marshal(t)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), caseVariable+"="+string(text), warehouseVariable+"="+t.DSN)
	var out, errout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errout
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s %s: %v\n%s", t.Do, t.Table, err, errout.String())
	}
	var f figures
	if err := json.Unmarshal(out.Bytes(), &f); err != nil {
		b.Fatalf("%s %s: %v\n%s", t.Do, t.Table, err, out.String())
	}
	return f
}

// turn is a case that is measured in turns with others.
type turn struct {
	name  string
	task  task
	check func(figures) error // of what it came to; may be nil
	taken []figures
}

// inTurns measures every case as often as there are rounds, one after the other in each, so that a machine whose speed
// drifts is fair to all of them.
func inTurns(b *testing.B, rounds int, turns ...*turn) {
	b.Helper()
	for range rounds {
		for _, t := range turns {
			f := measure(b, t.task)
			if t.check != nil {
				if err := t.check(f); err != nil {
					b.Fatalf("%s: %v", t.name, err)
				}
			}
			t.taken = append(t.taken, f)
		}
	}
}
