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
	intent                // an attempt that is under way, of a key of which nothing else is to say: see intent.go
	answered              // in a journal alone: which intents of one batch were accepted
)

// record is what a file holds of one key. Its bytes belong to the file.
type record struct {
	kind kind
	key  []byte

	id, detail  []byte // of a plain record, and of the one that an intent becomes when it is taken
	sum, source uint64 // likewise; see fromSum

	body []byte // of a whole one: see appendStored; of an intent: see appendIntent; of answers: see appendRanges
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
	case intent:
		return r.intended(nonce)
	case tombstone, taken, answered:
	}
	return &stored{}, nil
}

// wholly returns a plain record or an intent in its whole form.
func (r *record) wholly() (record, error) {
	var session uint64
	switch r.kind {
	case plain:
	case intent:
		session = r.token().session()
	default:
		return *r, nil
	}
	s, err := r.stored(session)
	if err != nil {
		return record{}, err
	}
	return record{kind: whole, key: r.key, body: appendStored(nil, s, session)}, nil
}

// claims calls yield with each identifier that the key has.
func (r *record) claims(yield func(id []byte)) error {
	switch r.kind {
	case plain, intent:
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
	case tombstone, taken, answered:
	}
	return nil
}

// appendRecord appends the form of a record that journals hold.
func appendRecord(b []byte, r *record) []byte {
	b = append(b, byte(r.kind))
	b = appendBytes(b, r.key)
	switch r.kind {
	case plain, intent:
		b = appendBytes(b, r.id)
		b = binary.LittleEndian.AppendUint64(b, r.sum)
		b = binary.LittleEndian.AppendUint64(b, r.source)
		b = appendBytes(b, r.detail)
		if r.kind == intent { // behind everything, so that it becomes plain by its kind alone
			b = appendBytes(b, r.body)
		}
	case whole, answered:
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
	case plain, intent:
		rec.id = r.bytes()
		rec.sum, rec.source = r.uint64(), r.uint64()
		rec.detail = r.bytes()
		if rec.kind == intent {
			rec.body = r.bytes()
		}
	case whole, answered:
		rec.body = r.bytes()
	case tombstone, taken:
	default:
		r.bad = true
	}
	return rec
}
