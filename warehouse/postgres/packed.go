package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// packedVersion is part of every layout. It is raised whenever a decoder gives another value for the same bytes, so
// that rows are not taken as unchanged that would be read otherwise now.
const packedVersion = "postgres 1"

var _ warehouse.Packer = (*rows)(nil)

// Pack names for each column its type, its protocol format and what its decoder was made of: an enum's labels stand
// in the bytes, but the fields of a composite type and the decimals of money do not.
func (r *rows) Pack(columns []int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packed = append([]int(nil), columns...)
	r.unpacked = make(warehouse.Row, len(r.shape.columns))
	var layout strings.Builder
	layout.WriteString(packedVersion)
	for _, at := range columns {
		c := r.shape.codecs[at]
		fmt.Fprintf(&layout, "\n%q %d %s", r.shape.columns[at].Native, r.shape.formats[at], c.form)
	}
	return layout.String()
}

var errUnpacked = errors.New("packed rows were asked for before their columns were chosen")

// NextPacked copies the server's bytes and decodes none of them.
func (r *rows) NextPacked(ctx context.Context, dst []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	values, err := r.advance(ctx)
	if err != nil {
		return dst, err
	}
	if r.packed == nil {
		return dst, r.stop(errUnpacked)
	}
	for _, at := range r.packed {
		if src := values[at]; src != nil {
			dst = warehouse.AppendPacked(dst, src)
		} else {
			dst = warehouse.AppendPackedNull(dst)
		}
	}
	r.count++
	return dst, nil
}

func (r *rows) Text(dst, packed []byte, n int) ([]byte, bool) {
	plain := r.shape.codecs[r.packed[n]].plain
	src, ok := warehouse.PackedValue(packed, n)
	if plain == nil || !ok || src == nil {
		return dst, false
	}
	return plain(dst, src)
}

func (r *rows) Unpack(packed []byte) (warehouse.Row, error) {
	for _, at := range r.packed {
		src, rest, ok := warehouse.CutPacked(packed)
		if !ok {
			return nil, errCutShort
		}
		packed = rest
		v, err := r.shape.decode(at, src)
		if err != nil {
			return nil, err
		}
		r.unpacked[at] = v
	}
	return r.unpacked, nil
}

// plainText appends a value's text straight from its bytes, which are in the format that a result has them in.
type plainText func(dst, src []byte) (text []byte, ok bool)

func plainString(dst, src []byte) ([]byte, bool) { return append(dst, src...), true }

func plainBool(dst, src []byte) ([]byte, bool) {
	if len(src) != 1 {
		return dst, false
	}
	return strconv.AppendBool(dst, src[0] != 0), true
}

// plainInt appends the digits of an integer of 2, 4 or 8 bytes.
func plainInt(dst, src []byte) ([]byte, bool) {
	switch len(src) {
	case 2:
		return strconv.AppendInt(dst, int64(int16(binary.BigEndian.Uint16(src))), 10), true
	case 4:
		return strconv.AppendInt(dst, int64(int32(binary.BigEndian.Uint32(src))), 10), true
	case 8:
		return strconv.AppendInt(dst, int64(binary.BigEndian.Uint64(src)), 10), true
	}
	return dst, false
}

func plainOID(dst, src []byte) ([]byte, bool) {
	if len(src) != 4 {
		return dst, false
	}
	return strconv.AppendUint(dst, uint64(binary.BigEndian.Uint32(src)), 10), true
}

// plainDate leaves what is no Date, the infinite days and those of other years than four digits have, to be unpacked.
func plainDate(dst, src []byte) ([]byte, bool) {
	if len(src) != 4 {
		return dst, false
	}
	days := int32(binary.BigEndian.Uint32(src))
	if days == math.MaxInt32 || days == math.MinInt32 {
		return dst, false
	}
	date, ok := sqldb.Day(int64(days) + epochDays).(warehouse.Date)
	return append(dst, date...), ok
}

// plainNumeric leaves what is no number.
func plainNumeric(dst, src []byte) ([]byte, bool) {
	v, err := binaryNumeric(src)
	text, ok := v.(warehouse.Decimal)
	return append(dst, text...), err == nil && ok
}

// plainTimestamp leaves the instants that timestampCell leaves.
func plainTimestamp(dst, src []byte) ([]byte, bool) {
	var c warehouse.Cell
	if _, ok := timestampCell(&c, src, nil); !ok {
		return dst, false
	}
	return time.Unix(c.Int, int64(c.Nano)).UTC().AppendFormat(dst, time.RFC3339Nano), true
}
