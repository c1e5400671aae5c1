package snowflake

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// packedVersion is part of every layout. It is raised whenever another value is read from the same bytes, so that
// rows are not taken as unchanged that would be read otherwise now.
const packedVersion = "snowflake 1"

var _ warehouse.Packer = (*rows)(nil)

// Pack names for each column its type, which has its scale. The width of integers and the format of the result, which
// Snowflake chooses anew for each, are no part of it: they are gone from packed rows.
func (r *rows) Pack(columns []int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packed = append([]int{}, columns...)
	r.unpacked = make(warehouse.Row, len(r.columns))
	layout := []string{packedVersion}
	for _, at := range columns {
		layout = append(layout, r.columns[at].Native)
	}
	return strings.Join(layout, "\n")
}

var (
	errUnpacked = errors.New("packed rows were asked for before their columns were chosen")
	errShort    = errors.New("a packed row is cut short")
)

func (r *rows) NextPacked(ctx context.Context, dst []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.advance(ctx); err != nil {
		return dst, r.stop(err)
	}
	if r.packed == nil {
		return dst, r.stop(errUnpacked)
	}
	for _, at := range r.packed {
		if r.block.null(at, r.at) {
			dst = warehouse.AppendPackedNull(dst)
			continue
		}
		var err error
		if r.scratch, err = r.block.pack(r.scratch[:0], at, r.at); err != nil {
			return dst, r.stop(r.unreadable(at, err))
		}
		dst = warehouse.AppendPacked(dst, r.scratch)
	}
	r.at++
	r.count++
	return dst, nil
}

func (r *rows) Unpack(packed []byte) (warehouse.Row, error) {
	for _, at := range r.packed {
		src, rest, ok := warehouse.CutPacked(packed)
		if !ok {
			return nil, errShort
		}
		packed = rest
		value, err := r.columns[at].decode(src)
		if err != nil {
			return nil, fmt.Errorf("column %q of type %s: %w", r.columns[at].Name, r.columns[at].Native, err)
		}
		r.unpacked[at] = value
	}
	return r.unpacked, nil
}

func (r *rows) Text(dst, packed []byte, n int) ([]byte, bool) {
	src, ok := warehouse.PackedValue(packed, n)
	if !ok || src == nil {
		return dst, false
	}
	switch c := r.columns[r.packed[n]]; {
	case c.form == formText:
		return append(dst, src...), true
	case c.form == formBool && len(src) == 1:
		return strconv.AppendBool(dst, src[0] != 0), true
	case c.Type == warehouse.Int && len(src) == 8:
		return strconv.AppendInt(dst, int64(binary.LittleEndian.Uint64(src)), 10), true
	case c.Type == warehouse.Int && len(src) == 16:
		return wide(int64(binary.LittleEndian.Uint64(src[8:])), binary.LittleEndian.Uint64(src)).Append(dst, 10), true
	case c.form == formDay && len(src) == 4:
		date, ok := sqldb.Day(int64(int32(binary.LittleEndian.Uint32(src)))).(warehouse.Date)
		return append(dst, date...), ok
	}
	return dst, false
}
