package settings

import (
	"math"
	"slices"
	"time"
)

// finite refuses the numbers of TOML that no destination and no JSON knows: nan and inf, however deep within value.
func (d *decoder) finite(e Entry, value any) bool {
	switch v := value.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			d.refuse(e, "must be a finite number")
			return false
		}
	case []any:
		return !slices.ContainsFunc(v, func(element any) bool { return !d.finite(e, element) })
	case *Table:
		return !slices.ContainsFunc(v.entries, func(below Entry) bool { return !d.finite(below, below.Value) })
	}
	return true
}

// Plain turns a value of an entry into Go's own: tables become map[string]any, with their lists and tables likewise,
// and dates are strings.
func Plain(value any) any {
	switch v := value.(type) {
	case *Table:
		m := make(map[string]any, len(v.entries))
		for _, e := range v.entries {
			m[e.Name] = Plain(e.Value)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = Plain(element)
		}
		return list
	case Date:
		return string(v)
	}
	return value
}

// nameOf names the form of a value, never the value.
func nameOf(value any) string {
	switch value.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case int64:
		return "a whole number"
	case float64:
		return "a number with a fraction"
	case time.Time:
		return "a time"
	case Date:
		return "a date"
	case []any:
		return "a list"
	case *Table:
		return "a table"
	}
	return "something else"
}
