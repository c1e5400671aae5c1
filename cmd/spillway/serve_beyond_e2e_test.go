package main

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"spillway/cmd/spillway/web/audit"
)

// testBeyondLoopback serves on every interface, with tokens and TLS.
func testBeyondLoopback(s *suite) {
	t := s.t
	p := newSite(s, 10)
	p.destination = "\n[serve]\nlisten = \"0.0.0.0:0\"\nhosts = [\"spillway.example.com\"]\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n"
	p.configure()
	cert, key, pool := selfSigned(t, "spillway.example.com")
	p.write("cert.pem", cert)
	p.write("key.pem", key)
	p.spillway("serve").exits(exitConfig).says("spillway token create")
	made := p.spillway("token", "create", "--name", "ops", "--scope", "run", "--quiet").exits(exitDone)
	token := strings.TrimSpace(made.stdout)
	c := p.start("serve", "--json")
	defer func() { c.signal(syscall.SIGTERM).exits(exitDone) }()
	until(t, func() bool { at, err := readWhereabouts(p.state()); return err == nil && at.PID == c.cmd.Process.Pid })
	port := listeningPort(t, p)
	client := &http.Client{Transport: tlsTransport(pool, port)}
	get := func(host, method, path, bearer string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, "https://"+host+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if bearer != "" {
			r.Header.Set("Authorization", "Bearer "+bearer)
		}
		status, _ := answerOf(t, client, r)
		return status
	}
	for _, tt := range []struct {
		host, method, path, bearer string
		want                       int
	}{
		{"spillway.example.com", "GET", "/api/v1/syncs", token, 200},
		{"spillway.example.com", "GET", "/api/v1/syncs", "", 401},
		{"spillway.example.com", "GET", "/api/v1/syncs", "spw_x", 401},
		{"spillway.example.com", "GET", "/healthz", "", 200},
		{"spillway.example.com", "POST", "/api/v1/syncs/people/runs", token, 202},
		{"spillway.example.com", "POST", "/api/v1/runs/last/approve", token, 403},
		{"evil.example.com", "GET", "/api/v1/syncs", token, 421},
	} {
		if got := get(tt.host, tt.method, tt.path, tt.bearer); got != tt.want {
			t.Errorf("%s %s%s: %d, want %d", tt.method, tt.host, tt.path, got, tt.want)
		}
	}
	until(t, func() bool { return strings.Contains(p.spillway("runs", "list").stdout, "succeeded") })
	p.run(exitDone) // through the daemon, without a token of its own
	p.spillway("token", "revoke", "ops").exits(exitDone)
	if got := get("spillway.example.com", "GET", "/api/v1/syncs", token); got != http.StatusUnauthorized {
		t.Errorf("with a revoked token: %d", got)
	}
}

// audited is the audit log as far as it is written.
func (p *site) audited() string {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.state(), audit.FileName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.t.Fatal(err)
	}
	return string(text)
}

// testChangingProject edits the project while it is served.
func testChangingProject(s *suite) {
	t := s.t
	p := newSite(s, 10)
	d := p.serve()
	text := p.read("syncs/people.toml")
	p.write("syncs/more.toml", strings.Replace(text, `"people"`, `"peple"`, 1)) // there is no such model
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return strings.Contains(p.audited(), `"refused":"config"`) })
	if status, _ := d.ask("GET", "/api/v1/syncs/people", ""); status != http.StatusOK {
		t.Errorf("the project that ran is gone: %d", status)
	}
	p.write("syncs/more.toml", text)
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { status, _ := d.ask("GET", "/api/v1/syncs/more", ""); return status == http.StatusOK })
	d.signal(syscall.SIGTERM).exits(exitDone)
}
