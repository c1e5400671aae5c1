package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	"spillway/cmd/spillway/web/access"
	"spillway/cmd/spillway/web/audit"
)

type identityKey struct{}

// who returns who asks. On a public route it may be nobody.
func who(ctx context.Context) access.Identity {
	i, _ := ctx.Value(identityKey{}).(access.Identity)
	return i
}

// identify finds out who asks: by a bearer token, on pages by a cookie, or whoever it is where the daemon is open. The API
// takes no cookie, so that no page of another site can use one.
func (s *server) identify(r *http.Request, page bool) (access.Identity, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return access.Identity{}, access.ErrUnknown
		}
		return s.Tokens.Find(r.Context(), strings.TrimSpace(token), s.Now())
	}
	if cookie, err := r.Cookie(s.cookieName()); page && err == nil {
		found, err := s.sessions.Find(cookie.Value, s.Now())
		if err == nil || !errors.Is(err, access.ErrUnknown) || !s.Open {
			return found, err
		}
	}
	if s.Open {
		return access.Everything(access.Anyone), nil
	}
	return access.Identity{}, access.ErrUnknown
}

// address is where a request comes from.
func (s *server) address(r *http.Request) string {
	if s.BehindProxy {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		if ip := net.ParseIP(strings.TrimSpace(hops[len(hops)-1])); ip != nil { // what came before it, anybody may have written
			return ip.String()
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// record enters what somebody did, or was refused with err, into the audit log.
func (s *server) record(r *http.Request, e audit.Entry, err error) {
	if e.By == "" {
		e.By = who(r.Context()).Name
	}
	e.From = s.address(r)
	if err != nil {
		e.Refused = asProblem(err).Code
	}
	if err := s.Audit.Append(context.WithoutCancel(r.Context()), e); err != nil {
		s.Log.Error("audit log not written", "action", string(e.Action), "by", e.By, "error", err.Error())
	}
}
