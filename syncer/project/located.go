package project

import (
	"strconv"
	"strings"

	"spillway/mappings"
)

// Located turns a problem that was found in the mapping of a loaded project into one of its files.
func Located(p mappings.Problem) Problem {
	if p.Field != "" {
		return located(p)
	}
	file, line, _ := strings.Cut(p.At, ":")
	number, _ := strconv.Atoi(line) // 0 is no line, as it should be
	return Problem{File: file, Line: number, Message: p.Message}
}
