//go:build !noduckdb

package duckdb

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	duck "github.com/duckdb/duckdb-go-bindings"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// document is a list, an array, a map or a struct as JSON.
func (v *vector) document(row int) warehouse.Value {
	return json.RawMessage(v.appendJSON(nil, row))
}

func (v *vector) appendJSON(dst []byte, row int) []byte {
	if v.null(row) {
		return append(dst, "null"...)
	}
	switch v.kind.id {
	case duck.TypeList:
		offset, length := v.list(row)
		return v.children[0].appendArray(dst, offset, length)
	case duck.TypeArray:
		return v.children[0].appendArray(dst, row*v.kind.length, v.kind.length)
	case duck.TypeMap:
		return v.appendMap(dst, row)
	case duck.TypeStruct:
		return v.appendStruct(dst, row)
	}
	return sqldb.AppendJSON(dst, v.value(row))
}

func (v *vector) appendArray(dst []byte, offset, length int) []byte {
	dst = append(dst, '[')
	for i := range length {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = v.appendJSON(dst, offset+i)
	}
	return append(dst, ']')
}

// appendStruct writes the members in the order of their names; a struct without names, row(1, 'x'), is an array.
func (v *vector) appendStruct(dst []byte, row int) []byte {
	if v.kind.names[0] == "" {
		dst = append(dst, '[')
		for i := range v.children {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = v.children[i].appendJSON(dst, row)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i, member := range v.kind.order {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(sqldb.AppendJSON(dst, v.kind.names[member]), ':')
		dst = v.children[member].appendJSON(dst, row)
	}
	return append(dst, '}')
}

// appendMap writes the keys as text in their order; DuckDB keeps no key twice.
func (v *vector) appendMap(dst []byte, row int) []byte {
	offset, length := v.list(row)
	keys := make([]string, length)
	for i := range keys {
		keys[i] = keyText(v.children[0].value(offset + i))
	}
	dst = append(dst, '{')
	for i, entry := range sorted(keys) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(sqldb.AppendJSON(dst, keys[entry]), ':')
		dst = v.children[1].appendJSON(dst, offset+entry)
	}
	return append(dst, '}')
}

// keyText is a key of a map as the name in an object: what it would be as a value, without quotes.
func keyText(key warehouse.Value) string {
	if text, ok := key.(string); ok {
		return text
	}
	doc := string(sqldb.AppendJSON(nil, key))
	if strings.HasPrefix(doc, `"`) {
		return strings.Trim(doc, `"`) // a date or the like, which holds nothing that JSON would escape
	}
	return doc
}

// sorted returns the indices of names in the order of the names.
func sorted(names []string) []int {
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	return order
}

// bits writes a bit string as ones and zeros. Its first byte says how many bits at the start of the second are padding.
func bits(b []byte) string {
	var text strings.Builder
	for i, c := range b[min(1, len(b)):] {
		digits := fmt.Sprintf("%08b", c)
		if i == 0 {
			digits = digits[b[0]:]
		}
		text.WriteString(digits)
	}
	return text.String()
}

// appendUUID writes a UUID that is stored as a signed 128-bit integer, its first bit inverted so that it sorts like its
// text.
func appendUUID(dst []byte, words [2]uint64) []byte {
	const digits = "0123456789abcdef"
	for half, word := range [2]uint64{words[1] ^ (1 << 63), words[0]} {
		for i := range 16 {
			if at := 16*half + i; at == 8 || at == 12 || at == 16 || at == 20 {
				dst = append(dst, '-')
			}
			dst = append(dst, digits[word>>(60-4*i)&0xf])
		}
	}
	return dst
}
