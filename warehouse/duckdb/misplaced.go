//go:build !noduckdb

package duckdb

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"spillway/warehouse"
)

// quoted matches what may be a file name in SQL, and comments, in which it is none.
var quoted = regexp.MustCompile(`--[^\n]*|(?s:/\*.*?\*/)|'(?:[^']|'')*'|"(?:[^"]|"")*"`)

// misplaced refuses sql that names a file which DuckDB would take from the working directory, where it looks before
// it looks in base: the same project would read other data when started from another directory.
func misplaced(base, sql string) error {
	working, err := os.Getwd()
	if err != nil || working == base {
		return nil //nolint:nilerr // without a working directory there is nothing to confuse base with
	}
	for _, match := range quoted.FindAllString(sql, -1) {
		if match[0] != '\'' && match[0] != '"' {
			continue
		}
		name := strings.ReplaceAll(match[1:len(match)-1], match[:1]+match[:1], match[:1])
		if name == "" || filepath.IsAbs(name) {
			continue
		}
		here, err := os.Stat(filepath.Join(working, name))
		if err != nil || here.IsDir() {
			continue
		}
		if there, err := os.Stat(filepath.Join(base, name)); err == nil && os.SameFile(here, there) {
			continue
		}
		return &warehouse.Error{
			Code:    "IO Error",
			Message: fmt.Sprintf("the model names %q, and a file of that name is in the working directory %s too", name, working),
			Hint:    "start in the project's directory " + base + ", or name the file in full",
		}
	}
	return nil
}
