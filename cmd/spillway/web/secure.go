package web

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// largestBody is how much a request may carry.
const largestBody = 1 << 20

// secured refuses what must not come as far as a route, and sets what every answer carries.
func (s *server) secured(next http.Handler) http.Handler {
	sites := http.NewCrossOriginProtection()
	sites.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, &problem{
			Status: http.StatusForbidden, Code: "cross_site", Detail: "a page of another site sent this request",
			Hint: "nothing here is changed from other sites; programs leave out Origin and Sec-Fetch-Site",
		})
	}))
	inner := sites.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.setHeaders(w.Header())
		if !s.ownHost(r.Host) {
			// A page of another site can point its own name at this machine, and would be of one origin with us (S12).
			s.fail(w, r, &problem{
				Status: http.StatusMisdirectedRequest, Code: "foreign_host", Detail: "the daemon is not called by this host name",
				Hint: "names it may be called by are listed as hosts under [serve] of spillway.toml",
			})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, largestBody)
		inner.ServeHTTP(w, r)
	})
}

// policy lets pages use what the daemon itself serves, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

func (s *server) setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	if s.HTTPS {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// loopbackNames are what a daemon may always be called.
var loopbackNames = []string{"localhost", "127.0.0.1", "::1"}

// ownHost reports whether a Host header names this daemon, with any port: it may be reached through a tunnel.
func (s *server) ownHost(header string) bool {
	name, port := header, ""
	if strings.HasPrefix(header, "[") || strings.Contains(header, ":") {
		end := strings.LastIndexByte(header, ']') + 1
		if rest := header[end:]; rest != "" {
			at := strings.LastIndexByte(rest, ':')
			if at < 0 || end > 0 && at != 0 {
				return false
			}
			if port = rest[at+1:]; !isPort(port) {
				return false
			}
			name = header[:end+at]
		}
		var bracketed bool
		if name, bracketed = strings.CutPrefix(name, "["); bracketed {
			name = strings.TrimSuffix(name, "]")
			if ip := net.ParseIP(name); ip == nil || ip.To4() != nil {
				return false
			}
		} else if strings.Contains(name, ":") {
			return false
		}
	}
	same := func(own string) bool { return own != "" && strings.EqualFold(own, name) }
	return slices.ContainsFunc(loopbackNames, same) || slices.ContainsFunc(s.Hosts, same)
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == text
}
