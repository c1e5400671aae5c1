package warehouse

import (
	"context"
	"encoding/binary"
)

// Packer is what Rows may implement beside Next, so that a row can be told from another without a value of it being
// decoded. A packed row is the bytes in which the system delivered the chosen columns. Two rows of one layout have
// the same packed form exactly if the system delivered the same bytes; they then have the same values. The converse
// does not hold: what systems write in several ways, such as the white space of a document, differs though the values
// are equal.
//
// One goroutine may read packed rows, and take their Text, while another takes earlier ones apart with Unpack.
type Packer interface {
	// Pack chooses the columns of the packed form, by their places and in this order, before the first row is read.
	// The layout it returns names everything that decides what packed bytes mean: encodings, formats and the types
	// within types. Packed rows of different layouts cannot be compared.
	Pack(columns []int) (layout string)

	// NextPacked appends the packed form of the next row to dst, under the same promises as Rows.Next: io.EOF comes
	// only with the proof of completeness.
	NextPacked(ctx context.Context, dst []byte) ([]byte, error)

	// Text appends to dst the text of the n-th chosen column of packed: a String as it is, the digits of an Int or a
	// Numeric, true or false for a Bool, a Day as "2026-11-20", and a Time as RFC 3339 has it, in UTC and with as many
	// decimals as it needs. It is not ok for null, for all other classes, and for types whose
	// values have to be decoded for it. That depends on the value alone: where two rows of a result hold the same value,
	// it is ok for both or for neither.
	Text(dst, packed []byte, n int) (text []byte, ok bool)

	// Unpack decodes a packed row as Next would have, except that the columns which were not chosen are nil. The row
	// is valid until the next call of Unpack, and shares no memory with packed.
	Unpack(packed []byte) (Row, error)
}

// AppendPacked appends one value in the form that packed rows are made of: its length and its bytes. No sequence of
// values has the form of another one.
func AppendPacked(dst, value []byte) []byte {
	dst = AppendPackedLength(dst, len(value))
	return append(dst, value...)
}

// AppendPackedLength appends what stands before the n bytes of a value.
func AppendPackedLength(dst []byte, n int) []byte {
	if n < 0x7f { // most are, and need no loop
		return append(dst, byte(n+1))
	}
	return binary.AppendUvarint(dst, uint64(n)+1)
}

// AppendPackedNull appends what stands for null.
func AppendPackedNull(dst []byte) []byte { return append(dst, 0) }

// CutPacked parts the first value of packed from the rest. A null is nil; an empty value is not. It is not ok where
// packed does not begin with a value.
func CutPacked(packed []byte) (value, rest []byte, ok bool) {
	if len(packed) == 0 {
		return nil, nil, false
	}
	length, size := uint64(packed[0]), 1
	if length >= 0x80 {
		if length, size = binary.Uvarint(packed); size <= 0 {
			return nil, nil, false
		}
	}
	packed = packed[size:]
	if length == 0 {
		return nil, packed, true
	}
	if length--; length > uint64(len(packed)) {
		return nil, nil, false
	}
	return packed[:length:length], packed[length:], true
}

// PackedValue returns the n-th value of a packed row. It is not ok where there is none; a null is nil.
func PackedValue(packed []byte, n int) (value []byte, ok bool) {
	for range n {
		if _, packed, ok = CutPacked(packed); !ok {
			return nil, false
		}
	}
	value, _, ok = CutPacked(packed)
	return value, ok
}
