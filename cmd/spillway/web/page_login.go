package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"spillway/cmd/spillway/web/access"
	"spillway/cmd/spillway/web/audit"
)

// pageRoutes are the pages for people.
func (s *server) pageRoutes() []route {
	return []route{
		{method: http.MethodGet, pattern: "/login", scope: access.Public, page: true, handle: s.showLogin},
		{method: http.MethodPost, pattern: "/login", scope: access.Public, page: true, handle: s.login},
		{method: http.MethodPost, pattern: "/logout", scope: access.Public, page: true, handle: s.logout},
	}
}

// cookieName of a session. Where browsers come by https, the prefix makes them hold the cookie to this host and to https.
func (s *server) cookieName() string {
	if s.HTTPS {
		return "__Host-spillway"
	}
	return "spillway"
}

func (s *server) cookie(value string) *http.Cookie {
	return &http.Cookie{Name: s.cookieName(), Value: value, Path: "/", HttpOnly: true, Secure: s.HTTPS, SameSite: http.SameSiteStrictMode}
}

// login is what the page shows.
type login struct{ Next, Wrong string }

func (s *server) showLogin(w http.ResponseWriter, r *http.Request) error {
	return s.renderLogin(w, r, http.StatusOK, login{Next: within(r.URL.Query().Get("next"))})
}

func (s *server) renderLogin(w http.ResponseWriter, r *http.Request, status int, l login) error {
	return s.render(w, r, status, "login", view{Title: "Log in", Body: l})
}

// login opens a session with a token. Tries are limited by address and in all (S16).
func (s *server) login(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return err
		}
		return invalid("the form cannot be read", "")
	}
	next := within(r.PostForm.Get("next"))
	if wait, ok := s.throttle.Allow(s.address(r), s.Now()); !ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
		return s.renderLogin(w, r, http.StatusTooManyRequests, login{next, "Too many tries. Wait a few seconds, then try again."})
	}
	found, err := s.Tokens.Find(r.Context(), strings.TrimSpace(r.PostForm.Get("token")), s.Now())
	if errors.Is(err, access.ErrUnknown) {
		s.record(r, audit.Entry{Action: audit.Login, By: "unknown"}, err)
		return s.renderLogin(w, r, http.StatusUnauthorized, login{next, "This token is not known, was revoked or has expired."})
	}
	if err != nil {
		return err
	}
	value, expires, err := s.sessions.Begin(found, s.Now())
	if err != nil {
		return err
	}
	s.record(r, audit.Entry{Action: audit.Login, By: found.Name}, nil)
	cookie := s.cookie(value)
	cookie.Expires = expires
	http.SetCookie(w, cookie)
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

func (s *server) logout(w http.ResponseWriter, r *http.Request) error {
	if cookie, err := r.Cookie(s.cookieName()); err == nil {
		s.sessions.End(cookie.Value)
		s.record(r, audit.Entry{Action: audit.Logout}, nil)
	}
	gone := s.cookie("")
	gone.MaxAge = -1
	http.SetCookie(w, gone)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}

// within returns the address of one of our own pages, whatever somebody wrote into a link.
func within(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

// failPage answers a browser with a page of what went wrong, or asks it to log in.
func (s *server) failPage(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(r, err)
	s.prepareFailure(w, r, &p, err)
	if p.Status == http.StatusUnauthorized {
		target := "/login"
		if r.Method == http.MethodGet {
			target += "?next=" + url.QueryEscape(r.URL.RequestURI())
		}
		http.Redirect(w, r, target, http.StatusSeeOther)
		return
	}
	if err := s.render(w, r, p.Status, "failure", view{Title: p.Code, Body: p}); err != nil {
		s.Log.Error("page failed", "path", r.URL.Path, "error", err.Error())
	}
}
