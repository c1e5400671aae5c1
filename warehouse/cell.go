package warehouse

import (
	"bytes"
	"encoding/json"
	"math"
	"time"
	"unsafe"
)

// Cell is a Value that takes no memory of its own, so that a row can be read without one allocation a column. Its Type
// is the class of the value itself, which may differ from its column's: 0 is null.
type Cell struct {
	Type Type
	Nano int32  // of a Time: the nanoseconds within its second
	Int  int64  // of an Int; 0 or 1 of a Bool; the bits of a Float; of a Time the seconds since 1970
	Text []byte // of a String, Numeric, Day, Bytes or JSON; not to be changed, and only as long-lived as its row
}

// CellOf returns the cell of v. Its text is that of v.
func CellOf(v Value) Cell {
	switch v := v.(type) {
	case string:
		return Cell{Type: String, Text: bytesOf(v)}
	case bool:
		return BoolCell(v)
	case int64:
		return Cell{Type: Int, Int: v}
	case float64:
		return FloatCell(v)
	case Decimal:
		return Cell{Type: Numeric, Text: bytesOf(string(v))}
	case Date:
		return Cell{Type: Day, Text: bytesOf(string(v))}
	case time.Time:
		return Cell{Type: Time, Int: v.Unix(), Nano: int32(v.Nanosecond())}
	case []byte:
		return Cell{Type: Bytes, Text: v}
	case json.RawMessage:
		return Cell{Type: JSON, Text: v}
	}
	return Cell{}
}

// BoolCell returns the cell of a Bool.
func BoolCell(v bool) Cell {
	c := Cell{Type: Bool}
	if v {
		c.Int = 1
	}
	return c
}

// FloatCell returns the cell of a Float.
func FloatCell(v float64) Cell { return Cell{Type: Float, Int: int64(math.Float64bits(v))} }

// Float returns the value of a Float.
func (c *Cell) Float() float64 { return math.Float64frombits(uint64(c.Int)) }

// Value returns the cell as a Value, which shares no memory with it.
func (c *Cell) Value() Value {
	switch c.Type {
	case String:
		return string(c.Text)
	case Bool:
		return c.Int != 0
	case Int:
		return c.Int
	case Float:
		return c.Float()
	case Numeric:
		return Decimal(c.Text)
	case Day:
		return Date(c.Text)
	case Time:
		return time.Unix(c.Int, int64(c.Nano)).UTC()
	case Bytes:
		return append([]byte{}, c.Text...)
	case JSON:
		return json.RawMessage(bytes.Clone(c.Text))
	}
	return nil
}

// bytesOf returns the bytes of a string, which must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// Celled is what a Packer may implement beside Unpack.
type Celled interface {
	// Cells decodes a packed row as Unpack does, into the elements of row that stand for the chosen columns. Their texts
	// stand in packed, or are appended to scratch, which is returned. Several goroutines may call it at once, each with a
	// row and a scratch of its own, and while another is in NextPacked.
	Cells(packed []byte, row []Cell, scratch []byte) (grown []byte, err error)
}
