package warehouse

import (
	"context"
	"fmt"
	"log/slog"
)

// Secret is a credential that is looked up when it is needed and never printed.
type Secret interface {
	Reveal(ctx context.Context) (string, error)
}

// Definition describes one kind of warehouse: what its settings are and how it is opened.
type Definition struct {
	Name  string                      // as in type = "postgres"
	Title string                      // as people write it: "PostgreSQL"
	Docs  string                      // the page that describes it, relative to the documentation
	Quote func(name ...string) string // quotes a dotted name for this dialect: "analytics"."customers"

	config func() any
	open   func(context.Context, any, Env) (Warehouse, error)
	write  func(context.Context, any, Env) (Writer, error) // nil where nothing can be written
}

// Env is what a warehouse is given besides its settings.
type Env struct {
	Log     *slog.Logger
	Project string // the directory at which relative file names start
}

// Define completes d for settings of type C, whose tags toml, help, default, enum and required declare them.
// open may connect lazily: a warehouse that cannot be reached is reported by its first use.
func Define[C any](d Definition, open func(context.Context, C, Env) (Warehouse, error)) Definition {
	d.config = func() any { return new(C) }
	d.open = func(ctx context.Context, config any, env Env) (Warehouse, error) {
		c, ok := config.(*C)
		if !ok {
			return nil, fmt.Errorf("warehouse %s was given settings of type %T", d.Name, config)
		}
		return open(ctx, *c, env)
	}
	return d
}

// Config returns a pointer to new, empty settings of this kind.
func (d Definition) Config() any { return d.config() }

// Open opens a warehouse with settings that Config returned and the caller filled.
func (d Definition) Open(ctx context.Context, config any, env Env) (Warehouse, error) {
	return d.open(ctx, config, env)
}
