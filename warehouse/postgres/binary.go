package postgres

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// errLength marks a value that is not as long as its type demands: the bytes on the wire are not what they claim.
var errLength = errors.New("a binary value has a wrong length")

// epochDays is how many days after 1970-01-01 the day is from which PostgreSQL counts, 2000-01-01.
const epochDays = 10957

func binaryBool(src []byte) (warehouse.Value, error) {
	if len(src) != 1 {
		return nil, errLength
	}
	return src[0] != 0, nil
}

func binaryInt2(src []byte) (warehouse.Value, error) {
	if len(src) != 2 {
		return nil, errLength
	}
	return int64(int16(binary.BigEndian.Uint16(src))), nil
}

func binaryInt4(src []byte) (warehouse.Value, error) {
	if len(src) != 4 {
		return nil, errLength
	}
	return int64(int32(binary.BigEndian.Uint32(src))), nil
}

func binaryInt8(src []byte) (warehouse.Value, error) {
	if len(src) != 8 {
		return nil, errLength
	}
	return int64(binary.BigEndian.Uint64(src)), nil
}

func binaryOID(src []byte) (warehouse.Value, error) {
	if len(src) != 4 {
		return nil, errLength
	}
	return int64(binary.BigEndian.Uint32(src)), nil
}

func binaryFloat4(src []byte) (warehouse.Value, error) {
	if len(src) != 4 {
		return nil, errLength
	}
	return sqldb.Float32(math.Float32frombits(binary.BigEndian.Uint32(src))), nil
}

func binaryFloat8(src []byte) (warehouse.Value, error) {
	if len(src) != 8 {
		return nil, errLength
	}
	return math.Float64frombits(binary.BigEndian.Uint64(src)), nil
}

func binaryDate(src []byte) (warehouse.Value, error) {
	if len(src) != 4 {
		return nil, errLength
	}
	switch days := int32(binary.BigEndian.Uint32(src)); days {
	case math.MaxInt32:
		return sqldb.Infinity, nil
	case math.MinInt32:
		return sqldb.NegativeInfinity, nil
	default:
		return sqldb.Day(int64(days) + epochDays), nil
	}
}

func binaryTimestamp(src []byte) (warehouse.Value, error) {
	if len(src) != 8 {
		return nil, errLength
	}
	switch micros := int64(binary.BigEndian.Uint64(src)); micros {
	case math.MaxInt64:
		return sqldb.Infinity, nil
	case math.MinInt64:
		return sqldb.NegativeInfinity, nil
	default:
		since := time.UnixMicro(micros) // which may be too late to count its microseconds from 1970
		return sqldb.Instant(since.Add(epochDays * 24 * time.Hour)), nil
	}
}

// binaryBytea copies, for src is overwritten by the next row.
func binaryBytea(src []byte) (warehouse.Value, error) { return append([]byte{}, src...), nil }

// A binary numeric has digits of this base, and one of these signs.
const (
	numericBase     = 10_000
	numericPositive = 0x0000
	numericNegative = 0x4000
	numericNaN      = 0xC000
	numericPlusInf  = 0xD000
	numericMinusInf = 0xF000
)

// binaryNumeric reads a header of four 16-bit words (number of digits, weight of the first, sign, scale) and digits
// of base 10,000.
func binaryNumeric(src []byte) (warehouse.Value, error) {
	if len(src) < 8 {
		return nil, errLength
	}
	count := int(binary.BigEndian.Uint16(src))
	weight := int(int16(binary.BigEndian.Uint16(src[2:])))
	sign := binary.BigEndian.Uint16(src[4:])
	scale := int(binary.BigEndian.Uint16(src[6:]))
	digits := src[8:]
	if len(digits) != 2*count {
		return nil, errLength
	}
	for i := 0; i < len(digits); i += 2 {
		if binary.BigEndian.Uint16(digits[i:]) >= numericBase {
			return nil, errors.New("a binary numeric has a digit that is too great")
		}
	}
	switch sign {
	case numericNaN:
		return math.NaN(), nil
	case numericPlusInf:
		return math.Inf(1), nil
	case numericMinusInf:
		return math.Inf(-1), nil
	case numericPositive, numericNegative:
		b := make([]byte, 0, 4*(max(weight, 0)+1)+scale+6)
		return warehouse.Decimal(appendNumeric(b, digits, weight, sign == numericNegative, scale)), nil
	}
	return nil, errors.New("a binary numeric has an unknown sign")
}

// appendNumeric appends a number as the server writes it, with as many decimals as its scale.
func appendNumeric(b, digits []byte, weight int, negative bool, scale int) []byte {
	group := func(i int) int {
		if at := 2 * i; i >= 0 && at < len(digits) {
			return int(binary.BigEndian.Uint16(digits[at:]))
		}
		return 0
	}
	if negative {
		b = append(b, '-')
	}
	b = strconv.AppendInt(b, int64(group(weight-max(weight, 0))), 10)
	for i := 1; i <= weight; i++ {
		b = appendGroup(b, group(i))
	}
	if scale == 0 {
		return b
	}
	b = append(b, '.')
	point := len(b)
	for i := weight + 1; len(b)-point < scale; i++ {
		b = appendGroup(b, group(i))
	}
	return b[:point+scale]
}

func appendGroup(b []byte, n int) []byte {
	return append(b, byte('0'+n/1000), byte('0'+n/100%10), byte('0'+n/10%10), byte('0'+n%10))
}
