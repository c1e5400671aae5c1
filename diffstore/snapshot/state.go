package snapshot

import (
	"encoding/binary"
	"time"

	"spillway/diffstore"
)

// stored is a state with what this engine keeps beside it.
type stored struct {
	state  diffstore.State
	source uint64 // of the record last accepted: diffstore.Entry.Source, 0 where it is not known
	coming uint64 // of the attempt that is under way
}

// The flags of a state, of a claim and of a Tried, as they are written.
const (
	hasAccepted = 1 << iota
	hasLeft
	hasTried
	hasPending
	hasUnderWay // the session in which attempts are under way is written too
	hasWideSum  // see appendSum
	triedLast   // what was tried has the identifier that stands last
)

const (
	hasShadow = 1 << iota
	hasRemoval
	hasRemoving
	removingDoubt
	removingShared
)

const (
	triedSum = 1 << iota
	triedRemoval
	triedDoubt
	triedToken
	triedBatch
	triedSince
	triedWideSum
	triedFirst // its token is that of its batch
)

const (
	pendingDoubt = 1 << iota
	pendingLeft
	pendingClaimed
	pendingShared
	pendingShadow
	pendingWideSum
)

// underWay reports whether an attempt is, in the session that is open.
func (s *stored) underWay() bool {
	open := s.state.Pending.Open
	for i := range s.state.Claims {
		open = open || s.state.Claims[i].Removing.Open
	}
	return open
}

// alone returns the sum of the attempt at a record that is under way, if it has one identifier or none, to which nothing
// else was or may have been sent: then all follows from it once it is taken. Otherwise it returns 0.
func (s *stored) alone() uint64 {
	st := &s.state
	if !st.Pending.Open || len(st.Claims) > 1 || (len(st.Claims) == 0) != (st.TriedID == "") ||
		(len(st.Claims) == 1 && st.Claims[0] != diffstore.Claim{ID: st.TriedID}) {
		return 0
	}
	sum, _ := fromSum(st.Pending.Sum)
	return sum
}

// appendStored appends the whole form of a state. Attempts that are under way are so in the session called by nonce
// alone: whoever else reads the state finds them in doubt.
func appendStored(b []byte, s *stored, nonce uint64) []byte {
	st := &s.state
	underWay := s.underWay()
	last := len(st.Claims) > 0 && st.Claims[len(st.Claims)-1].ID == st.TriedID
	b = append(b, bitIf(hasAccepted, st.Accepted)|bitIf(hasLeft, st.Left)|bitIf(hasTried, st.Tried != diffstore.Tried{})|
		bitIf(hasPending, st.Pending.Open)|bitIf(hasUnderWay, underWay)|bitIf(hasWideSum, isWide(st.Sum))|bitIf(triedLast, last))
	if underWay {
		b = binary.LittleEndian.AppendUint64(b, nonce)
	}
	if st.Accepted {
		b = appendSum(b, st.Sum)
		b = binary.LittleEndian.AppendUint64(b, s.source)
		b = appendBytes(b, st.Detail)
		b = appendBytes(b, st.ID)
	}
	b = binary.AppendUvarint(b, uint64(len(st.Claims)))
	for i := range st.Claims {
		b = appendClaim(b, &st.Claims[i])
	}
	if !last {
		b = appendBytes(b, st.TriedID)
	}
	if (st.Tried != diffstore.Tried{}) {
		b = appendTried(b, &st.Tried)
	}
	if st.Pending.Open {
		b = appendPending(b, &st.Pending)
		b = binary.LittleEndian.AppendUint64(b, s.coming)
	}
	return b
}

func appendClaim(b []byte, c *diffstore.Claim) []byte {
	b = appendBytes(b, c.ID)
	b = append(b, bitIf(hasShadow, c.Shadow != diffstore.Token{})|bitIf(hasRemoval, c.Removal != diffstore.Tried{})|
		bitIf(hasRemoving, c.Removing.Open)|bitIf(removingDoubt, c.Removing.Doubt)|bitIf(removingShared, c.Removing.Shared))
	if (c.Shadow != diffstore.Token{}) {
		b = append(b, c.Shadow[:]...)
	}
	if (c.Removal != diffstore.Tried{}) {
		b = appendTried(b, &c.Removal)
	}
	return b
}

func appendTried(b []byte, t *diffstore.Tried) []byte {
	b = append(b, bitIf(triedSum, t.Sum != diffstore.Sum{})|bitIf(triedRemoval, t.Removal)|bitIf(triedDoubt, t.Doubt)|
		bitIf(triedToken, t.Token != diffstore.Token{})|bitIf(triedBatch, t.Batch != diffstore.Token{})|bitIf(triedSince, !t.Since.IsZero())|
		bitIf(triedWideSum, isWide(t.Sum))|bitIf(triedFirst, t.Batch == t.Token))
	if (t.Sum != diffstore.Sum{}) {
		b = appendSum(b, t.Sum)
	}
	if (t.Token != diffstore.Token{}) {
		b = append(b, t.Token[:]...)
	}
	if (t.Batch != diffstore.Token{} && t.Batch != t.Token) {
		b = append(b, t.Batch[:]...)
	}
	if !t.Since.IsZero() {
		b = binary.AppendVarint(b, t.Since.UnixNano())
	}
	b = binary.AppendUvarint(b, uint64(max(t.Refusals, 0)))
	return appendBytes(b, t.Code)
}

func appendPending(b []byte, p *diffstore.Pending) []byte {
	b = append(b, bitIf(pendingDoubt, p.Doubt)|bitIf(pendingLeft, p.Left)|bitIf(pendingClaimed, p.Claimed)|bitIf(pendingShared, p.Shared)|
		bitIf(pendingShadow, p.Shadow != diffstore.Token{})|bitIf(pendingWideSum, isWide(p.Sum)))
	b = appendSum(b, p.Sum)
	if (p.Shadow != diffstore.Token{}) {
		b = append(b, p.Shadow[:]...)
	}
	return appendBytes(b, p.Detail)
}

// appendSum appends the first half of a sum, and the second where there is something in it: then the sum is wide.
func appendSum(b []byte, s diffstore.Sum) []byte {
	if isWide(s) {
		return append(b, s[:]...)
	}
	return append(b, s[:8]...)
}

func isWide(s diffstore.Sum) bool { return binary.LittleEndian.Uint64(s[8:]) != 0 }

func (r *reader) sum(wide bool) (s diffstore.Sum) {
	if wide {
		return r.array16()
	}
	copy(s[:], r.take(8))
	return s
}

func bitIf(bit byte, on bool) byte {
	if on {
		return bit
	}
	return 0
}

// readStored is the inverse of appendStored, as the session called by nonce sees it.
func readStored(b []byte, nonce uint64) (*stored, error) {
	r := reader{b: b}
	s := &stored{}
	st := &s.state
	flags := r.byte()
	current := flags&hasUnderWay == 0 || r.uint64() == nonce
	st.Accepted, st.Left = flags&hasAccepted != 0, flags&hasLeft != 0
	if st.Accepted {
		st.Sum, s.source = r.sum(flags&hasWideSum != 0), r.uint64()
		st.Detail, st.ID = clone(r.bytes()), r.string()
	}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		st.Claims = append(st.Claims, readClaim(&r))
	}
	if n := len(st.Claims); flags&triedLast == 0 {
		st.TriedID = r.string()
	} else if n > 0 {
		st.TriedID = st.Claims[n-1].ID
	}
	if flags&hasTried != 0 {
		st.Tried = readTried(&r)
	}
	if flags&hasPending != 0 {
		st.Pending = readPending(&r)
		s.coming = r.uint64()
	}
	if !current {
		st.Pending, s.coming = diffstore.Pending{}, 0
		for i := range st.Claims {
			st.Claims[i].Removing = diffstore.Removing{}
		}
	}
	return s, r.done("a state")
}

// sessionOf returns the session in which the attempts of a whole form are under way, 0 if none is.
func sessionOf(b []byte) uint64 {
	r := reader{b: b}
	if r.byte()&hasUnderWay == 0 {
		return 0
	}
	return r.uint64()
}

func readClaim(r *reader) (c diffstore.Claim) {
	c.ID = r.string()
	flags := r.byte()
	if flags&hasShadow != 0 {
		c.Shadow = r.array16()
	}
	if flags&hasRemoval != 0 {
		c.Removal = readTried(r)
	}
	c.Removing = diffstore.Removing{Open: flags&hasRemoving != 0, Doubt: flags&removingDoubt != 0, Shared: flags&removingShared != 0}
	return c
}

func readTried(r *reader) (t diffstore.Tried) {
	flags := r.byte()
	t.Removal, t.Doubt = flags&triedRemoval != 0, flags&triedDoubt != 0
	if flags&triedSum != 0 {
		t.Sum = r.sum(flags&triedWideSum != 0)
	}
	if flags&triedToken != 0 {
		t.Token = r.array16()
	}
	if flags&triedFirst != 0 {
		t.Batch = t.Token
	} else if flags&triedBatch != 0 {
		t.Batch = r.array16()
	}
	if flags&triedSince != 0 {
		t.Since = time.Unix(0, r.varint()).UTC()
	}
	t.Refusals = int(r.uvarint())
	t.Code = r.string()
	return t
}

func readPending(r *reader) (p diffstore.Pending) {
	flags := r.byte()
	p = diffstore.Pending{
		Open: true, Doubt: flags&pendingDoubt != 0, Left: flags&pendingLeft != 0, Claimed: flags&pendingClaimed != 0,
		Shared: flags&pendingShared != 0,
	}
	p.Sum = r.sum(flags&pendingWideSum != 0)
	if flags&pendingShadow != 0 {
		p.Shadow = r.array16()
	}
	p.Detail = clone(r.bytes())
	return p
}

func clone(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return append([]byte(nil), b...)
}
