package runlog

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestKeysAreHashedWhereTheLogIsToldTo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openLog(t, dir, Options{Keys: "hash", Rows: "all"})
	quoting := rejected("customer-4711")
	quoting.Reason = "Customer-4711@x.io is taken by customer-4711, says customer-9"
	run := recordRun(t, l, running(1, "contacts"), quoting, Row{Key: "customer-0815", ID: "grace@x.io", Outcome: RowAccepted})
	found := rows(t, l, run.ID, RowFilter{Key: "customer-4711"})
	if len(found) != 1 || found[0].Outcome != RowRejected {
		t.Fatalf("by its key in plain: %v", found)
	}
	if want := l.Shown("customer-4711@x.io") + " is taken by " + l.Shown("customer-4711") + ", says customer-9"; found[0].Reason != want {
		t.Errorf("the reason is %q, want %q", found[0].Reason, want)
	}
	for _, r := range rows(t, l, run.ID, RowFilter{}) {
		if !strings.HasPrefix(r.Key, "k:") || !strings.HasPrefix(r.ID, "k:") {
			t.Errorf("the row stands as %q and %q", r.Key, r.ID)
		}
	}
	for _, g := range run.Errors {
		if !strings.HasPrefix(g.SampleKeys[0], "k:") {
			t.Errorf("a sample key stands as %q", g.SampleKeys[0])
		}
	}
	for _, plain := range []string{"customer-4711", "customer-0815", "grace@x.io", "customer-4711@x.io"} {
		if inFiles(t, dir, plain) {
			t.Errorf("%s stands in the files", plain)
		}
	}
	again := openLog(t, t.TempDir(), Options{Keys: "hash"})
	if l.Shown("customer-4711") == again.Shown("customer-4711") {
		t.Error("two projects hash alike")
	}
	if reopened := openLog(t, dir, Options{Keys: "hash"}); l.Shown("a") != reopened.Shown("a") {
		t.Error("the hash of a key changed by reopening")
	}
}

// inFiles reports whether text stands in any file of the log.
func inFiles(t *testing.T, dir, text string) bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, FileName+"*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(text)) {
			return true
		}
	}
	return false
}

func TestAForgottenKeyLeavesNoByte(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{"plain", "hash"} {
		t.Run("keys = "+keys, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			l := openLog(t, dir, Options{Keys: keys, Rows: "all"})
			const canary = "canary-7f3a9"
			for n := range 3 { // in several runs, among many others, so that pages split
				var many []Row
				for i := range 200 {
					many = append(many, rejected(fmt.Sprintf("%d-%d", i*7919%200, n)))
				}
				recordRun(t, l, running(n, "contacts"), append(many[:100:100], append([]Row{rejected(canary)}, many[100:]...)...)...)
			}
			recordRun(t, l, running(8, "contacts"), rejected(canary)) // as a sample key of its group
			recordRun(t, l, running(9, "deals"), rejected("other"))
			trace := l.Shown(canary)
			if !inFiles(t, dir, trace) {
				t.Fatal("the scan finds nothing before the key is forgotten")
			}
			erased, err := l.Forget(t.Context(), "contacts", canary)
			if err != nil {
				t.Fatal(err)
			}
			if erased != 4 {
				t.Errorf("%d rows were erased, want 4", erased)
			}
			if inFiles(t, dir, trace) {
				t.Error("the key still stands in the files")
			}
			if n := len(rows(t, l, id(2), RowFilter{Limit: 1000})); n != 200 {
				t.Errorf("%d rows of other keys are left, want 200", n)
			}
			if again, err := l.Forget(t.Context(), "contacts", canary); again != 0 || err != nil {
				t.Errorf("forgetting it again erased %d rows, and %v", again, err)
			}
			run, err := l.Run(t.Context(), id(8))
			if err != nil || run.Errors[0].Count != 1 || len(run.Errors[0].SampleKeys) != 0 {
				t.Errorf("the group of the erased row is %+v (%v)", run.Errors, err)
			}
		})
	}
}

func TestAKeyIsForgottenInItsSyncOnly(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{})
	recordRun(t, l, running(1, "contacts"), rejected("7"))
	recordRun(t, l, running(2, "deals"), rejected("7"))
	if n, err := l.Forget(t.Context(), "contacts", "7"); n != 1 || err != nil {
		t.Errorf("%d rows were erased, and %v", n, err)
	}
	if found := rows(t, l, id(2), RowFilter{Key: "7"}); len(found) != 1 {
		t.Errorf("the other sync has %v", found)
	}
	run := recordRun(t, l, running(3, "contacts"), rejected("7"))
	if found := rows(t, l, run.ID, RowFilter{}); found[0].Attempts != 1 {
		t.Errorf("attempt %d after it was forgotten", found[0].Attempts)
	}
}

func TestForgettingFailsWhileAReaderKeepsTheTraceAlive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openLog(t, dir, Options{})
	recordRun(t, l, running(1, "contacts"), rejected("canary-7f3a9"))
	reader := openReader(t, dir)
	tx, err := reader.db.BeginTxx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.GetContext(t.Context(), &n, "select count(*) from rows"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.db.ExecContext(t.Context(), "pragma busy_timeout = 10"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Forget(t.Context(), "contacts", "canary-7f3a9"); err == nil || !strings.Contains(err.Error(), "reading") {
		t.Errorf("the error is %v, and the file still has the key: %v", err, inFiles(t, dir, "canary-7f3a9"))
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Forget(t.Context(), "contacts", "canary-7f3a9"); err != nil || inFiles(t, dir, "canary-7f3a9") {
		t.Errorf("after the reader is done: %v", err)
	}
}

func TestRunsOlderThanTheRetentionAreDropped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openLog(t, dir, Options{Retention: 10 * time.Minute})
	for n := range 3 {
		recordRun(t, l, running(n, "contacts"), rejected("7"))
	}
	begin(t, l, running(3, "contacts"))
	// The runs ended at half past the minutes 0, 1 and 2.
	if err := l.Prune(t.Context(), minute(11).Add(30*time.Second)); err != nil {
		t.Fatal(err)
	}
	runs, err := l.Runs(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 3 || runs[2].ID != id(1) {
		t.Errorf("after 10 minutes to the second there are %d runs", len(runs))
	}
	if len(rows(t, l, id(0), RowFilter{})) != 0 {
		t.Error("rows of a dropped run are left")
	}
	if err := l.Prune(t.Context(), minute(1000)); err != nil {
		t.Fatal(err)
	}
	if runs, err = l.Runs(t.Context(), Filter{}); err != nil || len(runs) != 1 || runs[0].ID != id(3) {
		t.Errorf("of runs long ago, those that are not over are kept: %v (%v)", runs, err)
	}
	forever := openLog(t, t.TempDir(), Options{})
	recordRun(t, forever, running(1, "contacts"))
	if err := forever.Prune(t.Context(), noon.AddDate(100, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if runs, err := forever.Runs(t.Context(), Filter{}); err != nil || len(runs) != 1 {
		t.Errorf("without a retention %d runs are left (%v)", len(runs), err)
	}
}

func TestTheFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openLog(t, dir, Options{})
	recordRun(t, l, running(1, "contacts"), rejected("7"))
	names, err := filepath.Glob(filepath.Join(dir, FileName+"*"))
	if err != nil || len(names) < 2 {
		t.Fatalf("files %v (%v), want the database and its log at least", names, err)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %#o", name, info.Mode().Perm())
		}
	}
}

func TestALogThatCannotBeTrustedIsRefused(t *testing.T) {
	t.Parallel()
	damage := func(t *testing.T, file string, change func([]byte)) {
		t.Helper()
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		change(content)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name  string
		spoil func(t *testing.T, file string)
		want  string
	}{
		{"open to others", func(t *testing.T, file string) {
			t.Helper()
			if err := os.Chmod(file, 0o640); err != nil {
				t.Fatal(err)
			}
		}, "chmod 600"},
		{"written by a newer version", func(t *testing.T, file string) {
			t.Helper()
			damage(t, file, func(b []byte) { b[63] = byte(len(migrations) + 1) }) // user_version, big-endian at 60
		}, "newer spillway"},
		{"no database at all", func(t *testing.T, file string) {
			t.Helper()
			damage(t, file, func(b []byte) { copy(b, "something else entirely") })
		}, "is damaged"},
		{"damaged within", func(t *testing.T, file string) {
			t.Helper()
			damage(t, file, func(b []byte) {
				for i := 4096; i < len(b); i += 4096 {
					copy(b[i:], bytes.Repeat([]byte{0xff}, 64))
				}
			})
		}, "is damaged"},
		{"cut short", func(t *testing.T, file string) {
			t.Helper()
			if err := os.Truncate(file, 5000); err != nil {
				t.Fatal(err)
			}
		}, "is damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			l, err := Open(t.Context(), dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			recordRun(t, l, running(1, "contacts"), rejected("7"))
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, FileName)
			tt.spoil(t, file)
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			l, err = Open(t.Context(), dir, Options{})
			if err == nil {
				t.Fatal(errors.Join(errors.New("it was opened"), l.Close()))
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("the error is %q, want %q and the file in it", err, tt.want)
			}
			after, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the refused file was changed (%v)", err)
			}
		})
	}
}

func TestANewerLogIsNotReadEither(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.db.ExecContext(t.Context(), fmt.Sprintf("pragma user_version = %d", len(migrations)+1)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err := OpenReadOnly(t.Context(), dir, Options{}); err == nil || !strings.Contains(err.Error(), "newer spillway") {
		t.Errorf("it opens as %v, and %v", l, err)
	}
}

func TestWithoutALogThereIsNothingToRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := OpenReadOnly(t.Context(), dir, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, FileName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReadOnly(t.Context(), dir, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty file, as a crash leaves it: %v", err)
	}
	recordRun(t, openLog(t, dir, Options{}), running(1, "contacts")) // and it is filled by the next one that writes
}

func TestTheLogIsReadBesideItsWriter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writer := openLog(t, dir, Options{})
	recordRun(t, writer, running(1, "contacts"), rejected("7"))
	reader := openReader(t, dir)
	recordRun(t, writer, running(2, "contacts"), rejected("8"))
	if found := rows(t, reader, id(2), RowFilter{}); len(found) != 1 || found[0].Key != "8" {
		t.Errorf("the reader finds %v", found)
	}
	if _, err := reader.Begin(context.WithoutCancel(t.Context()), running(3, "contacts")); err == nil {
		t.Error("a reader writes")
	}
}

func TestTheLogIsReadInADirectoryThatIsReadOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	recordRun(t, l, running(1, "contacts"), rejected("7"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700) //nolint:errcheck // for the test's own cleaning up
	reader, err := OpenReadOnly(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if found := rows(t, reader, id(1), RowFilter{}); len(found) != 1 {
		t.Errorf("the reader finds %v", found)
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
	after, err := os.ReadDir(dir)
	if err != nil || len(after) != len(before) {
		t.Errorf("reading left files: %v before, %v after (%v)", before, after, err) // root may write there
	}
}
