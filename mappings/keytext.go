package mappings

import (
	"bytes"
	"unicode/utf8"

	"spillway/warehouse"
)

// KeyTexts gives the texts of the key's columns for a row that was not decoded.
type KeyTexts interface {
	// AppendKeyText appends the text of the n-th column of the key, as warehouse.Packer's Text describes it.
	AppendKeyText(dst []byte, n int) (text []byte, ok bool)
}

// HasTextKey reports whether all columns of the key are of classes whose texts decide the key, so that AppendKey can
// be used.
func (m *Mapping) HasTextKey() bool {
	for _, k := range m.key {
		switch k.class {
		case warehouse.String, warehouse.Bool, warehouse.Int, warehouse.Numeric, warehouse.Day, warehouse.Time:
		default:
			return false
		}
	}
	return len(m.key) > 0
}

// AppendKey appends the very text that Render would give as the row's key. It is not ok where that cannot be told from
// the texts or where the key is not valid: then Render decides.
func (m *Mapping) AppendKey(dst []byte, texts KeyTexts) (key []byte, ok bool) {
	start := len(dst)
	if len(m.key) == 1 {
		key, ok = m.key[0].appendPlain(dst, texts, 0)
		text := key[start:]
		plain := m.key[0].class != warehouse.String // never blank, and ASCII
		return key, ok && len(text) <= maxKey && (plain || utf8.Valid(text) && len(bytes.TrimSpace(text)) > 0)
	}
	dst = append(dst, '[')
	for i := range m.key {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, ok = m.key[i].appendText(dst, texts, i); !ok {
			return dst, false
		}
	}
	dst = append(dst, ']')
	return dst, len(m.key) > 0 && len(dst)-start <= maxKey
}

// appendText appends the n-th of several key columns as JSON.
func (k keyColumn) appendText(dst []byte, texts KeyTexts, n int) ([]byte, bool) {
	if k.class == warehouse.Bool || k.class == warehouse.Int || k.class == warehouse.Numeric {
		start := len(dst)
		dst, ok := k.appendPlain(dst, texts, n)
		return dst, ok && len(dst)-start <= maxKey
	}
	start := len(dst)
	dst, ok := texts.AppendKeyText(append(dst, '"'), n)
	text := dst[start+1:]
	if !ok || len(text) > maxKey || !utf8.Valid(text) {
		return dst, false
	}
	if bytes.ContainsFunc(text, escaped) {
		return appendJSONString(dst[:start], string(text)), true
	}
	return append(dst, '"'), true
}

// appendPlain appends the text of the n-th column, a number without digits that say nothing.
func (k keyColumn) appendPlain(dst []byte, texts KeyTexts, n int) ([]byte, bool) {
	start := len(dst)
	dst, ok := texts.AppendKeyText(dst, n)
	if !ok || k.class != warehouse.Numeric {
		return dst, ok
	}
	plain, ok := plainNumber(string(dst[start:]))
	return append(dst[:start], plain...), ok
}

// escaped reports whether appendJSONString writes c otherwise than it is.
func escaped(c rune) bool { return c == '"' || c == '\\' || c < ' ' }
