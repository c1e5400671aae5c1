//go:build !noduckdb

package export_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/runlog"
	"spillway/syncer/runlog/export"
	"spillway/warehouse"
	"spillway/warehouse/duckdb"
)

// tables reads what was exported in each format with DuckDB, by statements that make one table of all of them.
func tables(t *testing.T, l *runlog.Log, what export.What, selects map[export.Format]string) map[export.Format][]warehouse.Row {
	t.Helper()
	dir := t.TempDir()
	d := duckdb.Definition()
	w, err := d.Open(t.Context(), d.Config(), warehouse.Env{Project: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	found := map[export.Format][]warehouse.Row{}
	for format, sql := range selects {
		text, _ := written(t, l, export.Options{What: what, Format: format})
		file := filepath.Join(dir, string(what)+"."+string(format))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		rows, err := w.Query(t.Context(), warehouse.Query{SQL: strings.ReplaceAll(sql, "FILE", "'"+file+"'")})
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		for row, err := range warehouse.All(t.Context(), rows) {
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			found[format] = append(found[format], slices.Clone(row))
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
	return found
}

func TestTheFormatsHoldTheSameTable(t *testing.T) {
	t.Parallel()
	l := filled(t)
	plain := func(column string) string {
		return `regexp_replace(` + column + `, '^''([=+@\t\r\n＝-])', '\1')`
	}
	rowsOf := `run, sync, seq, %key, %id, op, outcome, %code, %reason, attempts, first_seen::timestamptz, last_seen::timestamptz`
	form := func(wrap func(string) string) string {
		s := rowsOf
		for _, c := range []string{"key", "id", "code", "reason"} {
			s = strings.ReplaceAll(s, "%"+c, wrap(c))
		}
		return s
	}
	same := func(column string) string { return "nullif(" + column + ", '')" }
	for _, c := range []struct {
		what    export.What
		selects map[export.Format]string
		rows    int
	}{
		{export.Rows, map[export.Format]string{
			export.JSONL:   "select " + form(same) + " from read_json(FILE, columns = {run: 'varchar', sync: 'varchar', seq: 'bigint', key: 'varchar', id: 'varchar', op: 'varchar', outcome: 'varchar', code: 'varchar', reason: 'varchar', attempts: 'bigint', first_seen: 'varchar', last_seen: 'varchar'})",
			export.CSV:     "select " + form(plain) + " from read_csv(FILE, header = true, delim = ',', quote = '\"', escape = '\"', types = {key: 'varchar', id: 'varchar', seq: 'bigint', attempts: 'bigint'}, nullstr = '')",
			export.Parquet: "select " + form(same) + " from read_parquet(FILE)",
		}, len(hostile) + 2},
		{export.Runs, map[export.Format]string{
			export.JSONL:   `select id, sync, state, "trigger", started_at::timestamptz, finished_at::timestamptz, duration_ms, source, same, rejected, error.code, error.message, coalesce(timings_ms.sending, 0), "commit", scheduled_for::timestamptz, asked_by from read_json(FILE)`,
			export.CSV:     `select id, sync, state, "trigger", started_at::timestamptz, finished_at::timestamptz, duration_ms, source, same, rejected, error_code, ` + plain("error_message") + `, sending_ms, "commit", scheduled_for::timestamptz, asked_by from read_csv(FILE, header = true)`,
			export.Parquet: `select id, sync, state, "trigger", started_at, finished_at, duration_ms, source, same, rejected, error_code, error_message, sending_ms, "commit", scheduled_for, asked_by from read_parquet(FILE)`,
		}, 3},
		{export.Errors, map[export.Format]string{
			export.JSONL:   `select run, sync, seq, code, nullif(message, ''), count from read_json(FILE)`,
			export.CSV:     `select run, sync, seq, code, ` + plain("message") + `, count from read_csv(FILE, header = true, nullstr = '')`,
			export.Parquet: `select * from read_parquet(FILE)`,
		}, 0},
	} {
		t.Run(string(c.what), func(t *testing.T) {
			t.Parallel()
			found := tables(t, l, c.what, c.selects)
			want := found[export.Parquet]
			if len(want) == 0 || c.rows > 0 && len(want) != c.rows {
				t.Fatalf("%d rows, want %d", len(want), c.rows)
			}
			for _, format := range []export.Format{export.JSONL, export.CSV} {
				if diff := cmp.Diff(want, found[format]); diff != "" {
					t.Errorf("-parquet +%s:\n%s", format, diff)
				}
			}
		})
	}
}

func TestParquetHasRealTypes(t *testing.T) {
	t.Parallel()
	found := tables(t, filled(t), export.Runs, map[export.Format]string{
		export.Parquet: "select column_name, column_type from (describe select id, started_at, source from read_parquet(FILE))",
	})
	want := []warehouse.Row{{"id", "VARCHAR"}, {"started_at", "TIMESTAMP WITH TIME ZONE"}, {"source", "BIGINT"}}
	if diff := cmp.Diff(want, found[export.Parquet]); diff != "" {
		t.Error(diff)
	}
}
