package snowflake

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"spillway/warehouse"
)

// packedVersion is part of every layout. It is raised whenever another value is read from the same bytes, so that
// rows are not taken as unchanged that would be read otherwise now.
const packedVersion = "snowflake 1"

var (
	_ warehouse.Packer = (*rows)(nil)
	_ warehouse.Celled = (*rows)(nil)
)

// taken is what was last taken from packed rows, which may be done while others are read.
type taken struct {
	row   warehouse.Row
	cells []warehouse.Cell
	text  []byte
}

// Pack names for each column its type, which has its scale. The width of integers and the format of the result, which
// Snowflake chooses anew for each, are no part of it: they are gone from packed rows.
func (r *rows) Pack(columns []int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packed = append([]int{}, columns...)
	r.unpacked = taken{row: make(warehouse.Row, len(r.columns)), cells: make([]warehouse.Cell, len(r.columns))}
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

func (r *rows) Cells(packed []byte, row []warehouse.Cell, scratch []byte) (grown []byte, err error) {
	for _, at := range r.packed {
		src, rest, ok := warehouse.CutPacked(packed)
		if !ok {
			return scratch, errShort
		}
		packed = rest
		if scratch, err = r.columns[at].cell(&row[at], src, scratch); err != nil {
			return scratch, fmt.Errorf("column %q of type %s: %w", r.columns[at].Name, r.columns[at].Native, err)
		}
	}
	return scratch, nil
}

func (r *rows) Unpack(packed []byte) (warehouse.Row, error) {
	var err error
	if r.unpacked.text, err = r.Cells(packed, r.unpacked.cells, r.unpacked.text[:0]); err != nil {
		return nil, err
	}
	for _, at := range r.packed {
		r.unpacked.row[at] = r.unpacked.cells[at].Value()
	}
	return r.unpacked.row, nil
}

func (r *rows) Text(dst, packed []byte, n int) ([]byte, bool) {
	src, ok := warehouse.PackedValue(packed, n)
	if !ok || src == nil {
		return dst, false
	}
	column := &r.columns[r.packed[n]]
	if column.form == formDocument || column.form == formBytes || column.form == formFloat {
		return dst, false
	}
	var c warehouse.Cell
	text, err := column.cell(&c, src, r.text[:0])
	if err != nil {
		return dst, false
	}
	r.text = text
	switch {
	case c.Type == warehouse.Bool:
		return strconv.AppendBool(dst, c.Int != 0), true
	case c.Type == warehouse.Int:
		return strconv.AppendInt(dst, c.Int, 10), true
	case c.Type == warehouse.Time:
		return time.Unix(c.Int, int64(c.Nano)).UTC().AppendFormat(dst, time.RFC3339Nano), true
	case c.Type == column.Type || column.Type == warehouse.Int: // of which those beyond 64 bits are decimals
		return append(dst, c.Text...), true
	}
	return dst, false // days and instants of other years than four digits have
}
