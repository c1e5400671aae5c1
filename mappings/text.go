package mappings

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"spillway/destinations"
	"spillway/warehouse"
)

// maxValue is the largest text, in bytes, that one field may hold.
const maxValue = 1 << 20

// failure is why a value cannot be rendered: a code of RowError and a reason that never quotes the value.
type failure struct{ code, reason string }

func bad(reason string) *failure { return &failure{CodeBadValue, reason} }

func tooLong() *failure {
	return &failure{CodeTooLong, "its value is longer than 1 MiB"}
}

func notUTF8() *failure { return bad("its text is not valid UTF-8") }

// text returns v, which is not null, as text: numbers in their own digits, times as RFC 3339 in UTC, bytes as
// base64, JSON as it stands, a JSON string as what it says.
func text(v any) (string, *failure) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		s, ok := floatText(v)
		if !ok {
			return "", bad("it is not a finite number")
		}
		return s, nil
	case warehouse.Decimal:
		s, ok := exactNumber(string(v))
		if !ok {
			return "", bad("it is not a decimal number")
		}
		return s, nil
	case warehouse.Date:
		if _, ok := parseDay(string(v)); !ok {
			return "", badDate()
		}
		return string(v), nil
	case time.Time:
		return timeText(v)
	case []byte:
		return base64.StdEncoding.EncodeToString(v), nil
	case json.RawMessage:
		return documentText(v)
	}
	return structureText(v)
}

// documentText returns a JSON string as what it says, and any other document as it stands.
func documentText(doc json.RawMessage) (string, *failure) {
	if len(doc) == 0 || doc[0] != '"' {
		return string(doc), nil
	}
	var s string
	if err := json.Unmarshal(doc, &s); err != nil {
		return "", bad(errNotJSON.Error())
	}
	return s, nil
}

func structureText(v any) (string, *failure) {
	doc, f := appendStructure(nil, v, 0)
	return string(doc), f
}

// valueText returns a rendered value that is not null as the text by which it is found: an identifier, or one of
// the values that a field takes.
func valueText(v destinations.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	case destinations.Date:
		return string(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case json.RawMessage:
		return string(v)
	}
	return ""
}
