package snowflake

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"strings"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

var errForm = errors.New("a value is not of its type's form")

// decode makes the value of its packed form, with which it shares no memory. src is nil for null.
func (c *column) decode(src []byte) (warehouse.Value, error) {
	if src == nil {
		return nil, nil
	}
	if size := sizes[c.form]; size > 0 && len(src) != size {
		return nil, errForm
	}
	switch c.form {
	case formText:
		return string(src), nil
	case formDocument:
		return document(src), nil
	case formBytes:
		return append(make([]byte, 0, len(src)), src...), nil
	case formBool:
		return src[0] != 0, nil
	case formNumber:
		return c.number(src)
	case formDecfloat:
		return warehouse.Decimal(src), nil
	case formFloat:
		return math.Float64frombits(binary.LittleEndian.Uint64(src)), nil
	case formDay:
		return sqldb.Day(int64(int32(binary.LittleEndian.Uint32(src)))), nil
	case formTime:
		return sqldb.TimeOfDay(int64(binary.LittleEndian.Uint64(src))), nil
	case formInstant:
		return sqldb.Instant(time.Unix(int64(binary.LittleEndian.Uint64(src)), int64(binary.LittleEndian.Uint32(src[8:])))), nil
	}
	return nil, errForm
}

// sizes are the bytes of the forms that have one size.
var sizes = [...]int{formBool: 1, formFloat: 8, formDay: 4, formTime: 8, formInstant: 12}

func (c *column) number(src []byte) (warehouse.Value, error) {
	switch len(src) {
	case 8:
		n := int64(binary.LittleEndian.Uint64(src))
		if c.Type == warehouse.Int {
			return n, nil
		}
		return sqldb.Fixed(n, c.scale), nil
	case 16:
		return sqldb.BigFixed(wide(int64(binary.LittleEndian.Uint64(src[8:])), binary.LittleEndian.Uint64(src)), c.scale), nil
	}
	return nil, errForm
}

func wide(high int64, low uint64) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(high), 64)
	return n.Add(n, new(big.Int).SetUint64(low))
}

// appendNumber packs a signed integer of 128 bits.
func appendNumber(dst []byte, high int64, low uint64) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, low)
	if high == int64(low)>>63 {
		return dst
	}
	return binary.LittleEndian.AppendUint64(dst, uint64(high))
}

func appendInt(dst []byte, n int64) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(n)) }

func appendInstant(dst []byte, seconds, nanoseconds int64) []byte {
	return binary.LittleEndian.AppendUint32(appendInt(dst, seconds), uint32(nanoseconds))
}

// appendDecfloat packs digits × 10^exponent, written without an exponent.
func appendDecfloat(dst []byte, digits string, exponent int) []byte {
	if exponent < 0 {
		return append(dst, sqldb.Digits(digits, -exponent)...)
	}
	dst = append(dst, digits...)
	if digits == "0" {
		return dst
	}
	return append(dst, strings.Repeat("0", exponent)...)
}

// document is the value of a document as Snowflake writes it: JSON, except for words that stand for values which JSON
// lacks.
func document(src []byte) warehouse.Value {
	v := sqldb.Document(src)
	if _, unreadable := v.(string); unreadable {
		return sqldb.Document(replaceWords(src))
	}
	return v
}

// words are what Snowflake writes into documents beside JSON.
var words = map[string]string{
	"undefined": "null", "NaN": `"NaN"`, "Infinity": `"Infinity"`, "inf": `"Infinity"`, "-Infinity": `"-Infinity"`, "-inf": `"-Infinity"`,
}

// replaceWords replaces words outside of texts.
func replaceWords(src []byte) []byte {
	out := make([]byte, 0, len(src))
	for len(src) > 0 {
		n := 1
		switch c := src[0]; {
		case c == '"':
			for n < len(src) && src[n] != '"' {
				if src[n] == '\\' {
					n++
				}
				n++
			}
			n = min(n+1, len(src))
		case letter(c) || c == '-':
			for n < len(src) && letter(src[n]) {
				n++
			}
			if word, ok := words[string(src[:n])]; ok {
				out, src = append(out, word...), src[n:]
				continue
			}
		}
		out, src = append(out, src[:n]...), src[n:]
	}
	return out
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
