package export

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// sheet writes RFC 4180 with a header. Times are of RFC 3339 with microseconds, in UTC.
type sheet[T any] struct {
	to      io.Writer
	columns []column[T]
	line    bytes.Buffer
	csv     *csv.Writer // into line
	fields  []string
}

func newSheet[T any](w io.Writer, columns []column[T]) (*sheet[T], error) {
	s := &sheet[T]{to: w, columns: columns, fields: make([]string, len(columns))}
	s.csv = csv.NewWriter(&s.line)
	for i, c := range columns {
		s.fields[i] = c.name
	}
	return s, s.put()
}

func (s *sheet[T]) write(record *T) error {
	for i, c := range s.columns {
		switch v := c.value(record).(type) {
		case nil:
			s.fields[i] = ""
		case int64:
			s.fields[i] = strconv.FormatInt(v, 10)
		case time.Time:
			s.fields[i] = v.Format(microseconds)
		case string:
			s.fields[i] = harmless(v)
		default:
			return fmt.Errorf("column %s holds a %T", c.name, v)
		}
	}
	return s.put()
}

const microseconds = "2006-01-02T15:04:05.000000Z07:00"

// put writes a line that ends as RFC 4180 wants it. The csv package would change the ends of lines inside of fields too.
func (s *sheet[T]) put() error {
	s.line.Reset()
	if err := s.csv.Write(s.fields); err != nil {
		return err
	}
	s.csv.Flush()
	if err := s.csv.Error(); err != nil {
		return err
	}
	s.line.Truncate(s.line.Len() - 1)
	s.line.WriteString("\r\n")
	_, err := s.line.WriteTo(s.to)
	return err
}

func (s *sheet[T]) close() error { return nil }

// formulas are what a text begins with that a spreadsheet takes for a formula, as OWASP lists them: keys and reasons are
// written by strangers.
const formulas = "=+-@\t\r\n＝＋－＠"

// harmless is text that a spreadsheet shows and does not evaluate.
func harmless(text string) string {
	if first, _ := utf8.DecodeRuneInString(text); text != "" && strings.ContainsRune(formulas, first) {
		return "'" + text
	}
	return text
}
