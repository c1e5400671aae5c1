package settings

import (
	"fmt"
	"slices"

	"github.com/BurntSushi/toml"
)

// Table is a TOML table whose keys stand in the order of the file and know where they were written.
type Table struct {
	place
	entries []Entry
}

// Entry is one key of a table with its value: string, int64, float64, bool, time.Time in UTC, Date, []any of
// these, or *Table. A time of day is a string.
type Entry struct {
	place
	Name  string
	Value any
}

// Date is a day without a time or a zone, as "2026-11-20".
type Date string

// Entries returns the keys of the table in the order of the file.
func (t *Table) Entries() []Entry {
	if t == nil {
		return nil
	}
	return t.entries
}

// Get returns the entry called name, and whether there is one.
func (t *Table) Get(name string) (Entry, bool) {
	for _, e := range t.Entries() {
		if e.Name == name {
			return e, true
		}
	}
	return Entry{}, false
}

// Table returns the table called name, nil where there is none or where name is something else.
func (t *Table) Table(name string) *Table {
	e, ok := t.Get(name)
	if !ok {
		return nil
	}
	sub, ok := e.Value.(*Table)
	if !ok {
		return nil
	}
	return sub
}

// Without returns the table without the keys called names.
func (t *Table) Without(names ...string) *Table {
	rest := &Table{place: t.place}
	for _, e := range t.entries {
		if !slices.Contains(names, e.Name) {
			rest.entries = append(rest.entries, e)
		}
	}
	return rest
}

// Over lays the keys of t over those of base: a key of t hides the one of base, save where both are tables
// and deep says of the key that its own keys are to be laid over one another. The order is that of t, then of base.
func (t *Table) Over(base *Table, deep func(Entry) bool) *Table {
	merged := &Table{place: t.place}
	for _, e := range t.entries {
		top, isTable := e.Value.(*Table)
		if below := base.Table(e.Name); isTable && below != nil && deep(e) {
			e.Value = top.Over(below, deep)
		}
		merged.entries = append(merged.entries, e)
	}
	for _, e := range base.Entries() {
		if _, hidden := t.Get(e.Name); !hidden {
			merged.entries = append(merged.entries, e)
		}
	}
	return merged
}

// place is where a key was written.
type place struct {
	doc   *document
	key   string // dotted; empty for the file itself
	value toml.Primitive
}

// Key returns the dotted path of the key, quoted as in TOML where it needs to be.
func (p place) Key() string { return p.key }

// File returns the file in which the key was written.
func (p place) File() string { return p.doc.file }

// written returns the line of the key, from 1, or 0 where nobody wrote it by itself: a in a.b = 1.
func (p place) written() int {
	if p.key == "" {
		return 0
	}
	return p.doc.line(p.value)
}

func join(parent, name string) string {
	name = toml.Key{name}.String()
	if parent == "" {
		return name
	}
	return parent + "." + name
}

// Implicit reports whether the table was only named as a part of longer keys: a in a.b = 1.
func (t *Table) Implicit() bool { return t.key != "" && t.written() == 0 }

// Line returns the line at which the table starts, at least 1.
func (t *Table) Line() int {
	if line := t.written(); line > 0 || t.key == "" {
		return max(line, 1)
	}
	if len(t.entries) > 0 {
		return t.entries[0].Line()
	}
	return 1
}

// Line returns the line of the key, at least 1.
func (e Entry) Line() int {
	if line := e.written(); line > 0 {
		return line
	}
	if t, ok := e.Value.(*Table); ok {
		return t.Line()
	}
	return 1
}

// Problem says something about the key, where it was written.
func (e Entry) Problem(format string, args ...any) Problem {
	return Problem{File: e.File(), Line: e.Line(), Key: e.Key(), Message: fmt.Sprintf(format, args...)}
}

// Problem says something about the table, where it was written. key is a key it lacks, or "".
func (t *Table) Problem(key, format string, args ...any) Problem {
	path := t.key
	if key != "" {
		path = join(path, key)
	}
	return Problem{File: t.File(), Line: t.Line(), Key: path, Message: fmt.Sprintf(format, args...)}
}

// at returns element i of the list that e holds.
func (e Entry) at(i int, value any) Entry {
	e.key += fmt.Sprintf("[%d]", i)
	e.Value = value
	return e
}
