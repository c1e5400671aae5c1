//go:build !noduckdb

package duckdb

import (
	"math"
	"math/big"

	duck "github.com/duckdb/duckdb-go-bindings"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// integer is an int64, or a Decimal beyond it.
func (v *vector) integer(row int) warehouse.Value {
	switch v.kind.id {
	case duck.TypeUTinyInt, duck.TypeUSmallInt, duck.TypeUInteger:
		return int64(v.unsigned(row, v.kind.id))
	case duck.TypeUBigInt:
		return whole(new(big.Int).SetUint64(at[uint64](v, row)))
	case duck.TypeHugeInt:
		return huge(at[[2]uint64](v, row))
	case duck.TypeUHugeInt:
		words := at[[2]uint64](v, row)
		return whole(wide(new(big.Int).SetUint64(words[1]), words[0]))
	}
	return v.signed(row, v.kind.id)
}

func (v *vector) signed(row int, physical duck.Type) int64 {
	switch physical {
	case duck.TypeTinyInt:
		return int64(at[int8](v, row))
	case duck.TypeSmallInt:
		return int64(at[int16](v, row))
	case duck.TypeInteger:
		return int64(at[int32](v, row))
	default:
		return at[int64](v, row)
	}
}

func (v *vector) unsigned(row int, physical duck.Type) uint64 {
	switch physical {
	case duck.TypeUTinyInt:
		return uint64(at[uint8](v, row))
	case duck.TypeUSmallInt:
		return uint64(at[uint16](v, row))
	default:
		return uint64(at[uint32](v, row))
	}
}

func (v *vector) decimal(row int) warehouse.Value {
	if v.kind.physical != duck.TypeHugeInt {
		return sqldb.Fixed(v.signed(row, v.kind.physical), v.kind.scale)
	}
	words := at[[2]uint64](v, row)
	if small, ok := narrow(words); ok {
		return sqldb.Fixed(small, v.kind.scale)
	}
	return sqldb.BigFixed(wide(big.NewInt(int64(words[1])), words[0]), v.kind.scale)
}

// huge is a signed 128-bit integer, the lower word first.
func huge(words [2]uint64) warehouse.Value {
	if small, ok := narrow(words); ok {
		return small
	}
	return whole(wide(big.NewInt(int64(words[1])), words[0]))
}

// narrow reports whether a signed 128-bit integer fits into 64 bits.
func narrow(words [2]uint64) (int64, bool) {
	low := int64(words[0])
	return low, int64(words[1]) == low>>63
}

func wide(upper *big.Int, lower uint64) *big.Int {
	n := upper.Lsh(upper, 64)
	return n.Add(n, new(big.Int).SetUint64(lower))
}

func whole(n *big.Int) warehouse.Value {
	if n.IsInt64() {
		return n.Int64()
	}
	return warehouse.Decimal(n.String())
}

// bignum reads three bytes with sign and length and the number's bytes, most significant first. Those of a negative
// number are inverted.
func bignum(b []byte) *big.Int {
	const header = 3
	n := new(big.Int)
	if len(b) <= header {
		return n
	}
	if b[0]&0x80 != 0 {
		return n.SetBytes(b[header:])
	}
	magnitude := make([]byte, len(b)-header)
	for i, c := range b[header:] {
		magnitude[i] = ^c
	}
	return n.Neg(n.SetBytes(magnitude))
}

func (v *vector) float(row int) warehouse.Value {
	if v.kind.id == duck.TypeFloat {
		return sqldb.Float32(at[float32](v, row))
	}
	return math.Float64frombits(at[uint64](v, row))
}
