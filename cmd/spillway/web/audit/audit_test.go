package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"spillway/cmd/spillway/web/audit"
)

func clock() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 123, time.UTC) }

// filled returns a log of n entries, and its file.
func filled(t *testing.T, n int) (*audit.Log, string) {
	t.Helper()
	dir := t.TempDir()
	l := audit.New(dir, clock)
	if entries, err := l.Verify(); entries != 0 || err != nil {
		t.Fatalf("%d, %v", entries, err)
	}
	for i := range n {
		if err := l.Append(t.Context(), audit.Entry{Action: audit.Approve, By: "ops", Run: fmt.Sprint(i), Detail: `<&> "quoted"`}); err != nil {
			t.Fatal(err)
		}
	}
	return l, filepath.Join(dir, audit.FileName)
}

func TestTheChainHolds(t *testing.T) {
	t.Parallel()
	l, file := filled(t, 5)
	if n, err := l.Verify(); n != 5 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	first, _, _ := strings.Cut(read(t, file), "\n")
	if !strings.HasPrefix(first, `{"seq":1,"at":"2026-11-20T12:00:00.000000123Z","action":"run.approve","by":"ops","run":"0",`) {
		t.Error(first)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestATamperedLogIsFound(t *testing.T) {
	t.Parallel()
	lines := func(text string) []string { return strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n") }
	for name, tt := range map[string]struct {
		tamper func(string) string
		line   int64 // at which it is found
	}{
		"a changed name":   {func(s string) string { return strings.Replace(s, `"run":"2"`, `"run":"9"`, 1) }, 3},
		"a removed line":   {func(s string) string { l := lines(s); return strings.Join(append(l[:1:1], l[2:]...), "") }, 2},
		"no first line":    {func(s string) string { return strings.Join(lines(s)[1:], "") }, 1},
		"lines exchanged":  {func(s string) string { l := lines(s); return strings.Join([]string{l[0], l[2], l[1], l[3]}, "") + "\n" }, 2},
		"a repeated line":  {func(s string) string { l := lines(s); return l[0] + l[0] + strings.Join(l[1:], "") }, 2},
		"an added blank":   {func(s string) string { return strings.Replace(s, `"by":"ops"`, `"by": "ops"`, 1) }, 1},
		"an added field":   {func(s string) string { return strings.Replace(s, `"by":"ops"`, `"by":"ops","x":1`, 1) }, 1},
		"something else":   {func(s string) string { return s + "nonsense\n" }, 5},
		"a line of a fake": {func(s string) string { return s + strings.Replace(lines(s)[3], `"seq":4`, `"seq":5`, 1) + "\n" }, 5},
	} {
		l, file := filled(t, 4)
		before := read(t, file)
		after := tt.tamper(before)
		if after == before {
			t.Errorf("%s: nothing was changed", name)
		}
		if err := os.WriteFile(file, []byte(after), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := l.Verify(); !errors.Is(err, audit.ErrBroken) || n != tt.line {
			t.Errorf("%s: found at line %d, want %d (%v)", name, n, tt.line, err)
		}
	}
}

// TestABrokenLogCanBeRead reads what is before and behind a line that was changed.
func TestABrokenLogCanBeRead(t *testing.T) {
	t.Parallel()
	l, file := filled(t, 4)
	text := strings.Replace(read(t, file), `"run":"1"`, `"run":"7"`, 1)
	if err := os.WriteFile(file, []byte("nonsense\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	var runs []string
	n, err := l.Read(func(e audit.Entry) { runs = append(runs, e.Run) })
	broken, ok := errors.AsType[*audit.BrokenError](err)
	if !ok || n != 1 || broken.Line != 1 || broken.Why != "is no entry" || strings.Join(runs, "") != "0723" {
		t.Errorf("line %d: %v; the entries are of %v", n, err, runs)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Verify(); err == nil || !strings.Contains(err.Error(), "line 2 of "+file+" was changed") {
		t.Error(err)
	}
}

// TestACrashLeavesNoTrace cuts the file at every byte of its last line, as a crash may.
func TestACrashLeavesNoTrace(t *testing.T) {
	t.Parallel()
	l, file := filled(t, 3)
	text := []byte(read(t, file))
	last := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
	for end := last; end < len(text); end++ {
		if err := os.WriteFile(file, text[:end], 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := l.Verify(); n != 2 || err != nil {
			t.Fatalf("cut at %d: %d, %v", end, n, err)
		}
		if err := l.Append(t.Context(), audit.Entry{Action: audit.Login, By: "ops"}); err != nil {
			t.Fatal(err)
		}
		if n, err := l.Verify(); n != 3 || err != nil {
			t.Fatalf("cut at %d: %d, %v", end, n, err)
		}
	}
}

func TestSeveralAppendAtOnce(t *testing.T) {
	t.Parallel()
	l, file := filled(t, 0)
	other := audit.New(filepath.Dir(file), clock) // another process
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			log := []*audit.Log{l, other}[i%2]
			if err := log.Append(context.Background(), audit.Entry{Action: audit.Run, By: fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n, err := l.Verify(); n != 20 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
