package mappings

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"spillway/warehouse"
)

// maxKey is the longest key and the longest identifier, in bytes.
const maxKey = 4096

// keyText returns the primary key of row as text: a single column's value as it is, several as the JSON
// array of theirs, so that no two keys of one model share a text. It also returns scratch, which may have grown.
func (m *Mapping) keyText(row warehouse.Row, scratch []byte) (string, []byte, *RowError) {
	if len(m.key) == 1 {
		key, err := m.key[0].text(row)
		return key, scratch, err
	}
	scratch = append(scratch[:0], '[')
	for i := range m.key {
		if i > 0 {
			scratch = append(scratch, ',')
		}
		var err *RowError
		if scratch, err = m.key[i].appendPart(scratch, row); err != nil {
			return "", scratch, err
		}
	}
	scratch = append(scratch, ']')
	if len(scratch) > maxKey {
		return "", scratch, longKey("")
	}
	return string(scratch), scratch, nil
}

func longKey(column string) *RowError {
	return &RowError{Code: CodeTooLong, Field: column, Reason: fmt.Sprintf("the key is longer than %d bytes", maxKey)}
}

// text returns the value of a key's only column.
func (k keyColumn) text(row warehouse.Row) (string, *RowError) {
	value := row[k.column]
	if isNull(value) {
		return "", &RowError{Code: CodeNullKey, Field: k.name, Reason: "the key is null"}
	}
	key, failed := keyValue(value)
	if failed != nil {
		return "", &RowError{Code: failed.code, Field: k.name, Reason: "the key cannot be used: " + failed.reason}
	}
	if strings.TrimSpace(key) == "" {
		return "", &RowError{Code: CodeNullKey, Field: k.name, Reason: "the key is blank"}
	}
	if len(key) > maxKey {
		return "", longKey(k.name)
	}
	return key, nil
}

// appendPart appends the value of one of several key columns as JSON.
func (k keyColumn) appendPart(dst []byte, row warehouse.Row) ([]byte, *RowError) {
	value := row[k.column]
	if isNull(value) {
		return dst, &RowError{Code: CodeNullKey, Field: k.name, Reason: "this part of the key is null"}
	}
	part, failed := keyValue(value)
	if failed != nil {
		return dst, &RowError{Code: failed.code, Field: k.name, Reason: "this part of the key cannot be used: " + failed.reason}
	}
	if len(part) > maxKey {
		return dst, longKey(k.name)
	}
	switch value.(type) {
	case bool, int64, float64, warehouse.Decimal, json.RawMessage:
		return append(dst, part...), nil
	}
	return appendJSONString(dst, part), nil
}

// keyValue returns v in the one text that all spellings of its value share.
func keyValue(v warehouse.Value) (string, *failure) {
	switch v := v.(type) {
	case string:
		if len(v) <= maxKey && !utf8.ValidString(v) {
			return "", notUTF8()
		}
		return v, nil
	case warehouse.Decimal:
		plain, ok := plainNumber(string(v))
		if !ok {
			return "", bad("it is not a decimal number")
		}
		return plain, nil
	case json.RawMessage:
		if len(v) > maxValue || !utf8.Valid(v) {
			return "", notUTF8()
		}
		doc, err := appendCanonicalJSON(nil, v)
		if err != nil {
			return "", bad(err.Error())
		}
		return string(doc), nil
	}
	return text(v)
}

// isNull reports whether v is null: SQL's, or JSON's.
func isNull(v any) bool {
	if doc, ok := v.(json.RawMessage); ok {
		return len(doc) == 0 || string(doc) == "null"
	}
	return v == nil
}
