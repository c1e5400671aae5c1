package syncer

import (
	"bytes"
	"encoding/binary"

	"spillway/diffstore"
	"spillway/mappings"
)

// detail holds a sum of each field of a record, so that a plan can say which fields change without the snapshot
// holding a value. As it is stored it is one byte that tells of what kind the sums are, and the sums.
//
// A sum is over the name and the value, so that a field is unchanged if its sum is among those stored, wherever it
// stands there: neither names nor places need be kept, and a field that the mapping gained or lost leaves the others
// what they are. By chance a changed field of n is taken as unchanged once in 2^24/n times with narrow sums, which
// plans count with, and once in 2^55/n with wide ones, by which fields are left out of what is sent.
type detail struct {
	sum    func(text []byte) uint64
	source bool // they are those of source values
	width  int

	names []string // of the mapping's fields, by their places in it, like what follows
	sums  []uint64
	at    []int // which of the stored sums it is, or -1 where there is none
	text  []byte
	bytes []byte
}

// The widths of sums, in bytes.
const (
	narrow = 3
	wide   = 8
)

// sourceSums is added to the width in the first byte of a detail whose sums are those of source values, which cost a
// tenth of the others. No earlier form of a detail has a length that goes with its first byte.
const sourceSums = 0x40

// newDetail is for the sums that a view makes fastest.
func newDetail(view diffstore.View, width int) detail {
	if s, ok := view.(diffstore.Skimmer); ok {
		return detail{sum: s.SumSource, source: true, width: width}
	}
	keyed := func(text []byte) uint64 {
		sum := view.Sum(text)
		return binary.LittleEndian.Uint64(sum[:])
	}
	return detail{sum: keyed, width: width}
}

// read takes the sums of a record's fields, which stand until the next call, and returns them as they are stored.
func (d *detail) read(e *mappings.Encoded, fields []string) []byte {
	if len(d.sums) != len(fields) {
		d.sums, d.at = make([]uint64, len(fields)), make([]int, len(fields))
	}
	for i := range d.at {
		d.at[i] = -1
	}
	d.names = fields
	form := byte(d.width)
	if d.source {
		form |= sourceSums
	}
	d.bytes = append(d.bytes[:0], form)
	n := 0
	e.EachUpdate(func(i int, name string) {
		d.text = append(append(d.text[:0], name...), 0) // no name holds this byte
		d.text = e.AppendForm(d.text, i)
		d.sums[i], d.at[i] = d.sum(d.text), n
		d.bytes = appendSum(d.bytes, d.sums[i], d.width)
		n++
	})
	return d.bytes
}

// appendSum appends a sum as it is stored. The first and the last byte of it may hold less than the others.
func appendSum(b []byte, sum uint64, width int) []byte {
	if width == narrow {
		return append(b, byte(sum>>8), byte(sum>>16), byte(sum>>24))
	}
	return binary.LittleEndian.AppendUint64(b, sum)
}

// changed appends to names those of the fields that stored does not have as they are. Of a detail in a form that is not
// known, or not of the kind that it takes, it has none.
func (d *detail) changed(names []string, stored []byte) []string {
	width := d.widthOf(stored)
	for i, at := range d.at {
		if at >= 0 && (width == 0 || !has(stored[1:], d.sums[i], at, width)) {
			names = append(names, d.names[i])
		}
	}
	return names
}

// has reports whether a sum is among those stored, where most of them are likely to stand.
func has(stored []byte, sum uint64, likely, width int) bool {
	var b [wide]byte
	want := appendSum(b[:0], sum, width)
	if from := likely * width; from < len(stored) && bytes.Equal(stored[from:from+width], want) {
		return true
	}
	for ; len(stored) >= width; stored = stored[width:] {
		if bytes.Equal(stored[:width], want) {
			return true
		}
	}
	return false
}

// widthOf returns how many bytes the sums of a stored detail have, or 0 where it has none that can be compared with
// those that d takes.
func (d *detail) widthOf(stored []byte) int {
	if len(stored) == 0 || stored[0]&sourceSums != 0 != d.source {
		return 0
	}
	width := int(stored[0] &^ sourceSums)
	if width != narrow && width != wide || (len(stored)-1)%width != 0 {
		return 0
	}
	return width
}
