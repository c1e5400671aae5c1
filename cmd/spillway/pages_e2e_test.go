package main

import (
	"bufio"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"spillway/cmd/spillway/web/browsertest"
)

// testPages goes the way of somebody who looks for a row that did not arrive: from the overview to the run, to the row,
// to a retry, and to a run that delivered it. By mouse and by keyboard, with scripts and without.
func testPages(s *suite) {
	for _, way := range []struct {
		name    string
		scripts bool
		press   func(*browsertest.Browser, string)
	}{
		{"by mouse", true, (*browsertest.Browser).Click},
		{"by mouse without scripts", false, (*browsertest.Browser).Click},
		{"by keyboard", true, (*browsertest.Browser).Press},
		{"by keyboard without scripts", false, (*browsertest.Browser).Press},
	} {
		s.t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			lookForARow(&suite{t: t, bin: s.bin, pg: s.pg}, browsertest.Start(t, way.scripts), way.scripts, way.press)
		})
	}
}

func lookForARow(s *suite, b *browsertest.Browser, scripts bool, press func(*browsertest.Browser, string)) {
	t := s.t
	p := newSite(s, 20)
	p.service.answers(func(r *request) reply {
		var results []string
		for _, record := range r.Records {
			result := fmt.Sprintf(`{"id":%q,"status":"accepted"}`, record.ID)
			if record.ID == "p7@x.io" {
				result = fmt.Sprintf(`{"id":%q,"status":"rejected","code":"NO_DOMAIN","reason":"x.io takes no mail"}`, record.ID)
			}
			results = append(results, result)
		}
		return reply{body: `{"results":[` + strings.Join(results, ",") + `]}`}
	})
	url := p.serves()
	b.Open(url)
	press(b, "people")
	press(b, "Run now")
	reads(t, b, scripts, "19 of 20 operations arrived; 1 was rejected.")
	b.Screenshot("run")

	b.Open(url)
	b.Screenshot("overview")
	press(b, "19 of 20 operations arrived; 1 was rejected.")
	press(b, "7")
	reads(t, b, scripts, "It did not arrive: rejected, NO_DOMAIN x.io takes no mail")
	b.Screenshot("row")
	p.service.calm()
	press(b, "Retry this row")
	reads(t, b, scripts, "The one operation arrived.")
	b.Screenshot("retried")
	for _, path := range []string{"/syncs/people", "/runs", "/connections", "/project"} {
		b.Open(url + path)
		b.Screenshot(strings.ReplaceAll(strings.Trim(path, "/"), "/", "-"))
	}
	if troubles := b.Troubles(); len(troubles) > 0 {
		t.Errorf("the browser met %q", troubles)
	}
}

// reads waits until the page holds a text. It comes by itself where scripts run; elsewhere the reader asks for the page
// again.
func reads(t *testing.T, b *browsertest.Browser, scripts bool, text string) {
	t.Helper()
	until(t, func() bool {
		if b.Holds(text) {
			return true
		}
		if !scripts {
			b.Reload()
		}
		return false
	})
}

var servedAt = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// serves starts the daemon, which ends with the test, and returns where it is.
func (p *site) serves() string {
	p.t.Helper()
	cmd := p.command("serve", "--listen", "127.0.0.1:0")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // which the end of the test does
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		if url := servedAt.FindString(lines.Text()); url != "" {
			go func() {
				for lines.Scan() { // or it would wait for somebody to read
				}
			}()
			p.t.Cleanup(func() {
				if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != exitDone {
					p.t.Errorf("the daemon ended with %v", err)
				}
			})
			return url
		}
	}
	p.t.Fatalf("the daemon does not say where it is: %q", said)
	return ""
}
