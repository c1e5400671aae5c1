package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/mattn/go-isatty"
)

// output is stdout. It remembers its first failure instead of returning it, so that work under way goes on when the
// reader of a pipe has left, and a full disk is not taken for success in the end.
type output struct {
	file *os.File
	err  error
}

func (o *output) Write(p []byte) (int, error) {
	if o.err == nil {
		_, o.err = o.file.Write(p)
	}
	return len(p), nil
}

// failure returns why something was not written. A reader that left has seen what it wanted.
func (o *output) failure() error {
	if o.err == nil || errors.Is(o.err, syscall.EPIPE) {
		return nil
	}
	return fmt.Errorf("write to stdout: %w", o.err)
}

// terminal reports whether a person looks at f.
func terminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb" }

// printf writes for people to stdout.
func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.out, format, args...) }

// printJSON writes the one document of --json.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	a.printed = true
	return nil
}

// note writes a remark for people to stderr, unless --quiet or where stderr is read by programs.
func (a *app) note(format string, args ...any) {
	if !a.quiet && a.logFormat != formatJSON {
		fmt.Fprintf(a.errout, format+"\n", args...)
	}
}
