package project

import (
	"strconv"
	"strings"

	"spillway/mappings"
)

// Located turns a problem that was found in the mapping of a loaded project into one of its files.
func Located(p mappings.Problem) Problem {
	key := p.About()
	if key != "" && strings.HasPrefix(p.At, FileName+":") {
		key = "defaults." + key
	}
	return ProblemAt(p.At, key, p.Message)
}

// ProblemAt makes a problem of the key that is declared at a place such as "spillway.toml:4".
func ProblemAt(at, key, message string) Problem {
	file, line, _ := strings.Cut(at, ":")
	number, _ := strconv.Atoi(line) // 0 is no line, as it should be
	return Problem{File: file, Line: number, Key: key, Message: message}
}
