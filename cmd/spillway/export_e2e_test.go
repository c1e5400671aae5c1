package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/warehouse"
	"spillway/warehouse/warehousetest/mariadbtest"
)

// archive is a warehouse that takes the run log.
type archive struct {
	kind string

	// open returns the settings of a fresh one, as lines of its table, and those of one that cannot be reached.
	open func(t *testing.T, s *suite, dir string) (settings, unreachable string)
}

var archives = []archive{
	{"duckdb", func(_ *testing.T, _ *suite, dir string) (string, string) {
		return fmt.Sprintf("path = %q", filepath.Join(dir, "audit.duckdb")), fmt.Sprintf("path = %q", filepath.Join(dir, "none", "audit.duckdb"))
	}},
	{"postgres", func(t *testing.T, s *suite, _ string) (string, string) {
		t.Helper()
		dsn, err := s.pg.NewDatabase(t.Context(), "e2e_archive")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("dsn = %q", dsn), `dsn = "postgres://ada@127.0.0.1:1/none"`
	}},
	{"mysql", func(t *testing.T, _ *suite, _ string) (string, string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		server, err := mariadbtest.Start(ctx)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		dsn, err := server.NewDatabase(ctx, "archive")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("dsn = %q", dsn), `dsn = "mysql://ada@127.0.0.1:1/none"`
	}},
}

// testExportedLog has runs written into tables of every kind of warehouse that this build can write.
func testExportedLog(s *suite) {
	for _, a := range slices.Concat(archives, standInArchives()) {
		if !slices.ContainsFunc(kinds().Warehouses, func(d warehouse.Definition) bool { return d.Name == a.kind && d.Writes() }) {
			continue
		}
		s.t.Run(a.kind, func(t *testing.T) {
			t.Parallel()
			newArchived(&suite{t: t, bin: s.bin, pg: s.pg}, a).lives()
		})
	}
}

// archived is a site whose run log goes into an archive too.
type archived struct {
	*site
	kind, settings, unreachable string
}

func newArchived(s *suite, a archive) *archived {
	p := &archived{site: newSite(s, 60), kind: a.kind}
	p.sync = "warehouse = \"pg\"\n"
	p.settings, p.unreachable = a.open(s.t, s, p.dir)
	p.archiveIn(p.settings)
	return p
}

// archiveIn writes the project's files with these settings of the archive.
func (p *archived) archiveIn(settings string) {
	p.t.Helper()
	p.configure()
	p.write("spillway.toml", strings.Replace(p.read("spillway.toml"), "[project]\n", "[project]\nallow_plaintext_secrets = true\n", 1)+
		fmt.Sprintf("\n[warehouses.archive]\ntype = %q\n%s\n\n[runlog]\nwarehouse = \"archive\"\n", p.kind, settings))
}

// asks reads the archive as a model would.
func (p *archived) asks(statement string) []warehouse.Row {
	p.t.Helper()
	loaded, problems := project.Load(p.dir, kinds())
	if err := problems.Err(); err != nil {
		p.t.Fatal(err)
	}
	of := loaded.Warehouses["archive"]
	w, err := of.Kind.Open(p.t.Context(), of.Config, warehouse.Env{Project: p.dir})
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	rows, err := w.Query(p.t.Context(), warehouse.Query{SQL: statement})
	if err != nil {
		p.t.Fatalf("%s: %v", statement, err)
	}
	defer func() { _ = rows.Close() }()
	list := []warehouse.Row{}
	for row, err := range warehouse.All(p.t.Context(), rows) {
		if err != nil {
			p.t.Fatal(err)
		}
		list = append(list, slices.Clone(row))
	}
	return list
}

func (p *archived) holds(statement string, want ...warehouse.Row) {
	p.t.Helper()
	if diff := cmp.Diff(append([]warehouse.Row{}, want...), p.asks(statement)); diff != "" {
		p.t.Errorf("%s (-want +got):\n%s", statement, diff)
	}
}

const (
	archivedRuns = "select state, accepted, rejected from spillway_runs order by run_id"
	archivedRows = "select r.state, w.row_key, w.outcome, w.code from spillway_rows w join spillway_runs r on r.run_id = w.run_id order by w.run_id, w.seq"

	// rejectedOfADay is the statement of docs/export.md.
	rejectedOfADay = "select sync, row_key, code, reason from spillway_rows where outcome = 'rejected' and last_seen > current_timestamp - interval '1' day"
)

func (p *archived) lives() {
	t := p.t
	p.spillway("doctor", "archive").exits(exitDone).says("ok      runlog      archive (" + p.kind + ")")
	p.holds(archivedRuns)
	p.run(exitDone)
	p.service.answers(refusing("p17@x.io"))
	p.sql("update people set score = score + 1 where id in (16, 17)")
	p.run(exitPartial)
	one, two := warehouse.Row{"succeeded", int64(60), int64(0)}, warehouse.Row{"partial", int64(1), int64(1)}
	rejected := warehouse.Row{"partial", "17", "rejected", "bad_plan"}
	p.holds(archivedRuns, one, two)
	p.holds(archivedRows, rejected)
	p.holds(rejectedOfADay, warehouse.Row{"people", "17", "bad_plan", "the plan is not sold any more"})
	p.holds("select code, row_count from spillway_errors", warehouse.Row{"bad_plan", int64(1)})

	// The warehouse is down: no run fails by it, doctor tells it, and the next run makes up for it.
	p.service.calm()
	p.archiveIn(p.unreachable)
	down := p.spillway("run", "--json").exits(exitDone)
	down.says("run log not written to the warehouse", "warehouse archive")
	if p.spillway("doctor", "archive").says("FAILED  runlog", "1 run waits to be written there").code == exitDone {
		t.Error("doctor finds nothing wrong")
	}
	p.archiveIn(p.settings)
	three := warehouse.Row{"succeeded", int64(1), int64(0)}
	p.holds(archivedRuns, one, two)
	four := warehouse.Row{"succeeded", int64(0), int64(0)}
	p.run(exitDone)
	p.holds(archivedRuns, one, two, three, four)

	// A process that was killed after it wrote to the warehouse, and before it kept that: nothing is doubled.
	p.forgetsWhatItWrote()
	p.run(exitDone)
	p.holds(archivedRuns, one, two, three, four, four)
	p.holds(archivedRows, rejected)

	// What is erased of a person is erased there too, also of runs that the run log has no more.
	p.spillway("forget", "people", "--key", "17", "--yes").exits(exitDone)
	p.holds(archivedRows)
	p.holds("select count(*) from spillway_runs", warehouse.Row{int64(5)})
}

// forgetsWhatItWrote puts the run log back to before it knew of what stands in the warehouse.
func (p *archived) forgetsWhatItWrote() {
	p.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(p.state(), runlog.FileName))
	if err == nil {
		_, err = db.ExecContext(p.t.Context(), "update runs set exported = 0")
	}
	if err != nil {
		p.t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		p.t.Error(err)
	}
}
