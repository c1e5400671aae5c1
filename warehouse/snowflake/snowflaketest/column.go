//go:build !noduckdb

package snowflaketest

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	duck "github.com/duckdb/duckdb-go-bindings"
)

// column is a column of a result: what it is in DuckDB, and what it is told to be in Snowflake.
type column struct {
	Name      string  `json:"name"`
	Type      string  `json:"type"`
	Precision int     `json:"precision"`
	Scale     int     `json:"scale"`
	Length    int     `json:"length"`
	Bytes     int     `json:"byteLength"`
	Nullable  bool    `json:"nullable"`
	Fields    []int   `json:"fields"` // of structured types, of which there are none here
	stored    storage // how DuckDB keeps it
}

// storage is a type of DuckDB's by which its memory is read.
type storage struct {
	id     duck.Type
	nested bool // the value stands in the first field of a struct, and a zone in the second
}

// cell is one value in what Snowflake's types have in common.
type cell struct {
	null  bool
	high  int64  // of integers, which are counts of the type's smallest unit
	low   uint64 // the lower half
	nanos int32  // of instants, whose seconds are in low
	zone  int32  // minutes east of UTC
	float float64
	text  string
}

func (c cell) int() int64 { return int64(c.low) }

func integer(n int64) cell { return cell{high: n >> 63, low: uint64(n)} }

// marked are Snowflake's types by the first field of the structs that mark their values.
var marked = map[string]string{
	"variant": "variant", "object": "object", "array": "array", "geography": "object", "decfloat": "decfloat", "timestamp_tz": "timestamp_tz",
}

func columnOf(name string, t duck.LogicalType) (column, error) {
	defer duck.DestroyLogicalType(&t)
	id := duck.GetTypeId(t)
	c := column{Name: name, Nullable: true, stored: storage{id: id}}
	switch id {
	case duck.TypeBoolean:
		c.Type = "boolean"
	case duck.TypeTinyInt, duck.TypeSmallInt, duck.TypeInteger, duck.TypeBigInt, duck.TypeHugeInt:
		c.Type, c.Precision = "fixed", 38
	case duck.TypeDecimal:
		c.Type, c.Precision, c.Scale = "fixed", int(duck.DecimalWidth(t)), int(duck.DecimalScale(t))
		c.stored.id = duck.DecimalInternalType(t)
	case duck.TypeFloat, duck.TypeDouble:
		c.Type = "real"
	case duck.TypeVarchar:
		c.Type, c.Length, c.Bytes = "text", 16<<20, 16<<20
		if duck.LogicalTypeGetAlias(t) == "JSON" {
			c.Type = "variant"
		}
	case duck.TypeSQLNull:
		c.Type, c.Length = "text", 16<<20
	case duck.TypeBlob:
		c.Type, c.Length, c.Bytes = "binary", 8<<20, 8<<20
	case duck.TypeDate:
		c.Type = "date"
	case duck.TypeTime:
		c.Type, c.Scale = "time", 9
	case duck.TypeTimestamp, duck.TypeTimestampNS:
		c.Type, c.Scale = "timestamp_ntz", 9
	case duck.TypeTimestampMS:
		c.Type, c.Scale = "timestamp_ntz", 3
	case duck.TypeTimestampS:
		c.Type = "timestamp_ntz"
	case duck.TypeTimestampTZ:
		c.Type, c.Scale = "timestamp_ltz", 9
	case duck.TypeStruct:
		var ok bool
		if c.Type, ok = marked[duck.StructTypeChildName(t, 0)]; !ok {
			return c, errors.New("a struct: write it as to_object(text)")
		}
		c.Length, c.stored = 16<<20, storage{duck.TypeVarchar, true}
		if c.Type == "timestamp_tz" {
			c.Scale, c.stored.id = 9, duck.TypeTimestampTZ
		}
	default:
		return c, fmt.Errorf("DuckDB's type number %d", id)
	}
	return c, nil
}

// load reads a vector of DuckDB's.
func (c *column) load(v duck.Vector, size int) []cell {
	cells := make([]cell, size)
	inner := v
	var zones unsafe.Pointer
	if c.stored.nested {
		inner = duck.StructVectorGetChild(v, 0)
	}
	if c.Type == "timestamp_tz" {
		zones = duck.VectorGetData(duck.StructVectorGetChild(v, 1))
	}
	outer, valid, data := duck.VectorGetValidity(v), duck.VectorGetValidity(inner), duck.VectorGetData(inner)
	for row := range cells {
		if c.stored.id == duck.TypeSQLNull || invalid(outer, row) || invalid(valid, row) {
			cells[row].null = true
			continue
		}
		cells[row] = c.stored.at(data, row)
		if zones != nil {
			cells[row].zone = *(*int32)(unsafe.Add(zones, row*4))
		}
	}
	return cells
}

// invalid reports whether a row is null by a mask of validity, which is nil where none is.
func invalid(mask unsafe.Pointer, row int) bool {
	return mask != nil && *(*uint64)(unsafe.Add(mask, row/64*8))>>(row%64)&1 == 0
}

func read[T any](data unsafe.Pointer, row int) T {
	var t T
	return *(*T)(unsafe.Add(data, uintptr(row)*unsafe.Sizeof(t)))
}

func (s storage) at(data unsafe.Pointer, row int) cell {
	switch s.id {
	case duck.TypeBoolean:
		return integer(int64(read[uint8](data, row)))
	case duck.TypeTinyInt:
		return integer(int64(read[int8](data, row)))
	case duck.TypeSmallInt:
		return integer(int64(read[int16](data, row)))
	case duck.TypeInteger, duck.TypeDate:
		return integer(int64(read[int32](data, row)))
	case duck.TypeBigInt:
		return integer(read[int64](data, row))
	case duck.TypeHugeInt:
		words := read[[2]uint64](data, row)
		return cell{high: int64(words[1]), low: words[0]}
	case duck.TypeFloat:
		return cell{float: float64(read[float32](data, row))}
	case duck.TypeDouble:
		return cell{float: math.Float64frombits(read[uint64](data, row))}
	case duck.TypeTime:
		return integer(read[int64](data, row) * 1000)
	case duck.TypeTimestamp, duck.TypeTimestampTZ:
		return instant(read[int64](data, row), 1_000_000)
	case duck.TypeTimestampNS:
		return instant(read[int64](data, row), 1_000_000_000)
	case duck.TypeTimestampMS:
		return instant(read[int64](data, row), 1000)
	case duck.TypeTimestampS:
		return instant(read[int64](data, row), 1)
	}
	element := unsafe.Add(data, row*16)
	length, from := *(*uint32)(element), unsafe.Add(element, 4)
	if length > 12 {
		from = *(*unsafe.Pointer)(unsafe.Add(element, 8))
	}
	return cell{text: string(unsafe.Slice((*byte)(from), length))}
}

// instant is a count of parts of a second since 1970.
func instant(n, perSecond int64) cell {
	seconds, part := n/perSecond, n%perSecond
	if part < 0 {
		seconds, part = seconds-1, part+perSecond
	}
	return cell{low: uint64(seconds), nanos: int32(part * (1_000_000_000 / perSecond))}
}
