package mappings

import (
	"fmt"
	"unique"
)

// Place is where something is declared: a file of the project and a line of it. A project of thousands of syncs keeps a
// hundred thousand of them, so that one is two words and the names of files are shared.
type Place struct {
	file unique.Handle[string]
	line int32
}

// At is the line of a file.
func At(file string, line int) Place { return Place{file: unique.Make(file), line: int32(line)} } //nolint:gosec // a file has at most 256 KiB

// String writes the place as "syncs/contacts.toml:14"; the zero Place is empty.
func (p Place) String() string {
	if p == (Place{}) {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.file.Value(), p.line)
}

// Equal reports whether p and other are the same place.
func (p Place) Equal(other Place) bool { return p == other }
