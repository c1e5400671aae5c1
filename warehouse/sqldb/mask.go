package sqldb

import "regexp"

// values matches what may be a value of a row in a system's message about bad data: all from the first quote to the
// last one, for systems do not escape those inside, and numbers that stand free. An apostrophe in a word is no quote.
var values = regexp.MustCompile(`(?s)".*"|\B'.*'|".*|\B'.*|-?\b\d[\w.,:+-]*`)

// Mask hides the values of rows in a system's message about data that it could not take. Errors go to logs, where no
// row value may stand (invariant 10).
func Mask(message string) string { return values.ReplaceAllString(message, "…") }
