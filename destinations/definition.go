package destinations

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
)

// Secret is a credential that is looked up when it is needed and never printed.
type Secret interface {
	Reveal(ctx context.Context) (string, error)
}

// Definition describes one kind of destination: what its settings are and how it is opened.
type Definition struct {
	Name  string // as in type = "hubspot"
	Title string // as people write it: "HubSpot"
	Docs  string // the page that describes it, relative to the documentation

	// Objects are those that every account has, so that a project can be checked offline. It is what
	// Destination.Objects returns where an account cannot add its own.
	Objects []Object

	config func() any
	open   func(context.Context, any, Env) (Destination, error)
}

// Env is what a destination is given besides its settings.
type Env struct {
	Name      string // the configured name: hook in [destinations.hook]
	Log       *slog.Logger
	Transport http.RoundTripper // below the client's pacing and retries; nil is the network
	State     string            // a directory of this destination's own, not yet made; empty when nothing may be kept
	Tokens    string            // a file for access tokens, which every process of the project shares; empty keeps them in memory
}

// Define completes d for settings of type C, whose tags toml, help, default, enum and required declare them.
// open may connect lazily: a destination that cannot be reached is reported by its first use.
func Define[C any](d Definition, open func(context.Context, C, Env) (Destination, error)) Definition {
	d.config = func() any { return new(C) }
	d.open = func(ctx context.Context, config any, env Env) (Destination, error) {
		c, ok := config.(*C)
		if !ok {
			return nil, fmt.Errorf("destination %s was given settings of type %T", d.Name, config)
		}
		return open(ctx, *c, env)
	}
	return d
}

// Config returns a pointer to new, empty settings of this kind.
func (d Definition) Config() any { return d.config() }

// Open opens a destination with settings that Config returned and the caller filled.
func (d Definition) Open(ctx context.Context, config any, env Env) (Destination, error) {
	return d.open(ctx, config, env)
}
