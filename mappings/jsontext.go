package mappings

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

var (
	errNotJSON     = errors.New("it is not a JSON document")
	errDeepJSON    = errors.New("its JSON is nested too deeply")
	errNumberRange = errors.New("its JSON holds a number beyond what can be kept exactly")
)

const hexDigits = "0123456789abcdef"

// appendJSONString appends s as a JSON string in its one canonical spelling: only quotes, backslashes and control
// characters are escaped.
func appendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		dst = appendJSONByte(dst, s[i])
	}
	return append(dst, '"')
}

func appendJSONByte(dst []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c < ' ':
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(dst, c)
}

// appendCanonicalJSON appends the JSON document src in the form that all spellings of it share: members sorted by
// name, numbers in the digits of appendNumber, strings in one spelling, no white space. Members of one name all stay,
// in their order. The form tells documents apart; it is not for sending.
func appendCanonicalJSON(dst, src []byte) ([]byte, error) {
	c := jsonReader{src: src}
	dst, err := c.value(dst, 0)
	if err != nil {
		return nil, err
	}
	if c.space(); c.at < len(c.src) {
		return nil, errNotJSON
	}
	return dst, nil
}

// jsonReader reads one JSON document and appends its canonical form as it goes.
type jsonReader struct {
	src []byte
	at  int
}

func (c *jsonReader) space() {
	for c.at < len(c.src) {
		switch c.src[c.at] {
		case ' ', '\t', '\r', '\n':
			c.at++
		default:
			return
		}
	}
}

// next skips white space and reports whether b follows, which it then passes.
func (c *jsonReader) next(b byte) bool {
	c.space()
	if c.at < len(c.src) && c.src[c.at] == b {
		c.at++
		return true
	}
	return false
}

func (c *jsonReader) value(dst []byte, depth int) ([]byte, error) {
	if depth > maxNesting {
		return nil, errDeepJSON
	}
	c.space()
	if c.at >= len(c.src) {
		return nil, errNotJSON
	}
	switch c.src[c.at] {
	case '{':
		return c.object(dst, depth)
	case '[':
		return c.array(dst, depth)
	case '"':
		return c.text(dst)
	case 't':
		return c.word(dst, "true")
	case 'f':
		return c.word(dst, "false")
	case 'n':
		return c.word(dst, "null")
	}
	return c.number(dst)
}

func (c *jsonReader) word(dst []byte, word string) ([]byte, error) {
	if !bytes.HasPrefix(c.src[c.at:], []byte(word)) {
		return nil, errNotJSON
	}
	c.at += len(word)
	return append(dst, word...), nil
}

func (c *jsonReader) number(dst []byte) ([]byte, error) {
	start := c.at
	for c.at < len(c.src) && inNumber(c.src[c.at]) {
		c.at++
	}
	n, ok := parseNumber(stringOf(c.src[start:c.at]))
	if !ok {
		if start == c.at {
			return nil, errNotJSON
		}
		return nil, errNumberRange
	}
	dst = n.append(dst)
	return dst[:len(dst)-1], nil // what follows it ends a number here
}

func inNumber(b byte) bool {
	return b >= '0' && b <= '9' || b == '-' || b == '.' || b == '+' || b == 'e' || b == 'E'
}

func (c *jsonReader) array(dst []byte, depth int) ([]byte, error) {
	c.at++
	dst = append(dst, '[')
	if c.next(']') {
		return append(dst, ']'), nil
	}
	for {
		var err error
		if dst, err = c.value(dst, depth+1); err != nil {
			return nil, err
		}
		if c.next(']') {
			return append(dst, ']'), nil
		}
		if !c.next(',') {
			return nil, errNotJSON
		}
		dst = append(dst, ',')
	}
}

// member is where a member of an object stands in the form, from its name on.
type member struct{ start, nameEnd, end int }

func (c *jsonReader) object(dst []byte, depth int) ([]byte, error) {
	c.at++
	dst = append(dst, '{')
	if c.next('}') {
		return append(dst, '}'), nil
	}
	var few [16]member
	members := few[:0]
	for {
		c.space()
		if c.at >= len(c.src) || c.src[c.at] != '"' {
			return nil, errNotJSON
		}
		m := member{start: len(dst)}
		var err error
		if dst, err = c.text(dst); err != nil {
			return nil, err
		}
		m.nameEnd = len(dst)
		if !c.next(':') {
			return nil, errNotJSON
		}
		if dst, err = c.value(append(dst, ':'), depth+1); err != nil {
			return nil, err
		}
		dst = append(dst, ',')
		m.end = len(dst)
		members = append(members, m)
		if c.next('}') {
			sortMembers(dst, members)
			dst[len(dst)-1] = '}' // the last member's comma
			return dst, nil
		}
		if !c.next(',') {
			return nil, errNotJSON
		}
	}
}

// sortMembers puts the members, which stand in dst one after the other, into the order of their names.
func sortMembers(dst []byte, members []member) {
	byName := func(a, b member) int {
		return bytes.Compare(dst[a.start:a.nameEnd], dst[b.start:b.nameEnd])
	}
	if len(members) == 1 || slices.IsSortedFunc(members, byName) {
		return
	}
	first := members[0].start
	slices.SortStableFunc(members, byName)
	sorted := make([]byte, 0, len(dst)-first)
	for _, m := range members {
		sorted = append(sorted, dst[m.start:m.end]...)
	}
	copy(dst[first:], sorted)
}

// text reads the string that begins here.
func (c *jsonReader) text(dst []byte) ([]byte, error) {
	c.at++
	dst = append(dst, '"')
	for start := c.at; c.at < len(c.src); {
		b := c.src[c.at]
		if b >= ' ' && b != '"' && b != '\\' {
			c.at++
			continue
		}
		dst = append(dst, c.src[start:c.at]...)
		c.at++
		switch {
		case b == '"':
			return append(dst, '"'), nil
		case b < ' ':
			return nil, errNotJSON
		}
		var ok bool
		if dst, ok = c.escape(dst); !ok {
			return nil, errNotJSON
		}
		start = c.at
	}
	return nil, errNotJSON
}

// escape reads what follows a backslash.
func (c *jsonReader) escape(dst []byte) ([]byte, bool) {
	if c.at >= len(c.src) {
		return dst, false
	}
	b := c.src[c.at]
	c.at++
	switch b {
	case '"', '\\', '/':
		return appendJSONByte(dst, b), true
	case 'b':
		return appendJSONByte(dst, '\b'), true
	case 'f':
		return appendJSONByte(dst, '\f'), true
	case 'n':
		return appendJSONByte(dst, '\n'), true
	case 'r':
		return appendJSONByte(dst, '\r'), true
	case 't':
		return appendJSONByte(dst, '\t'), true
	case 'u':
		return c.unicode(dst)
	}
	return dst, false
}

// unicode reads the digits of a \u escape. Half of a surrogate pair stays an escape, since no text can hold it.
func (c *jsonReader) unicode(dst []byte) ([]byte, bool) {
	r, ok := c.hex()
	if !ok {
		return dst, false
	}
	if utf16.IsSurrogate(r) {
		back := c.at
		if bytes.HasPrefix(c.src[c.at:], []byte(`\u`)) {
			c.at += 2
			low, ok := c.hex()
			if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
				return utf8.AppendRune(dst, pair), true
			}
		}
		c.at = back
		return strconv.AppendInt(append(dst, '\\', 'u'), int64(r), 16), true
	}
	if r < utf8.RuneSelf {
		return appendJSONByte(dst, byte(r)), true
	}
	return utf8.AppendRune(dst, r), true
}

func (c *jsonReader) hex() (rune, bool) {
	if c.at+4 > len(c.src) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(c.src[c.at:c.at+4]), 16, 16)
	if err != nil {
		return 0, false
	}
	c.at += 4
	return rune(n), true
}
