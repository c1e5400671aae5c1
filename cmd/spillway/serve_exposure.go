package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"spillway/syncer/project"
)

// configError is a configuration that must not be served.
type configError struct{ err error }

func (e configError) Error() string { return e.err.Error() }
func (e configError) Unwrap() error { return e.err }

// exposure is who can reach a daemon, and what protects it from them.
type exposure struct {
	listen       string // host and port
	host         string // of listen; empty: every interface
	settings     project.Serve
	needsTokens  bool // even on the loopback interface
	hasTokens    bool
	bothTLSFiles bool
}

func newExposure(listen string, s project.Serve, needsTokens, hasTokens bool) (exposure, error) {
	host, port, err := net.SplitHostPort(listen)
	if err == nil {
		if _, numeric := strconv.ParseUint(port, 10, 16); numeric != nil {
			err = fmt.Errorf("the port %q is no number up to 65535", port)
		}
	}
	if err != nil {
		return exposure{}, usageError{fmt.Errorf("the address %s to listen on: %w; write one such as 127.0.0.1:8400", listen, err)}
	}
	return exposure{
		listen: listen, host: host, settings: s, needsTokens: needsTokens, hasTokens: hasTokens,
		bothTLSFiles: s.TLSCert != "" && s.TLSKey != "",
	}, nil
}

// loopback reports whether this machine alone can reach the daemon.
func (e exposure) loopback() bool {
	if strings.EqualFold(e.host, "localhost") {
		return true
	}
	ip := net.ParseIP(e.host)
	return ip != nil && ip.IsLoopback()
}

// open reports whether whoever reaches the daemon may do everything. Behind a proxy, others come by the loopback
// interface too.
func (e exposure) open() bool { return e.loopback() && !e.settings.BehindProxy && !e.needsTokens }

// https reports whether browsers come by https.
func (e exposure) https() bool { return e.bothTLSFiles || e.settings.BehindProxy }

// hosts are the names by which the daemon may be called, besides the loopback ones.
func (e exposure) hosts() []string {
	hosts := e.settings.Hosts
	if ip := net.ParseIP(e.host); e.host != "" && (ip == nil || !ip.IsUnspecified()) {
		hosts = append([]string{e.host}, hosts...)
	}
	if u, err := url.Parse(e.settings.URL); err == nil && u.Hostname() != "" {
		hosts = append([]string{u.Hostname()}, hosts...) // links in notices lead there
	}
	return hosts
}

const makeToken = "make a token with: spillway token create --name NAME --scope read,run,approve"

// check refuses what others could reach without protection (S11).
func (e exposure) check() error {
	switch protected := e.https(); {
	case e.open():
		return nil
	case e.loopback() && e.hasTokens:
		return nil
	case e.loopback():
		return configError{errors.New("tokens are asked for here, and there is none; " + makeToken)}
	case !e.hasTokens && !protected:
		return configError{fmt.Errorf("%s can be reached from other machines, and nothing protects it; listen on 127.0.0.1, or %s, "+
			"and set tls_cert and tls_key under [serve], or behind_proxy = true where a proxy ends TLS", e.listen, makeToken)}
	case !e.hasTokens:
		return configError{fmt.Errorf("%s can be reached from other machines, and there is no token; %s", e.listen, makeToken)}
	case !protected:
		return configError{fmt.Errorf("%s can be reached from other machines, and tokens would travel in the clear; "+
			"set tls_cert and tls_key under [serve], or behind_proxy = true where a proxy ends TLS", e.listen)}
	}
	return nil
}
