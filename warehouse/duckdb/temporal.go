//go:build !noduckdb

package duckdb

import (
	"math"
	"time"

	duck "github.com/duckdb/duckdb-go-bindings"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// temporal reads days, instants, times of day and intervals. The greatest number of a type and its negative are
// infinite.
func (v *vector) temporal(row int) warehouse.Value {
	switch v.kind.id {
	case duck.TypeDate:
		days := at[int32](v, row)
		if days == math.MaxInt32 || days == -math.MaxInt32 {
			return infinite(days < 0)
		}
		return sqldb.Day(int64(days))
	case duck.TypeTime:
		return sqldb.TimeOfDay(at[int64](v, row) * 1000)
	case duck.TypeTimeNS:
		return sqldb.TimeOfDay(at[int64](v, row))
	case duck.TypeTimeTZ:
		return zonedTime(at[uint64](v, row))
	case duck.TypeInterval:
		parts := at[[2]int32](v, 2*row)
		micros := at[int64](v, 2*row+1)
		return sqldb.Interval(parts[0], parts[1], micros)
	}
	return v.instant(at[int64](v, row))
}

func (v *vector) instant(n int64) warehouse.Value {
	if n == math.MaxInt64 || n == -math.MaxInt64 {
		return infinite(n < 0)
	}
	switch v.kind.id {
	case duck.TypeTimestampS:
		return sqldb.Instant(time.Unix(n, 0))
	case duck.TypeTimestampMS:
		return sqldb.Instant(time.UnixMilli(n))
	case duck.TypeTimestampNS:
		return sqldb.Instant(time.Unix(0, n))
	}
	return sqldb.Instant(time.UnixMicro(n))
}

func infinite(negative bool) warehouse.Value {
	if negative {
		return sqldb.NegativeInfinity
	}
	return sqldb.Infinity
}

// zonedTime reads 40 bits of microseconds since midnight and 24 bits of the offset, which counts down from the
// greatest one, 15:59:59.
func zonedTime(packed uint64) warehouse.Value {
	const offsetBits, greatest = 24, 15*3600 + 59*60 + 59
	offset := greatest - int(packed&(1<<offsetBits-1))
	return sqldb.TimeOfDay(int64(packed>>offsetBits)*1000) + sqldb.Offset(offset)
}
