package mappings

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"spillway/destinations"
	"spillway/warehouse"
)

// natural is the type in which a column's values are sent when nobody names another.
func natural(t warehouse.Type) destinations.FieldType {
	switch t {
	case warehouse.Bool:
		return destinations.Boolean
	case warehouse.Int:
		return destinations.Integer
	case warehouse.Float, warehouse.Numeric:
		return destinations.Number
	case warehouse.Day:
		return destinations.DateType
	case warehouse.Time:
		return destinations.DateTime
	case warehouse.JSON:
		return destinations.JSON
	default:
		return destinations.String
	}
}

// convertible reports whether some value of a column of type from can be sent as a value of type to.
func convertible(from warehouse.Type, to destinations.FieldType) bool {
	switch to {
	case destinations.Any, destinations.String, destinations.JSON:
		return true
	case destinations.Number, destinations.Integer:
		return from == warehouse.String || from == warehouse.Int || from == warehouse.Float || from == warehouse.Numeric
	case destinations.Boolean:
		return from == warehouse.String || from == warehouse.Bool || from == warehouse.Int
	case destinations.DateType, destinations.DateTime:
		return from == warehouse.String || from == warehouse.Day || from == warehouse.Time
	case destinations.List:
		return from == warehouse.JSON
	}
	return false
}

// convert renders v, a value of the warehouse, of an expression or of a constant, as a value of type to.
func convert(v any, to destinations.FieldType) (destinations.Value, *failure) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case *big.Rat:
		return convert(warehouse.Decimal(ratText(v)), to)
	case json.RawMessage:
		if string(v) == "null" {
			return nil, nil
		}
	case time.Duration:
		return nil, bad("it is a length of time: take its .Hours(), .Minutes() or .Seconds()")
	}
	switch to {
	case destinations.String:
		return toString(v)
	case destinations.Number:
		return toNumber(v)
	case destinations.Integer:
		return toInteger(v)
	case destinations.Boolean:
		return toBoolean(v)
	case destinations.DateType:
		return toDate(v)
	case destinations.DateTime:
		return toDateTime(v)
	case destinations.JSON:
		return toJSON(v)
	case destinations.List:
		return toList(v)
	default:
		return convert(v, naturalOf(v))
	}
}

// naturalOf is natural for a value whose type is known only now.
func naturalOf(v any) destinations.FieldType {
	switch v.(type) {
	case bool:
		return destinations.Boolean
	case int64:
		return destinations.Integer
	case float64, warehouse.Decimal:
		return destinations.Number
	case warehouse.Date:
		return destinations.DateType
	case time.Time:
		return destinations.DateTime
	case []any:
		return destinations.List
	case json.RawMessage, map[string]any:
		return destinations.JSON
	}
	return destinations.String
}

func toString(v any) (destinations.Value, *failure) {
	s, ok := v.(string)
	if !ok {
		var f *failure
		if s, f = text(v); f != nil {
			return nil, f
		}
	}
	if len(s) > maxValue {
		return nil, tooLong()
	}
	if !utf8.ValidString(s) {
		return nil, notUTF8()
	}
	if ok {
		return v, nil
	}
	return s, nil
}

func badNumber() *failure { return bad("it is not a number") }

func toNumber(v any) (destinations.Value, *failure) {
	switch v := v.(type) {
	case int64, float64, warehouse.Decimal:
		s, f := text(v)
		if f != nil {
			return nil, f
		}
		if len(s) > maxValue {
			return nil, tooLong()
		}
		return json.Number(s), nil
	case string:
		s := strings.TrimSpace(v)
		if !isNumber(s) {
			return nil, badNumber()
		}
		if len(s) > maxValue {
			return nil, tooLong()
		}
		return json.Number(s), nil
	}
	return nil, badNumber()
}

func toInteger(v any) (destinations.Value, *failure) {
	n, f := toNumber(v)
	if f != nil {
		return nil, f
	}
	if _, ok := v.(int64); ok {
		return n, nil
	}
	number, _ := n.(json.Number)
	whole, ok := wholeNumber(string(number))
	if !ok {
		return nil, bad("it is not a whole number")
	}
	return json.Number(whole), nil
}

func toBoolean(v any) (destinations.Value, *failure) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case int64:
		if v == 0 || v == 1 {
			return v == 1, nil
		}
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "true", "t", "yes", "1":
			return true, nil
		case "false", "f", "no", "0":
			return false, nil
		}
	}
	return nil, bad("it is not a truth value: write true or false, t or f, yes or no, 1 or 0")
}

func toDate(v any) (destinations.Value, *failure) {
	switch v := v.(type) {
	case warehouse.Date:
		if _, ok := parseDay(string(v)); !ok {
			return nil, badDate()
		}
		return destinations.Date(v), nil
	case time.Time:
		if u := v.UTC(); writable(u) {
			return destinations.Date(u.Format(time.DateOnly)), nil
		}
	case string:
		if t, ok := parseTime(strings.TrimSpace(v)); ok {
			return destinations.Date(t.Format(time.DateOnly)), nil
		}
	}
	return nil, badDate()
}

func toDateTime(v any) (destinations.Value, *failure) {
	switch t := v.(type) {
	case time.Time:
		if !writable(t.UTC()) {
			return nil, badTime()
		}
		if t.Location() == time.UTC {
			return v, nil
		}
		return t.UTC(), nil
	case warehouse.Date:
		if day, ok := parseDay(string(t)); ok {
			return day, nil
		}
	case string:
		if parsed, ok := parseTime(strings.TrimSpace(t)); ok {
			return parsed, nil
		}
	}
	return nil, badTime()
}

// toJSON takes text as a document. What is not text becomes the document that says the same.
func toJSON(v any) (destinations.Value, *failure) {
	var doc json.RawMessage
	switch v := v.(type) {
	case json.RawMessage:
		doc = slices.Clone(v) // the row's memory may be used again for the next one
	case string:
		doc = json.RawMessage(strings.TrimSpace(v))
	default:
		structure, f := appendStructure(nil, v, 0)
		if f != nil {
			return nil, f
		}
		doc = structure
	}
	if len(doc) > maxValue {
		return nil, tooLong()
	}
	if !utf8.Valid(doc) {
		return nil, notUTF8()
	}
	if !json.Valid(doc) {
		return nil, bad(errNotJSON.Error())
	}
	if string(doc) == "null" {
		return nil, nil
	}
	return doc, nil
}

func toList(v any) (destinations.Value, *failure) {
	list, ok := v.([]any)
	if doc, isJSON := v.(json.RawMessage); isJSON {
		structure, f := parseStructure(doc)
		if f != nil {
			return nil, f
		}
		list, ok = structure.([]any)
	}
	if !ok {
		return nil, bad("it is not a list")
	}
	values, f := listValues(list, 0)
	if f != nil {
		return nil, f
	}
	return values, nil
}
