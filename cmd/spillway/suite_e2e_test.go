package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"spillway/syncer"
	"spillway/syncer/runlog"
	"spillway/warehouse/warehousetest/pgtest"
)

// TestEndToEnd runs the command itself, built once, against a PostgreSQL and a service of its own.
func TestEndToEnd(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	tests := map[string]func(*suite){
		"deltas of 200,000 rows":                  testDeltas,
		"killed at any instant":                   testKills,
		"a rejected row":                          testRejectedRow,
		"a poison row":                            testPoisonRow,
		"quarantine and retry":                    testQuarantine,
		"sources that must not be believed":       testSources,
		"a connection cut in the middle":          testCutConnection,
		"too many requests":                       testThrottling,
		"refused credentials":                     testRefusedCredentials,
		"an unreachable service":                  testUnreachable,
		"a lost answer":                           testLostAnswer,
		"a value that returns":                    testReturningValue,
		"canaries":                                testCanaries,
		"canaries in samples":                     testSampledCanaries,
		"interrupted by SIGINT":                   testInterrupt,
		"ended by SIGTERM":                        testTerminate,
		"interrupted while requests are answered": testInterruptAnswered,
		"interrupted while the model is read":     testInterruptReading,
		"two processes":                           testTwoProcesses,
		"a full disk":                             testFullDisk,
		"a read-only state directory":             testReadOnlyState,
		"a role that may do too much":             testPrivileges,
		"a move to another warehouse":             testMoves,
		"types":                                   testTypes,
		"a damaged snapshot":                      testDamagedSnapshot,
		"the pages":                               testPages,
		"the run log in a warehouse":              testExportedLog,
	}
	maps.Copy(tests, standInTests())
	maps.Copy(tests, vendorTests())
	maps.Copy(tests, traceTests())
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&suite{t: t, bin: s.bin, pg: s.pg})
		})
	}
}

// suite is what all tests share.
type suite struct {
	t   *testing.T
	bin string
	pg  *pgtest.Server
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	pg, err := pgtest.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Stop)
	s := &suite{t: t, bin: filepath.Join(openDir(t), "spillway"), pg: pg}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.bin, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return s
}

// openDir is a temporary directory that every user may look into.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// site is a project with a database and a service of its own.
type site struct {
	t       *testing.T
	suite   *suite
	dir     string
	db      *pgx.Conn
	dsn     string
	service *receiver
	env     []string
	as      *syscall.Credential // of the commands; nil is the test's own

	destination, sync, guard string // further lines of the tables
	stateDir                 string // where that is not the usual one
}

const peopleTable = `create table people (id int primary key, email text, name text, plan text, score int, note text);
	alter table people alter column note set storage plain`

// newSite makes a project of one sync and fills its table with rows.
func newSite(s *suite, rows int) *site {
	t := s.t
	t.Helper()
	name := strings.ToLower(fmt.Sprintf("e2e_%d_%s", os.Getpid(), strings.NewReplacer("/", "_", " ", "_", ",", "", "-", "_").Replace(t.Name())))
	dsn, err := s.pg.NewDatabase(t.Context(), name[:min(len(name), 60)])
	if err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	p := &site{t: t, suite: s, dir: openDir(t), db: db, dsn: dsn, service: newReceiver(t)}
	t.Cleanup(func() {
		if err := db.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	p.env = append(os.Environ(), "WAREHOUSE_DSN="+dsn, "HOOK_TOKEN=token-0815", "NO_COLOR=1")
	p.sql(peopleTable)
	p.sql(`insert into people select i, 'p' || i || '@x.io', 'name ' || i, case when i % 3 = 0 then 'pro' else 'free' end, i % 100, 'note'
		from generate_series(1, $1::int) i`, rows)
	p.write("models/people.sql", "select id, email, name, plan, score from people\n")
	p.configure()
	return p
}

func (p *site) sql(statement string, args ...any) {
	p.t.Helper()
	if _, err := p.db.Exec(p.t.Context(), statement, args...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *site) write(name, content string) {
	p.t.Helper()
	file := filepath.Join(p.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *site) read(name string) string {
	p.t.Helper()
	content, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(content)
}

// configure writes the project's files.
func (p *site) configure() {
	p.t.Helper()
	p.write("spillway.toml", fmt.Sprintf(`[project]
name = "e2e"

[warehouses.pg]
type = "postgres"
dsn  = { env = "WAREHOUSE_DSN" }

[destinations.hook]
type  = "http"
url   = "%s/{object}"
token = { env = "HOOK_TOKEN" }
concurrency = 4
%s
`, p.service.server.URL, p.destination))
	if !strings.Contains(p.sync, "[fields]") {
		p.sync += "\n[fields]\nemail = \"email\"\nname = \"name\"\nplan = { column = \"plan\", map = { free = \"Free\", pro = \"Pro\" } }\nscore = \"score\"\n"
	}
	p.write("syncs/people.toml", fmt.Sprintf(`model       = "people"
destination = "hook"
object      = "people"
mode        = "upsert"
key         = "id"
identifier  = "email"
on_removed  = "delete"
%s
[guard]
%s
`, p.sync, p.guard))
}

// state is the project's state directory.
func (p *site) state() string { return cmp.Or(p.stateDir, filepath.Join(p.dir, ".spillway")) }

// done is a command that ended.
type done struct {
	t              *testing.T
	args           string
	code           int
	stdout, stderr string
	took           time.Duration
}

func (p *site) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(p.t.Context(), p.suite.bin, args...)
	cmd.Dir, cmd.Env = p.dir, slices.Clone(p.env)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	return cmd
}

// spillway runs the command and waits.
func (p *site) spillway(args ...string) *done {
	p.t.Helper()
	return p.wait(p.command(args...))
}

func (p *site) wait(cmd *exec.Cmd) *done {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || !exit.Exited()) {
		p.t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr.String())
	}
	return &done{p.t, strings.Join(cmd.Args[1:], " "), cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(start)}
}

// exits checks the exit code.
func (d *done) exits(code int) *done {
	d.t.Helper()
	if d.code != code {
		d.t.Errorf("spillway %s: exit code %d, want %d\n%s\n%s", d.args, d.code, code, d.stdout, d.stderr)
	}
	return d
}

// says checks that the output holds every one of the texts.
func (d *done) says(texts ...string) *done {
	d.t.Helper()
	for _, text := range texts {
		if !strings.Contains(d.stdout+d.stderr, text) {
			d.t.Errorf("spillway %s does not say %q:\n%s\n%s", d.args, text, d.stdout, d.stderr)
		}
	}
	return d
}

// run runs the sync with an exit code, and returns what came of it.
func (p *site) run(code int) runlog.Run {
	p.t.Helper()
	return p.spillway("run", "--json").exits(code).run()
}

func (d *done) run() runlog.Run {
	d.t.Helper()
	var document struct{ Runs []runlog.Run }
	if err := json.Unmarshal([]byte(d.stdout), &document); err != nil || len(document.Runs) != 1 {
		d.t.Fatalf("spillway %s printed %d runs (%v):\n%s\n%s", d.args, len(document.Runs), err, d.stdout, d.stderr)
	}
	if err := document.Runs[0].Balance(); err != nil {
		d.t.Errorf("spillway %s: %v", d.args, err)
	}
	return document.Runs[0]
}

func (p *site) plan() syncer.Plan {
	p.t.Helper()
	d := p.spillway("plan", "--json")
	var document struct{ Plans []syncer.Plan }
	if err := json.Unmarshal([]byte(d.stdout), &document); err != nil || len(document.Plans) != 1 {
		p.t.Fatalf("a plan printed %d plans (%v):\n%s\n%s", len(document.Plans), err, d.stdout, d.stderr)
	}
	return document.Plans[0]
}

// converged checks that the service holds what the source does, and that a further run sends nothing.
func (p *site) converged() {
	p.t.Helper()
	p.service.calm()
	p.matches()
	run := p.run(exitDone)
	if run.Requests != 0 || run.Due() != 0 || run.Same != run.Source {
		p.t.Errorf("with nothing changed %d requests were made: %+v", run.Requests, run.Counts)
	}
}

// matches checks that the service holds what the source does.
func (p *site) matches() {
	p.t.Helper()
	want := map[string]string{}
	rows, err := p.db.Query(p.t.Context(), `select id, email, name, initcap(plan), score from people`)
	if err != nil {
		p.t.Fatal(err)
	}
	for rows.Next() {
		var id, score int
		var email, name, plan string
		if err := rows.Scan(&id, &email, &name, &plan, &score); err != nil {
			p.t.Fatal(err)
		}
		want[email] = fmt.Sprintf(`{"email":%q,"name":%q,"plan":%q,"score":%d}`, email, name, plan, score)
	}
	if err := rows.Err(); err != nil {
		p.t.Fatal(err)
	}
	p.service.holds(want)
}
