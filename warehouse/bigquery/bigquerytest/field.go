//go:build !noduckdb

package bigquerytest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	bq "google.golang.org/api/bigquery/v2"

	"spillway/warehouse"
)

// field is a column, or a part of one, with its type in BigQuery.
type field struct {
	name      string
	kind      string // as in a schema of the REST API: INTEGER, RECORD, ...
	repeated  bool
	precision int // declared; 0 is none
	scale     int
	element   string // of a RANGE
	fields    []*field
}

// The values that encoders take: nil, bool, int64, float64, string, []byte, and these. Days, and microseconds since
// midnight or 1970, are int64; the elements of arrays and structs are []any.
type (
	interval struct {
		months, days int32
		micros       int64
	}
	bounds struct{ start, end any }
)

// fieldOf gives the type in BigQuery of a column of DuckDB. A union of one member stands for the type that the member
// is called by, whose values are given as text: 'POINT(1 2)'::union(geography varchar).
func fieldOf(name, native string) (*field, error) {
	f := &field{name: name}
	if element, ok := strings.CutSuffix(native, "]"); ok {
		element = element[:strings.LastIndex(element, "[")]
		inner, err := fieldOf("", element)
		if err != nil {
			return nil, err
		}
		if inner.repeated {
			return nil, refusal(400, "invalidQuery", "Cannot construct array with element type ARRAY because nested arrays are not supported")
		}
		inner.name, inner.repeated = name, true
		return inner, nil
	}
	head, arguments, _ := strings.Cut(native, "(")
	arguments = strings.TrimSuffix(arguments, ")")
	switch head {
	case "STRUCT":
		f.kind = "RECORD"
		for _, part := range splitTop(arguments) {
			member, of, _ := strings.Cut(part, " ")
			inner, err := fieldOf(member, of)
			if err != nil {
				return nil, err
			}
			f.fields = append(f.fields, inner)
		}
		return f, nil
	case "DECIMAL":
		width, scale, _ := strings.Cut(arguments, ",")
		f.precision, _ = strconv.Atoi(width)
		f.scale, _ = strconv.Atoi(scale)
		f.kind = "NUMERIC"
		if f.scale > 9 || f.precision-f.scale > 29 {
			f.kind = "BIGNUMERIC"
		}
		return f, nil
	case "UNION":
		member, _, _ := strings.Cut(arguments, " ")
		f.kind, f.element, _ = strings.Cut(strings.ToUpper(member), "_")
		return f, nil
	}
	kind, ok := scalars[head]
	if !ok {
		return nil, refusal(400, "invalidQuery", "the stand-in has no type for DuckDB's "+native)
	}
	f.kind = kind
	return f, nil
}

var scalars = map[string]string{
	"BOOLEAN": "BOOLEAN", "TINYINT": "INTEGER", "SMALLINT": "INTEGER", "INTEGER": "INTEGER", "BIGINT": "INTEGER", "UTINYINT": "INTEGER",
	"USMALLINT": "INTEGER", "UINTEGER": "INTEGER", "UBIGINT": "NUMERIC", "HUGEINT": "BIGNUMERIC", "FLOAT": "FLOAT", "DOUBLE": "FLOAT",
	"VARCHAR": "STRING", "BLOB": "BYTES", "BIT": "STRING", "UUID": "STRING", "ENUM": "STRING", "JSON": "JSON", "DATE": "DATE", "TIME": "TIME",
	"TIMESTAMP": "DATETIME", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP", "INTERVAL": "INTERVAL", "NULL": "INTEGER",
}

// splitTop splits text at the commas that stand in no brackets.
func splitTop(text string) []string {
	var parts []string
	depth, start := 0, 0
	for i, c := range text {
		switch c {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				parts, start = append(parts, strings.TrimSpace(text[start:i])), i+1
			}
		}
	}
	return append(parts, strings.TrimSpace(text[start:]))
}

// schema is the field as the REST API describes it.
func (f *field) schema() *bq.TableFieldSchema {
	out := &bq.TableFieldSchema{Name: f.name, Type: f.kind, Mode: "NULLABLE", Precision: int64(f.precision), Scale: int64(f.scale)}
	if f.repeated {
		out.Mode = "REPEATED"
	}
	if f.kind == "RANGE" {
		out.RangeElementType = &bq.TableFieldSchemaRangeElementType{Type: f.element}
	}
	for _, inner := range f.fields {
		out.Fields = append(out.Fields, inner.schema())
	}
	return out
}

// take makes a value of DuckDB one that the encoders know.
func (f *field) take(v warehouse.Value) (any, error) {
	if doc, ok := v.(json.RawMessage); ok && (f.repeated || f.kind == "RECORD") {
		return f.takeJSON(doc)
	}
	switch v := v.(type) {
	case nil:
		if f.repeated {
			return []any{}, nil // as BigQuery delivers it
		}
		return nil, nil
	case warehouse.Decimal:
		return f.parse(string(v))
	case warehouse.Date:
		return f.parse(string(v))
	case time.Time:
		return v.UnixMicro(), nil
	case json.RawMessage:
		return string(v), nil
	case string:
		return f.parse(v)
	case int64:
		if f.kind != "INTEGER" {
			return strconv.FormatInt(v, 10), nil
		}
	}
	return v, nil
}

// takeJSON does so for a value inside a document.
func (f *field) takeJSON(doc json.RawMessage) (any, error) {
	null := string(doc) == "null"
	switch {
	case f.repeated:
		list := []any{}
		var elements []json.RawMessage
		if err := json.Unmarshal(doc, &elements); err != nil {
			return nil, err
		}
		element := *f
		element.repeated = false
		for _, e := range elements {
			if string(e) == "null" {
				return nil, refusal(400, "invalidQuery", "Array cannot have a null element; error in writing field "+f.name)
			}
			v, err := element.takeJSON(e)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case null && f.kind != "JSON":
		return nil, nil
	case f.kind == "RECORD":
		var members map[string]json.RawMessage
		if err := json.Unmarshal(doc, &members); err != nil {
			return nil, err
		}
		var out []any
		for _, inner := range f.fields {
			v, err := inner.takeJSON(members[inner.name])
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case f.kind == "JSON":
		return string(doc), nil
	}
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case bool:
		return v, nil
	case float64:
		return f.parse(string(doc))
	case string:
		return f.parse(v)
	}
	return nil, fmt.Errorf("%T inside a document", v)
}

// parse reads a scalar from its text.
func (f *field) parse(text string) (any, error) {
	switch f.kind {
	case "INTEGER":
		return strconv.ParseInt(text, 10, 64)
	case "FLOAT":
		return strconv.ParseFloat(text, 64)
	case "BYTES":
		return base64.StdEncoding.DecodeString(text)
	case "INTERVAL":
		return parseISO(text)
	case "RANGE":
		start, end, _ := strings.Cut(strings.Trim(text, "[)"), ", ")
		element := &field{kind: f.element}
		var out bounds
		var err error
		if out.start, err = element.parseBound(start); err == nil {
			out.end, err = element.parseBound(end)
		}
		return out, err
	}
	return f.parseMoment(text)
}

func (f *field) parseBound(text string) (any, error) {
	if text == "UNBOUNDED" {
		return nil, nil
	}
	return f.parseMoment(text)
}

// parseMoment reads days, instants and times of day; all else stays text.
func (f *field) parseMoment(text string) (any, error) {
	switch f.kind {
	case "DATE":
		t, err := time.Parse(time.DateOnly, text)
		return t.Unix() / 86400, err
	case "TIME":
		t, err := time.Parse("15:04:05", text)
		return t.Sub(t.Truncate(24 * time.Hour)).Microseconds(), err
	case "DATETIME", "TIMESTAMP":
		t, err := time.Parse(time.RFC3339Nano, strings.TrimSuffix(text, "Z")+"Z")
		return t.UnixMicro(), err
	}
	return text, nil
}

// parseISO reads an interval in ISO 8601.
func parseISO(text string) (interval, error) {
	var out interval
	number, clock := "", false
	for _, c := range strings.TrimPrefix(text, "P") {
		if c == 'T' {
			clock = true
			continue
		}
		if c >= '0' && c <= '9' || c == '-' || c == '.' {
			number += string(c)
			continue
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return out, err
		}
		number = ""
		switch {
		case c == 'Y':
			out.months += int32(n) * 12
		case c == 'M' && !clock:
			out.months += int32(n)
		case c == 'D':
			out.days += int32(n)
		case c == 'H':
			out.micros += int64(n) * 3_600_000_000
		case c == 'M':
			out.micros += int64(n) * 60_000_000
		case c == 'S':
			out.micros += time.Duration(n * float64(time.Second)).Round(time.Microsecond).Microseconds()
		}
	}
	return out, nil
}
