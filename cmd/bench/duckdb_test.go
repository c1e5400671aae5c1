//go:build !noduckdb

package bench

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	duck "github.com/duckdb/duckdb-go-bindings"
)

const duckMemory = "128MB" // DuckDB's own limit, on both sides

// withDuckDB opens the file of t.
func withDuckDB(t task, use func(duck.Connection) error) error {
	var config duck.Config
	if duck.CreateConfig(&config) == duck.StateError {
		return errors.New("DuckDB gave no configuration")
	}
	defer duck.DestroyConfig(&config)
	for _, s := range [][2]string{{"threads", "2"}, {"memory_limit", duckMemory}} {
		if duck.SetConfig(config, s[0], s[1]) == duck.StateError {
			return fmt.Errorf("DuckDB does not take %s = %s", s[0], s[1])
		}
	}
	var database duck.Database
	var message string
	if duck.OpenExt(t.DSN, &database, config, &message) == duck.StateError {
		return errors.New(message)
	}
	defer duck.Close(&database)
	var conn duck.Connection
	if duck.Connect(database, &conn) == duck.StateError {
		return errors.New("DuckDB gave no connection")
	}
	defer duck.Disconnect(&conn)
	return use(conn)
}

// makeDuckDB makes a file with the model's table.
func makeDuckDB(t task, f *figures) error {
	f.Rows = int64(t.Rows)
	return withDuckDB(t, func(conn duck.Connection) error {
		return duckDo(conn, strings.ReplaceAll(`create table customers as
			select i as id, 'user' || i || '@example.com' as email, 'First ' || i % 1000 as first_name,
			'Last ' || i % 5000 as last_name, ((i % 100000) * 1.01)::decimal(12, 2) as lifetime_value,
			timestamptz '2020-01-01 00:00:00+00' + to_seconds(i * 13) as created_at,
			timestamptz '2025-01-01 00:00:00+00' + to_seconds(i * 7) as updated_at,
			i % 3 = 0 as opted_in, i % 7 = 0 as vip, (i % 101)::integer as score,
			case when i % 3 <> 0 then 'Company ' || i % 20000 end as company,
			('{"plan":"' || case when i % 4 = 0 then 'pro' else 'free' end || '","seats":' || i % 50 || '}')::json as custom
			from range(1, {n} + 1) r(i)`, "{n}", strconv.Itoa(t.Rows)))
	})
}

func duckDo(conn duck.Connection, sql string) error {
	var result duck.Result
	defer duck.DestroyResult(&result)
	if duck.Query(conn, sql, &result) == duck.StateError {
		return errors.New(duck.ResultError(&result))
	}
	return nil
}

// scanDuckDB streams the chunks of the table and drops them: the floor.
func scanDuckDB(t task, f *figures) error {
	return withDuckDB(t, func(conn duck.Connection) error {
		var prepared duck.PreparedStatement
		defer duck.DestroyPrepare(&prepared)
		if duck.Prepare(conn, statement(t), &prepared) == duck.StateError {
			return errors.New(duck.PrepareError(prepared))
		}
		var pending duck.PendingResult
		defer duck.DestroyPending(&pending)
		if duck.PendingPreparedStreaming(prepared, &pending) == duck.StateError {
			return errors.New(duck.PendingError(pending))
		}
		var result duck.Result
		defer duck.DestroyResult(&result)
		if duck.ExecutePending(pending, &result) == duck.StateError {
			return errors.New(duck.ResultError(&result))
		}
		for {
			var chunk duck.DataChunk
			state := duck.StreamFetchChunk(result, &chunk)
			n := 0
			if state == duck.StateSuccess {
				n = int(duck.DataChunkGetSize(chunk))
			}
			duck.DestroyDataChunk(&chunk)
			if n == 0 {
				break
			}
			f.Rows += int64(n)
		}
		if message := duck.ResultError(&result); message != "" {
			return errors.New(message)
		}
		return nil
	})
}

// measureDuckDB measures runs on which nothing changed in turns with the bare streamed scan.
func measureDuckDB(b *testing.B, s *settings, r *report) {
	b.Helper()
	n := s.largest(rivalsUpTo)
	file := filepath.Join(b.TempDir(), "customers.duckdb")
	measure(b, task{Do: "duckdb", DSN: file, Rows: n})
	dir := newProject(b, fmt.Sprintf("type = \"duckdb\"\npath = %q\nmemory = %q", file, duckMemory), nowhere)
	if f := measure(b, task{Do: "adopt", DSN: file, Table: "customers", Dir: dir}); f.Rows != int64(n) {
		b.Fatalf("%d of %d rows were adopted", f.Rows, n)
	}
	bare := &turn{name: "bare streamed scan", task: task{Do: "scan duckdb", DSN: file, Table: "customers"}, check: due(n, 0)}
	same := &turn{name: "nothing changed", task: task{Do: "plan", DSN: file, Table: "customers", Dir: dir}, check: due(n, 0)}
	inTurns(b, s.rounds, bare, same)
	var out strings.Builder
	fmt.Fprintf(&out, `## %s rows × 12 columns from DuckDB

DuckDB runs in the process itself, on two threads with memory_limit = '%s'; its bare scan streams the same result in
chunks through its C API and drops them.

| case | wall s | of bare | wall ns a row | client CPU ns a row | heap MB | anonymous MB | file pages MB | resident MB | written MB |
|---|---|---|---|---|---|---|---|---|---|
`, thousands(n), duckMemory)
	each := func(seconds float64) float64 { return seconds / float64(n) * 1e9 }
	for _, c := range []*turn{bare, same} {
		fmt.Fprintf(&out, "| %s | %.2f | %.2f | %.0f | %.0f | %s | %s | %s | %s | %s |\n", c.name, c.median(wall), c.ratio(bare, wall),
			each(c.median(wall)), each(c.median(taken)), megabytes(c.median(func(f figures) float64 { return float64(f.Heap) })),
			megabytes(c.median(func(f figures) float64 { return float64(f.Anon) })),
			megabytes(c.median(func(f figures) float64 { return float64(f.File) })),
			megabytes(c.median(func(f figures) float64 { return float64(f.Resident) })),
			megabytes(c.median(func(f figures) float64 { return float64(f.Written) })))
	}
	r.section(out.String())
	cost, resident := each(same.median(wall)), same.median(func(f figures) float64 { return float64(f.Resident) })
	r.target(cost <= 500, fmt.Sprintf("DuckDB, nothing changed, %s rows", thousands(n)), "at most 500 ns a row", fmt.Sprintf("%.0f ns", cost))
	r.target(resident <= 384*mebibyte, fmt.Sprintf("DuckDB, nothing changed, %s rows: resident memory", thousands(n)),
		"at most 384 MB", megabytes(resident)+" MB")
}
