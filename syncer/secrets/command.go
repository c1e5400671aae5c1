package secrets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

const (
	patience    = 10 * time.Second // for a command to end
	aftermath   = 2 * time.Second  // for its output to close once it was killed
	mostMessage = 400              // of what a command said on stderr, in bytes
	leastSecret = 4                // shorter values are too common to be masked in a text
)

// Command refers to what the program argv[0] prints with the arguments argv[1:], without the blanks around it. No shell
// is involved. It runs in dir and may take 10 seconds.
func Command(argv []string, dir string) (Secret, error) { return commandWithin(patience, argv, dir) }

func commandWithin(patience time.Duration, argv []string, dir string) (Secret, error) {
	if len(argv) == 0 || argv[0] == "" {
		return Secret{}, errors.New("must name a program and its arguments")
	}
	name := filepath.Base(argv[0]) // the arguments are not shown: they may hold secrets of their own
	return newSecret("command "+name, func(ctx context.Context) (string, error) {
		return run(ctx, patience, argv, dir)
	}), nil
}

func run(ctx context.Context, patience time.Duration, argv []string, dir string) (string, error) {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(within, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.WaitDelay = aftermath
	asGroup(cmd)
	out, said := &capped{most: largest + 1}, &capped{most: largest}
	cmd.Stdout, cmd.Stderr = out, said
	err := cmd.Run()
	value := strings.TrimSpace(out.String())
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case within.Err() != nil:
		return "", fmt.Errorf("it did not end within %s and was stopped%s", patience, remark(said.String(), value))
	case err != nil:
		return "", fmt.Errorf("%w%s", startReason(err), remark(said.String(), value))
	case len(out.kept) > largest:
		return "", fmt.Errorf("it printed more than %d bytes", largest)
	case value == "":
		return "", fmt.Errorf("it printed nothing%s", remark(said.String(), value))
	}
	return value, nil
}

func startReason(err error) error {
	if e, ok := errors.AsType[*exec.Error](err); ok {
		return e.Err
	}
	return reason(err)
}

// remark is what a command said on stderr, on one line and without secrets: neither what it printed nor what stands in
// its environment under a name that speaks of secrets.
func remark(said, printed string) string {
	for _, secret := range append(strings.Fields(printed), secretVariables()...) {
		if len(secret) >= leastSecret {
			said = strings.ReplaceAll(said, secret, mask)
		}
	}
	said = strings.Join(strings.FieldsFunc(said, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if said == "" {
		return ""
	}
	if len(said) > mostMessage {
		said = strings.ToValidUTF8(said[:mostMessage], "") + "…"
	}
	return "; it said: " + said
}

// secretVariables returns the values in the environment whose names speak of secrets.
func secretVariables() []string {
	var values []string
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		name = strings.ToUpper(name)
		for _, word := range []string{"TOKEN", "SECRET", "PASS", "KEY", "CREDENTIAL", "AUTH", "DSN"} {
			if strings.Contains(name, word) {
				values = append(values, value)
				break
			}
		}
	}
	return values
}

// capped keeps the first bytes that are written to it, and takes the rest without keeping it. It has no method but
// Write and String: a bytes.Buffer within reach would be filled past it.
type capped struct {
	kept []byte
	most int
}

func (c *capped) Write(p []byte) (int, error) {
	c.kept = append(c.kept, p[:min(c.most-len(c.kept), len(p))]...)
	return len(p), nil
}

func (c *capped) String() string { return string(c.kept) }
