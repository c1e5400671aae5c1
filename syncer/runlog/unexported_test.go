package runlog

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func waitingForExport(t *testing.T, l *Log) []string {
	t.Helper()
	runs, err := l.Unexported(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for i := range runs {
		ids = append(ids, runs[i].ID)
	}
	n, err := l.CountUnexported(t.Context(), time.Time{})
	if err != nil || n != int64(len(ids)) {
		t.Errorf("%d are counted, %d are listed: %v", n, len(ids), err)
	}
	return ids
}

func TestRunsAreExportedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openLog(t, dir, Options{Retention: time.Hour})
	recordRun(t, l, running(1, "people"), rejected("7"))
	recordRun(t, l, running(2, "orders"))
	late := begin(t, l, running(3, "people"))
	if diff := cmp.Diff([]string{id(1), id(2)}, waitingForExport(t, l)); diff != "" {
		t.Errorf("those that are over wait: %s", diff)
	}
	first, err := l.Unexported(t.Context(), 1)
	if err != nil || len(first) != 1 || len(first[0].Errors) != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	if err := l.Exported(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	finish(t, late, running(3, "people"), Succeeded)
	if diff := cmp.Diff([]string{id(2), id(3)}, waitingForExport(t, l)); diff != "" {
		t.Errorf("after one was exported: %s", diff)
	}
	if n, err := openReader(t, dir).CountUnexported(t.Context(), time.Time{}); err != nil || n != 2 {
		t.Errorf("a reader counts %d: %v", n, err)
	}
	if n, err := l.CountUnexported(t.Context(), minute(2).Add(31*time.Second)); err != nil || n != 1 {
		t.Errorf("%d of them ended before: %v", n, err)
	}
}

func TestAnotherPlaceHasAllRunsWrittenAnew(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	run := recordRun(t, l, running(1, "people"))
	for _, step := range []struct {
		place string
		want  []string
	}{{"a", []string{run.ID}}, {"a", []string{}}, {"b", []string{run.ID}}, {"b", []string{}}, {"a", []string{run.ID}}} {
		if err := l.ExportTo(t.Context(), step.place); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, waitingForExport(t, l)); diff != "" {
			t.Errorf("to %s: %s", step.place, diff)
		}
		if err := l.Exported(t.Context(), []Run{run}); err != nil {
			t.Fatal(err)
		}
	}
}
