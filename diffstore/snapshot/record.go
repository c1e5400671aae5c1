package snapshot

import (
	"encoding/binary"

	"spillway/diffstore"
)

// kind is how a record is written.
type kind uint8

const (
	tombstone kind = iota // nothing is known of the key any more, whatever older files say
	plain                 // a record accepted under one identifier or none, and nothing else to say
	whole                 // any other state
	taken                 // in a journal alone: the record that is under way, as a record before this one says, was accepted
)

// record is what a file holds of one key. Its bytes belong to the file.
type record struct {
	kind kind
	key  []byte

	id, detail  []byte // of a plain record
	sum, source uint64 // of a plain record; see fromSum

	body []byte // of a whole one: see appendStored
}

// Sums of 55 bits and sources of 56 fit an index entry. Other sums, which no View.Sum makes, are kept whole.
const (
	sumMask    = 1<<56 - 2
	sourceMask = 1<<56 - 1
)

// fromSum returns the number that stands for a sum in the index, if one can.
func fromSum(s diffstore.Sum) (uint64, bool) {
	v := binary.LittleEndian.Uint64(s[:8])
	return v, v&^sumMask == 0 && v != 0 && binary.LittleEndian.Uint64(s[8:]) == 0
}

func toSum(v uint64) (s diffstore.Sum) {
	binary.LittleEndian.PutUint64(s[:], v)
	return s
}

// newRecord returns the record of a state, which lies in what body has room for, in key and in the state itself.
func newRecord(key string, s *stored, nonce uint64, body *[]byte) record {
	r := record{key: textOf(key)}
	st := &s.state
	switch sum, narrow := fromSum(st.Sum); {
	case st.Empty():
		r.kind = tombstone
	case narrow && isPlain(st):
		r.kind, r.id, r.detail, r.sum, r.source = plain, textOf(st.ID), st.Detail, sum, s.source&sourceMask
	default:
		*body = appendStored((*body)[:0], s, nonce)
		r.kind, r.body = whole, *body
	}
	return r
}

func isPlain(s *diffstore.State) bool {
	if !s.Accepted || s.Left || s.Pending.Open || s.TriedID != "" || s.Tried != (diffstore.Tried{}) {
		return false
	}
	if s.ID == "" {
		return len(s.Claims) == 0
	}
	return len(s.Claims) == 1 && s.Claims[0] == diffstore.Claim{ID: s.ID}
}

// stored returns the state that a record stands for.
func (r *record) stored(nonce uint64) (*stored, error) {
	switch r.kind {
	case plain:
		s := &stored{source: r.source, state: diffstore.State{
			Accepted: true, Sum: toSum(r.sum), Detail: clone(r.detail), ID: string(r.id),
		}}
		if len(r.id) > 0 {
			s.state.Claims = []diffstore.Claim{{ID: s.state.ID}}
		}
		return s, nil
	case whole:
		return readStored(r.body, nonce)
	case tombstone, taken:
	}
	return &stored{}, nil
}

// wholly returns a plain record in its whole form.
func (r *record) wholly() (record, error) {
	if r.kind != plain {
		return *r, nil
	}
	s, err := r.stored(0)
	if err != nil {
		return record{}, err
	}
	return record{kind: whole, key: r.key, body: appendStored(nil, s, 0)}, nil
}

// claims calls yield with each identifier that the key has.
func (r *record) claims(yield func(id []byte)) error {
	switch r.kind {
	case plain:
		if len(r.id) > 0 {
			yield(r.id)
		}
	case whole:
		s, err := readStored(r.body, 0)
		if err != nil {
			return err
		}
		for i := range s.state.Claims {
			if id := s.state.Claims[i].ID; id != "" {
				yield(textOf(id))
			}
		}
	case tombstone, taken:
	}
	return nil
}

// appendRecord appends the form of a record that journals hold.
func appendRecord(b []byte, r *record) []byte {
	b = append(b, byte(r.kind))
	b = appendBytes(b, r.key)
	switch r.kind {
	case plain:
		b = appendBytes(b, r.id)
		b = binary.LittleEndian.AppendUint64(b, r.sum)
		b = binary.LittleEndian.AppendUint64(b, r.source)
		b = appendBytes(b, r.detail)
	case whole:
		b = appendBytes(b, r.body)
	case tombstone, taken:
	}
	return b
}

// readRecord takes one record off the front of what a journal holds.
func readRecord(r *reader) (rec record) {
	rec.kind = kind(r.byte())
	rec.key = r.bytes()
	switch rec.kind {
	case plain:
		rec.id = r.bytes()
		rec.sum, rec.source = r.uint64(), r.uint64()
		rec.detail = r.bytes()
	case whole:
		rec.body = r.bytes()
	case tombstone, taken:
	default:
		r.bad = true
	}
	return rec
}
