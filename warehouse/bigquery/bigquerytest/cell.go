//go:build !noduckdb

package bigquerytest

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"spillway/warehouse/sqldb"
)

// appendCell appends a value as the REST API writes it: {"v": ...}.
func (f *field) appendCell(dst []byte, v any) []byte {
	dst = append(dst, `{"v":`...)
	switch list, _ := v.([]any); {
	case f.repeated:
		element := *f
		element.repeated = false
		dst = appendCells(append(dst, '['), list, func(int) *field { return &element })
		dst = append(dst, ']')
	case v == nil:
		dst = append(dst, "null"...)
	case f.kind == "RECORD":
		dst = appendCells(append(dst, `{"f":[`...), list, func(i int) *field { return f.fields[i] })
		dst = append(dst, "]}"...)
	default:
		dst = sqldb.AppendJSON(dst, f.text(v))
	}
	return append(dst, '}')
}

func appendCells(dst []byte, values []any, of func(i int) *field) []byte {
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = of(i).appendCell(dst, v)
	}
	return dst
}

// text is a scalar as the REST API writes it.
func (f *field) text(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return floatText(v)
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case interval:
		return v.text()
	case bounds:
		element := &field{kind: f.element}
		return "[" + element.bound(v.start) + ", " + element.bound(v.end) + ")"
	case int64:
		return f.number(v)
	case string:
		if f.kind == "NUMERIC" || f.kind == "BIGNUMERIC" {
			return withoutZeros(v)
		}
		return v
	}
	return fmt.Sprint(v)
}

func (f *field) bound(v any) string {
	if n, ok := v.(int64); ok {
		return f.number(n)
	}
	return "UNBOUNDED"
}

func (f *field) number(n int64) string {
	switch f.kind {
	case "DATE":
		return time.Unix(n*86400, 0).UTC().Format(time.DateOnly)
	case "TIME":
		return time.UnixMicro(n).UTC().Format("15:04:05.999999")
	case "DATETIME":
		return time.UnixMicro(n).UTC().Format("2006-01-02T15:04:05.999999")
	}
	return strconv.FormatInt(n, 10)
}

func floatText(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(v, 'G', -1, 64)
}

func withoutZeros(digits string) string {
	if !strings.Contains(digits, ".") {
		return digits
	}
	return strings.TrimSuffix(strings.TrimRight(digits, "0"), ".")
}

// text is "1-2 3 4:5:6.789", each part with its sign.
func (i interval) text() string {
	micros, sign := i.micros, ""
	if micros < 0 {
		micros, sign = -micros, "-"
	}
	months, monthSign := i.months, ""
	if months < 0 {
		months, monthSign = -months, "-"
	}
	text := fmt.Sprintf("%s%d-%d %d %s%d:%d:%d", monthSign, months/12, months%12, i.days, sign, micros/3_600_000_000, micros/60_000_000%60,
		micros/1_000_000%60)
	if part := micros % 1_000_000; part != 0 {
		text += strings.TrimRight(fmt.Sprintf(".%06d", part), "0")
	}
	return text
}
