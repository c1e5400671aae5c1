package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"spillway/syncer/project"
)

// TestStartMatrix says for every kind of address, and for whatever may protect it, whether it is served.
func TestStartMatrix(t *testing.T) {
	t.Parallel()
	loopback := []string{"127.0.0.1:8400", "127.0.0.1:0", "127.8.9.1:80", "[::1]:8400", "localhost:8400", "LocalHost:8400"}
	reachable := []string{
		"0.0.0.0:8400", ":8400", "[::]:8400", "10.0.0.5:8400", "192.168.1.2:80", "[fe80::1]:80", "[::ffff:10.0.0.5]:80", "example.com:443",
		"localhost.:8400", "localhost.example.com:80",
	}
	tls := project.Serve{TLSCert: "cert.pem", TLSKey: "key.pem"}
	proxy := project.Serve{BehindProxy: true}
	for _, tt := range []struct {
		listen    []string
		settings  project.Serve
		ask       bool // for tokens on the loopback interface too
		tokens    bool
		says      []string // why it is refused; nothing: it is served
		open      bool
		protected bool
	}{
		{listen: loopback, open: true},
		{listen: loopback, tokens: true, open: true},
		{listen: loopback, settings: tls, open: true, protected: true},
		{listen: loopback, ask: true, says: []string{"spillway token create"}},
		{listen: loopback, ask: true, tokens: true},
		{listen: loopback, settings: proxy, says: []string{"spillway token create"}},
		{listen: loopback, settings: proxy, tokens: true, protected: true},
		{listen: reachable, says: []string{"127.0.0.1", "spillway token create", "tls_cert", "behind_proxy = true"}},
		{listen: reachable, tokens: true, says: []string{"in the clear", "tls_cert", "behind_proxy = true"}},
		{listen: reachable, settings: tls, says: []string{"spillway token create"}},
		{listen: reachable, settings: proxy, says: []string{"spillway token create"}},
		{listen: reachable, settings: project.Serve{TLSCert: "cert.pem"}, tokens: true, says: []string{"tls_key"}},
		{listen: reachable, settings: tls, tokens: true, protected: true},
		{listen: reachable, settings: proxy, tokens: true, protected: true},
	} {
		for _, listen := range tt.listen {
			e, err := newExposure(listen, tt.settings, tt.ask, tt.tokens)
			if err != nil {
				t.Fatal(err)
			}
			err = e.check()
			switch {
			case len(tt.says) == 0 && (err != nil || e.open() != tt.open || e.https() != tt.protected):
				t.Errorf("%s with %+v: %v, open %v, https %v", listen, tt, err, e.open(), e.https())
			case len(tt.says) > 0 && (err == nil || codeOf(err) != exitConfig):
				t.Errorf("%s with %+v is served: %v", listen, tt, err)
			}
			for _, part := range tt.says {
				if err != nil && !strings.Contains(err.Error(), part) {
					t.Errorf("%s: no %q in %v", listen, part, err)
				}
			}
		}
	}
	for _, listen := range []string{"", "8400", "127.0.0.1", "::1:8400", "127.0.0.1:http", "127.0.0.1:-1", "127.0.0.1:65536", "http://127.0.0.1:80"} {
		if _, err := newExposure(listen, project.Serve{}, false, false); err == nil {
			t.Errorf("%q was taken", listen)
		} else if _, ok := errors.AsType[usageError](err); !ok {
			t.Errorf("%q: %v", listen, err)
		}
	}
}

func TestTheHostOfTheAddressIsAName(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string][]string{
		"10.0.0.5:80": {"10.0.0.5", "x.example"}, "box:80": {"box", "x.example"}, ":80": {"x.example"}, "0.0.0.0:80": {"x.example"}, "[::]:80": {"x.example"},
	} {
		e, err := newExposure(listen, project.Serve{Hosts: []string{"x.example"}}, false, false)
		if err != nil || !slices.Equal(e.hosts(), want) {
			t.Errorf("%s: %v, %v", listen, e.hosts(), err)
		}
	}
}

func TestTheHostOfThePublicAddressIsAName(t *testing.T) {
	t.Parallel()
	e, err := newExposure("127.0.0.1:8400", project.Serve{URL: "https://spillway.example.com:8443/x", Hosts: []string{"other"}}, false, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(e.hosts(), " "); got != "spillway.example.com 127.0.0.1 other" {
		t.Errorf("it may be called by %s", got)
	}
}
