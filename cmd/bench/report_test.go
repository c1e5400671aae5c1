package bench

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// report is the page of figures as it comes together.
type report struct {
	head     string
	targets  []target
	sections []string
}

// target is a figure that has to be reached.
type target struct {
	what, wanted, reached string
	met                   bool
}

func (r *report) target(met bool, what, wanted, reached string) {
	r.targets = append(r.targets, target{what: what, wanted: wanted, reached: reached, met: met})
}

func (r *report) section(text string) { r.sections = append(r.sections, strings.TrimSpace(text)) }

func newReport(b *testing.B, s *settings) *report {
	b.Helper()
	return &report{head: fmt.Sprintf("Measured on %s on %s, each case %s in turns with the others. Made by:\n\n    %s",
		time.Now().UTC().Format(time.DateOnly), machine(), times(s.rounds), s.command())}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// machine says what the figures were measured on.
func machine() string {
	about := fmt.Sprintf("%d processors (%s), %s memory, %s, %s", runtime.NumCPU(),
		found("/proc/cpuinfo", "model name"), found("/proc/meminfo", "MemTotal"), system(), runtime.Version())
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				about += ", commit " + setting.Value[:min(12, len(setting.Value))]
			}
		}
	}
	return about
}

// found is the first value of a name in one of the system's own files, where it has them.
func found(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func system() string {
	out, err := exec.Command("uname", "-sr").Output()
	if err != nil {
		return runtime.GOOS
	}
	return strings.TrimSpace(string(out))
}

func (r *report) text() string {
	var b strings.Builder
	b.WriteString(r.head + "\n\n## Targets\n\n| what | wanted | measured | |\n|---|---|---|---|\n")
	for _, t := range r.targets {
		verdict := "met"
		if !t.met {
			verdict = "**missed**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", t.what, t.wanted, t.reached, verdict)
	}
	for _, section := range r.sections {
		b.WriteString("\n" + section + "\n")
	}
	return b.String()
}

// write puts the report into its place in the page.
func (r *report) write(b *testing.B, file string) {
	b.Helper()
	page, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	const begin, end = "<!-- measured -->\n", "<!-- /measured -->"
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		b.Fatalf("%s has no place for the figures", file)
	}
	if err := os.WriteFile(file, []byte(before+begin+"\n"+r.text()+"\n"+end+after), 0o644); err != nil {
		b.Fatal(err)
	}
}
