package syncer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

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
	naming                    // no operation: the name of a field that later items have by its number
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

	// Stored stands for Fields where these are only wanted as JSON: see appendJSON.
	Stored string

	// Record stands for Fields while a write is being staged; with Update only the fields of it count that are not only
	// sent on insert.
	Record  *mappings.Encoded
	Update  bool
	Encoded []byte // the stored fields of Record that count, or nothing where they are yet to be gathered
}

// values returns the fields of an item, of one that is being staged too.
func (i *item) values() (destinations.Fields, error) {
	if i.Record == nil {
		return i.Fields, nil
	}
	var fields destinations.Fields
	var failed error
	i.Record.EachStored(i.Update, func(_ int, name string, stored []byte) {
		value, _, err := mappings.DecodeValue(string(stored))
		failed = errors.Join(failed, err)
		fields = append(fields, destinations.FieldValue{Name: name, Value: value})
	})
	return fields, failed
}

// membersOf returns the names of fields as they stand in an object of JSON.
func membersOf(names []string) []string {
	members := make([]string, len(names))
	for n, name := range names {
		members[n] = string(append(destinations.AppendText(nil, name), ':'))
	}
	return members
}

// appendJSON appends stored fields as an object of JSON. The members are those of the plan.
func (i *item) appendJSON(b []byte, members []string) ([]byte, error) {
	b = append(b, '{')
	r := reader{rest: i.Stored}
	for first := true; r.rest != ""; first = false {
		n := r.uvarint()
		if r.err != nil || n >= uint64(len(members)) {
			return nil, errItem
		}
		if !first {
			b = append(b, ',')
		}
		b = append(b, members[n]...)
		var err error
		if b, r.rest, err = mappings.AppendJSON(b, r.rest); err != nil {
			return nil, fmt.Errorf("field %s %w", members[n], err)
		}
	}
	return append(b, '}'), nil
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
	flagFolded  // Folded is not ID
	flagFirst   // First is not Sum
	flagBatch   // there is a Batch
	flagHistory // there are Refusals, a Code or Old identifiers
	flagChanged // there are Changed fields
)

var errItem = errors.New("an item of the plan cannot be read")

func (i *item) flags() (flags byte) {
	for n, set := range [...]bool{
		i.Moved, i.Quarantined, i.Partial, i.Folded != i.ID, i.First != i.Sum, i.Batch != diffstore.Token{},
		i.Refusals > 0 || i.Code != "" || len(i.Old) > 0, len(i.Changed) > 0,
	} {
		if set {
			flags |= 1 << n
		}
	}
	return flags
}

// append encodes the item for the changeset file, in which each name of a field has a number: of a record that is being
// staged it is the field's place in the mapping.
func (i *item) append(b []byte, number func(name string) uint64) []byte {
	flags := i.flags()
	b = append(b, byte(i.Step), byte(i.Verdict), flags)
	b = appendText(appendText(appendText(b, string(i.Op)), i.Key), i.ID)
	if flags&flagFolded != 0 {
		b = appendText(b, i.Folded)
	}
	b = append(binary.AppendUvarint(b, uint64(len(i.Detail))), i.Detail...)
	b = append(b, i.Sum[:]...)
	if flags&flagFirst != 0 {
		b = append(b, i.First[:]...)
	}
	b = binary.LittleEndian.AppendUint64(b, i.Source)
	if flags&flagBatch != 0 {
		b = append(b, i.Batch[:]...)
	}
	if flags&flagHistory != 0 {
		b = appendText(binary.AppendUvarint(b, uint64(max(0, i.Refusals))), i.Code)
		b = appendTexts(b, i.Old)
	}
	if flags&flagChanged != 0 {
		b = appendTexts(b, i.Changed)
	}
	if i.Record != nil {
		if len(i.Encoded) > 0 {
			return append(b, i.Encoded...)
		}
		return i.Record.AppendStored(b, i.Update)
	}
	for _, f := range i.Fields {
		b = mappings.AppendValue(binary.AppendUvarint(b, number(f.Name)), f.Value)
	}
	return b
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

// form says how items are read.
type form struct {
	whole   bool // their fields are left as they are stored, unless some of them are to be left out
	lasting bool // what they are read from stays as it is, so that their texts may be parts of it
}

// decodeItem reads an item that append wrote with the numbers of names. Its texts are parts of b, or of one copy of it.
func decodeItem(b []byte, names []string, as form) (item, error) {
	var i item
	err := i.decode(b, names, as)
	return i, err
}

func (i *item) decode(b []byte, names []string, as form) error {
	*i = item{}
	var r reader
	if as.lasting {
		r.rest = unsafe.String(unsafe.SliceData(b), len(b))
	} else {
		r.rest = string(b)
	}
	i.Step, i.Verdict = step(r.byte()), diffstore.Verdict(r.byte())
	flags := r.byte()
	i.Moved, i.Quarantined, i.Partial = flags&flagMoved != 0, flags&flagQuarantined != 0, flags&flagPartial != 0
	i.Op = destinations.Op(r.text())
	i.Key, i.ID = r.text(), r.text()
	i.Folded = i.ID
	if flags&flagFolded != 0 {
		i.Folded = r.text()
	}
	if d := r.text(); d != "" {
		i.Detail = unsafe.Slice(unsafe.StringData(d), len(d)) // which nobody changes
	}
	copy(i.Sum[:], r.bytes(len(i.Sum)))
	i.First = i.Sum
	if flags&flagFirst != 0 {
		copy(i.First[:], r.bytes(len(i.First)))
	}
	i.Source = r.uint64()
	if flags&flagBatch != 0 {
		copy(i.Batch[:], r.bytes(len(i.Batch)))
	}
	if flags&flagHistory != 0 {
		i.Refusals, i.Code, i.Old = int(r.uvarint()), r.text(), r.texts()
	}
	if flags&flagChanged != 0 {
		i.Changed = r.texts()
	}
	if as.whole && !i.Partial {
		i.Stored = r.rest
	} else {
		i.Fields = r.fields(names)
	}
	if r.err != nil {
		*i = item{}
	}
	return r.err
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
	for n := range min(len(r.rest), binary.MaxVarintLen64) {
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

// fields reads all that is left.
func (r *reader) fields(names []string) destinations.Fields {
	if r.rest == "" || r.err != nil {
		return nil
	}
	fields := make(destinations.Fields, 0, len(names))
	for r.rest != "" && r.err == nil {
		n := r.uvarint()
		if n >= uint64(len(names)) {
			r.err = errItem
			return nil
		}
		value, rest, err := mappings.DecodeValue(r.rest)
		if err != nil {
			r.err = fmt.Errorf("%w: %w", errItem, err)
		}
		r.rest = rest
		fields = append(fields, destinations.FieldValue{Name: names[n], Value: value})
	}
	return fields
}
