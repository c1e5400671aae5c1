package snowflake

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

var errForm = errors.New("a value is not of its type's form")

// cell reads the packed form of a value into out; src is nil for null. The text of out stands in src or is appended to
// scratch.
func (c *column) cell(out *warehouse.Cell, src, scratch []byte) ([]byte, error) {
	if src == nil {
		out.Type = 0
		return scratch, nil
	}
	if size := sizes[c.form]; size > 0 && len(src) != size {
		return scratch, errForm
	}
	from := len(scratch)
	switch c.form {
	case formText:
		out.Type, out.Text = warehouse.String, src
	case formBytes:
		out.Type, out.Text = warehouse.Bytes, src
	case formDecfloat:
		out.Type, out.Text = warehouse.Numeric, src
	case formBool:
		*out = warehouse.BoolCell(src[0] != 0)
	case formFloat:
		out.Type, out.Int = warehouse.Float, int64(binary.LittleEndian.Uint64(src))
	case formTime:
		scratch = append(scratch, sqldb.TimeOfDay(int64(binary.LittleEndian.Uint64(src)))...)
		out.Type, out.Text = warehouse.String, scratch[from:]
	case formDocument:
		return appendDocument(out, src, scratch), nil
	case formNumber:
		return c.number(out, src, scratch)
	case formDay:
		return appendDay(out, int64(int32(binary.LittleEndian.Uint32(src))), scratch), nil
	case formInstant:
		setInstant(out, int64(binary.LittleEndian.Uint64(src)), int32(binary.LittleEndian.Uint32(src[8:])))
	}
	return scratch, nil
}

// sizes are the bytes of the forms that have one size.
var sizes = [...]int{formBool: 1, formFloat: 8, formDay: 4, formTime: 8, formInstant: 12}

// number reads an integer with the column's scale.
func (c *column) number(out *warehouse.Cell, src, scratch []byte) ([]byte, error) {
	from := len(scratch)
	switch len(src) {
	case 8:
		n := int64(binary.LittleEndian.Uint64(src))
		if c.Type == warehouse.Int {
			out.Type, out.Int = warehouse.Int, n
			return scratch, nil
		}
		scratch = strconv.AppendInt(scratch, n, 10)
	case 16:
		scratch = wide(int64(binary.LittleEndian.Uint64(src[8:])), binary.LittleEndian.Uint64(src)).Append(scratch, 10)
	default:
		return scratch, errForm
	}
	scratch = point(scratch, from, c.scale)
	out.Type, out.Text = warehouse.Numeric, scratch[from:]
	return scratch, nil
}

// point puts a decimal point into the digits that begin at from, with so many decimals after it.
func point(digits []byte, from, decimals int) []byte {
	if decimals == 0 {
		return digits
	}
	if digits[from] == '-' {
		from++
	}
	if short := decimals + 1 - (len(digits) - from); short > 0 {
		digits = slices.Insert(digits, from, zeros[:short]...)
	}
	return slices.Insert(digits, len(digits)-decimals, '.')
}

// zeros are as many as the decimals that a number can have, and one before its point.
var zeros = []byte(strings.Repeat("0", 39))

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

// appendFloat packs what is no number in one form.
func appendFloat(dst []byte, f float64) []byte {
	bits := math.Float64bits(f)
	if math.IsNaN(f) {
		bits = 0x7ff8 << 48
	}
	return binary.LittleEndian.AppendUint64(dst, bits)
}

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

const secondsPerDay = 24 * 60 * 60

// The seconds since 1970 of the years 1 to 9999.
var (
	firstSecond = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastSecond  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

func appendDay(out *warehouse.Cell, days int64, scratch []byte) []byte {
	if seconds := days * secondsPerDay; seconds < firstSecond || seconds > lastSecond {
		*out = warehouse.CellOf(sqldb.Day(days))
		return scratch
	}
	from := len(scratch)
	scratch = time.Unix(days*secondsPerDay, 0).UTC().AppendFormat(scratch, time.DateOnly)
	out.Type, out.Text = warehouse.Day, scratch[from:]
	return scratch
}

func setInstant(out *warehouse.Cell, seconds int64, nanoseconds int32) {
	if seconds < firstSecond || seconds > lastSecond {
		*out = warehouse.CellOf(sqldb.Instant(time.Unix(seconds, int64(nanoseconds))))
		return
	}
	out.Type, out.Int, out.Nano = warehouse.Time, seconds, nanoseconds
}

// appendDocument reads a document as Snowflake writes it: JSON, except for words that stand for values which JSON lacks.
// What is neither is text.
func appendDocument(out *warehouse.Cell, src, scratch []byte) []byte {
	from := len(scratch)
	doc, err := sqldb.AppendCanonical(scratch, src)
	if err != nil {
		doc, err = sqldb.AppendCanonical(scratch, replaceWords(src))
	}
	if err != nil {
		out.Type, out.Text = warehouse.String, src
		return scratch
	}
	out.Type, out.Text = warehouse.JSON, doc[from:]
	return doc
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
