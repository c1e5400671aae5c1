package bigquery

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// appendCell appends the packed form of a value that is not null, as the REST API writes it: scalars are text, arrays
// lists of {"v": ...}, structs {"f": [{"v": ...}]}.
func (k *kind) appendCell(dst []byte, v any) ([]byte, error) {
	if k.name == typeArray || k.name == typeStruct {
		return k.appendCellDocument(dst, v)
	}
	text, ok := v.(string)
	if !ok {
		return dst, delivered(v)
	}
	switch k.name {
	case typeBool:
		switch text {
		case "true":
			return append(dst, 1), nil
		case "false":
			return append(dst, 0), nil
		}
		return dst, errType
	case typeFloat64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return dst, errNumber
		}
		return k.appendWord(dst, int64(math.Float64bits(f))), nil
	case typeInt64, typeDate, typeTime, typeDatetime, typeTimestamp:
		n, err := k.parseWord(text)
		if err != nil {
			return dst, err
		}
		return k.appendWord(dst, n), nil
	case typeNumeric, typeBigNumeric:
		return appendDecimal(dst, text, k.scale)
	case typeBytes:
		var err error
		if dst, err = base64.StdEncoding.AppendDecode(dst, []byte(text)); err != nil {
			return dst, fmt.Errorf("%w: bytes that are not in base64", errType)
		}
		return dst, nil
	case typeInterval:
		months, days, micros, err := parseInterval(text)
		return append(dst, sqldb.Interval(months, days, micros)...), err
	case typeRange:
		return k.appendRangeText(dst, text)
	default:
		return append(dst, text...), nil
	}
}

// parseWord reads the text of a type whose values are eight bytes.
func (k *kind) parseWord(text string) (int64, error) {
	switch k.name {
	case typeDate:
		t, err := time.Parse(time.DateOnly, text)
		return t.Unix() / (24 * 60 * 60), hidden(err)
	case typeTime:
		t, err := time.Parse("15:04:05.999999999", text)
		return t.Sub(t.Truncate(24 * time.Hour)).Microseconds(), hidden(err)
	case typeDatetime:
		t, err := time.Parse("2006-01-02T15:04:05.999999999", text)
		return t.UnixMicro(), hidden(err)
	default: // INT64, and TIMESTAMP in microseconds as it was asked for
		n, err := strconv.ParseInt(text, 10, 64)
		return n, hidden(err)
	}
}

// hidden stands for an error of parsing, which would quote the value (invariant 10).
func hidden(err error) error {
	if err != nil {
		return fmt.Errorf("%w: its text cannot be read", errType)
	}
	return nil
}

// parseInterval reads an interval as BigQuery writes it: "1-2 3 4:5:6.789", each of its three parts with its own sign.
func parseInterval(text string) (months, days int32, micros int64, err error) {
	parts := strings.Fields(text)
	if len(parts) != 3 {
		return 0, 0, 0, hidden(errNumber)
	}
	years, rest, ok := strings.Cut(strings.TrimLeft(parts[0], "+-"), "-")
	clock := strings.Split(strings.TrimLeft(parts[2], "+-"), ":")
	if !ok || len(clock) != 3 {
		return 0, 0, 0, hidden(errNumber)
	}
	var numbers [5]int64
	for i, part := range []string{years, rest, parts[1], clock[0], clock[1]} {
		if numbers[i], err = strconv.ParseInt(part, 10, 32); err != nil {
			return 0, 0, 0, hidden(err)
		}
	}
	whole, fraction, _ := strings.Cut(clock[2], ".")
	if len(fraction) > 6 && strings.Trim(fraction[6:], "0") != "" {
		return 0, 0, 0, fmt.Errorf("%w: an interval of nanoseconds", errType)
	}
	seconds, err := strconv.ParseInt(whole+(fraction + "000000")[:6], 10, 64)
	if err != nil {
		return 0, 0, 0, hidden(err)
	}
	total := numbers[0]*12 + numbers[1]
	micros = (numbers[3]*3600+numbers[4]*60)*int64(time.Second/time.Microsecond) + seconds
	if strings.HasPrefix(parts[0], "-") {
		total = -total
	}
	if strings.HasPrefix(parts[2], "-") {
		micros = -micros
	}
	return int32(total), int32(numbers[2]), micros, nil
}

// unbounded is how BigQuery writes the end of a range that has none.
const unbounded = "UNBOUNDED"

// appendRangeText reads a range of the REST API: "[2026-11-20, UNBOUNDED)".
func (k *kind) appendRangeText(dst []byte, text string) ([]byte, error) {
	inner, opened := strings.CutPrefix(text, "[")
	inner, closed := strings.CutSuffix(inner, ")")
	start, end, ok := strings.Cut(inner, ", ")
	if !opened || !closed || !ok {
		return dst, hidden(errNumber)
	}
	dst = append(dst, '[')
	for i, bound := range []string{start, end} {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if bound == unbounded {
			dst = append(dst, unbounded...)
			continue
		}
		n, err := k.children[0].parseWord(bound)
		if err != nil {
			return dst, err
		}
		dst = appendBound(dst, k.children[0].word(n))
	}
	return append(dst, ')'), nil
}

// appendBound appends a day or an instant as it stands in documents, without quotes.
func appendBound(dst []byte, v warehouse.Value) []byte {
	text := sqldb.AppendJSON(nil, v)
	return append(dst, text[1:len(text)-1]...)
}

// appendCellDocument appends an array or a struct as a JSON document.
func (k *kind) appendCellDocument(dst []byte, v any) ([]byte, error) {
	if k.name == typeArray {
		list, ok := v.([]any)
		if !ok && v != nil {
			return dst, delivered(v)
		}
		dst = append(dst, '[')
		for i, element := range list {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = k.children[0].appendCellJSON(dst, inner(element)); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	}
	record, ok := v.(map[string]any)
	if !ok {
		return dst, delivered(v)
	}
	cells, ok := record["f"].([]any)
	if !ok || len(cells) != len(k.children) {
		return dst, fmt.Errorf("%w: a struct of other fields", errType)
	}
	dst = append(dst, '{')
	for i, at := range k.order {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(sqldb.AppendJSON(dst, k.names[at]), ':')
		var err error
		if dst, err = k.children[at].appendCellJSON(dst, inner(cells[at])); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// inner is the value within {"v": ...}.
func inner(cell any) any {
	if m, ok := cell.(map[string]any); ok {
		return m["v"]
	}
	return nil
}

// appendCellJSON appends a value as it stands inside a document.
func (k *kind) appendCellJSON(dst []byte, v any) ([]byte, error) {
	switch {
	case v == nil && k.name == typeArray:
		return append(dst, "[]"...), nil
	case v == nil:
		return append(dst, "null"...), nil
	case k.name == typeArray || k.name == typeStruct:
		return k.appendCellDocument(dst, v)
	}
	packed, err := k.appendCell(nil, v)
	if err != nil {
		return dst, err
	}
	value, err := k.unpack(packed)
	return sqldb.AppendJSON(dst, value), err
}
