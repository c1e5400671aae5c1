package syncer

import (
	"bytes"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/mappings"
)

// detail holds a sum of each field of a record, so that a plan can say which fields change without the snapshot
// holding a value. As it is stored it is one byte that says how many bytes a sum has, and the sums.
//
// A sum is over the name and the value, so that a field is unchanged if its sum is among those stored, wherever it
// stands there: neither names nor places need be kept, and a field that the mapping gained or lost leaves the others
// what they are. By chance a changed field of n is taken as unchanged once in 2^24/n times with narrow sums, which
// plans count with, and once in 2^55/n with wide ones, by which fields are left out of what is sent.
type detail struct {
	names []string
	sums  []diffstore.Sum
	text  []byte
}

// The widths of sums, in bytes. No earlier form of a detail has a length that goes with one of them.
const (
	narrow = 3
	wide   = 8
)

// read takes the sums of r's fields, which stand until the next call.
func (d *detail) read(r *mappings.Record, view diffstore.View) {
	d.names, d.sums = d.names[:0], d.sums[:0]
	r.EachField(func(name string, canonical []byte) bool {
		d.text = append(append(append(d.text[:0], name...), 0), canonical...) // no name holds this byte
		d.names = append(d.names, name)
		d.sums = append(d.sums, view.Sum(d.text))
		return true
	})
}

// bytes returns the sums as they are stored.
func (d *detail) bytes(width int) []byte {
	b := append(make([]byte, 0, 1+len(d.sums)*width), byte(width))
	for _, s := range d.sums {
		b = append(b, cut(s, width)...)
	}
	return b
}

// cut shortens a sum. The first byte of a sum may hold less than the others.
func cut(s diffstore.Sum, width int) []byte {
	if width == narrow {
		return s[1 : 1+narrow]
	}
	return s[:width]
}

// changed returns the names of those fields that stored does not have as they are. Of a detail in a form that is not
// known it has none.
func (d *detail) changed(fields destinations.Fields, stored []byte) []string {
	width := widthOf(stored)
	var names []string
	for _, f := range fields {
		if !d.has(f.Name, stored, width) {
			names = append(names, f.Name)
		}
	}
	return names
}

func (d *detail) has(name string, stored []byte, width int) bool {
	if width == 0 {
		return false
	}
	for n := range d.names {
		if d.names[n] != name {
			continue
		}
		sum := cut(d.sums[n], width)
		for rest := stored[1:]; len(rest) >= width; rest = rest[width:] {
			if bytes.Equal(rest[:width], sum) {
				return true
			}
		}
	}
	return false
}

// widthOf returns how many bytes the sums of a stored detail have, or 0 where it has none that can be read.
func widthOf(stored []byte) int {
	if len(stored) == 0 {
		return 0
	}
	width := int(stored[0])
	if width != narrow && width != wide || (len(stored)-1)%width != 0 {
		return 0
	}
	return width
}
