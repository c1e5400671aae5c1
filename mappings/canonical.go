package mappings

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"spillway/destinations"
)

// canonicalVersion is the first byte of every canonical form. It changes with the form, so that records summed
// by an older release are told apart instead of being taken as changed.
const canonicalVersion = 1

// The tags of the types in a canonical form. No value's form is the beginning of another's.
const (
	tagNull   = 'n'
	tagFalse  = 'f'
	tagTrue   = 't'
	tagString = 's'
	tagNumber = 'd'
	tagDate   = 'D'
	tagTime   = 'T'
	tagJSON   = 'j'
	tagList   = 'l'
	tagText   = 'x' // a number or a document that is none, as it stands: no rendered record holds one
)

// appendText appends s behind its length.
func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendCanonicalValue appends the canonical form of v: numbers that are equal have one form, times are instants,
// JSON documents have sorted keys and no white space.
func appendCanonicalValue(dst []byte, v destinations.Value) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, tagNull)
	case bool:
		if v {
			return append(dst, tagTrue)
		}
		return append(dst, tagFalse)
	case string:
		return appendText(append(dst, tagString), v)
	case json.Number:
		return appendCanonicalNumber(dst, string(v))
	case destinations.Date:
		return appendText(append(dst, tagDate), string(v))
	case time.Time:
		dst = binary.AppendVarint(append(dst, tagTime), v.Unix())
		return binary.AppendUvarint(dst, uint64(v.Nanosecond()))
	case json.RawMessage:
		return appendCanonicalDocument(dst, v)
	case []destinations.Value:
		dst = binary.AppendUvarint(append(dst, tagList), uint64(len(v)))
		for _, e := range v {
			dst = appendCanonicalValue(dst, e)
		}
		return dst
	}
	return append(dst, tagNull)
}

func appendCanonicalNumber(dst []byte, s string) []byte {
	if number, ok := appendNumber(append(dst, tagNumber), s); ok {
		return number
	}
	return appendText(append(dst, tagText, tagNumber), s)
}

func appendCanonicalDocument(dst []byte, doc json.RawMessage) []byte {
	if document, err := appendCanonicalJSON(append(dst, tagJSON), doc); err == nil {
		return append(document, 0) // no document holds this byte
	}
	return appendText(append(dst, tagText, tagJSON), string(doc))
}
