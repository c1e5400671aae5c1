package snapshot

import (
	"encoding/binary"

	"spillway/diffstore"
)

// Most attempts are at a record of a key of which nothing was known, or whose record was accepted under the very
// identifier that it is sent to again, and no other key has or had that identifier. Of such an attempt an intent is
// written: the plain record that it becomes when it is taken, and behind it what the attempt adds. In memory it becomes
// that record by its first byte, and the journal notes of a batch which of its intents were taken.
//
// The body of an intent is its token and, as its first byte says, the sum that counts until a record was accepted and
// what was accepted before.
const (
	intentFirst     = 1 << iota // the sum that is tried is not that of the record
	intentWideFirst             // see appendSum
	intentAccepted
)

// appendIntent appends the body of the intent of e. Before is the record last accepted, which is plain, or of another
// kind where there is none.
func appendIntent(b []byte, e *diffstore.Entry, before *record, token diffstore.Token) []byte {
	accepted := before.kind == plain
	value := e.Value(accepted)
	b = append(b, bitIf(intentFirst, value != e.Sum)|bitIf(intentWideFirst, isWide(value))|bitIf(intentAccepted, accepted))
	b = append(b, token[:]...)
	if value != e.Sum {
		b = appendSum(b, value)
	}
	if accepted {
		b = binary.LittleEndian.AppendUint64(b, before.sum)
		b = binary.LittleEndian.AppendUint64(b, before.source)
		b = appendBytes(b, before.detail)
	}
	return b
}

// token returns that of an intent.
func (r *record) token() (t intentToken) {
	if len(r.body) > len(t) {
		copy(t[:], r.body[1:])
	}
	return t
}

// intended returns the state of a key with an intent, as the session called by nonce sees it. It is what Draft.Intend
// makes of such a key.
func (r *record) intended(nonce uint64) (*stored, error) {
	in := reader{b: r.body}
	flags := in.byte()
	token := intentToken(in.array16())
	sum := toSum(r.sum)
	value := sum
	if flags&intentFirst != 0 {
		value = in.sum(flags&intentWideFirst != 0)
	}
	id := string(r.id)
	s := &stored{state: diffstore.State{
		TriedID: id, Tried: diffstore.Tried{Sum: value, Doubt: true, Token: diffstore.Token(token), Batch: token.first()},
	}}
	st := &s.state
	if id != "" {
		st.Claims = []diffstore.Claim{{ID: id}}
	}
	if flags&intentAccepted != 0 {
		st.Accepted, st.ID = true, id
		st.Sum, s.source = toSum(in.uint64()), in.uint64()
		st.Detail = clone(in.bytes())
	}
	if token.session() == nonce {
		st.Pending = diffstore.Pending{Open: true, Sum: sum, Detail: clone(r.detail), Claimed: st.Accepted && id != ""}
		s.coming = r.source
	}
	return s, in.done("an intent")
}

// intentToken is the token of an intent: the session, the batch, counted within the session, and the place in the batch.
type intentToken diffstore.Token

// batchName is the part of a token that the intents of one batch share.
type batchName [12]byte

func newIntentToken(session uint64, batch, place uint32) (t intentToken) {
	binary.LittleEndian.PutUint64(t[:], session)
	binary.LittleEndian.PutUint32(t[8:], batch)
	binary.LittleEndian.PutUint32(t[12:], place)
	return t
}

func (t intentToken) session() uint64  { return binary.LittleEndian.Uint64(t[:]) }
func (t intentToken) place() uint32    { return binary.LittleEndian.Uint32(t[12:]) }
func (t intentToken) batch() batchName { return batchName(t[:12]) }

// first returns the token of the first attempt of the batch.
func (t intentToken) first() (f diffstore.Token) {
	copy(f[:12], t[:])
	return f
}

// intents are where the intents of batches are in memory.
type intents struct {
	batches map[batchName]*intentBatch
	latest  *intentBatch // of those that were asked for
	spare   []*intentBatch
}

type intentBatch struct {
	name batchName
	at   []int64 // the offset of each plus 1; 0 where there is none any more
	left int
}

// mostSpareBatches is how many lists are kept for batches to come.
const mostSpareBatches = 64

// known returns the batch of that name, or nil.
func (s *intents) known(name batchName) *intentBatch {
	if s.latest == nil || s.latest.name != name {
		s.latest = s.batches[name]
	}
	return s.latest
}

// batch returns the batch of that name, which may be a new one.
func (s *intents) batch(name batchName) *intentBatch {
	if b := s.known(name); b != nil {
		return b
	}
	b := &intentBatch{}
	if n := len(s.spare); n > 0 {
		b, s.spare = s.spare[n-1], s.spare[:n-1]
	}
	b.name = name
	if s.batches == nil {
		s.batches = map[batchName]*intentBatch{}
	}
	s.batches[name] = b
	return b
}

// mostPlaces is how many attempts of a batch may be intents.
const mostPlaces = 1 << 24

// add notes where the intent at a place of the batch is.
func (b *intentBatch) add(place, offset uint32) {
	for len(b.at) <= int(place) {
		b.at = append(b.at, 0)
	}
	if b.at[place] == 0 {
		b.left++
	}
	b.at[place] = int64(offset) + 1
}

// find returns where the intent at a place is.
func (b *intentBatch) find(place uint32) (offset uint32, ok bool) {
	if b == nil || int(place) >= len(b.at) || b.at[place] == 0 {
		return 0, false
	}
	return uint32(b.at[place] - 1), true
}

// end notes that an intent is none any more, and lets go of a batch that has no other.
func (s *intents) end(b *intentBatch, place uint32) {
	b.at[place] = 0
	if b.left--; b.left > 0 {
		return
	}
	s.latest = nil
	delete(s.batches, b.name)
	if len(s.spare) < mostSpareBatches {
		b.at = b.at[:0]
		s.spare = append(s.spare, b)
	}
}

// drop lets go of a batch that turned out to have no intents.
func (s *intents) drop(b *intentBatch) {
	if b != nil && b.left == 0 {
		s.latest = nil
		delete(s.batches, b.name)
	}
}

// appendRanges appends places, each run of them that follow each other as its first and their number.
func appendRanges(b []byte, places []uint32) []byte {
	for len(places) > 0 {
		n := 1
		for n < len(places) && places[n] == places[n-1]+1 {
			n++
		}
		b = binary.AppendUvarint(b, uint64(places[0]))
		b = binary.AppendUvarint(b, uint64(n))
		places = places[n:]
	}
	return b
}

// eachPlace is the inverse of appendRanges.
func eachPlace(ranges []byte, visit func(place uint32) error) error {
	r := reader{b: ranges}
	for len(r.b) > 0 {
		from, n := r.uvarint(), r.uvarint()
		if r.bad || from > mostPlaces || n > mostPlaces {
			return damage("the places in a batch cannot be read")
		}
		for place := from; place < from+n; place++ {
			if err := visit(uint32(place)); err != nil {
				return err
			}
		}
	}
	return r.done("the places in a batch")
}
