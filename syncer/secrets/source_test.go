package secrets_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spillway/syncer/secrets"
)

// check holds what s reveals, or the error, against what is wanted.
func check(t *testing.T, s secrets.Secret, want, wantError string) {
	t.Helper()
	got, err := s.Reveal(t.Context())
	message := ""
	if err != nil {
		message = err.Error()
	}
	if got != want || message != wantError {
		t.Errorf("Reveal() = %q, %q; want %q, %q", got, message, want, wantError)
	}
	if strings.Contains(message, canary) {
		t.Errorf("the error shows the secret: %s", message)
	}
}

func TestAnEnvironmentVariableIsRead(t *testing.T) {
	t.Setenv("SPILLWAY_TEST_SECRET", " "+canary+" ")
	t.Setenv("SPILLWAY_TEST_EMPTY", "")
	for name, want := range map[string][2]string{
		"SPILLWAY_TEST_SECRET": {" " + canary + " ", ""},
		"SPILLWAY_TEST_EMPTY":  {"", "environment variable SPILLWAY_TEST_EMPTY: it is empty"},
		"SPILLWAY_TEST_UNSET":  {"", "environment variable SPILLWAY_TEST_UNSET: it is not set"},
	} {
		s, err := secrets.Env(name)
		if err != nil {
			t.Fatal(err)
		}
		check(t, s, want[0], want[1])
	}
}

func TestWhatIsNoNameOfAVariableIsRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", canary, "a b", "1A", "A=B", "sk_live é"} {
		_, err := secrets.Env(name)
		if err == nil || name != "" && strings.Contains(err.Error(), name) {
			t.Errorf("Env(%q): %v", name, err)
		}
	}
}

func TestAFileIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, content string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	put("newline", canary+"\n", 0o600)
	put("two-newlines", canary+"\n\n", 0o400)
	put("crlf", canary+"\r\n", 0o600)
	put("bare", " "+canary, 0o600)
	put("mounted", canary, 0o644)
	put("group", canary, 0o660)
	put("open", canary, 0o666)
	put("empty", "\n", 0o600)
	put("huge", strings.Repeat(canary, 1<<20), 0o600)
	if err := os.Symlink("mounted", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]string{
		"newline":      {canary, ""},
		"two-newlines": {canary + "\n", ""},
		"crlf":         {canary, ""},
		"bare":         {" " + canary, ""},
		"mounted":      {canary, ""},
		"group":        {canary, ""},
		"link":         {canary, ""},
		"open":         {"", "every user may write it (mode 0666); take that right away with chmod o-w"},
		"empty":        {"", "it is empty"},
		"huge":         {"", "it is larger than 1048576 bytes"},
		".":            {"", "it is not a regular file"},
		"missing":      {"", "no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := secrets.File(name, dir)
			if err != nil {
				t.Fatal(err)
			}
			wantError := want[1]
			if wantError != "" {
				wantError = "file " + filepath.Join(dir, name) + ": " + wantError
			}
			check(t, s, want[0], wantError)
		})
	}
	absolute, err := secrets.File(filepath.Join(dir, "bare"), "/elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	check(t, absolute, " "+canary, "")
}

func TestACommandIsRunWithoutAShell(t *testing.T) {
	t.Setenv("SPILLWAY_TEST_TOKEN", "env-"+canary)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret.txt"), []byte("\n  "+canary+"  \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		argv            []string
		want, wantError string
	}{
		"what it prints is the secret, without blanks around it": {
			argv: []string{"cat", "secret.txt"}, want: canary,
		},
		"its arguments are not for a shell": {
			argv: []string{"echo", "$HOME; `id` *"}, want: "$HOME; `id` *",
		},
		"its failure is told with what it said, less what it printed": {
			argv:      []string{"sh", "-c", "cat secret.txt; echo could not unlock " + canary + " >&2; exit 3"},
			wantError: "command sh: exit status 3; it said: could not unlock •••",
		},
		"its failure is told without the secrets of the environment": {
			argv:      []string{"/bin/sh", "-c", "echo \"token $SPILLWAY_TEST_TOKEN\nexpired\" >&2; exit 1"},
			wantError: "command sh: exit status 1; it said: token ••• expired",
		},
		"a long complaint is cut": {
			argv:      []string{"sh", "-c", "printf '%01000d' 0 >&2; exit 1"},
			wantError: "command sh: exit status 1; it said: " + strings.Repeat("0", 400) + "…",
		},
		"silence is an error": {
			argv: []string{"true"}, wantError: "command true: it printed nothing",
		},
		"an endless secret is an error": {
			argv: []string{"sh", "-c", "head -c 2000000 /dev/zero | tr '\\0' x"}, wantError: "command sh: it printed more than 1048576 bytes",
		},
		"a missing program is an error": {
			argv: []string{"spillway-no-such-program", canary}, wantError: "command spillway-no-such-program: executable file not found in $PATH",
		},
		"a missing program's path is an error": {
			argv: []string{"./no-such-program", canary}, wantError: "command no-such-program: no such file or directory",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := secrets.Command(tt.argv, dir)
			if err != nil {
				t.Fatal(err)
			}
			check(t, s, tt.want, tt.wantError)
		})
	}
}

func TestACommandThatIsGivenUpIsKilledWithItsChildren(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// The child holds the output open: were it left alive, the command would never be over.
	s, err := secrets.Command([]string{"sh", "-c", "echo $$ > pid; sleep 600 & wait"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	reason := errors.New("the run was cancelled")
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := s.Reveal(ctx)
		done <- err
	}()
	waitForFile(t, filepath.Join(dir, "pid"))
	cancel(reason)
	select {
	case err := <-done:
		if !errors.Is(err, reason) {
			t.Errorf("the error is %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the command was not killed")
	}
}

func waitForFile(t *testing.T, path string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		if content, err := os.ReadFile(path); err == nil && len(content) > 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s was never written", path)
		}
	}
}

func TestACommandThatTakesTooLongIsStoppedWithWhatItSaid(t *testing.T) {
	t.Parallel()
	s, err := secrets.CommandWithin(500*time.Millisecond, []string{"sh", "-c", "echo waiting for a key >&2; sleep 600"}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	check(t, s, "", "command sh: it did not end within 500ms and was stopped; it said: waiting for a key")
}

func TestWhatCannotBeRunOrReadIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	if _, err := secrets.Command(nil, "."); err == nil {
		t.Error("an empty command was taken")
	}
	if _, err := secrets.Command([]string{""}, "."); err == nil {
		t.Error("a command without a name was taken")
	}
	if _, err := secrets.File("", "."); err == nil {
		t.Error("a file without a name was taken")
	}
	s := secrets.Literal("")
	check(t, s, "", "a literal: the secret is empty")
}
