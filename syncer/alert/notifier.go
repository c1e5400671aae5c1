package alert

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Notifier gives notices to one service.
type Notifier interface {
	// Notify gives a notice, and returns in a few words what the service answered. A nil error says that the service
	// has taken it. Other errors wrap ErrUnreachable or ErrRefused where one of them holds.
	Notify(ctx context.Context, n Notice) (answer string, err error)
}

// Why a notice was not taken.
var (
	ErrUnreachable = errors.New("the service cannot be reached")
	ErrRefused     = errors.New("the service refused the notice")
)

// Error is why a notice was not taken. It never holds a secret.
type Error struct {
	Kind    error // ErrUnreachable or ErrRefused
	Message string
	Wait    time.Duration // that the service asked for
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Kind }

// Definition describes one kind of service: what its settings are and how notices are given to it.
type Definition struct {
	Name  string // as in type = "slack"
	Title string // as people write it

	config   func() any
	notifier func(any, Env) (Notifier, error)
}

// Env is what a notifier is given besides its settings.
type Env struct {
	Root string // the project's directory, where relative file names start
}

// Define completes d for settings of type C, whose tags toml, help, default, enum and required declare them. fresh
// connects to nothing and looks up no secret; its error says what is wrong with the settings.
func Define[C any](d Definition, fresh func(C, Env) (Notifier, error)) Definition {
	d.config = func() any { return new(C) }
	d.notifier = func(config any, env Env) (Notifier, error) {
		c, ok := config.(*C)
		if !ok {
			return nil, fmt.Errorf("alert %s was given settings of type %T", d.Name, config)
		}
		return fresh(*c, env)
	}
	return d
}

// Config returns a pointer to new, empty settings of this kind.
func (d Definition) Config() any { return d.config() }

// Notifier returns what gives notices, with settings that Config returned and the caller filled.
func (d Definition) Notifier(config any, env Env) (Notifier, error) { return d.notifier(config, env) }
