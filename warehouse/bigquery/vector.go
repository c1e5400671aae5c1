package bigquery

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// vector is one column of a message, or a part of it, in the memory of Arrow. Which of its fields are set depends on the
// type.
type vector struct {
	kind     *kind
	array    arrow.Array
	bools    *array.Boolean
	text     texts
	words    []int64 // of types of eight bytes
	days     []int32 // of a DATE
	small    *array.Decimal128
	great    *array.Decimal256
	scale    int // of a decimal, as it is stored
	spans    *array.MonthDayNanoInterval
	lists    offsets
	children []vector
}

// texts is an array of texts or bytes.
type texts interface{ bytes(row int) []byte }

type stringArray struct{ *array.String }

func (a stringArray) bytes(row int) []byte {
	text := a.Value(row)
	return unsafe.Slice(unsafe.StringData(text), len(text)) // which nobody writes to
}

type binaryArray struct{ *array.Binary }

func (a binaryArray) bytes(row int) []byte { return a.Value(row) }

// offsets says where the elements of a list stand.
type offsets interface {
	ValueOffsets(row int) (start, end int64)
}

// load finds the values of an array of the type k.
func (k *kind) load(a arrow.Array) (vector, error) {
	v := vector{kind: k, array: a}
	switch a := a.(type) {
	case *array.Boolean:
		v.bools = a
		return v, k.expect(a, typeBool)
	case *array.Int64:
		v.words = words(a)
		return v, k.expect(a, typeInt64)
	case *array.Float64:
		v.words = words(a)
		return v, k.expect(a, typeFloat64)
	case *array.String:
		v.text = stringArray{a}
		return v, k.expect(a, typeString, typeJSON, typeGeography)
	case *array.Binary:
		v.text = binaryArray{a}
		return v, k.expect(a, typeBytes)
	case *array.Date32:
		v.days = arrow.Int32Traits.CastFromBytes(fixed(a, arrow.Int32SizeBytes))
		return v, k.expect(a, typeDate)
	case *array.Time64:
		v.words = words(a)
		return v, errors.Join(k.expect(a, typeTime), micros(a.DataType()))
	case *array.Timestamp:
		v.words = words(a)
		return v, errors.Join(k.expect(a, typeDatetime, typeTimestamp), micros(a.DataType()))
	case *array.MonthDayNanoInterval:
		v.spans = a
		return v, k.expect(a, typeInterval)
	case *array.Decimal128:
		v.small, v.scale = a, decimals(a.DataType())
		return v, k.expect(a, typeNumeric, typeBigNumeric)
	case *array.Decimal256:
		v.great, v.scale = a, decimals(a.DataType())
		return v, k.expect(a, typeNumeric, typeBigNumeric)
	case *array.List:
		return v.loadList(a)
	case *array.Struct:
		return v.loadStruct(a)
	}
	return v, fmt.Errorf("%w: %s", errType, a.DataType())
}

// expect checks that an array may hold values of the type k.
func (k *kind) expect(a arrow.Array, names ...typeName) error {
	if slices.Contains(names, k.name) {
		return nil
	}
	return fmt.Errorf("%w: %s", errType, a.DataType())
}

// micros checks that times are counted in microseconds.
func micros(t arrow.DataType) error {
	if t, ok := t.(arrow.TemporalWithUnit); ok && t.TimeUnit() == arrow.Microsecond {
		return nil
	}
	return fmt.Errorf("%w: %s", errType, t)
}

func decimals(t arrow.DataType) int {
	if d, ok := t.(arrow.DecimalType); ok {
		return int(d.GetScale())
	}
	return 0
}

func (v vector) loadList(a *array.List) (vector, error) {
	if err := v.kind.expect(a, typeArray); err != nil {
		return v, err
	}
	v.lists = a
	child, err := v.kind.children[0].load(a.ListValues())
	v.children = []vector{child}
	return v, err
}

func (v vector) loadStruct(a *array.Struct) (vector, error) {
	kinds := v.kind.children
	if v.kind.name == typeRange {
		kinds = []*kind{kinds[0], kinds[0]} // its start and its end
	}
	if a.NumField() != len(kinds) {
		return v, fmt.Errorf("%w: %s", errType, a.DataType())
	}
	if err := v.kind.expect(a, typeStruct, typeRange); err != nil {
		return v, err
	}
	for i, k := range kinds {
		child, err := k.load(a.Field(i))
		if err != nil {
			return v, err
		}
		v.children = append(v.children, child)
	}
	return v, nil
}

// words are the values of an array of eight bytes each.
func words(a arrow.Array) []int64 {
	return arrow.Int64Traits.CastFromBytes(fixed(a, arrow.Int64SizeBytes))
}

// fixed is the memory of an array whose values have so many bytes.
func fixed(a arrow.Array, size int) []byte {
	data := a.Data()
	if data.Len() == 0 {
		return nil
	}
	return data.Buffers()[1].Bytes()[data.Offset()*size : (data.Offset()+data.Len())*size]
}

// word is a value as eight bytes.
func (v *vector) word(row int) int64 {
	if v.days != nil {
		return int64(v.days[row])
	}
	return v.words[row]
}

func (v *vector) value(row int) (warehouse.Value, error) {
	if v.array.IsNull(row) && v.kind.name != typeArray {
		return nil, nil
	}
	switch v.kind.name {
	case typeBool:
		return v.bools.Value(row), nil
	case typeInt64, typeFloat64, typeDate, typeTime, typeDatetime, typeTimestamp:
		return v.kind.word(v.word(row)), nil
	case typeNumeric, typeBigNumeric:
		var digits [96]byte
		return warehouse.Decimal(v.appendDigits(digits[:0], row)), nil
	case typeString, typeGeography:
		return string(v.text.bytes(row)), nil
	case typeJSON:
		return sqldb.Document(v.text.bytes(row)), nil
	case typeBytes:
		src := v.text.bytes(row)
		return append(make([]byte, 0, len(src)), src...), nil
	default:
		src, err := v.appendBytes(nil, row)
		if err != nil {
			return nil, err
		}
		return v.kind.own(src), nil
	}
}

// appendPacked appends the packed form of a value.
func (v *vector) appendPacked(dst []byte, row int) ([]byte, error) {
	if v.array.IsNull(row) && v.kind.name != typeArray {
		return warehouse.AppendPackedNull(dst), nil
	}
	switch v.kind.name {
	case typeBool:
		b := byte(0)
		if v.bools.Value(row) {
			b = 1
		}
		return append(warehouse.AppendPackedLength(dst, 1), b), nil
	case typeInt64, typeFloat64, typeDate, typeTime, typeDatetime, typeTimestamp:
		return v.kind.appendWord(warehouse.AppendPackedLength(dst, 8), v.word(row)), nil
	case typeNumeric, typeBigNumeric:
		var digits [96]byte
		return warehouse.AppendPacked(dst, v.appendDigits(digits[:0], row)), nil
	case typeString, typeGeography, typeJSON, typeBytes:
		return warehouse.AppendPacked(dst, v.text.bytes(row)), nil
	default:
		var scratch [256]byte
		src, err := v.appendBytes(scratch[:0], row)
		if err != nil {
			return dst, err
		}
		return warehouse.AppendPacked(dst, src), nil
	}
}

// appendBytes appends the packed bytes of a type that has no shorter way.
func (v *vector) appendBytes(dst []byte, row int) ([]byte, error) {
	switch v.kind.name {
	case typeInterval:
		i := v.spans.Value(row)
		if i.Nanoseconds%1000 != 0 {
			return dst, fmt.Errorf("%w: an interval of nanoseconds", errType)
		}
		return append(dst, sqldb.Interval(i.Months, i.Days, i.Nanoseconds/1000)...), nil
	case typeRange:
		return v.appendRange(dst, row), nil
	default:
		return v.appendDocument(dst, row)
	}
}

func (v *vector) appendRange(dst []byte, row int) []byte {
	dst = append(dst, '[')
	for i := range v.children {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if bound := &v.children[i]; bound.array.IsNull(row) {
			dst = append(dst, unbounded...)
		} else {
			dst = appendBound(dst, bound.kind.word(bound.word(row)))
		}
	}
	return append(dst, ')')
}

// appendDocument appends a value as it stands in a JSON document.
func (v *vector) appendDocument(dst []byte, row int) ([]byte, error) {
	var err error
	switch {
	case v.kind.name == typeArray:
		start, end := int64(0), int64(0)
		if !v.array.IsNull(row) {
			start, end = v.lists.ValueOffsets(row)
		}
		dst = append(dst, '[')
		for i := start; i < end; i++ {
			if i > start {
				dst = append(dst, ',')
			}
			if dst, err = v.children[0].appendDocument(dst, int(i)); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case v.array.IsNull(row):
		return append(dst, "null"...), nil
	case v.kind.name == typeStruct:
		dst = append(dst, '{')
		for i, at := range v.kind.order {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(sqldb.AppendJSON(dst, v.kind.names[at]), ':')
			if dst, err = v.children[at].appendDocument(dst, row); err != nil {
				return dst, err
			}
		}
		return append(dst, '}'), nil
	}
	value, err := v.value(row)
	return sqldb.AppendJSON(dst, value), err
}

// appendDigits appends a decimal, with the scale that its column declares or without zeros at its end.
func (v *vector) appendDigits(dst []byte, row int) []byte {
	var unscaled [96]byte
	digits := unscaled[:0]
	switch {
	case v.great != nil:
		n := v.great.Value(row)
		digits = n.BigInt().Append(digits, 10)
	default:
		n := v.small.Value(row)
		if low := int64(n.LowBits()); n.HighBits() == low>>63 {
			digits = strconv.AppendInt(digits, low, 10)
		} else {
			digits = n.BigInt().Append(digits, 10)
		}
	}
	return appendScaled(dst, digits, v.scale, v.kind.scale)
}

// appendScaled appends the digits of a whole number, of which so many as stored stand behind the point. Zeros at the end
// are left out, but for as many decimals as declared says.
func appendScaled(dst, digits []byte, stored, declared int) []byte {
	if digits[0] == '-' {
		dst, digits = append(dst, '-'), digits[1:]
	}
	whole := len(digits) - stored
	if whole > 0 {
		dst = append(dst, digits[:whole]...)
	} else {
		dst = append(dst, '0')
	}
	fraction := bytes.TrimRight(digits[max(whole, 0):], "0")
	used := 0
	if len(fraction) > 0 {
		used = max(-whole, 0) + len(fraction)
	}
	if used == 0 && declared <= 0 {
		return dst
	}
	dst = append(dst, '.')
	for range used - len(fraction) {
		dst = append(dst, '0')
	}
	dst = append(dst, fraction...)
	for range declared - used {
		dst = append(dst, '0')
	}
	return dst
}
