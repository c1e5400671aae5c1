package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"spillway/warehouse/warehousetest/pgtest"
)

const (
	boundedMemory = 64 << 20 // for the state, of the bounded mode
	rivalsUpTo    = 5_000_000
	naiveRows     = 200_000
	mebibyte      = 1 << 20
)

// scan reads the rows as they come over the wire and drops them: the floor.
func scan(t task, f *figures) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, t.DSN)
	if err != nil {
		return err
	}
	rows, err := conn.Query(ctx, statement(t))
	if err != nil {
		return err
	}
	for rows.Next() {
		rows.RawValues()
		f.Rows++
	}
	return errors.Join(rows.Err(), conn.Close(ctx))
}

// runs are the cases on a model of one size.
type runs struct {
	rows                                  int
	bare, same, bounded, some, all, first *turn
	inside, naive                         *turn // nil where they are not measured
	adopted                               figures
	atRest                                float64 // bytes of the snapshot a row
	texts                                 float64 // bytes of key and identifier a row
	naiveScale                            float64
}

// due checks the number of rows and of operations that a plan came to.
func due(rows, operations int) func(figures) error {
	return func(f figures) error {
		if f.Rows != int64(rows) || f.Due != int64(operations) {
			return fmt.Errorf("%d rows, %d operations due; there should be %d and %d", f.Rows, f.Due, rows, operations)
		}
		return nil
	}
}

func measureRuns(b *testing.B, s *settings, r *report) {
	b.Helper()
	dsn := pgtest.DSN(b)
	measured := make([]*runs, len(s.sizes))
	for i, n := range s.sizes {
		measured[i] = measureSize(b, dsn, n, s)
		r.section(measured[i].table())
	}
	judged := measured[0]
	for _, m := range measured {
		if m.rows <= rivalsUpTo {
			judged = m
		}
	}
	judged.judge(r)
	last := measured[len(measured)-1]
	last.judgeBounded(r)
	if len(measured) > 1 {
		growth := last.cost() / measured[0].cost()
		r.target(growth <= 1.5, fmt.Sprintf("CPU a row at %s rows over that at %s, nothing changed", thousands(last.rows), thousands(measured[0].rows)),
			"at most 1.5 (of 20 M over 1 M)", fmt.Sprintf("%.2f (%.0f and %.0f ns)", growth, last.cost(), measured[0].cost()))
	}
}

// cost is the client's CPU a row when nothing changed, in nanoseconds.
func (m *runs) cost() float64 { return m.same.median(taken) / float64(m.rows) * 1e9 }

// measureSize measures all cases on a model of n rows.
func measureSize(b *testing.B, dsn string, n int, s *settings) *runs {
	b.Helper()
	began := time.Now()
	load(b, dsn, n)
	m := &runs{rows: n}
	dir := newProject(b, postgresWarehouse, nowhere)
	m.adopted = measure(b, task{Do: "adopt", DSN: dsn, Table: "customers", Dir: dir})
	if m.adopted.Rows != int64(n) {
		b.Fatalf("%d of %d rows were adopted", m.adopted.Rows, n)
	}
	m.atRest = float64(snapshotSize(b, dir)) / float64(n)
	m.texts = asked(b, dsn, "select sum(length(id::text) + length(email)) from customers") / float64(n)
	planned := func(name, table string, operations int, t task) *turn {
		t.Do, t.DSN, t.Table = "plan", dsn, table
		return &turn{name: name, task: t, check: due(n, operations)}
	}
	m.bare = &turn{name: "bare scan", task: task{Do: "scan", DSN: dsn, Table: "customers"}}
	m.same = planned("nothing changed", "customers", 0, task{Dir: dir})
	m.bounded = planned("nothing changed, 64 MiB for the state", "customers", 0, task{Dir: dir, Memory: boundedMemory})
	m.some = planned("1 % changed, 0.5 % added, 0.5 % removed", "customers_some", changedOfSome(n), task{Dir: dir})
	m.all = planned("all changed", "customers_all", n, task{Dir: dir})
	m.first = planned("first run", "customers", n, task{Dir: newProject(b, postgresWarehouse, nowhere)})
	turns := []*turn{m.bare, m.same, m.bounded, m.some, m.all, m.first}
	if n == s.largest(rivalsUpTo) {
		turns = append(turns, m.rivals(b, dsn)...)
	}
	inTurns(b, s.rounds, turns...)
	b.Logf("%s rows: %s", thousands(n), time.Since(began).Round(time.Second))
	return m
}

// changedOfSome is how many operations are due on customers_some.
func changedOfSome(n int) int { return (n+99)/100 + n/200 + n/200 }

// rivals prepares the other ways to compare, each of which has seen the rows once.
func (m *runs) rivals(b *testing.B, dsn string) []*turn {
	b.Helper()
	few := min(naiveRows, m.rows)
	m.naiveScale = float64(m.rows) / float64(few)
	m.inside = &turn{name: "md5 inside PostgreSQL", task: task{Do: "md5", DSN: dsn}, check: due(m.rows, 0)}
	m.naive = &turn{name: "row by row through SQLite", task: task{Do: "naive", DSN: dsn, Table: "customers", Rows: few, Dir: b.TempDir()}, check: due(few, 0)}
	measure(b, m.inside.task)
	measure(b, m.naive.task)
	return []*turn{m.inside, m.naive}
}

func (m *runs) table() string {
	var out strings.Builder
	fmt.Fprintf(&out, "## %s rows × 12 columns from PostgreSQL\n\n", thousands(m.rows))
	out.WriteString("| case | wall s | of bare | wanted | client CPU s | of bare | wanted | heap MB | anonymous MB | file pages MB | written MB |\n" +
		"|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range []struct {
		*turn
		wall, cpu string
	}{
		{m.bare, "", ""},
		{m.same, "1.10", "1.40"},
		{m.bounded, "1.40", ""},
		{m.some, "1.30", ""},
		{m.all, "2.0", ""},
		{m.first, "2.0", ""},
	} {
		fmt.Fprintf(&out, "| %s | %.2f | %.2f | %s | %.2f | %.2f | %s | %s | %s | %s | %s |\n", c.name,
			c.median(wall), c.ratio(m.bare, wall), c.wall, c.median(taken), c.ratio(m.bare, taken), c.cpu,
			megabytes(c.median(func(f figures) float64 { return float64(f.Heap) })),
			megabytes(c.median(func(f figures) float64 { return float64(f.Anon) })),
			megabytes(c.median(func(f figures) float64 { return float64(f.File) })),
			megabytes(c.median(func(f figures) float64 { return float64(f.Written) })))
	}
	if m.inside != nil {
		fmt.Fprintf(&out, "| %s | %.2f | %.2f | | | | | | | | |\n", m.inside.name, m.inside.median(wall), m.inside.ratio(m.bare, wall))
		scaled := func(f figures) float64 { return f.Wall.Seconds() * m.naiveScale }
		fmt.Fprintf(&out, "| %s | %.2f | %.2f | | %.2f | | | | | | |\n", m.naive.name, m.naive.median(scaled),
			m.naive.median(scaled)/m.bare.median(wall), m.naive.median(taken)*m.naiveScale)
		out.WriteString("\n" + rivalText(int(float64(m.rows)/m.naiveScale)) + "\n")
	}
	fmt.Fprintf(&out, "\nThe snapshot at rest takes %.1f bytes a row, of which %.1f are key and identifier: %.1f beyond them. "+
		"Taking all rows as delivered (`reset --adopt`) took %.1f s.\n", m.atRest, m.texts, m.atRest-m.texts, m.adopted.Wall.Seconds())
	return out.String()
}

// judge holds the cases against what is wanted of them.
func (m *runs) judge(r *report) {
	at := fmt.Sprintf(", %s rows", thousands(m.rows))
	ratio := func(t *turn, most float64) {
		got := t.ratio(m.bare, wall)
		r.target(got <= most, t.name+at+": wall time over the bare scan's", fmt.Sprintf("at most %.2f", most), fmt.Sprintf("%.2f", got))
	}
	ratio(m.same, 1.10)
	got := m.same.ratio(m.bare, taken)
	r.target(got <= 1.40, m.same.name+at+": client CPU over the bare scan's", "at most 1.40", fmt.Sprintf("%.2f", got))
	bytes := m.same.median(func(f figures) float64 { return float64(f.Written) })
	r.target(bytes == 0, m.same.name+at+": written", "0 bytes", fmt.Sprintf("%.0f bytes", bytes))
	anon := m.same.median(func(f figures) float64 { return float64(f.Anon) })
	most := float64(64*mebibyte) + float64(m.rows)/8
	r.target(anon <= most, m.same.name+at+": anonymous memory", fmt.Sprintf("at most 64 MiB and 1 bit a row: %s MB", megabytes(most)), megabytes(anon)+" MB")
	ratio(m.some, 1.30)
	ratio(m.all, 2.0)
	ratio(m.first, 2.0)
	r.target(m.atRest-m.texts <= 64, "disk at rest a row, beyond key and identifier"+at, "at most 64 bytes", fmt.Sprintf("%.1f bytes", m.atRest-m.texts))
	if m.inside == nil {
		return
	}
	inside, naive := m.inside.ratio(m.same, wall), m.naive.median(wall)*m.naiveScale/m.same.median(wall)
	r.target(inside >= 3, "as fast as md5 inside PostgreSQL, nothing changed"+at, "at least 3 ×", fmt.Sprintf("%.1f ×", inside))
	r.target(naive >= 10, "as fast as row by row through SQLite, nothing changed"+at, "at least 10 ×", fmt.Sprintf("%.1f ×", naive))
}

// judgeBounded judges the bounded mode, which is for the largest models.
func (m *runs) judgeBounded(r *report) {
	at := fmt.Sprintf(", %s rows", thousands(m.rows))
	got, anon := m.bounded.ratio(m.bare, wall), m.bounded.median(func(f figures) float64 { return float64(f.Anon) })
	r.target(got <= 1.40, m.bounded.name+at+": wall time over the bare scan's", "at most 1.40", fmt.Sprintf("%.2f", got))
	r.target(anon <= 96*mebibyte, m.bounded.name+at+": anonymous memory", "at most 96 MiB at 20 M rows: 100.7 MB", megabytes(anon)+" MB")
}
