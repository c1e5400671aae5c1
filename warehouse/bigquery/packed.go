package bigquery

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// packedVersion is part of every layout. It is raised whenever another value is read from the same bytes, so that
// rows are not taken as unchanged that would be read otherwise now.
const packedVersion = "bigquery 1"

// The packed form of a value does not depend on the API that it came by, so that a result may grow from one into the
// other:
//
//	BOOL                                     one byte
//	INT64 FLOAT64                            eight bytes
//	DATE                                     days since 1970, eight bytes
//	TIME DATETIME TIMESTAMP                  microseconds since midnight or 1970, eight bytes
//	NUMERIC BIGNUMERIC                       the digits of the Decimal
//	STRING GEOGRAPHY BYTES JSON              the bytes themselves
//	ARRAY STRUCT INTERVAL RANGE              the text of the value

func (k *kind) appendWord(dst []byte, n int64) []byte {
	if k.name == typeFloat64 && math.IsNaN(math.Float64frombits(uint64(n))) {
		n = int64(math.Float64bits(math.NaN())) // of which there are many
	}
	return binary.LittleEndian.AppendUint64(dst, uint64(n))
}

// wordSize is the number of bytes of a value that is one number.
const wordSize = 8

var errCutShort = errors.New("a packed row is cut short")

var errPacked = errors.New("a packed value is not of its type's form")

// unpack decodes the packed form of one value that is not null. The value shares no memory with src.
func (k *kind) unpack(src []byte) (warehouse.Value, error) {
	switch k.name {
	case typeBool:
		if len(src) != 1 {
			return nil, errPacked
		}
		return src[0] != 0, nil
	case typeInt64, typeFloat64, typeDate, typeTime, typeDatetime, typeTimestamp:
		if len(src) != wordSize {
			return nil, errPacked
		}
		return k.word(int64(binary.LittleEndian.Uint64(src))), nil
	case typeNumeric, typeBigNumeric:
		return warehouse.Decimal(src), nil
	case typeJSON:
		return sqldb.Document(src), nil
	case typeBytes, typeArray, typeStruct:
		return k.own(append(make([]byte, 0, len(src)), src...)), nil
	default:
		return k.own(src), nil
	}
}

// own is the value of a type whose packed form is bytes or text. The value may keep src.
func (k *kind) own(src []byte) warehouse.Value {
	switch k.name {
	case typeBytes:
		return src
	case typeArray, typeStruct:
		return json.RawMessage(src)
	default:
		return string(src)
	}
}

// word is the value of a type whose values are eight bytes.
func (k *kind) word(n int64) warehouse.Value {
	switch k.name {
	case typeFloat64:
		return math.Float64frombits(uint64(n))
	case typeDate:
		return sqldb.Day(n)
	case typeTime:
		return sqldb.TimeOfDay(n * int64(time.Microsecond))
	case typeDatetime, typeTimestamp:
		return sqldb.Instant(time.UnixMicro(n))
	default:
		return n
	}
}

var _ warehouse.Packer = (*rows)(nil)

// Pack names for each column its type with the types within it.
func (r *rows) Pack(columns []int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packed = append([]int{}, columns...)
	r.unpacked = make(warehouse.Row, len(r.shape.columns))
	layout := []string{packedVersion}
	for _, at := range columns {
		layout = append(layout, strconv.Quote(r.shape.columns[at].Native))
	}
	return strings.Join(layout, "\n")
}

var errUnpacked = errors.New("packed rows were asked for before their columns were chosen")

func (r *rows) NextPacked(ctx context.Context, dst []byte) (packed []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.unreadable(&err)
	if err := r.advance(ctx); err != nil {
		return dst, err
	}
	if r.packed == nil {
		return dst, r.stop(errUnpacked)
	}
	before := len(dst)
	for _, at := range r.packed {
		if dst, err = r.batch.appendPacked(dst, at, r.at); err != nil {
			return dst[:before], r.stop(r.shape.damaged(at, err))
		}
	}
	r.at++
	r.count++
	return dst, nil
}

func (r *rows) Unpack(packed []byte) (warehouse.Row, error) {
	for _, at := range r.packed {
		src, rest, ok := warehouse.CutPacked(packed)
		if !ok {
			return nil, errCutShort
		}
		packed = rest
		if r.unpacked[at] = nil; src == nil {
			continue
		}
		var err error
		if r.unpacked[at], err = r.shape.kinds[at].unpack(src); err != nil {
			return nil, r.shape.damaged(at, err)
		}
	}
	return r.unpacked, nil
}

func (r *rows) Text(dst, packed []byte, n int) ([]byte, bool) {
	src, ok := warehouse.PackedValue(packed, n)
	if !ok || src == nil {
		return dst, false
	}
	switch k := r.shape.kinds[r.packed[n]]; k.name {
	case typeString, typeGeography, typeInterval, typeRange, typeNumeric, typeBigNumeric:
		return append(dst, src...), true
	case typeBool:
		if len(src) != 1 {
			return dst, false
		}
		return strconv.AppendBool(dst, src[0] != 0), true
	case typeInt64, typeDate, typeTime, typeDatetime, typeTimestamp:
		if len(src) != wordSize {
			return dst, false
		}
		return k.appendText(dst, int64(binary.LittleEndian.Uint64(src)))
	default: // these have to be decoded
		return dst, false
	}
}

// appendText appends the text of a value of eight bytes. It is not ok for a value that is not of its column's class.
func (k *kind) appendText(dst []byte, n int64) ([]byte, bool) {
	switch v := k.word(n).(type) {
	case int64:
		return strconv.AppendInt(dst, v, 10), true
	case warehouse.Date:
		return append(dst, v...), true
	case time.Time:
		return v.AppendFormat(dst, time.RFC3339Nano), true
	case string:
		return append(dst, v...), k.class == warehouse.String
	}
	return dst, false
}

var errType = errors.New("BigQuery delivered another type")

// delivered is the error of a value whose form is not that of its type.
func delivered(what any) error { return fmt.Errorf("%w: %T", errType, what) }
