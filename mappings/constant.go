package mappings

import (
	"fmt"
	"time"

	"spillway/destinations"
	"spillway/warehouse"
)

// constant renders a value of a sync file as a value of type to.
func constant(v any, to destinations.FieldType) (destinations.Value, error) {
	v, err := fromTOML(v)
	if err != nil {
		return nil, err
	}
	if s, ok := v.(string); ok && to == destinations.JSON {
		return toDocument(s)
	}
	value, f := convert(v, to)
	if f != nil {
		if to == destinations.Any {
			return nil, fmt.Errorf("it cannot be sent: %s", f.reason)
		}
		return nil, fmt.Errorf("it cannot be sent as %s: %s", to, f.reason)
	}
	return value, nil
}

// toDocument makes the document that says s. A sync file has tables and lists for all other documents.
func toDocument(s string) (destinations.Value, error) {
	doc, f := appendStructure(nil, s, 0)
	if f != nil {
		return nil, fmt.Errorf("it cannot be sent: %s", f.reason)
	}
	value, f := toJSON(string(doc))
	if f != nil {
		return nil, fmt.Errorf("it cannot be sent: %s", f.reason)
	}
	return value, nil
}

// fromTOML returns v in the types that convert takes. A local date and a local time of TOML arrive as a time.Time
// in a location that is named after them.
func fromTOML(v any) (any, error) {
	switch v := v.(type) {
	case string, int64, float64, bool:
		return v, nil
	case int:
		return int64(v), nil
	case time.Time:
		switch v.Location().String() {
		case "date-local":
			return warehouse.Date(v.Format(time.DateOnly)), nil
		case "time-local":
			return v.Format("15:04:05.999999999"), nil
		case "datetime-local":
			return time.Date(v.Year(), v.Month(), v.Day(), v.Hour(), v.Minute(), v.Second(), v.Nanosecond(), time.UTC), nil
		}
		return v.UTC(), nil
	case []any:
		list := make([]any, len(v))
		for i := range v {
			var err error
			if list[i], err = fromTOML(v[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case []map[string]any: // an array of tables
		list := make([]any, len(v))
		for i := range v {
			var err error
			if list[i], err = fromTOML(v[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		table := make(map[string]any, len(v))
		for name := range v {
			var err error
			if table[name], err = fromTOML(v[name]); err != nil {
				return nil, err
			}
		}
		return table, nil
	}
	return nil, fmt.Errorf("a value of type %T cannot be sent", v)
}
