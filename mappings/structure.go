package mappings

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"spillway/destinations"
	"spillway/warehouse"
)

// appendStructure appends v as JSON: a value of the warehouse, of an expression or of a constant, or a list or
// map of such. Members are sorted by name and numbers keep their digits. It stops beyond maxValue.
func appendStructure(dst []byte, v any, depth int) ([]byte, *failure) {
	if depth > maxNesting {
		return nil, bad("its lists are nested too deeply")
	}
	if len(dst) > maxValue {
		return nil, tooLong()
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int64, float64, warehouse.Decimal:
		s, f := text(v)
		return append(dst, s...), f
	case *big.Rat:
		return append(dst, ratText(v)...), nil
	case string:
		if !utf8.ValidString(v) {
			return nil, notUTF8()
		}
		return appendJSONString(dst, v), nil
	case warehouse.Date, time.Time, []byte:
		s, f := text(v)
		return appendJSONString(dst, s), f
	case json.RawMessage:
		return append(dst, v...), nil
	case []any:
		return appendStructureList(dst, v, depth)
	case map[string]any:
		return appendStructureMap(dst, v, depth)
	}
	return nil, bad("it is a value that no field can hold")
}

func appendStructureList(dst []byte, list []any, depth int) ([]byte, *failure) {
	dst = append(dst, '[')
	for i, e := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		var f *failure
		if dst, f = appendStructure(dst, e, depth+1); f != nil {
			return nil, f
		}
	}
	return append(dst, ']'), nil
}

func appendStructureMap(dst []byte, m map[string]any, depth int) ([]byte, *failure) {
	dst = append(dst, '{')
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !utf8.ValidString(name) {
			return nil, notUTF8()
		}
		dst = append(appendJSONString(dst, name), ':')
		var f *failure
		if dst, f = appendStructure(dst, m[name], depth+1); f != nil {
			return nil, f
		}
	}
	return append(dst, '}'), nil
}

// parseStructure reads a JSON document as []any, map[string]any, string, bool, nil, int64 and, for all other
// numbers, warehouse.Decimal with the document's digits.
func parseStructure(doc []byte) (any, *failure) {
	if len(doc) > maxValue {
		return nil, tooLong()
	}
	if !utf8.Valid(doc) {
		return nil, notUTF8()
	}
	// The reader knows the limits on nesting and on numbers, which the decoder does not.
	if _, err := appendCanonicalJSON(nil, doc); err != nil {
		return nil, bad(err.Error())
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, bad(errNotJSON.Error())
	}
	return exactNumbers(v), nil
}

func exactNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n
		}
		if plain, ok := plainNumber(string(v)); ok && len(plain) != len(v) && bytes.ContainsAny([]byte(v), "eE") {
			return warehouse.Decimal(plain)
		}
		return warehouse.Decimal(v)
	case []any:
		for i := range v {
			v[i] = exactNumbers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = exactNumbers(v[name])
		}
	}
	return v
}

// listValues returns the elements of list as the values of a destination, each in its own type.
func listValues(list []any, depth int) ([]destinations.Value, *failure) {
	if depth > maxNesting {
		return nil, bad("its lists are nested too deeply")
	}
	values := make([]destinations.Value, len(list))
	for i, e := range list {
		var f *failure
		if inner, ok := e.([]any); ok {
			values[i], f = listValues(inner, depth+1)
		} else {
			values[i], f = convert(e, destinations.Any)
		}
		if f != nil {
			return nil, f
		}
	}
	return values, nil
}
