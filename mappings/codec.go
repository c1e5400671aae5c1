package mappings

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"spillway/destinations"
)

// codecVersion is the first byte of stored fields.
const codecVersion = 1

// maxNesting is how deep lists and documents may hold others.
const maxNesting = 500

var errCutShort = errors.New("stored fields are cut short")

// AppendFields appends f in a compact form that DecodeFields reads back exactly, the digits of numbers included.
// The values must be of the types of destinations.Value; any other is stored as null.
func AppendFields(dst []byte, f destinations.Fields) []byte {
	dst = append(dst, codecVersion)
	dst = binary.AppendUvarint(dst, uint64(len(f)))
	for _, v := range f {
		dst = appendText(dst, v.Name)
		dst = appendStored(dst, v.Value)
	}
	return dst
}

// AppendValue appends one value as AppendFields does, for DecodeValue to read back.
func AppendValue(dst []byte, v destinations.Value) []byte { return appendStored(dst, v) }

// DecodeValue reads the value that stored begins with, and returns what follows it. The value's texts are parts of
// stored.
func DecodeValue(stored string) (v destinations.Value, rest string, err error) {
	d := decoder{rest: stored}
	v = d.value(0)
	return v, d.rest, d.err
}

func appendStored(dst []byte, v destinations.Value) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return append(dst, tagTrue)
		}
		return append(dst, tagFalse)
	case string:
		return appendText(append(dst, tagString), v)
	case json.Number:
		return appendText(append(dst, tagNumber), string(v))
	case destinations.Date:
		return appendText(append(dst, tagDate), string(v))
	case time.Time:
		dst = binary.AppendVarint(append(dst, tagTime), v.Unix())
		return binary.AppendUvarint(dst, uint64(v.Nanosecond()))
	case json.RawMessage:
		return append(binary.AppendUvarint(append(dst, tagJSON), uint64(len(v))), v...)
	case []destinations.Value:
		dst = binary.AppendUvarint(append(dst, tagList), uint64(len(v)))
		for _, e := range v {
			dst = appendStored(dst, e)
		}
		return dst
	}
	return append(dst, tagNull)
}

// DecodeFields reads what AppendFields wrote, and returns an error for bytes that AppendFields did not write. The texts
// of the fields are parts of stored.
func DecodeFields(stored string) (destinations.Fields, error) {
	if stored == "" {
		return nil, errCutShort
	}
	if stored[0] != codecVersion {
		return nil, fmt.Errorf("stored fields are of version %d; this release reads version %d", stored[0], codecVersion)
	}
	d := decoder{rest: stored[1:]}
	n := d.count()
	if d.err != nil {
		return nil, d.err
	}
	fields := make(destinations.Fields, 0, n)
	for range n {
		name := d.text()
		value := d.value(0)
		if d.err != nil {
			return nil, d.err
		}
		fields = append(fields, destinations.FieldValue{Name: name, Value: value})
	}
	if len(d.rest) > 0 {
		return nil, fmt.Errorf("stored fields are followed by %d bytes that do not belong to them", len(d.rest))
	}
	return fields, nil
}

// decoder reads stored fields from rest until its first error.
type decoder struct {
	rest string
	err  error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.rest = ""
}

func (d *decoder) uvarint() uint64 {
	if d.rest != "" && d.rest[0] < 0x80 { // most are, and need no loop
		v := uint64(d.rest[0])
		d.rest = d.rest[1:]
		return v
	}
	var v uint64
	for n := 0; n < len(d.rest) && n < binary.MaxVarintLen64; n++ {
		c := d.rest[n]
		if n == binary.MaxVarintLen64-1 && c > 1 {
			break // beyond 64 bits
		}
		v |= uint64(c&0x7f) << (7 * n)
		if c < 0x80 {
			d.rest = d.rest[n+1:]
			return v
		}
	}
	d.fail(errCutShort)
	return 0
}

func (d *decoder) varint() int64 {
	v := d.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// count reads a number of things of at least one byte each.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.fail(errCutShort)
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.count()
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) value(depth int) destinations.Value {
	if depth > maxNesting {
		d.fail(fmt.Errorf("stored fields hold lists within lists beyond %d", maxNesting))
	}
	if len(d.rest) == 0 {
		d.fail(errCutShort)
		return nil
	}
	tag := d.rest[0]
	d.rest = d.rest[1:]
	switch tag {
	case tagNull:
		return nil
	case tagFalse:
		return false
	case tagTrue:
		return true
	case tagString:
		return d.text()
	case tagNumber:
		return json.Number(d.text())
	case tagDate:
		return destinations.Date(d.text())
	case tagJSON:
		return json.RawMessage(d.text())
	case tagTime:
		return d.time()
	case tagList:
		return d.list(depth)
	}
	d.fail(fmt.Errorf("stored fields hold a value of the unknown type %q", tag))
	return nil
}

func (d *decoder) time() time.Time {
	seconds, nanos := d.varint(), d.uvarint()
	if nanos >= uint64(time.Second) {
		d.fail(errors.New("stored fields hold a time beyond its second"))
	}
	return time.Unix(seconds, int64(nanos)).UTC()
}

func (d *decoder) list(depth int) destinations.Value {
	n := d.count()
	list := make([]destinations.Value, 0, n)
	for range n {
		list = append(list, d.value(depth+1))
		if d.err != nil {
			return nil
		}
	}
	return list
}
