package project

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheCommitOfAProjectIsKnown(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatalf("this test needs git: %s", err)
	}
	repository := t.TempDir()
	root := filepath.Join(repository, "crm")
	if err := os.Rename(write(t, withGood(nil)), root); err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", repository, "-c", "user.name=a", "-c", "user.email=a@b.c"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %s\n%s", args[0], err, out)
		}
		return strings.TrimSpace(string(out))
	}
	put := func(path string) {
		t.Helper()
		full := filepath.Join(repository, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte("-- new\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, problems := Load(root, testKinds())
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	expect := func(when, wantCommit string, wantDirty bool) {
		t.Helper()
		commit, dirty := p.Git(t.Context())
		if commit != wantCommit || dirty != wantDirty {
			t.Errorf("%s: Git() = %q, %t; want %q, %t", when, commit, dirty, wantCommit, wantDirty)
		}
	}
	expect("without a repository", "", false)
	git("init", "-q")
	expect("before the first commit", "", false)
	git("add", ".")
	git("commit", "-q", "-m", "first")
	head := git("rev-parse", "HEAD")
	expect("after the first commit", head, false)
	put("other/file.txt")
	expect("with a change beside the project", head, false)
	put("crm/.spillway/state.db")
	expect("with state that no file ignores", head, false)
	put("crm/models/new.sql")
	expect("with a new model", head, true)
	git("add", ".")
	expect("with a model that is staged", head, true)
	git("commit", "-q", "-m", "second")
	expect("after the second commit", git("rev-parse", "HEAD"), false)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if commit, dirty := p.Git(cancelled); commit != "" || dirty {
		t.Errorf("when cancelled: %q, %t", commit, dirty)
	}
}
