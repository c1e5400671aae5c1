//go:build !noduckdb

package duckdb

import (
	"unsafe"

	duck "github.com/duckdb/duckdb-go-bindings"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// vector is one column of a chunk, or the vector of a part of it. It points into the chunk's memory.
type vector struct {
	kind     *kind
	data     unsafe.Pointer
	valid    unsafe.Pointer // a bit for each row that is not null; nil where none is
	children []vector
}

// load finds the memory of v and of the vectors within it.
func (k *kind) load(v duck.Vector) vector {
	out := vector{kind: k, data: duck.VectorGetData(v), valid: duck.VectorGetValidity(v)}
	switch k.id {
	case duck.TypeList:
		out.children = []vector{k.children[0].load(duck.ListVectorGetChild(v))}
	case duck.TypeArray:
		out.children = []vector{k.children[0].load(duck.ArrayVectorGetChild(v))}
	case duck.TypeMap: // a list of structs of a key and a value
		entries := duck.ListVectorGetChild(v)
		out.children = []vector{
			k.children[0].load(duck.StructVectorGetChild(entries, 0)),
			k.children[1].load(duck.StructVectorGetChild(entries, 1)),
		}
	case duck.TypeStruct:
		for i, child := range k.children {
			out.children = append(out.children, child.load(duck.StructVectorGetChild(v, duck.IdxT(i))))
		}
	case duck.TypeUnion: // a struct of the tag and the members
		out.data = duck.VectorGetData(duck.StructVectorGetChild(v, 0))
		for i, child := range k.children {
			out.children = append(out.children, child.load(duck.StructVectorGetChild(v, duck.IdxT(i+1))))
		}
	}
	return out
}

func (v *vector) null(row int) bool {
	if v.valid == nil {
		return false
	}
	word := *(*uint64)(unsafe.Add(v.valid, row/64*8))
	return word>>(row%64)&1 == 0
}

// at reads the row's element of a vector whose elements are of type T.
func at[T any](v *vector, row int) T {
	var t T
	return *(*T)(unsafe.Add(v.data, uintptr(row)*unsafe.Sizeof(t)))
}

// view returns a string or blob in the chunk's memory. Up to 12 bytes stand in the element itself, longer ones behind a
// pointer.
func (v *vector) view(row int) []byte {
	element := unsafe.Add(v.data, row*16)
	length := *(*uint32)(element)
	from := unsafe.Add(element, 4)
	if length > 12 {
		from = *(*unsafe.Pointer)(unsafe.Add(element, 8))
	}
	return unsafe.Slice((*byte)(from), length)
}

// bytes returns a copy of a string or blob.
func (v *vector) bytes(row int) []byte {
	b := v.view(row)
	return append(make([]byte, 0, len(b)), b...)
}

// decode is the value of a type whose values are bytes, which are its own from here on.
func (k *kind) decode(b []byte) warehouse.Value {
	switch {
	case k.id == duck.TypeBlob:
		return b
	case k.id == duck.TypeBit:
		return bits(b)
	case k.id == duck.TypeBigNum:
		return whole(bignum(b))
	case k.class == warehouse.JSON:
		return sqldb.Document(b)
	}
	return unsafe.String(unsafe.SliceData(b), len(b)) // nobody else holds b
}

// list returns where the elements of a list or a map stand in its child.
func (v *vector) list(row int) (offset, length int) {
	entry := at[[2]uint64](v, row)
	return int(entry[0]), int(entry[1])
}

func (v *vector) value(row int) warehouse.Value {
	if v.null(row) {
		return nil
	}
	switch v.kind.id {
	case duck.TypeBoolean:
		return at[uint8](v, row) != 0
	case duck.TypeVarchar, duck.TypeBlob, duck.TypeBit, duck.TypeBigNum:
		return v.kind.decode(v.bytes(row))
	case duck.TypeFloat, duck.TypeDouble:
		return v.float(row)
	case duck.TypeUUID:
		return string(appendUUID(nil, at[[2]uint64](v, row)))
	case duck.TypeEnum:
		return v.kind.names[v.unsigned(row, v.kind.physical)]
	case duck.TypeDecimal:
		return v.decimal(row)
	case duck.TypeDate, duck.TypeTimestamp, duck.TypeTimestampS, duck.TypeTimestampMS, duck.TypeTimestampNS,
		duck.TypeTimestampTZ, duck.TypeTime, duck.TypeTimeNS, duck.TypeTimeTZ, duck.TypeInterval:
		return v.temporal(row)
	case duck.TypeList, duck.TypeArray, duck.TypeMap, duck.TypeStruct:
		return v.document(row)
	case duck.TypeUnion:
		return v.children[at[uint8](v, row)].value(row)
	case duck.TypeSQLNull:
		return nil
	}
	return v.integer(row)
}
