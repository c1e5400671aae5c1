package mappings

import (
	"encoding/binary"
	"strconv"
	"time"
	"unicode/utf8"
	"unsafe"

	"spillway/destinations"
	"spillway/warehouse"
)

// mark notes where the value that is about to be put begins.
func (e *Encoded) mark(canonical, stored int) { e.begin = [2]int{canonical, stored} }

// reopen takes back what was put since.
func (e *Encoded) reopen() { e.canonical, e.stored = e.canonical[:e.begin[0]], e.stored[:e.begin[1]] }

// putValue puts a rendered value.
func (e *Encoded) putValue(v destinations.Value) {
	from := len(e.canonical)
	e.canonical = appendCanonicalValue(e.canonical, v)
	e.stored = appendStored(e.stored, v)
	if at := e.begin[1]; string(e.stored[at:]) == string(e.canonical[from:]) {
		e.stored = e.stored[:at]
	}
}

// isNullCell is isNull for a cell.
func isNullCell(c *warehouse.Cell) bool {
	return c.Type == 0 || c.Type == warehouse.JSON && (len(c.Text) == 0 || string(c.Text) == "null")
}

// putCell puts what convert makes of a cell that is not null. It is not ok for conversions that are left to it, and for
// values that cannot be converted; something may have been put then.
func (e *Encoded) putCell(c *warehouse.Cell, to destinations.FieldType) bool {
	switch {
	case c.Type == warehouse.Int && (to == destinations.Integer || to == destinations.Number || to == destinations.Any):
		e.putInt(c.Int)
		return true
	case to != destinations.Any && to != natural(c.Type):
		return to == destinations.String && e.putText(c)
	}
	switch c.Type {
	case warehouse.String:
		return e.putString(c.Text)
	case warehouse.Bool:
		if c.Int != 0 {
			e.canonical = append(e.canonical, tagTrue)
		} else {
			e.canonical = append(e.canonical, tagFalse)
		}
		return true
	case warehouse.Float, warehouse.Numeric:
		return e.putNumber(c)
	case warehouse.Day:
		return e.putDay(c.Text)
	case warehouse.Time:
		return e.putTime(c)
	case warehouse.JSON:
		return e.putDocument(c.Text)
	case warehouse.Int, warehouse.Bytes:
	}
	return false
}

func (e *Encoded) putString(text []byte) bool {
	if len(text) > maxValue || !utf8.Valid(text) {
		return false
	}
	e.canonical = binary.AppendUvarint(append(e.canonical, tagString), uint64(len(text)))
	e.canonical = append(e.canonical, text...)
	return true
}

// putText puts a value as text that has less than 128 bytes of it.
func (e *Encoded) putText(c *warehouse.Cell) bool {
	from := len(e.canonical)
	text, ok := appendCellText(append(e.canonical, tagString, 0), c)
	n := len(text) - from - 2
	if !ok || n >= 0x80 || c.Type == warehouse.String {
		return false
	}
	text[from+1] = byte(n)
	e.canonical = text
	return true
}

// appendCellText appends what text gives of the value. It is not ok for classes and values that are left to it.
func appendCellText(dst []byte, c *warehouse.Cell) ([]byte, bool) {
	switch c.Type {
	case warehouse.String:
		return append(dst, c.Text...), true
	case warehouse.Bool:
		return strconv.AppendBool(dst, c.Int != 0), true
	case warehouse.Int:
		return strconv.AppendInt(dst, c.Int, 10), true
	case warehouse.Numeric:
		return append(dst, c.Text...), isNumber(stringOf(c.Text))
	case warehouse.Day:
		_, ok := parseDay(stringOf(c.Text))
		return append(dst, c.Text...), ok
	case warehouse.Time:
		return time.Unix(c.Int, int64(c.Nano)).UTC().AppendFormat(dst, time.RFC3339Nano), writableCell(c)
	case warehouse.Float, warehouse.Bytes, warehouse.JSON:
	}
	return dst, false
}

// stringOf returns the text of a cell as a string, which is not to be kept.
func stringOf(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

// putInt puts a whole number: its canonical form has no zeros at its end, but a power of ten.
func (e *Encoded) putInt(n int64) {
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], n, 10)
	e.stored = append(append(e.stored, tagNumber, byte(len(text))), text...)
	exp := 0
	for n != 0 && n%10 == 0 {
		n, exp = n/10, exp+1
	}
	e.canonical = append(append(e.canonical, tagNumber), text[:len(text)-exp]...)
	e.canonical = append(appendExponent(e.canonical, exp), ';')
}

func (e *Encoded) putNumber(c *warehouse.Cell) bool {
	text := c.Text
	var digits [32]byte
	if c.Type == warehouse.Float {
		var ok bool
		if text, ok = appendFloat(digits[:0], c.Float()); !ok {
			return false
		}
	}
	s := stringOf(text)
	n, ok := parseNumber(s)
	if !ok || len(s) > maxValue {
		return false
	}
	e.stored = appendText(append(e.stored, tagNumber), s)
	e.canonical = n.append(append(e.canonical, tagNumber))
	return true
}

func (e *Encoded) putDay(text []byte) bool {
	if _, ok := parseDay(stringOf(text)); !ok {
		return false
	}
	e.canonical = append(append(e.canonical, tagDate, byte(len(text))), text...)
	return true
}

// The instants of the years 1 to 9999, in seconds since 1970.
var (
	firstSecond = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastSecond  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

// writableCell reports whether the time of a cell is writable.
func writableCell(c *warehouse.Cell) bool { return c.Int >= firstSecond && c.Int <= lastSecond }

func (e *Encoded) putTime(c *warehouse.Cell) bool {
	e.canonical = binary.AppendVarint(append(e.canonical, tagTime), c.Int)
	e.canonical = binary.AppendUvarint(e.canonical, uint64(c.Nano))
	return writableCell(c)
}

// putDocument puts a document that has a canonical form, for which it must be one.
func (e *Encoded) putDocument(doc []byte) bool {
	if len(doc) > maxValue || !utf8.Valid(doc) {
		return false
	}
	canonical, err := appendCanonicalJSON(append(e.canonical, tagJSON), doc)
	if err != nil {
		return false
	}
	e.canonical = append(canonical, 0)
	e.stored = append(binary.AppendUvarint(append(e.stored, tagJSON), uint64(len(doc))), doc...)
	return true
}
