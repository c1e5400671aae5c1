package syncer

import (
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
	sum   func(text []byte) uint64
	kind  byte // sourceSums and memberSums, or neither
	width int
	text  []byte
}

// The widths of sums, in bytes.
const (
	narrow = 3
	wide   = 8
)

// sourceSums is added to the width in the first byte of a detail whose sums are those of source values, which cost a
// tenth of the others. No earlier form of a detail has a length that goes with its first byte.
const sourceSums = 0x40

// memberSums is added where the sums are over names and values as they stand in the canonical form, which need not be
// copied for it. Earlier ones are over the name, a zero and the form of the value alone.
const memberSums = 0x20

const kinds = sourceSums | memberSums

// newDetail is for the sums that a view makes fastest.
func newDetail(view diffstore.View, width int) detail {
	if s, ok := view.(diffstore.Skimmer); ok {
		return detail{sum: s.SumSource, kind: sourceSums | memberSums, width: width}
	}
	keyed := func(text []byte) uint64 {
		sum := view.Sum(text)
		return binary.LittleEndian.Uint64(sum[:])
	}
	return detail{sum: keyed, width: width}
}

// append appends the sums of a record's fields as they are stored.
func (d *detail) append(b []byte, e *mappings.Encoded) []byte {
	b = append(b, d.kind|byte(d.width))
	if d.kind&memberSums != 0 {
		e.EachMember(func(member []byte) { b = appendSum(b, d.sum(member), d.width) })
		return b
	}
	e.EachUpdate(func(i int, name string) {
		d.text = append(append(d.text[:0], name...), 0) // no name holds this byte
		d.text = e.AppendForm(d.text, i)
		b = appendSum(b, d.sum(d.text), d.width)
	})
	return b
}

// appendSum appends a sum as it is stored. The first and the last byte of it may hold less than the others.
func appendSum(b []byte, sum uint64, width int) []byte {
	if width == narrow {
		return append(b, byte(sum>>8), byte(sum>>16), byte(sum>>24))
	}
	return binary.LittleEndian.AppendUint64(b, sum)
}

// changed appends to names those of the fields of a record, whose detail is fresh, that stored does not have as they are.
// Of a detail in a form that is not known, or not of sums that d can take, it has none.
func (d *detail) changed(names []string, e *mappings.Encoded, fresh, stored []byte) []string {
	kind, width := d.formOf(stored)
	if width != 0 && (width != d.width || kind != d.kind) { // an earlier run kept others
		other := *d
		other.kind, other.width = kind, width
		fresh = other.append(nil, e)
	}
	if width == 0 {
		e.EachUpdate(func(_ int, name string) { names = append(names, name) })
		return names
	}
	for at := 1; at < len(fresh); at += width {
		if !has(stored, fresh[at:at+width], at) {
			names = append(names, e.UpdateName((at-1)/width))
		}
	}
	return names
}

// has reports whether a sum is among those stored, where most of them are likely to stand at its own place.
func has(stored, sum []byte, likely int) bool {
	if likely < len(stored) && sum[0] == stored[likely] && string(stored[likely:likely+len(sum)]) == string(sum) {
		return true
	}
	for at := 1; at < len(stored); at += len(sum) {
		if string(stored[at:at+len(sum)]) == string(sum) {
			return true
		}
	}
	return false
}

// formOf returns of what kind the sums of a stored detail are and how many bytes they have, which is 0 where it has none
// that can be compared with those that d takes.
func (d *detail) formOf(stored []byte) (kind byte, width int) {
	if len(stored) == 0 || (stored[0]^d.kind)&sourceSums != 0 {
		return 0, 0
	}
	kind, width = stored[0]&kinds, int(stored[0]&^kinds)
	if width != narrow && width != wide || (len(stored)-1)%width != 0 {
		return 0, 0
	}
	return kind, width
}

// wideIn reports whether a stored detail has wide sums.
func (d *detail) wideIn(stored []byte) bool {
	_, width := d.formOf(stored)
	return width == wide
}
