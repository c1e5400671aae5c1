//go:build !noduckdb

package duckdb

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	duck "github.com/duckdb/duckdb-go-bindings"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// packedVersion is part of every layout. It is raised whenever another value is read from the same bytes, so that
// rows are not taken as unchanged that would be read otherwise now.
const packedVersion = "duckdb 1"

var _ warehouse.Packer = (*rows)(nil)

// Pack names for each column its type with the types within it, and the values of enums, which stand in the bytes by
// their numbers.
func (r *rows) Pack(columns []int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packed = append([]int(nil), columns...)
	r.unpacked = make(warehouse.Row, len(r.kinds))
	layout := []string{packedVersion}
	for _, at := range columns {
		layout = append(layout, r.kinds[at].form())
	}
	return strings.Join(layout, "\n")
}

// form names all that decides what packed bytes of the type mean.
func (k *kind) form() string {
	var b strings.Builder
	b.WriteString(strconv.Quote(k.native) + " " + k.class.String())
	if k.id == duck.TypeEnum {
		fmt.Fprintf(&b, " %q", k.names)
	}
	for _, child := range k.children {
		b.WriteString(" (" + child.form() + ")")
	}
	return b.String()
}

var errUnpacked = errors.New("packed rows were asked for before their columns were chosen")

// NextPacked copies from the chunk's memory and decodes nothing but nested values, which become documents.
func (r *rows) NextPacked(ctx context.Context, dst []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return dst, r.err
	}
	if r.packed == nil {
		return dst, r.fail(errUnpacked)
	}
	if err := r.advance(ctx); err != nil {
		return dst, r.fail(err)
	}
	for _, at := range r.packed {
		dst = r.vectors[at].appendPacked(dst, r.at)
	}
	r.at++
	r.count++
	return dst, nil
}

func (v *vector) appendPacked(dst []byte, row int) []byte {
	if v.null(row) {
		return warehouse.AppendPackedNull(dst)
	}
	if width := v.kind.width; width > 0 {
		dst = warehouse.AppendPackedLength(dst, width)
		return append(dst, unsafe.Slice((*byte)(unsafe.Add(v.data, row*width)), width)...)
	}
	switch v.kind.id {
	case duck.TypeVarchar, duck.TypeBlob, duck.TypeBit, duck.TypeBigNum:
		return warehouse.AppendPacked(dst, v.view(row))
	case duck.TypeUnion:
		tag := at[uint8](v, row)
		return warehouse.AppendPacked(dst, v.children[tag].appendPacked([]byte{tag}, row))
	case duck.TypeSQLNull:
		return warehouse.AppendPackedNull(dst)
	}
	return warehouse.AppendPacked(dst, v.appendJSON(nil, row))
}

func (r *rows) Unpack(packed []byte) (warehouse.Row, error) {
	for _, at := range r.packed {
		src, rest, ok := warehouse.CutPacked(packed)
		if !ok {
			return nil, errors.New("a packed row is cut short")
		}
		packed = rest
		value, err := r.kinds[at].unpack(src)
		if err != nil {
			return nil, fmt.Errorf("column %q of type %s: %w", r.columns[at].Name, r.columns[at].Native, err)
		}
		r.unpacked[at] = value
	}
	return r.unpacked, nil
}

var errPacked = errors.New("a packed value is not of its type's form")

// unpack decodes one packed value; src is nil for null.
func (k *kind) unpack(src []byte) (warehouse.Value, error) {
	switch {
	case src == nil:
		return nil, nil
	case k.width > 0:
		if len(src) != k.width {
			return nil, errPacked
		}
		return k.fixed(src).value(0), nil
	case k.id == duck.TypeVarchar || k.id == duck.TypeBlob || k.id == duck.TypeBit || k.id == duck.TypeBigNum:
		return k.decode(append(make([]byte, 0, len(src)), src...)), nil
	case k.id == duck.TypeUnion:
		if len(src) == 0 || int(src[0]) >= len(k.children) {
			return nil, errPacked
		}
		value, rest, ok := warehouse.CutPacked(src[1:])
		if !ok || len(rest) > 0 {
			return nil, errPacked
		}
		return k.children[src[0]].unpack(value)
	}
	return json.RawMessage(append([]byte(nil), src...)), nil
}

// fixed returns a vector of one row with the value whose bytes are src.
func (k *kind) fixed(src []byte) *vector {
	var cell [2]uint64 // no type is wider, and none needs another alignment
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&cell)), unsafe.Sizeof(cell)), src)
	return &vector{kind: k, data: unsafe.Pointer(&cell)}
}

func (r *rows) Text(dst, packed []byte, n int) ([]byte, bool) {
	src, ok := warehouse.PackedValue(packed, n)
	if !ok || src == nil {
		return dst, false
	}
	k := r.kinds[r.packed[n]]
	if k.width != 0 && len(src) != k.width {
		return dst, false
	}
	switch k.id {
	case duck.TypeVarchar:
		return append(dst, src...), k.class == warehouse.String
	case duck.TypeBoolean:
		return strconv.AppendBool(dst, src[0] != 0), true
	case duck.TypeTinyInt, duck.TypeSmallInt, duck.TypeInteger, duck.TypeBigInt:
		unused := 64 - 8*len(src)
		return strconv.AppendInt(dst, int64(number(src)<<unused)>>unused, 10), true
	case duck.TypeUTinyInt, duck.TypeUSmallInt, duck.TypeUInteger, duck.TypeUBigInt:
		return strconv.AppendUint(dst, number(src), 10), true
	case duck.TypeEnum:
		return append(dst, k.names[number(src)]...), true
	case duck.TypeUUID:
		return appendUUID(dst, [2]uint64{number(src[:8]), number(src[8:])}), true
	case duck.TypeDate:
		date, ok := sqldb.Day(int64(int32(number(src)))).(warehouse.Date)
		return append(dst, date...), ok
	}
	return dst, false
}

// number reads 1, 2, 4 or 8 bytes of a vector.
func number(src []byte) uint64 {
	switch len(src) {
	case 1:
		return uint64(src[0])
	case 2:
		return uint64(binary.NativeEndian.Uint16(src))
	case 4:
		return uint64(binary.NativeEndian.Uint32(src))
	default:
		return binary.NativeEndian.Uint64(src)
	}
}

// width returns how many bytes a value of a type takes in a vector, 0 where they differ from value to value.
func width(id duck.Type) int {
	switch id {
	case duck.TypeBoolean, duck.TypeTinyInt, duck.TypeUTinyInt:
		return 1
	case duck.TypeSmallInt, duck.TypeUSmallInt:
		return 2
	case duck.TypeInteger, duck.TypeUInteger, duck.TypeFloat, duck.TypeDate:
		return 4
	case duck.TypeBigInt, duck.TypeUBigInt, duck.TypeDouble, duck.TypeTimestamp, duck.TypeTimestampS, duck.TypeTimestampMS,
		duck.TypeTimestampNS, duck.TypeTimestampTZ, duck.TypeTime, duck.TypeTimeNS, duck.TypeTimeTZ:
		return 8
	case duck.TypeHugeInt, duck.TypeUHugeInt, duck.TypeUUID, duck.TypeInterval:
		return 16
	}
	return 0
}
