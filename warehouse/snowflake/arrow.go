package snowflake

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/big"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"spillway/warehouse"
)

// arrowDecoder reads chunks that are streams of Arrow record batches.
func arrowDecoder(columns []column) decoder {
	return func(stream io.Reader, yield func(block) error) error {
		r, err := ipc.NewReader(stream)
		if err != nil {
			return err
		}
		defer r.Release()
		for r.Next() {
			b, err := newArrowBlock(columns, r.RecordBatch())
			if err != nil {
				return err
			}
			if err := yield(b); err != nil {
				return err
			}
		}
		return r.Err()
	}
}

// arrowBlock is a record batch.
type arrowBlock struct {
	rows    int
	arrays  []arrow.Array
	packers []packer // nil for a column of nothing but nulls
}

// packer appends the packed form of a row's value, which is not null.
type packer func(dst []byte, row int) []byte

func newArrowBlock(columns []column, batch arrow.RecordBatch) (*arrowBlock, error) {
	if int(batch.NumCols()) != len(columns) {
		return nil, &warehouse.Error{Message: fmt.Sprintf("the result has %d columns, and %d were declared", batch.NumCols(), len(columns))}
	}
	batch.Retain() // for as long as the block is in use; its memory is Go's own
	b := &arrowBlock{rows: int(batch.NumRows()), arrays: batch.Columns()}
	for i := range columns {
		p := columns[i].packer(b.arrays[i])
		if p == nil && b.arrays[i].DataType().ID() != arrow.NULL {
			return nil, &warehouse.Error{
				Message: fmt.Sprintf("column %q of type %s comes as %s, which cannot be read", columns[i].Name, columns[i].Native, b.arrays[i].DataType()),
				Hint:    "cast it to VARCHAR or VARIANT",
			}
		}
		b.packers = append(b.packers, p)
	}
	return b, nil
}

func (b *arrowBlock) len() int { return b.rows }

func (b *arrowBlock) null(column, row int) bool {
	return b.packers[column] == nil || b.arrays[column].IsNull(row)
}

func (b *arrowBlock) pack(dst []byte, column, row int) ([]byte, error) {
	return b.packers[column](dst, row), nil
}

// packer returns how the values of a are packed, or nil for an array that the type does not come in.
func (c *column) packer(a arrow.Array) packer {
	switch c.form {
	case formText, formDocument, formBytes:
		return packBytes(a)
	case formNumber:
		return packNumbers(a)
	case formInstant:
		return c.packInstants(a)
	case formDecfloat:
		return packDecfloats(a)
	case formTime:
		if at := integers(a); at != nil {
			unit := pow10(9 - c.scale)
			return func(dst []byte, row int) []byte { return appendInt(dst, at(row)*unit) }
		}
	case formBool:
		if a, ok := a.(*array.Boolean); ok {
			return func(dst []byte, row int) []byte {
				if a.Value(row) {
					return append(dst, 1)
				}
				return append(dst, 0)
			}
		}
	case formFloat:
		if a, ok := a.(*array.Float64); ok {
			return func(dst []byte, row int) []byte { return appendFloat(dst, a.Value(row)) }
		}
	case formDay:
		if a, ok := a.(*array.Date32); ok {
			return func(dst []byte, row int) []byte { return binary.LittleEndian.AppendUint32(dst, uint32(a.Value(row))) }
		}
	}
	return nil
}

func packBytes(a arrow.Array) packer {
	switch a := a.(type) {
	case *array.String:
		return func(dst []byte, row int) []byte { return append(dst, a.Value(row)...) }
	case *array.LargeString:
		return func(dst []byte, row int) []byte { return append(dst, a.Value(row)...) }
	case *array.Binary:
		return func(dst []byte, row int) []byte { return append(dst, a.Value(row)...) }
	case *array.LargeBinary:
		return func(dst []byte, row int) []byte { return append(dst, a.Value(row)...) }
	case *array.FixedSizeBinary:
		return func(dst []byte, row int) []byte { return append(dst, a.Value(row)...) }
	case *array.FixedSizeList: // a vector
		return func(dst []byte, row int) []byte { return append(dst, a.ValueStr(row)...) }
	}
	return nil
}

// packNumbers takes integers of any width, for Snowflake chooses it anew for each chunk.
func packNumbers(a arrow.Array) packer {
	if a, ok := a.(*array.Decimal128); ok {
		return func(dst []byte, row int) []byte {
			n := a.Value(row)
			return appendNumber(dst, n.HighBits(), n.LowBits())
		}
	}
	if at := integers(a); at != nil {
		return func(dst []byte, row int) []byte { return appendInt(dst, at(row)) }
	}
	return nil
}

func integers(a arrow.Array) func(row int) int64 {
	switch a := a.(type) {
	case *array.Int64:
		return a.Value
	case *array.Int32:
		return func(row int) int64 { return int64(a.Value(row)) }
	case *array.Int16:
		return func(row int) int64 { return int64(a.Value(row)) }
	case *array.Int8:
		return func(row int) int64 { return int64(a.Value(row)) }
	}
	return nil
}

// packInstants takes a scaled count since 1970, alone or with a zone, or seconds and nanoseconds, alone or with a zone.
// The zone does not change the instant.
func (c *column) packInstants(a arrow.Array) packer {
	scaled := integers(a)
	if s, ok := a.(*array.Struct); ok {
		first, second := integers(s.Field(0)), integers(s.Field(1))
		if first == nil || second == nil {
			return nil
		}
		if c.Native[:len("TIMESTAMP_TZ")] != "TIMESTAMP_TZ" || s.NumField() > 2 {
			return func(dst []byte, row int) []byte { return appendInstant(dst, first(row), second(row)) }
		}
		scaled = first
	}
	if scaled == nil {
		return nil
	}
	perSecond, unit := pow10(c.scale), pow10(9-c.scale)
	return func(dst []byte, row int) []byte {
		n := scaled(row)
		seconds, part := n/perSecond, n%perSecond
		if part < 0 {
			seconds, part = seconds-1, part+perSecond
		}
		return appendInstant(dst, seconds, part*unit)
	}
}

// packDecfloats takes an exponent and digits, which are an integer in two's complement, most significant byte first.
func packDecfloats(a arrow.Array) packer {
	s, ok := a.(*array.Struct)
	if !ok || s.NumField() != 2 {
		return nil
	}
	exponent := integers(s.Field(0))
	digits, ok := s.Field(1).(*array.Binary)
	if exponent == nil || !ok {
		return nil
	}
	return func(dst []byte, row int) []byte {
		b := digits.Value(row)
		n := new(big.Int).SetBytes(b)
		if len(b) > 0 && b[0]&0x80 != 0 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
		return appendDecfloat(dst, n.String(), int(exponent(row)))
	}
}

// pow10 is 10^n for n from 0 to 9, to which scales are held.
func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}
