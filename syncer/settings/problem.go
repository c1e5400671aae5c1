package settings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a file that a person wrote. It never holds the value of a secret.
type Problem struct {
	File    string `json:"file"` // relative to the project, with forward slashes
	Line    int    `json:"line"` // from 1; 0 where the file as a whole is meant
	Key     string `json:"key"`  // dotted, such as "guard.max_removed"; may be empty
	Message string `json:"message"`
}

// String gives the problem on one line: "syncs/contacts.toml:12: guard.max_remove: unknown key".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems are all the mistakes that were found. As an error it lists them, one a line.
type Problems []Problem //nolint:errname // they are also listed where nothing failed: validate --json

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns p as an error, nil where there is no problem.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// Sorted returns the problems by file and line, each of them once.
func (p Problems) Sorted() Problems {
	sorted := slices.Clone(p)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key),
			cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(sorted)
}
