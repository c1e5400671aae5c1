// Package secrets holds credentials by reference: what stands in a file of the project is where a secret is to be
// looked up, not the secret. It is looked up when it is first needed and again after five minutes, so that a secret
// can be changed without a restart, and it is never printed (invariant 10).
package secrets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// lifetime is how long a secret that was looked up is used before it is looked up again.
const lifetime = 5 * time.Minute

// mask is what a secret looks like wherever it is printed.
const mask = "•••"

var errUnset = errors.New("no secret is set")

// Secret is a credential that is looked up when it is needed. The zero Secret is not set. It may be copied, and used
// by several goroutines: copies share what was looked up.
//
// What was looked up lies in a closure. Package fmt cannot call the methods of a Secret in an unexported field, and
// follows pointers there; it prints a function as an address, whatever the verb.
type Secret struct {
	origin string // for people: "environment variable HUBSPOT_TOKEN"
	reveal func(ctx context.Context) (string, error)
}

// newSecret is a secret that look finds.
func newSecret(origin string, look func(context.Context) (string, error)) Secret {
	var value string
	var expires time.Time
	turn := make(chan struct{}, 1) // holds a token for whoever may read and write these two
	turn <- struct{}{}
	reveal := func(ctx context.Context) (string, error) {
		select {
		case <-turn:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
		defer func() { turn <- struct{}{} }()
		if time.Now().Before(expires) {
			return value, nil
		}
		found, err := look(ctx)
		if err != nil {
			return "", err
		}
		value, expires = found, time.Now().Add(lifetime)
		return value, nil
	}
	return Secret{origin: origin, reveal: reveal}
}

// Literal is a secret that stands in the project's own files.
func Literal(value string) Secret {
	return newSecret(literal, func(context.Context) (string, error) {
		if value == "" {
			return "", errors.New("the secret is empty")
		}
		return value, nil
	})
}

// literal is the origin of a secret that stands in the project's own files.
const literal = "a literal"

// Plain returns a secret that stands in the project's own files, and whether this one does.
func (s Secret) Plain() (string, bool) {
	if s.origin != literal {
		return "", false
	}
	value, err := s.reveal(context.Background()) // nothing is looked up
	return value, err == nil
}

// IsSet reports whether s refers to anything.
func (s Secret) IsSet() bool { return s.reveal != nil }

// Origin says where the secret is looked up, such as "environment variable HUBSPOT_TOKEN".
func (s Secret) Origin() string {
	if !s.IsSet() {
		return "nowhere"
	}
	return s.origin
}

// Reveal returns the secret. It looks it up at most once every five minutes, whatever the number of callers; a failure
// is not kept. Its error names where the secret was looked for, and never holds it.
func (s Secret) Reveal(ctx context.Context) (string, error) {
	if !s.IsSet() {
		return "", errUnset
	}
	value, err := s.reveal(ctx)
	if err != nil {
		return "", &LookupError{Origin: s.origin, Err: err}
	}
	return value, nil
}

// LookupError is a secret that could not be looked up. It never holds the secret.
type LookupError struct {
	Origin string // where it was looked for
	Err    error
}

func (e *LookupError) Error() string { return e.Origin + ": " + e.Err.Error() }
func (e *LookupError) Unwrap() error { return e.Err }

// String masks the secret.
func (s Secret) String() string { return mask }

// GoString masks the secret.
func (s Secret) GoString() string { return mask }

// Format masks the secret for every verb.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, mask) // a fmt.State keeps the error of its writer itself
}

// MarshalJSON masks the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(mask) }

// MarshalText masks the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// LogValue masks the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(mask) }
