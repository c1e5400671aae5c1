package mappings

import (
	"fmt"
	"time"

	"spillway/destinations"
)

// AppendJSON appends the value that stored begins with as JSON, as destinations.AppendJSON writes the value that
// DecodeValue reads, without making one. It returns what follows the value.
func AppendJSON(dst []byte, stored string) (text []byte, rest string, err error) {
	d := decoder{rest: stored}
	text, err = d.appendJSON(dst, 0)
	if err == nil {
		err = d.err
	}
	return text, d.rest, err
}

func (d *decoder) appendJSON(dst []byte, depth int) ([]byte, error) {
	if d.rest == "" || depth > maxNesting {
		d.value(depth) // which says what is wrong
		return dst, d.err
	}
	switch tag := d.rest[0]; tag {
	case tagString, tagDate:
		d.rest = d.rest[1:]
		return destinations.AppendText(dst, d.text()), d.err
	case tagJSON:
		d.rest = d.rest[1:]
		return destinations.AppendDocument(dst, d.text())
	case tagList:
		d.rest = d.rest[1:]
		return d.appendListJSON(dst, depth)
	case tagTime:
		d.rest = d.rest[1:]
		if at := d.time(); d.err == nil {
			dst = at.AppendFormat(append(dst, '"'), time.RFC3339Nano)
			return append(dst, '"'), nil
		}
		return dst, d.err
	case tagNumber:
		d.rest = d.rest[1:]
		return destinations.AppendNumber(dst, d.text())
	default:
		v := d.value(depth)
		if d.err != nil {
			return dst, fmt.Errorf("write a stored value as JSON: %w", d.err)
		}
		return destinations.AppendJSON(dst, v)
	}
}

func (d *decoder) appendListJSON(dst []byte, depth int) ([]byte, error) {
	n := d.count()
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = d.appendJSON(dst, depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), d.err
}
