package sqldb

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"spillway/warehouse"
)

// maxDepth bounds the nesting of a document, so that no row can exhaust the stack.
const maxDepth = 10_000

var (
	errSyntax  = errors.New("not a JSON document")
	errTooDeep = errors.New("the JSON document is nested too deeply")
)

// Document is the value of a JSON text: its canonical form, or the text itself as a string where it is no JSON.
func Document(src []byte) warehouse.Value {
	doc, err := Canonical(src)
	if err != nil {
		return string(src)
	}
	return doc
}

// Canonical returns src without spaces, with keys sorted and unique, numbers untouched and strings with the fewest
// escapes. An unpaired surrogate becomes U+FFFD, as in encoding/json.
func Canonical(src []byte) (json.RawMessage, error) {
	return AppendCanonical(make([]byte, 0, len(src)), src)
}

// AppendCanonical appends what Canonical returns. With an error it returns nil.
func AppendCanonical(dst, src []byte) ([]byte, error) {
	if doc, ok := appendSorted(dst, src); ok {
		return doc, nil
	}
	p := parser{src: src}
	p.space()
	dst, err := p.value(dst, 0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos != len(src) {
		return nil, errSyntax
	}
	return dst, nil
}

// parser reads a document from its first byte to its last and writes the canonical form as it goes.
type parser struct {
	src []byte
	pos int
}

func (p *parser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *parser) space() {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

func (p *parser) value(dst []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	switch p.peek() {
	case '{':
		return p.object(dst, depth)
	case '[':
		return p.array(dst, depth)
	case '"':
		text, err := p.text()
		return appendString(dst, text), err
	case 't':
		return p.word(dst, "true")
	case 'f':
		return p.word(dst, "false")
	case 'n':
		return p.word(dst, "null")
	default:
		return p.number(dst)
	}
}

func (p *parser) word(dst []byte, word string) ([]byte, error) {
	if !bytes.HasPrefix(p.src[p.pos:], []byte(word)) {
		return nil, errSyntax
	}
	p.pos += len(word)
	return append(dst, word...), nil
}

func (p *parser) array(dst []byte, depth int) ([]byte, error) {
	dst = append(dst, '[')
	p.pos++
	p.space()
	if p.peek() == ']' {
		p.pos++
		return append(dst, ']'), nil
	}
	for {
		p.space()
		var err error
		if dst, err = p.value(dst, depth+1); err != nil {
			return nil, err
		}
		p.space()
		c := p.peek()
		p.pos++
		switch c {
		case ',':
			dst = append(dst, ',')
		case ']':
			return append(dst, ']'), nil
		default:
			return nil, errSyntax
		}
	}
}

// member is one entry of an object: its decoded key and where its canonical value stands.
type member struct {
	key        string
	start, end int
}

func (p *parser) object(dst []byte, depth int) ([]byte, error) {
	p.pos++
	p.space()
	if p.peek() == '}' {
		p.pos++
		return append(dst, '{', '}'), nil
	}
	var members []member
	var values []byte
	for {
		p.space()
		key, err := p.text()
		if err != nil {
			return nil, err
		}
		p.space()
		if p.peek() != ':' {
			return nil, errSyntax
		}
		p.pos++
		p.space()
		start := len(values)
		if values, err = p.value(values, depth+1); err != nil {
			return nil, err
		}
		members = append(members, member{key, start, len(values)})
		p.space()
		c := p.peek()
		p.pos++
		switch c {
		case ',':
		case '}':
			return appendMembers(dst, members, values), nil
		default:
			return nil, errSyntax
		}
	}
}

// appendMembers writes an object with its keys sorted; of members with equal keys the last one stands.
func appendMembers(dst []byte, members []member, values []byte) []byte {
	slices.SortStableFunc(members, func(a, b member) int { return strings.Compare(a.key, b.key) })
	dst = append(dst, '{')
	first := true
	for i, m := range members {
		if i+1 < len(members) && members[i+1].key == m.key {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendString(dst, m.key), ':')
		dst = append(dst, values[m.start:m.end]...)
	}
	return append(dst, '}')
}

func (p *parser) number(dst []byte) ([]byte, error) {
	start := p.pos
	if !p.passNumber() {
		return nil, errSyntax
	}
	return append(dst, p.src[start:p.pos]...), nil
}

func (p *parser) passNumber() bool {
	if p.peek() == '-' {
		p.pos++
	}
	if p.peek() == '0' {
		p.pos++
	} else if !p.digits() {
		return false
	}
	if p.peek() == '.' {
		p.pos++
		if !p.digits() {
			return false
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !p.digits() {
			return false
		}
	}
	return true
}

func (p *parser) digits() bool {
	start := p.pos
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.pos > start
}

// text reads a string and returns what it stands for.
func (p *parser) text() (string, error) {
	if p.peek() != '"' {
		return "", errSyntax
	}
	p.pos++
	start := p.pos
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '"':
			p.pos++
			return strings.ToValidUTF8(string(p.src[start:p.pos-1]), "\uFFFD"), nil
		case c == '\\':
			return p.escaped(append([]byte(nil), p.src[start:p.pos]...))
		case c < ' ':
			return "", errSyntax
		}
		p.pos++
	}
	return "", errSyntax
}

// escaped goes on with a string at its first backslash; text holds what came before.
func (p *parser) escaped(text []byte) (string, error) {
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		p.pos++
		switch {
		case c == '"':
			return strings.ToValidUTF8(string(text), "\uFFFD"), nil
		case c < ' ':
			return "", errSyntax
		case c != '\\':
			text = append(text, c)
		default:
			r, ok := p.escape()
			if !ok {
				return "", errSyntax
			}
			text = utf8.AppendRune(text, r)
		}
	}
	return "", errSyntax
}

func (p *parser) escape() (rune, bool) {
	c := p.peek()
	p.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		return p.unicode()
	}
	return 0, false
}

func (p *parser) unicode() (rune, bool) {
	r, ok := p.hex4()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	if bytes.HasPrefix(p.src[p.pos:], []byte(`\u`)) {
		back := p.pos
		p.pos += 2
		second, ok := p.hex4()
		if !ok {
			return 0, false
		}
		if pair := utf16.DecodeRune(r, second); pair != utf8.RuneError {
			return pair, true
		}
		p.pos = back
	}
	return utf8.RuneError, true
}

func (p *parser) hex4() (rune, bool) {
	if p.pos+4 > len(p.src) {
		return 0, false
	}
	var r rune
	for _, c := range p.src[p.pos : p.pos+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	p.pos += 4
	return r, true
}

// appendString writes s as a JSON string with no more escapes than JSON demands.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[start:]...), '"')
}
