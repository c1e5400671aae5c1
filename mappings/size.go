package mappings

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"spillway/destinations"
)

// The JSON of a value takes about as many bytes.
const (
	nullSize = 4
	boolSize = 5
	timeSize = len(time.RFC3339) + 2
)

// ValueSize is about how many bytes of JSON a value takes.
func ValueSize(v destinations.Value) int {
	switch v := v.(type) {
	case bool:
		return boolSize
	case string:
		return len(v) + 2
	case json.Number:
		return len(v)
	case json.RawMessage:
		return len(v)
	case destinations.Date:
		return len(v) + 2
	case time.Time:
		return timeSize
	case []destinations.Value:
		n := 2
		for _, e := range v {
			n += ValueSize(e) + 1
		}
		return n
	}
	return nullSize
}

// StoredSize is the ValueSize of a value that AppendValue stored.
func StoredSize(stored []byte) int {
	if len(stored) == 0 {
		return 0
	}
	n, _ := binary.Uvarint(stored[1:])
	switch stored[0] {
	case tagFalse, tagTrue:
		return boolSize
	case tagString, tagDate:
		return int(n) + 2
	case tagNumber, tagJSON:
		return int(n)
	case tagTime:
		return timeSize
	case tagList:
		v, _, _ := DecodeValue(string(stored))
		return ValueSize(v)
	}
	return nullSize
}
