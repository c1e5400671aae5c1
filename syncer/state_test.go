package syncer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spillway/syncer/runlog"
)

func TestASecondProcessLearnsWhoHoldsTheStateDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.open()
	_, err := Open(t.Context(), w.project, w.options())
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("the error is %v", err)
	}
	host, hostErr := os.Hostname()
	if hostErr != nil {
		t.Fatal(hostErr)
	}
	for _, want := range []string{fmt.Sprintf("process %d", os.Getpid()), host, "test", w.project.State.Dir, "2026-11-20T12:00:00Z"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	w.close()
	w.open() // once the first is done, the second may
}

func TestALockThatACrashLeftIsTaken(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"a holder": `{"pid":1}`, "nothing": "", "no JSON": "{"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			lock := filepath.Join(w.project.State.Dir, "lock")
			if err := errors.Join(os.MkdirAll(w.project.State.Dir, 0o700), os.WriteFile(lock, []byte(content), 0o600)); err != nil {
				t.Fatal(err)
			}
			w.open()
			if pid, holder := readHolder(lock); pid != os.Getpid() || !strings.Contains(holder, fmt.Sprint(pid)) {
				t.Errorf("now it is held by %s", holder)
			}
		})
	}
}

func TestAStateDirectoryThatIsNotPrivateIsRefused(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(dir string) error{
		"open to its group": func(dir string) error { return errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o750)) },
		"open to others":    func(dir string) error { return errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o701)) },
		"a file":            func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.project.State.Dir = filepath.Join(t.TempDir(), "state")
			if err := make(w.project.State.Dir); err != nil {
				t.Fatal(err)
			}
			for how, open := range map[string]func(context.Context) error{
				"for writing": func(ctx context.Context) error { _, err := Open(ctx, w.project, w.options()); return err },
				"for reading": func(ctx context.Context) error { _, err := OpenReadOnly(ctx, w.project, w.options()); return err },
			} {
				if err := open(t.Context()); err == nil || !strings.Contains(err.Error(), w.project.State.Dir) {
					t.Errorf("%s: %v", how, err)
				}
			}
		})
	}
}

func TestAReaderStandsBesideTheWriterAndWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source.set(many(5)...)
	fresh, err := OpenReadOnly(t.Context(), w.project, w.options())
	if err != nil {
		t.Fatal(err)
	}
	if p, err := fresh.Plan(t.Context(), w.sync, false); err != nil || p.Added != 5 || fresh.Runs() != nil {
		t.Errorf("before the first run: %+v, %v", p, err)
	}
	if err := fresh.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(w.project.State.Dir, runlog.FileName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading made a run log: %v", err)
	}
	w.run()
	reader, err := OpenReadOnly(t.Context(), w.project, w.options())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}()
	if p, err := reader.Plan(t.Context(), w.sync, false); err != nil || p.Same != 5 {
		t.Errorf("beside the writer: %+v, %v", p, err)
	}
	if runs, err := reader.Runs().Runs(t.Context(), runlog.Filter{}); err != nil || len(runs) != 1 {
		t.Errorf("beside the writer: %v, %v", runs, err)
	}
}

func TestPlansThatACrashLeftAreSweptAway(t *testing.T) {
	t.Parallel()
	w, held := heldWorld(t)
	kept := w.open().planFile(held.ID)
	stray := w.open().planFile("01STRAY")
	w.close()
	if err := os.WriteFile(stray, []byte("values"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.open()
	if _, err := os.Stat(stray); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the plan of no run: %v", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("the plan of the held run: %v", err)
	}
	w.close()
	w.at = w.at.Add(approvalPeriod + 1e9)
	w.open()
	if _, err := os.Stat(kept); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the plan of a run that was held long ago: %v", err)
	}
}

func TestARunThatACrashCutOffIsMarkedAsFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, err := w.open().begin(t.Context(), w.sync, w.open().NewRun(w.sync, runlog.ByCLI), "")
	if err != nil {
		t.Fatal(err)
	}
	w.close()
	run, err := w.open().Runs().Run(t.Context(), r.run.ID)
	if err != nil || run.State != runlog.Failed || run.Error.Code != CodeInterrupted {
		t.Errorf("the run is %s with %+v (%v)", run.State, run.Error, err)
	}
}
