package destinations

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// MarshalJSON writes the fields as AppendJSON does.
func (f Fields) MarshalJSON() ([]byte, error) { return f.AppendJSON(nil) }

// AppendJSON appends the fields to b as one object in the order of the mapping. It is the quick way for a destination
// that writes its requests itself; encoding/json would read every value again.
func (f Fields) AppendJSON(b []byte) ([]byte, error) {
	b = append(b, '{')
	for i, v := range f {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendText(b, v.Name)
		b = append(b, ':')
		var err error
		if b, err = AppendJSON(b, v.Value); err != nil {
			return nil, fmt.Errorf("field %s: %w", v.Name, err)
		}
	}
	return append(b, '}'), nil
}

// AppendJSON appends v to b as JSON, without escapes that JSON does not need and with U+FFFD in the place of what is
// no UTF-8. Numbers keep their exact digits, times are RFC 3339 in UTC, dates are "2026-11-20".
func AppendJSON(b []byte, v Value) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case string:
		return AppendText(b, v), nil
	case bool:
		if v {
			return append(b, "true"...), nil
		}
		return append(b, "false"...), nil
	case json.Number:
		return AppendNumber(b, string(v))
	case Date:
		return AppendText(b, string(v)), nil
	case time.Time:
		b = append(b, '"')
		b = v.UTC().AppendFormat(b, time.RFC3339Nano)
		return append(b, '"'), nil
	case []Value:
		return appendList(b, v)
	case json.RawMessage:
		return appendRaw(b, v)
	}
	return appendOther(b, v)
}

func appendList(b []byte, list []Value) ([]byte, error) {
	if list == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = AppendJSON(b, v); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendRaw(b []byte, raw json.RawMessage) ([]byte, error) {
	if raw == nil {
		return append(b, "null"...), nil
	}
	return AppendDocument(b, []byte(raw))
}

func appendOther(b []byte, v any) ([]byte, error) {
	into := bytes.NewBuffer(b)
	encoder := json.NewEncoder(into)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	into.Truncate(into.Len() - 1) // the encoder's newline
	return into.Bytes(), nil
}

var errNumber = errors.New("the value is no number of JSON")

// AppendNumber appends a number, as AppendJSON does. The empty one is 0, as for encoding/json.
func AppendNumber(b []byte, text string) ([]byte, error) {
	if text == "" {
		return append(b, '0'), nil
	}
	if !isNumber(text) {
		return nil, errNumber
	}
	return append(b, text...), nil
}

// isNumber says whether text is a number as JSON has it: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func isNumber(text string) bool {
	text = strings.TrimPrefix(text, "-")
	whole := digits(text)
	if whole == 0 || whole > 1 && text[0] == '0' {
		return false
	}
	text = text[whole:]
	if after, ok := strings.CutPrefix(text, "."); ok {
		n := digits(after)
		if n == 0 {
			return false
		}
		text = after[n:]
	}
	if text == "" {
		return true
	}
	if text[0] != 'e' && text[0] != 'E' {
		return false
	}
	text = text[1:]
	if text != "" && (text[0] == '+' || text[0] == '-') {
		text = text[1:]
	}
	return text != "" && digits(text) == len(text)
}

// digits counts the digits that text begins with.
func digits(text string) int {
	n := 0
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	return n
}

const hex = "0123456789abcdef"

// AppendText appends s to b as a string of JSON, as AppendJSON does.
func AppendText(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := plainPrefix(s); i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			b = appendEscape(b, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			start = i + size
		case r == '\u2028' || r == '\u2029': // line ends in JavaScript, though not in JSON
			b = append(b, s[start:i]...)
			b = append(b, `\u202`...)
			b = append(b, hex[r&0xf])
			start = i + size
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// plainPrefix is the number of bytes, eight at a time, that s begins with and that stand in a string of JSON as they are.
func plainPrefix(s string) int {
	const (
		low  = 0x0101010101010101
		high = 0x80 * low
	)
	n := 0
	for ; len(s)-n >= 8; n += 8 {
		t := s[n : n+8]
		v := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		quote, escape := v^(low*'"'), v^(low*'\\')
		// The high bit of a byte is set where it is set in v, or where the subtraction borrows: below a space, or at 0.
		if (v|(v-low*' ')|(quote-low)|(escape-low))&high != 0 {
			return n
		}
	}
	return n
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}
