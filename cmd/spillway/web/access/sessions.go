package access

import (
	"sync"
	"time"
)

const (
	sessionAge   = 12 * time.Hour
	mostSessions = 10_000
)

// Sessions are the browsers that are logged in. They are forgotten when the daemon ends.
type Sessions struct {
	tokens *Tokens

	mu   sync.Mutex
	open map[string]session // by the hash of the cookie
}

type session struct {
	token   string // by whose right
	expires time.Time
}

// NewSessions returns no sessions yet.
func NewSessions(tokens *Tokens) *Sessions {
	return &Sessions{tokens: tokens, open: map[string]session{}}
}

// Begin logs in with the right of an identity and returns what the browser's cookie is to hold.
func (s *Sessions) Begin(i Identity, now time.Time) (cookie string, expires time.Time, err error) {
	if cookie, err = newSecret(); err != nil {
		return "", time.Time{}, err
	}
	expires = now.Add(sessionAge)
	s.mu.Lock()
	defer s.mu.Unlock()
	var oldest string
	for key, other := range s.open {
		if !now.Before(other.expires) {
			delete(s.open, key)
		} else if oldest == "" || other.expires.Before(s.open[oldest].expires) {
			oldest = key
		}
	}
	if len(s.open) >= mostSessions {
		delete(s.open, oldest)
	}
	s.open[hash(cookie)] = session{token: i.Name, expires: expires}
	return cookie, expires, nil
}

// Find returns who holds a cookie. A session ends with the token that it was begun with. Its error wraps ErrUnknown when
// there is none.
func (s *Sessions) Find(cookie string, now time.Time) (Identity, error) {
	s.mu.Lock()
	found, ok := s.open[hash(cookie)] // a hash, so that the time tells nothing of the cookie
	s.mu.Unlock()
	if !ok || !now.Before(found.expires) {
		return Identity{}, ErrUnknown
	}
	return s.tokens.Still(found.token, now)
}

// End logs out.
func (s *Sessions) End(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, hash(cookie))
}
