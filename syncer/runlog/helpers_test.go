package runlog

import (
	"fmt"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// minute is noon and so many minutes.
func minute(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

func openLog(t *testing.T, dir string, o Options) *Log {
	t.Helper()
	l, err := Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func openReader(t *testing.T, dir string) *Log {
	t.Helper()
	l, err := OpenReadOnly(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// id is that of the n-th run.
func id(n int) string { return fmt.Sprintf("01JD%04d", n) }

// running is the n-th run, of a sync, a minute after the one before.
func running(n int, sync string) Run {
	return Run{ID: id(n), Sync: sync, State: Running, Phase: Extracting, Trigger: ByCLI, StartedAt: minute(n)}
}

func begin(t *testing.T, l *Log, run Run) *Recorder {
	t.Helper()
	r, err := l.Begin(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// finish ends a run that read some rows of its source.
func finish(t *testing.T, r *Recorder, run Run, state State) Run {
	t.Helper()
	at := run.StartedAt.Add(30 * time.Second)
	run.State, run.FinishedAt, run.Errors = state, &at, r.Groups()
	run.Source = max(run.Source, 1)
	if err := r.Finish(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	return run
}

// record is a whole run with these rows.
func recordRun(t *testing.T, l *Log, run Run, rows ...Row) Run {
	t.Helper()
	r := begin(t, l, run)
	if err := r.Rows(t.Context(), run.StartedAt, rows...); err != nil {
		t.Fatal(err)
	}
	return finish(t, r, run, Partial)
}

func rejected(key string) Row {
	return Row{Key: key, ID: key + "@x.io", Op: "upsert", Outcome: RowRejected, Code: "bad", Reason: "it is bad"}
}

func rows(t *testing.T, l *Log, run string, f RowFilter) []Row {
	t.Helper()
	rows, _, err := l.Rows(t.Context(), run, f)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
