package warehouse

import (
	"context"
	"fmt"
	"iter"
)

// Writer keeps tables of Spillway's own in a SQL system: never those of a model. It has connections of its own, so that
// the sessions of models stay read-only. Its methods are called by one goroutine at a time.
type Writer interface {
	// Create makes those of the tables that there are not. One that there is stays as it is, whatever its columns.
	Create(ctx context.Context, tables []Table) error

	// Replace deletes rows and inserts others: all of it in one transaction, or nothing where it fails.
	Replace(ctx context.Context, changes []Replacement) error

	Close() error
}

// Table is a table of Spillway's own. The names of its columns need no quotes in any dialect. Its values are of the types
// String, Int and Time.
type Table struct {
	Schema  string // with what stands above it, as in "db.schema"; empty is where the connection looks for names
	Name    string
	Columns []Column
	Key     []string // columns that tell its rows apart: text of at most 64 characters, or numbers
}

// Replacement takes rows from a table and puts others in their place.
type Replacement struct {
	Table Table
	Where []Match               // deletes the rows that match all of them; there is at least one
	Rows  iter.Seq2[Row, error] // inserted afterwards, each valid until the next; nil inserts none
}

// Match holds for rows whose text in a column is one of Values, of which there is at least one.
type Match struct {
	Column string
	Values []string
}

// Writing adds to d how tables of Spillway's own are written, with settings of the type that Define was given. open may
// connect lazily, and says what about the settings keeps them from being written with.
func Writing[C any](d Definition, open func(context.Context, C, Env) (Writer, error)) Definition {
	d.write = func(ctx context.Context, config any, env Env) (Writer, error) {
		c, ok := config.(*C)
		if !ok {
			return nil, fmt.Errorf("warehouse %s was given settings of type %T", d.Name, config)
		}
		return open(ctx, *c, env)
	}
	return d
}

// Writes reports whether tables can be written into this kind of warehouse.
func (d Definition) Writes() bool { return d.write != nil }

// OpenWriter opens a writer with settings that Config returned and the caller filled.
func (d Definition) OpenWriter(ctx context.Context, config any, env Env) (Writer, error) {
	if d.write == nil {
		return nil, fmt.Errorf("nothing can be written into a warehouse of type %s", d.Name)
	}
	return d.write(ctx, config, env)
}
