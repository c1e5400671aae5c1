package project

import (
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"spillway/syncer/settings"
)

func (l *loader) loadServe(t *settings.Table, s serveTable) {
	table := t.Table("serve")
	if e, ok := table.Get("listen"); ok && !listenable(s.Listen) {
		l.refuse(e.Problem(`must be a host and a port, such as "127.0.0.1:8400"`))
	}
	if e, ok := table.Get("url"); ok && !reachableURL(s.URL) {
		l.refuse(e.Problem(`must be an address such as "https://spillway.example.com", without credentials and without ? and #`))
	}
	if e, ok := table.Get("hosts"); ok {
		for _, host := range s.Hosts {
			if host == "" || net.ParseIP(host) == nil && !hostname.MatchString(host) {
				l.refuse(e.Problem("%q is no name of a host; write it without a scheme and a port", host))
			}
		}
	}
	for _, pair := range []struct{ key, file, other, otherFile string }{
		{"tls_cert", s.TLSCert, "tls_key", s.TLSKey},
		{"tls_key", s.TLSKey, "tls_cert", s.TLSCert},
	} {
		if e, ok := table.Get(pair.key); ok && pair.otherFile == "" {
			l.refuse(e.Problem("needs %s beside it", pair.other))
		}
	}
	l.project.Serve = Serve(s)
	l.project.Serve.TLSCert, l.project.Serve.TLSKey = l.within(s.TLSCert), l.within(s.TLSKey)
}

// within returns the absolute name of a file that is named relative to the project.
func (l *loader) within(file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(l.project.Root, file)
}

var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

func reachableURL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && !strings.ContainsAny(address, "?#")
}

func listenable(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	number, err := strconv.Atoi(port)
	return err == nil && number >= 0 && number <= 65535
}
