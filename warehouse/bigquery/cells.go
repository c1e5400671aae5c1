package bigquery

import (
	"encoding/binary"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

var _ warehouse.Celled = (*rows)(nil)

func (r *rows) Cells(packed []byte, row []warehouse.Cell, scratch []byte) (grown []byte, err error) {
	for _, at := range r.packed {
		src, rest, ok := warehouse.CutPacked(packed)
		if !ok {
			return scratch, errCutShort
		}
		packed = rest
		if scratch, err = r.shape.kinds[at].cell(&row[at], src, scratch); err != nil {
			return scratch, r.shape.damaged(at, err)
		}
	}
	return scratch, nil
}

// cell reads one packed value, which is nil for null, into c. Text that does not stand in src is appended to scratch.
func (k *kind) cell(c *warehouse.Cell, src, scratch []byte) (grown []byte, err error) {
	if src == nil {
		c.Type = 0
		return scratch, nil
	}
	switch k.name {
	case typeBool:
		if len(src) != 1 {
			return scratch, errPacked
		}
		*c = warehouse.BoolCell(src[0] != 0)
	case typeInt64, typeFloat64, typeDate, typeTime, typeDatetime, typeTimestamp:
		if len(src) != wordSize {
			return scratch, errPacked
		}
		return k.wordCell(c, int64(binary.LittleEndian.Uint64(src)), scratch), nil
	case typeJSON:
		if doc, err := sqldb.AppendCanonical(scratch, src); err == nil {
			c.Type, c.Text = warehouse.JSON, doc[len(scratch):]
			return doc, nil
		}
		c.Type, c.Text = warehouse.String, src // as in sqldb.Document
	default:
		c.Type, c.Text = k.class, src
	}
	return scratch, nil
}

// wordCell reads a value of eight bytes.
func (k *kind) wordCell(c *warehouse.Cell, n int64, scratch []byte) []byte {
	switch k.name {
	case typeInt64, typeFloat64:
		c.Type, c.Int = k.class, n
		return scratch
	case typeDatetime, typeTimestamp:
		t := time.UnixMicro(n)
		if _, ok := sqldb.Instant(t).(time.Time); ok {
			c.Type, c.Int, c.Nano = warehouse.Time, t.Unix(), int32(t.Nanosecond())
			return scratch
		}
	default: // text
	}
	value := warehouse.CellOf(k.word(n))
	start := len(scratch)
	scratch = append(scratch, value.Text...)
	c.Type, c.Text = value.Type, scratch[start:]
	return scratch
}
