package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/runlog"
	"spillway/syncer/runlog/export"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 123e6, time.UTC)

// hostile are keys that a spreadsheet, a parser or a database may take for something else.
var hostile = []string{
	`=HYPERLINK("http://evil.example","click")`, "+1", "-2", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1+1",
	"a,b", `say "no"`, "two\nlines", "two\r\nlines", " blank ", "Zoë 🦆", "'quoted", "NULL", "\xff\xfe", "0042", "1e5", "true",
}

// filled is a log of five runs: one of another sync with nothing wrong, one with hostile rows, one that failed long ago,
// one that goes on and one that waits.
func filled(t *testing.T) *runlog.Log {
	t.Helper()
	l, err := runlog.Open(t.Context(), t.TempDir(), runlog.Options{Rows: "all"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	tick, end := noon.Add(-time.Minute), noon.Add(1500*time.Millisecond)
	old := runlog.Run{ID: "01A", Sync: "people", StartedAt: noon.AddDate(0, 0, -10), Trigger: runlog.ByCLI, Phase: runlog.Extracting}
	record(t, l, old, func(r *runlog.Run) {
		r.State, r.FinishedAt, r.Error = runlog.Failed, &end, &runlog.Failure{Code: "warehouse", Message: "=cmd|' /C calc'!A0"}
	})
	record(t, l, runlog.Run{ID: "01B", Sync: "orders", StartedAt: noon, Trigger: runlog.BySchedule, Tick: &tick}, func(r *runlog.Run) {
		r.State, r.FinishedAt, r.Source, r.Same, r.DurationMS = runlog.Succeeded, &end, 1<<53+1, 1<<53+1, 1500
	})
	var rows []runlog.Row
	for _, key := range hostile {
		rows = append(rows, runlog.Row{Key: key, ID: key + "@x.io", Op: "upsert", Outcome: runlog.RowRejected, Code: "bad_record", Reason: "-- " + key})
	}
	rows = append(rows, runlog.Row{Op: "upsert", Outcome: runlog.RowInvalid, Code: "null_key"}, runlog.Row{Key: "fine", Op: "upsert", Outcome: runlog.RowAccepted})
	record(t, l, runlog.Run{ID: "01C", Sync: "people", StartedAt: noon, Trigger: runlog.ByAPI, By: "ada", Commit: "abc-dirty"}, func(r *runlog.Run) {
		r.State, r.FinishedAt, r.Rejected = runlog.Partial, &end, int64(len(hostile))
		r.Timings = runlog.Timings{runlog.Sending: 7}
	}, rows...)
	for id, state := range map[string]runlog.State{"01D": runlog.Running, "01E": runlog.Queued} {
		if _, err := l.Begin(t.Context(), runlog.Run{ID: id, Sync: "people", StartedAt: noon, State: state}); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func record(t *testing.T, l *runlog.Log, run runlog.Run, end func(*runlog.Run), rows ...runlog.Row) {
	t.Helper()
	run.State = runlog.Running
	r, err := l.Begin(t.Context(), run)
	if err == nil {
		err = r.Rows(t.Context(), noon, rows...)
	}
	if err == nil {
		run.Errors = r.Groups()
		end(&run)
		err = r.Finish(t.Context(), run)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func written(t *testing.T, l *runlog.Log, o export.Options) (string, int64) {
	t.Helper()
	var b bytes.Buffer
	n, err := export.Write(t.Context(), l, &b, o)
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), n
}

// objects are the lines of JSON.
func objects(t *testing.T, text string) []map[string]any {
	t.Helper()
	var list []map[string]any
	for line := range strings.Lines(text) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		list = append(list, object)
	}
	return list
}

func TestRunsAreThoseThatAreOverOldestFirst(t *testing.T) {
	t.Parallel()
	l := filled(t)
	for _, c := range []struct {
		name string
		o    export.Options
		want []string
	}{
		{"all", export.Options{}, []string{"01A", "01B", "01C"}},
		{"of a sync", export.Options{Sync: "people"}, []string{"01A", "01C"}},
		{"since a time", export.Options{Since: noon}, []string{"01B", "01C"}},
		{"since later", export.Options{Since: noon.Add(time.Hour)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.o.What, c.o.Format = export.Runs, export.JSONL
			text, n := written(t, l, c.o)
			var ids []string
			for _, o := range objects(t, text) {
				ids = append(ids, fmt.Sprint(o["id"]))
			}
			if diff := cmp.Diff(c.want, ids); diff != "" || n != int64(len(c.want)) {
				t.Errorf("%d records (-want +got):\n%s", n, diff)
			}
		})
	}
}

// JSON lines are the objects of runs list --json.
func TestAJSONLineIsTheObjectOfTheCommands(t *testing.T) {
	t.Parallel()
	l := filled(t)
	text, _ := written(t, l, export.Options{What: export.Runs, Format: export.JSONL})
	got := objects(t, text)
	for i, id := range []string{"01A", "01B", "01C"} {
		run, err := l.Run(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(run)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(objects(t, string(line))[0], got[i]); diff != "" {
			t.Errorf("run %s (-runs list +export):\n%s", id, diff)
		}
	}
	text, _ = written(t, l, export.Options{What: export.Rows, Format: export.JSONL})
	rows, _, err := l.Rows(t.Context(), "01C", runlog.RowFilter{})
	if err != nil {
		t.Fatal(err)
	}
	got = objects(t, text)
	if len(got) != len(rows) {
		t.Fatalf("%d rows, want %d", len(got), len(rows))
	}
	for i, row := range rows {
		line, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range objects(t, string(line))[0] {
			if diff := cmp.Diff(value, got[i][key]); diff != "" {
				t.Errorf("row %d, key %s (-runs rows +export):\n%s", i, key, diff)
			}
		}
	}
}

func TestProblemsAreTheRowsThatWereNotAccepted(t *testing.T) {
	t.Parallel()
	l := filled(t)
	for what, want := range map[export.What]int64{export.Problems: int64(len(hostile)) + 1, export.Rows: int64(len(hostile)) + 2} {
		text, n := written(t, l, export.Options{What: what, Format: export.JSONL})
		if n != want || strings.Contains(text, `"accepted"`) != (what == export.Rows) {
			t.Errorf("%d %s, want %d:\n%s", n, what, want, text)
		}
	}
}

func TestASpreadsheetFindsNoFormula(t *testing.T) {
	t.Parallel()
	l := filled(t)
	for _, what := range []export.What{export.Runs, export.Rows, export.Errors} {
		text, n := written(t, l, export.Options{What: what, Format: export.CSV})
		if strings.Count(text, "\r\n") < int(n)+1 || !strings.HasSuffix(text, "\r\n") {
			t.Errorf("the lines of %s do not end as RFC 4180 wants", what)
		}
		records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || int64(len(records)) != n+1 {
			t.Fatalf("%d records of %s, want %d and a header: %v", len(records), what, n, err)
		}
		for _, record := range records {
			for i, field := range record {
				if field != "" && strings.ContainsAny(field[:1], "=+-@\t\r\n") || strings.HasPrefix(field, "＝") {
					t.Errorf("%s: column %s holds %q", what, records[0][i], field)
				}
			}
		}
	}
}

// The csv package would turn "\n" inside of a field into "\r\n".
func TestATextStaysWhatItIs(t *testing.T) {
	t.Parallel()
	text, _ := written(t, filled(t), export.Options{What: export.Rows, Format: export.CSV})
	if !strings.Contains(text, "\"two\nlines\"") || !strings.Contains(text, "\"two\r\nlines\"") {
		t.Errorf("the ends of lines within fields changed:\n%q", text)
	}
}

func TestAnEmptyLogGivesAnEmptyTable(t *testing.T) {
	t.Parallel()
	for _, format := range []export.Format{export.JSONL, export.CSV, export.Parquet} {
		text, n := written(t, nil, export.Options{What: export.Runs, Format: format})
		if n != 0 || (text == "") != (format == export.JSONL) {
			t.Errorf("%s: %d records in %q", format, n, text)
		}
	}
}

// failing takes so many bytes and then fails.
type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestAFailureToWriteEndsTheExport(t *testing.T) {
	t.Parallel()
	l := filled(t)
	for _, format := range []export.Format{export.JSONL, export.CSV, export.Parquet} {
		if _, err := export.Write(t.Context(), l, &failing{10}, export.Options{What: export.Rows, Format: format}); err == nil {
			t.Errorf("%s: a disk that is full went unnoticed", format)
		}
	}
}
