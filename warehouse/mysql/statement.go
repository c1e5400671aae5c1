package mysql

import (
	"regexp"
	"strings"

	"spillway/warehouse"
)

// opaque matches comments, texts and quoted names, in which no keyword stands. A comment that MySQL executes is none.
var opaque = regexp.MustCompile("(?s)--[ \\t\\r\\n][^\\n]*|--$|#[^\\n]*|/\\*(?:\\*/|[^!M].*?\\*/|M[^!].*?\\*/)|'(?:[^'\\\\]|\\\\.|'')*'|\"(?:[^\"\\\\]|\\\\.|\"\")*\"|`[^`]*`")

var (
	beginning = regexp.MustCompile(`^[\s(]*(\w*)`)
	intoFile  = regexp.MustCompile(`(?i)\binto\s+(?:outfile|dumpfile)\b`)
)

// isQuery refuses a statement that does not begin as a query does: in MySQL a read-only transaction is ended, not
// kept, by what creates a table. A query that writes a file is one only the server's FILE privilege would refuse.
func isQuery(sql string) error {
	code := opaque.ReplaceAllString(sql, " ")
	switch word := strings.ToLower(beginning.FindStringSubmatch(code)[1]); word {
	case "select", "with", "values", "table":
	case "":
		return notQuery("the model holds no statement")
	default:
		return notQuery("the model begins with " + word)
	}
	if intoFile.MatchString(code) {
		return notQuery("the model writes a file")
	}
	return nil
}

func notQuery(message string) error {
	return &warehouse.Error{Code: "1792", Message: message, Hint: "a model is one SELECT statement and only reads"}
}
