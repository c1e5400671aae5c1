//go:build !noduckdb

package duckdb

import (
	"fmt"
	"regexp"
	"strings"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// failure turns what DuckDB says, "Catalog Error: Table with name x does not exist!\nDid you mean ...\n\nLINE 1: ...",
// into an error without the excerpt of the statement and without values of rows.
func failure(message string) error {
	code, text, ok := strings.Cut(message, ": ")
	if !ok || !strings.HasSuffix(code, "Error") {
		code, text = "", message
	}
	text, place := cutExcerpt(text)
	first, rest, _ := strings.Cut(text, "\n")
	e := &warehouse.Error{Code: code, Message: first, Hint: hint(code, text)}
	switch {
	case aboutData(code):
		e.Message = dataMessage(text)
	case strings.HasPrefix(rest, "Did you mean") || strings.HasPrefix(rest, "Candidate"):
		e.Hint = strings.Join(strings.Fields(rest), " ")
	}
	if e.Message == "" {
		e.Message = "DuckDB gave no reason"
	}
	if place != "" {
		e.Hint = strings.TrimSuffix(place+"; "+e.Hint, "; ")
	}
	return e
}

var excerpt = regexp.MustCompile(`(?s)\n+LINE (\d+):.*$`)

// cutExcerpt removes the excerpt of the statement from a message and says where it stood.
func cutExcerpt(text string) (rest, place string) {
	m := excerpt.FindStringSubmatchIndex(text)
	if m == nil {
		return strings.TrimSpace(text), ""
	}
	return strings.TrimSpace(text[:m[0]]), "at line " + text[m[2]:m[3]]
}

// aboutData reports whether errors of this kind quote what stands in the rows.
func aboutData(code string) bool {
	switch code {
	case "Conversion Error", "Invalid Input Error", "Out of Range Error", "Constraint Error", "Mismatch Type Error",
		"Decimal Error", "Divide by Zero Error", "Serialization Error":
		return true
	}
	return false
}

var (
	csvLine   = regexp.MustCompile(`^CSV Error on Line: (\d+)`)
	csvColumn = regexp.MustCompile(`(?m)^Error when converting column "([^"]*)"`)
	csvType   = regexp.MustCompile(`to '([A-Z0-9_(), ]+)'`)
)

// dataMessage is the first line of a message with the values of rows hidden. That of a CSV file, which goes on with
// the whole line of the file, is put together from what is harmless in it.
func dataMessage(text string) string {
	line := csvLine.FindStringSubmatch(text)
	if line == nil {
		first, _, _ := strings.Cut(text, "\n")
		return sqldb.Mask(first)
	}
	message := "line " + line[1] + " of a CSV file does not fit the columns"
	if column := csvColumn.FindStringSubmatch(text); column != nil {
		message = fmt.Sprintf("line %s of a CSV file: column %q cannot be converted", line[1], column[1])
		if to := csvType.FindStringSubmatch(text); to != nil {
			message += " to " + to[1]
		}
	}
	return message
}

// hint says what to do about an error, where that can be known.
func hint(code, text string) string {
	switch {
	case strings.Contains(text, "No files found that match"):
		return "relative file names start at the project's directory"
	case code == "Missing Extension Error":
		return "no extension is loaded: read local CSV, Parquet and JSON files, or a DuckDB database"
	case code == "Out of Memory Error":
		return "raise memory, or make the model smaller"
	case strings.Contains(text, "Cannot prepare multiple statements"), strings.Contains(text, "No statement to prepare"):
		return "a model is one SELECT statement"
	}
	return ""
}

// unopened is the error of a database file that cannot be opened.
func unopened(path, message string) error {
	e := &warehouse.Error{}
	if code, text, ok := strings.Cut(message, ": "); ok {
		e.Code, e.Message = code, strings.Join(strings.Fields(text), " ")
	} else {
		e.Message = message
	}
	switch {
	case strings.Contains(message, "Conflicting lock is held"):
		e.Temporary = true
		e.Hint = "another process is writing " + path + ": wait until it is done, or end it"
	case strings.Contains(message, "database does not exist"):
		e.Hint = "check path, which is relative to the project's directory"
	case strings.Contains(message, "not a valid DuckDB database file"), strings.Contains(message, "in-memory database in read-only"):
		e.Hint = path + " is no DuckDB database: give one, or leave path out and read the file by its name in the model's SQL"
	default:
		e.Hint = "check " + path + ", memory and threads"
	}
	return e
}
