package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMain makes this test's binary the command spillway of the scripts, and of everything else that looks for it on
// the PATH.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"spillway": func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScript runs testdata/script/*.txtar, one a command or topic. Besides testscript's own commands they have:
//
//	exits CODE CMD [ARG...]   run a command, which must end with this exit code
//	json EXPR...              the last stdout is one JSON document for which every expression is true
//	balanced                  every run in the last stdout satisfies the identities of DESIGN §3
//	plain FROM TO             write FROM to TO with run ids, times, durations, ports and widths made the same
//	tidy                      the last stdout ends with a newline and has no trailing blanks and no line beyond 160 columns
//	start NAME CMD [ARG...]   start a command in the background, with its output in NAME.out and NAME.err
//	end NAME SIGNAL CODE      send it INT or TERM; it must end with this exit code
//	await FILE PATTERN [VAR]  wait until FILE matches; VAR is set to the first group
//	get URL FILE              fetch a page
//	shop                      write the project testdata/shop here, and serve the service that it delivers to
//	answer KIND [ARG...]      say how the service answers; see answer
//	vendor KIND               serve the stand-in of a vendor, at the address that takes the place of $URL in spillway.toml
//
// and the condition [root].
func TestScript(t *testing.T) {
	t.Parallel()
	project, err := filepath.Abs("testdata/shop")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "")
			e.Setenv("TZ", "Pacific/Chatham") // what is shown is in UTC wherever the machine is
			e.Values[processes{}] = map[string]*exec.Cmd{}
			e.Values[serviceKey{}] = &fakeService{project: project}
			return nil
		},
		Condition: func(condition string) (bool, error) {
			if condition != "root" {
				return false, fmt.Errorf("there is no condition %s", condition)
			}
			return os.Geteuid() == 0, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "json": checkJSON, "balanced": balanced, "plain": plain, "tidy": tidy,
			"start": start, "end": end, "await": await, "get": get, "shop": shop, "answer": answer, "vendor": serveVendor,
		},
	})
}

// exits runs a command whose exit code is given.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE CMD [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitCodeOf(ts, ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func exitCodeOf(ts *testscript.TestScript, err error) int {
	if err == nil {
		return 0
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		ts.Fatalf("%v", err)
	}
	return exit.ExitCode()
}

// checkJSON evaluates expressions over the one JSON document in the last stdout.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	doc := document(ts)
	for _, code := range args {
		program, err := expr.Compile(code, expr.AsBool(), expr.Function("names", names))
		if err != nil {
			ts.Fatalf("%s: %v", code, err)
		}
		got, err := expr.Run(program, doc)
		if err != nil {
			ts.Fatalf("%s: %v", code, err)
		}
		if got == neg {
			ts.Fatalf("%s is %v", code, got)
		}
	}
}

// names returns the keys of an object, sorted and joined by blanks.
func names(params ...any) (any, error) {
	object, ok := params[0].(map[string]any)
	if !ok {
		return nil, errors.New("names wants an object")
	}
	return strings.Join(slices.Sorted(maps.Keys(object)), " "), nil
}

// document decodes the last stdout, which must be one JSON object and nothing else.
func document(ts *testscript.TestScript) map[string]any {
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	var doc map[string]any
	if err := decoder.Decode(&doc); err != nil {
		ts.Fatalf("stdout is no JSON object: %v", err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		ts.Fatalf("stdout holds more than one JSON document")
	}
	return doc
}

// balanced holds the counts of every run against the identities.
func balanced(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: balanced")
	}
	runs, ok := document(ts)["runs"].([]any)
	if !ok || len(runs) == 0 {
		ts.Fatalf("stdout holds no runs")
	}
	for _, one := range runs {
		r, ok := one.(map[string]any)
		if !ok {
			ts.Fatalf("a run is no object")
		}
		sum := func(names ...string) (n float64) {
			for _, name := range names {
				v, ok := r[name].(float64)
				if !ok {
					ts.Fatalf("run has no count %s", name)
				}
				n += v
			}
			return n
		}
		if got, want := sum("same", "added", "changed", "carried", "invalid"), sum("source"); got != want {
			ts.Fatalf("run %v: same + added + changed + carried + invalid = %v, source = %v", r["id"], got, want)
		}
		got, want := sum("accepted", "rejected", "deferred", "unknown", "held", "quarantined"), sum("added", "changed", "removed", "carried")
		if got != want {
			ts.Fatalf("run %v: the outcomes sum to %v, the operations to %v", r["id"], got, want)
		}
	}
}

// What differs from run to run, and the words that stand for it.
var volatile = []struct {
	pattern *regexp.Regexp
	word    string
}{
	{regexp.MustCompile(`\b01[0-9A-HJKMNP-TV-Z]{24}\b`), "RUN-ID"},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\d[ T]\d\d:\d\d:\d\d(Z|\b)`), "DATE-TIME"},
	{regexp.MustCompile(`\b\d+(\.\d+)? m?s\b`), "TIME"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`[0-9.]+ (kB|MB)\b`), "SIZE"},
	{regexp.MustCompile(` {2,}`), "  "}, // the widths of columns follow from the above
	{regexp.MustCompile(`─+`), "───"},
}

// plain copies a file with what differs from run to run replaced.
func plain(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: plain FROM TO")
	}
	text := ts.ReadFile(args[0])
	for _, v := range volatile {
		text = v.pattern.ReplaceAllLiteralString(text, v.word)
	}
	text = strings.ReplaceAll(text, ts.Getenv("WORK"), "WORK")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

// tidy holds text for people to its form.
func tidy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: tidy")
	}
	text := ts.ReadFile("stdout")
	if !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n") {
		ts.Fatalf("stdout does not end with one newline")
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.TrimRight(line, " \t") != line {
			ts.Fatalf("trailing blanks: %q", line)
		}
		if n := len([]rune(line)); n > 160 {
			ts.Fatalf("a line of %d columns: %s", n, line)
		}
	}
}
