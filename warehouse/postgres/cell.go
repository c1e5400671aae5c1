package postgres

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

var _ warehouse.Celled = (*rows)(nil)

var errCutShort = errors.New("a packed row is cut short")

// Cells leaves to the decoders what has no cell of its own: values that are seldom, and bytes that are none of their
// type, of which the decoders tell what is wrong.
func (r *rows) Cells(packed []byte, row []warehouse.Cell, scratch []byte) ([]byte, error) {
	for _, at := range r.packed {
		src, rest, ok := warehouse.CutPacked(packed)
		if !ok {
			return scratch, errCutShort
		}
		packed = rest
		c := &row[at]
		if src == nil {
			c.Type = 0
			continue
		}
		if read := r.shape.codecs[at].cell; read != nil {
			if scratch, ok = read(c, src, scratch); ok {
				continue
			}
		}
		v, err := r.shape.decode(at, src)
		if err != nil {
			return scratch, err
		}
		*c = warehouse.CellOf(v)
	}
	return scratch, nil
}

// toCell reads one value, in the format that a result has its type in, into c. Text that does not stand in src is
// appended to scratch. It is not ok for a value that has to be decoded.
type toCell func(c *warehouse.Cell, src, scratch []byte) (grown []byte, ok bool)

func stringCell(c *warehouse.Cell, src, scratch []byte) ([]byte, bool) {
	c.Type, c.Text = warehouse.String, src
	return scratch, true
}

func boolCell(c *warehouse.Cell, src, scratch []byte) ([]byte, bool) {
	if len(src) != 1 {
		return scratch, false
	}
	*c = warehouse.BoolCell(src[0] != 0)
	return scratch, true
}

func intCell(c *warehouse.Cell, src, scratch []byte) ([]byte, bool) {
	c.Type = warehouse.Int
	switch len(src) {
	case 2:
		c.Int = int64(int16(binary.BigEndian.Uint16(src)))
	case 4:
		c.Int = int64(int32(binary.BigEndian.Uint32(src)))
	case 8:
		c.Int = int64(binary.BigEndian.Uint64(src))
	default:
		return scratch, false
	}
	return scratch, true
}

func oidCell(c *warehouse.Cell, src, scratch []byte) ([]byte, bool) {
	if len(src) != 4 {
		return scratch, false
	}
	c.Type, c.Int = warehouse.Int, int64(binary.BigEndian.Uint32(src))
	return scratch, true
}

func floatCell(c *warehouse.Cell, src, scratch []byte) ([]byte, bool) {
	if len(src) != 8 {
		return scratch, false
	}
	c.Type, c.Int = warehouse.Float, int64(binary.BigEndian.Uint64(src))
	return scratch, true
}

// numericCell leaves the numbers that are none, and those with more digits than a cell should have to copy.
func numericCell(c *warehouse.Cell, src, scratch []byte) ([]byte, bool) {
	const most = 512
	if len(src) < 8 || len(src) > most {
		return scratch, false
	}
	count, sign := int(binary.BigEndian.Uint16(src)), binary.BigEndian.Uint16(src[4:])
	weight, scale := int(int16(binary.BigEndian.Uint16(src[2:]))), int(binary.BigEndian.Uint16(src[6:]))
	digits := src[8:]
	if len(digits) != 2*count || sign != numericPositive && sign != numericNegative || weight > most || scale > most {
		return scratch, false
	}
	for i := 0; i < len(digits); i += 2 {
		if binary.BigEndian.Uint16(digits[i:]) >= numericBase {
			return scratch, false
		}
	}
	from := len(scratch)
	scratch = appendNumeric(scratch, digits, weight, sign == numericNegative, scale)
	c.Type, c.Text = warehouse.Numeric, scratch[from:]
	return scratch, true
}

// The instants of the years 1 to 9999, in seconds since 1970, and of 2000-01-01.
var (
	firstSecond = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastSecond  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

const epochSeconds = epochDays * 24 * 60 * 60

// timestampCell leaves the infinite instants and those of other years than four digits have.
func timestampCell(c *warehouse.Cell, src, scratch []byte) ([]byte, bool) {
	if len(src) != 8 {
		return scratch, false
	}
	micros := int64(binary.BigEndian.Uint64(src))
	if micros == math.MaxInt64 || micros == math.MinInt64 {
		return scratch, false
	}
	seconds, rest := micros/1e6, micros%1e6
	if rest < 0 {
		seconds, rest = seconds-1, rest+1e6
	}
	seconds += epochSeconds
	if seconds < firstSecond || seconds > lastSecond {
		return scratch, false
	}
	c.Type, c.Int, c.Nano = warehouse.Time, seconds, int32(rest*1e3)
	return scratch, true
}

// documentCell leaves text that is no document.
func documentCell(c *warehouse.Cell, src, scratch []byte) ([]byte, bool) {
	from := len(scratch)
	doc, err := sqldb.AppendCanonical(scratch, src)
	if err != nil {
		return scratch, false
	}
	c.Type, c.Text = warehouse.JSON, doc[from:]
	return doc, true
}
