package syncer

import (
	"encoding/binary"
	"errors"
	"fmt"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/mappings"
)

// step is what an item asks for. Steps are settled in this order: a removal starts only after every write is
// settled.
type step uint8

const (
	write     step = iota + 1 // send the record
	remove                    // remove the record under an identifier
	leave                     // forget the key or mark it as left; nothing is sent
	candidate                 // a removal that is yet to be checked against the identifiers in use
	void                      // the key stands more than once in the source: its write is not to be sent
	contested                 // the same as accepted last, but another key may have overwritten the remote record since
)

// item is one operation of a plan.
type item struct {
	Step    step
	Verdict diffstore.Verdict // of a write: Added, Changed or Carried
	Op      destinations.Op
	Key     string
	ID      string // as it is sent
	Folded  string // as it is compared

	// Moved says of a removal that its key is still at the source, under another identifier. Of a write it says
	// that the record was, or may have been, delivered under other identifiers before.
	Moved       bool
	Quarantined bool
	Partial     bool // only some of the record's fields are sent
	Refusals    int
	Code        string // of the last refusal

	Sum, First diffstore.Sum
	Source     uint64 // the sum of the source values, or 0
	Detail     []byte
	Batch      diffstore.Token // of the batch in which the record was sent, while it is in doubt
	Old        []string        // other identifiers of a moved write
	Changed    []string        // fields of a changed write that differ from the record last accepted
	Fields     destinations.Fields
}

func (i *item) attempt() diffstore.Attempt {
	return diffstore.Attempt{
		Entry:   diffstore.Entry{Key: i.Key, ID: i.Folded, Sum: i.Sum, First: i.First, Source: i.Source, Detail: i.Detail},
		Removal: i.Step == remove,
	}
}

const (
	flagMoved = 1 << iota
	flagQuarantined
	flagPartial
)

var errItem = errors.New("an item of the plan cannot be read")

// append encodes the item for the changeset file.
func (i *item) append(b []byte) []byte {
	var flags byte
	if i.Moved {
		flags |= flagMoved
	}
	if i.Quarantined {
		flags |= flagQuarantined
	}
	if i.Partial {
		flags |= flagPartial
	}
	b = append(b, byte(i.Step), byte(i.Verdict), flags)
	b = binary.AppendUvarint(b, uint64(max(0, i.Refusals)))
	for _, text := range []string{string(i.Op), i.Key, i.ID, i.Folded, i.Code, string(i.Detail)} {
		b = appendText(b, text)
	}
	b = append(b, i.Sum[:]...)
	b = append(b, i.First[:]...)
	b = binary.LittleEndian.AppendUint64(b, i.Source)
	b = append(b, i.Batch[:]...)
	b = appendTexts(b, i.Old)
	b = appendTexts(b, i.Changed)
	return mappings.AppendFields(b, i.Fields)
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendTexts(b []byte, texts []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(texts)))
	for _, s := range texts {
		b = appendText(b, s)
	}
	return b
}

// decodeItem reads an item that append wrote. Its texts are parts of one copy of b.
func decodeItem(b []byte) (item, error) {
	r := reader{rest: string(b)}
	var i item
	i.Step, i.Verdict = step(r.byte()), diffstore.Verdict(r.byte())
	flags := r.byte()
	i.Moved, i.Quarantined, i.Partial = flags&flagMoved != 0, flags&flagQuarantined != 0, flags&flagPartial != 0
	i.Refusals = int(r.uvarint())
	i.Op = destinations.Op(r.text())
	i.Key, i.ID, i.Folded, i.Code = r.text(), r.text(), r.text(), r.text()
	if d := r.text(); d != "" {
		i.Detail = []byte(d)
	}
	copy(i.Sum[:], r.bytes(len(i.Sum)))
	copy(i.First[:], r.bytes(len(i.First)))
	i.Source = r.uint64()
	copy(i.Batch[:], r.bytes(len(i.Batch)))
	i.Old, i.Changed = r.texts(), r.texts()
	if r.err != nil {
		return item{}, r.err
	}
	var err error
	if i.Fields, err = mappings.DecodeFields(r.rest); err != nil {
		return item{}, fmt.Errorf("%w: %w", errItem, err)
	}
	return i, nil
}

// reader takes an encoded item apart. After the first failure it yields zero values and keeps the error.
type reader struct {
	rest string
	err  error
}

func (r *reader) bytes(n int) string {
	if r.err == nil && n <= len(r.rest) {
		b := r.rest[:n]
		r.rest = r.rest[n:]
		return b
	}
	r.err = errItem
	return ""
}

func (r *reader) byte() byte {
	if b := r.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *reader) uint64() uint64 {
	var v uint64
	text := r.bytes(8)
	for n := range len(text) {
		v |= uint64(text[n]) << (8 * n)
	}
	return v
}

func (r *reader) uvarint() uint64 {
	var v uint64
	for n := 0; n < min(len(r.rest), binary.MaxVarintLen64); n++ {
		c := r.rest[n]
		v |= uint64(c&0x7f) << (7 * n)
		if c < 0x80 {
			r.rest = r.rest[n+1:]
			return v
		}
	}
	r.err = errItem
	return 0
}

func (r *reader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.err = errItem
		return ""
	}
	return r.bytes(int(n))
}

func (r *reader) texts() []string {
	var texts []string
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		texts = append(texts, r.text())
	}
	return texts
}
