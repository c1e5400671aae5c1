//go:build !noduckdb

package snowflaketest

import (
	"encoding/binary"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// writeArrow writes rows, which are in batches of columns, as one stream. As Snowflake does, it chooses for integers
// and instants whatever is wide enough for those in this chunk.
func writeArrow(w io.Writer, columns []column, batches [][][]cell) error {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.Name, Type: c.arrowType(i, batches), Nullable: true, Metadata: arrow.NewMetadata(
			[]string{"logicalType", "precision", "scale"},
			[]string{strings.ToUpper(c.Type), strconv.Itoa(c.Precision), strconv.Itoa(c.Scale)},
		)}
	}
	schema := arrow.NewSchema(fields, nil)
	out := ipc.NewWriter(w, ipc.WithSchema(schema))
	for _, batch := range batches {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i := range columns {
			for _, c := range batch[i] {
				columns[i].appendArrow(b.Field(i), c)
			}
		}
		record := b.NewRecordBatch()
		err := out.Write(record)
		record.Release()
		b.Release()
		if err != nil {
			return err
		}
	}
	return out.Close()
}

// widest are the magnitudes that the cells of a column have in all batches.
func widest(at int, batches [][][]cell) (bits int, farInstant bool) {
	for _, batch := range batches {
		for _, c := range batch[at] {
			if c.null {
				continue
			}
			n := c.int()
			switch {
			case c.high != n>>63:
				bits = 128
			case n != int64(int32(n)):
				bits = max(bits, 64)
			case n != int64(int16(n)):
				bits = max(bits, 32)
			case n != int64(int8(n)):
				bits = max(bits, 16)
			}
			const safe = math.MaxInt64 / 1_000_000_000
			farInstant = farInstant || n >= safe || n <= -safe
		}
	}
	return bits, farInstant
}

func (c *column) arrowType(at int, batches [][][]cell) arrow.DataType {
	bits, far := widest(at, batches)
	switch c.Type {
	case "fixed":
		switch bits {
		case 128:
			return &arrow.Decimal128Type{Precision: 38, Scale: int32(c.Scale)}
		case 64:
			return arrow.PrimitiveTypes.Int64
		case 32:
			return arrow.PrimitiveTypes.Int32
		case 16:
			return arrow.PrimitiveTypes.Int16
		}
		return arrow.PrimitiveTypes.Int8
	case "real":
		return arrow.PrimitiveTypes.Float64
	case "boolean":
		return arrow.FixedWidthTypes.Boolean
	case "date":
		return arrow.FixedWidthTypes.Date32
	case "time":
		return arrow.PrimitiveTypes.Int64
	case "binary":
		return arrow.BinaryTypes.Binary
	case "decfloat":
		return arrow.StructOf(arrow.Field{Name: "exponent", Type: arrow.PrimitiveTypes.Int16}, arrow.Field{Name: "significand", Type: arrow.BinaryTypes.Binary})
	case "timestamp_ntz", "timestamp_ltz":
		if far {
			return arrow.StructOf(epoch, fraction)
		}
		return arrow.PrimitiveTypes.Int64
	case "timestamp_tz":
		return arrow.StructOf(epoch, fraction, zone)
	}
	return arrow.BinaryTypes.String
}

var (
	epoch    = arrow.Field{Name: "epoch", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	fraction = arrow.Field{Name: "fraction", Type: arrow.PrimitiveTypes.Int32, Nullable: true}
	zone     = arrow.Field{Name: "timezone", Type: arrow.PrimitiveTypes.Int32, Nullable: true}
)

// zoneZero is what stands for UTC where minutes east of it are sent.
const zoneZero = 1440

func (c *column) appendArrow(b array.Builder, v cell) {
	if v.null {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.Int8Builder:
		b.Append(int8(v.int()))
	case *array.Int16Builder:
		b.Append(int16(v.int()))
	case *array.Int32Builder:
		b.Append(int32(v.int()))
	case *array.Int64Builder:
		b.Append(c.scaled(v))
	case *array.Decimal128Builder:
		b.Append(decimal128.New(v.high, v.low))
	case *array.Float64Builder:
		b.Append(v.float)
	case *array.BooleanBuilder:
		b.Append(v.low != 0)
	case *array.Date32Builder:
		b.Append(arrow.Date32(v.int()))
	case *array.BinaryBuilder:
		b.Append([]byte(v.text))
	case *array.StringBuilder:
		b.Append(v.text)
	case *array.StructBuilder:
		b.Append(true)
		if c.Type == "decfloat" {
			digits, exponent := decfloat(v.text)
			appendTo(b.FieldBuilder(0), int64(exponent))
			if bytes, ok := b.FieldBuilder(1).(*array.BinaryBuilder); ok {
				bytes.Append(complement(digits))
			}
			return
		}
		for i, n := range []int64{v.int(), int64(v.nanos), int64(v.zone) + zoneZero}[:b.NumField()] {
			appendTo(b.FieldBuilder(i), n)
		}
	}
}

func appendTo(b array.Builder, n int64) {
	switch b := b.(type) {
	case *array.Int16Builder:
		b.Append(int16(n))
	case *array.Int32Builder:
		b.Append(int32(n))
	case *array.Int64Builder:
		b.Append(n)
	}
}

// scaled is an integer, or an instant as a count of the type's smallest unit.
func (c *column) scaled(v cell) int64 {
	if !strings.HasPrefix(c.Type, "timestamp") {
		return v.int()
	}
	unit := int64(math.Pow10(c.Scale))
	return v.int()*unit + int64(v.nanos)/(1_000_000_000/unit)
}

// decfloat parts a number, which may have an exponent, into digits and exponent.
func decfloat(text string) (*big.Int, int) {
	mantissa, power, _ := strings.Cut(strings.ToLower(text), "e")
	exponent, err := strconv.Atoi(power)
	if err != nil {
		exponent = 0
	}
	whole, part, _ := strings.Cut(mantissa, ".")
	digits, ok := new(big.Int).SetString(whole+part, 10)
	if !ok {
		digits = new(big.Int)
	}
	return digits, exponent - len(part)
}

// complement is n in two's complement, most significant byte first.
func complement(n *big.Int) []byte {
	if n.IsInt64() {
		return binary.BigEndian.AppendUint64(nil, uint64(n.Int64()))
	}
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 {
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	return n.FillBytes(make([]byte, size))
}
