package sqldb

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"spillway/warehouse"
)

// AppendJSON appends v to dst as it stands inside a list or a struct, by the rules of this package.
func AppendJSON(dst []byte, v warehouse.Value) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return appendFloat(dst, v)
	case warehouse.Decimal:
		return append(dst, v...)
	case string:
		return appendString(dst, v)
	case warehouse.Date:
		return appendString(dst, string(v))
	case time.Time:
		return append(v.AppendFormat(append(dst, '"'), time.RFC3339Nano), '"')
	case []byte:
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), v)
		return append(dst, '"')
	case json.RawMessage:
		return append(dst, v...)
	}
	return appendString(dst, fmt.Sprint(v)) // unreachable for a warehouse.Value, whose kinds are all above
}

// appendFloat writes f in its shortest digits, in the notation of ECMAScript and encoding/json.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	if abs := math.Abs(f); abs == 0 || abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}
