package destinations

import (
	"errors"
	"strings"
)

// Errors of a whole batch wrap one of these where they can be told apart. Any other error is taken as passing.
var (
	ErrAuth        = errors.New("the credentials were refused")        // 401 and 403: nothing further is sent
	ErrUnreachable = errors.New("the service could not be reached")    // no connection: nothing was sent
	ErrConfig      = errors.New("the settings do not fit the service") // wrong settings: no record is at fault
	ErrNoObject    = errors.New("no such object")
)

// Error is a failure as a service reported it, with what a person needs to mend it.
type Error struct {
	Kind    error  // ErrAuth, ErrUnreachable, ErrConfig, ErrNoObject or nil
	Code    string // the service's own code or the HTTP status: "401"
	Message string // the service's own words, without secrets
	Hint    string // what to do about it; may be empty
}

func (e *Error) Error() string {
	var parts []string
	if e.Kind != nil {
		parts = append(parts, e.Kind.Error())
	}
	if e.Message != "" {
		m := e.Message
		if e.Code != "" {
			m += " (" + e.Code + ")"
		}
		parts = append(parts, m)
	} else if e.Code != "" {
		parts = append(parts, e.Code)
	}
	s := strings.Join(parts, ": ")
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

func (e *Error) Unwrap() error { return e.Kind }
