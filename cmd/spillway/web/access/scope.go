// Package access says who may do what at the daemon: tokens with scopes, and the browser sessions that are opened with
// them. Tokens are kept in the state directory, as their SHA-256 alone.
package access

import (
	"fmt"
	"slices"
	"strings"

	"spillway/syncer/settings"
)

// Scope is what a route asks for. The zero Scope is none, so that a route cannot be left without one by oversight.
type Scope uint8

// The scopes. Public asks for nothing. Run and Approve include Read, and neither of them the other.
const (
	Public  Scope = iota + 1
	Read          // look at syncs, runs and their rows
	Run           // start, cancel and retry runs, pause and resume syncs
	Approve       // let a held plan go out
)

var scopeNames = map[Scope]string{Public: "public", Read: "read", Run: "run", Approve: "approve"}

func (s Scope) String() string {
	if name, ok := scopeNames[s]; ok {
		return name
	}
	return fmt.Sprintf("Scope(%d)", uint8(s))
}

// granted are the scopes that a token can have, in the order in which they are written.
var granted = []Scope{Read, Run, Approve}

// ParseScopes reads scopes as they are written on a command line: "read,run".
func ParseScopes(text string) ([]Scope, error) {
	var scopes []Scope
	for word := range strings.SplitSeq(text, ",") {
		scope, err := ParseScope(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	slices.Sort(scopes)
	return scopes, nil
}

// ParseScope reads the name of one scope that a token can have.
func ParseScope(word string) (Scope, error) {
	at := slices.IndexFunc(granted, func(s Scope) bool { return s.String() == word })
	if at < 0 {
		return 0, fmt.Errorf("there is no scope %q%s", word, settings.Hint(word, []string{"read", "run", "approve"}))
	}
	return granted[at], nil
}

// MarshalText writes the scope's name.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a scope's name.
func (s *Scope) UnmarshalText(text []byte) error {
	scope, err := ParseScope(string(text))
	if err == nil {
		*s = scope
	}
	return err
}

// Identity is somebody who asks the daemon for something.
type Identity struct {
	Name   string // a token's, or one of those below
	Scopes []Scope
}

// Those who need no token of their own.
const (
	Anyone = "local" // whoever reaches a daemon that listens on the loopback interface alone
	CLI    = "cli"   // the command, run by the daemon's own user on its own machine
)

// Everything is an identity that may do all there is.
func Everything(name string) Identity { return Identity{Name: name, Scopes: granted} }

// May reports whether i has what scope asks for.
func (i Identity) May(scope Scope) bool {
	switch scope {
	case Public:
		return true
	case Read:
		return len(i.Scopes) > 0
	case Run, Approve:
		return slices.Contains(i.Scopes, scope)
	}
	return false
}
