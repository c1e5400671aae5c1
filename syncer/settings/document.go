package settings

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// largestFile is far beyond what a person writes. It bounds the work that a file can cause.
const largestFile = 256 << 10

// Parse reads a TOML file. Where it is none there is one problem, which says where and why.
func Parse(file string, data []byte) (*Table, Problems) {
	refuse := func(line int, format string, args ...any) (*Table, Problems) {
		return nil, Problems{{File: file, Line: line, Message: fmt.Sprintf(format, args...)}}
	}
	if len(data) > largestFile {
		return refuse(0, "is larger than %d KiB", largestFile>>10)
	}
	if !utf8.Valid(data) {
		return refuse(invalidLine(data), "is not UTF-8 text")
	}
	if line := overgrown(data); line > 0 {
		return refuse(line, "nests lists and tables more than %d deep, or has a key of more than %d parts", deepestNesting, longestKey)
	}
	var top map[string]toml.Primitive
	text := strings.TrimPrefix(string(data), "\ufeff")
	meta, err := toml.Decode(text, &top)
	if at, ok := errors.AsType[toml.ParseError](err); ok {
		return refuse(max(at.Position.Line, 1), "is not TOML: %s (column %d)", withoutWords(at.Message), max(at.Position.Col, 1))
	}
	if err != nil {
		return refuse(1, "is not TOML: %s", withoutWords(err.Error()))
	}
	doc := &document{file: file, text: text, meta: meta, order: keyOrder(meta.Keys())}
	return doc.table(place{doc: doc}, nil, top), nil
}

// invalidLine returns the line of the first byte that is not UTF-8.
func invalidLine(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		data = data[size:]
	}
	return line
}

// withoutWords leaves out the words that a message quotes from the file: a secret written without its quotation marks
// must not be shown (invariant 10). The names of keys may be.
func withoutWords(message string) string {
	message = strings.TrimPrefix(message, "toml: ")
	if strings.HasPrefix(message, "Key ") {
		return message
	}
	if _, bounds, ok := strings.Cut(message, " is out of "); ok {
		return "a number is out of " + bounds
	}
	missing := strings.HasPrefix(message, "expected value but found")
	message = quotation.ReplaceAllStringFunc(message, func(quoted string) string {
		if len(quoted) <= longestMark {
			return quoted
		}
		return `"…"`
	})
	if missing {
		message += "; text stands in quotation marks"
	}
	return message
}

// longestMark is the length of the longest quoted piece that is of TOML and not of the file: '0x01'.
const longestMark = 6

var quotation = regexp.MustCompile(`"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'`)

// document is one parsed file.
type document struct {
	file  string
	text  string
	meta  toml.MetaData
	order map[string][]string // the keys of each table, in the order of the file
}

// keyOrder lists the keys of each table, by the table's dotted path, in the order in which they first appear.
func keyOrder(keys []toml.Key) map[string][]string {
	order := map[string][]string{}
	seen := map[string]bool{}
	for _, key := range keys {
		parent := ""
		for _, name := range key {
			path := join(parent, name)
			if !seen[path] {
				seen[path] = true
				order[parent] = append(order[parent], name)
			}
			parent = path
		}
	}
	return order
}

// table builds the table at p, whose path without list indexes is path.
func (d *document) table(p place, path []string, values map[string]toml.Primitive) *Table {
	t := &Table{place: p}
	names := d.order[toml.Key(path).String()] // those of other tables of the same list too
	for _, name := range names {
		value, ok := values[name]
		if !ok {
			continue
		}
		at := place{doc: d, key: join(p.key, name), value: value}
		sub := append(slices.Clip(path), name)
		t.entries = append(t.entries, Entry{place: at, Name: name, Value: d.value(at, sub)})
	}
	return t
}

func (d *document) value(p place, path []string) any {
	var raw any
	if !d.decode(p, &raw) {
		return nil
	}
	switch v := raw.(type) {
	case map[string]any:
		var values map[string]toml.Primitive
		d.decode(p, &values)
		return d.table(p, path, values)
	case []any, []map[string]any:
		var values []toml.Primitive
		d.decode(p, &values)
		list := make([]any, len(values))
		for i, value := range values {
			element := place{doc: d, key: fmt.Sprintf("%s[%d]", p.key, i), value: value}
			list[i] = d.value(element, path)
		}
		return list
	case time.Time:
		return withoutLocalTime(v)
	}
	return raw
}

// decode reads the value at p, which cannot fail: into takes whatever the value was found to be.
func (d *document) decode(p place, into any) bool {
	return d.meta.PrimitiveDecode(p.value, into) == nil
}

// locator refuses every value, so that the decoder says where the value stands.
type locator struct{}

var errLocated = errors.New("located")

func (*locator) UnmarshalTOML(any) error { return errLocated }

// line returns the line at which value starts, 0 where it has no place of its own. The decoder's line is that at which
// it ends.
func (d *document) line(value toml.Primitive) int {
	err := d.meta.PrimitiveDecode(value, new(locator))
	at, ok := errors.AsType[toml.ParseError](err)
	if !ok || at.Position.Line == 0 {
		return 0
	}
	return strings.Count(d.text[:min(at.Position.Start, len(d.text))], "\n") + 1
}

// withoutLocalTime turns the decoder's local dates and times, which it marks by the name of their zone, into values
// that do not depend on the machine: without a zone they are taken as UTC.
func withoutLocalTime(t time.Time) any {
	switch t.Location().String() {
	case "date-local":
		return Date(t.Format(time.DateOnly))
	case "time-local":
		return t.Format("15:04:05.999999999")
	case "datetime-local":
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	return t.UTC()
}
