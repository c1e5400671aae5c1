package snapshot

import (
	"cmp"
	"slices"

	"spillway/diffstore"
)

// overlay holds the records that are newer than all generations, in memory: those of keys with an attempt under way
// that is no intent, which change once more soon, as their states and apart, all others in an arena, where what is
// superseded stays until the overlay is written to a generation.
type overlay struct {
	hash *hasher
	arena
	intents
	keys  table // from the hash of a key to where its newest record is
	ids   table // from the hash of an identifier to the hashes of the keys that have, or had, it
	held  []*held
	free  []*held
	limit int // of states that are held
}

// held is the newest record of a key with an attempt under way.
type held struct {
	number  uint64 // among those that are held
	key     string
	hash    diffstore.KeyHash
	stored  *stored // nil where it has to be read from the record
	encoded []byte  // the record as a journal has it
	listed  string  // an identifier that it is listed under
}

// A value in the table of keys is the offset of a record in the arena, or the number of one that is held, plus 1.
const isHeld = 1 << 32

// heldBytes is about what a state that is held takes.
const heldBytes = 1 << 9

func newOverlay(h *hasher, budget int) *overlay {
	return &overlay{hash: h, limit: max(budget/16/heldBytes, 16)}
}

func (o *overlay) empty() bool { return o.keys.count == 0 }

// rows returns how many keys there are.
func (o *overlay) rows() int { return o.keys.count }

func (o *overlay) memory() int {
	return o.arenaBytes + o.keys.bytes() + o.ids.bytes() + heldBytes*(len(o.held)-len(o.free))
}

// reset makes the overlay empty. Cursors through it go on.
func (o *overlay) reset() {
	o.arena, o.intents, o.held, o.free = arena{}, intents{}, nil, nil
	o.keys.reset()
	o.ids.reset()
}

// slotOf returns the slot of a key, or nil.
func (o *overlay) slotOf(hash uint64, key []byte) *slot {
	for i := o.keys.next(o.keys.find(hash), hash); i >= 0; i = o.keys.next(i+1, hash) {
		if string(o.keyAt(o.keys.slots[i].value)) == string(key) {
			return &o.keys.slots[i]
		}
	}
	return nil
}

func (o *overlay) keyAt(value uint64) []byte {
	if h := o.heldAt(value); h != nil {
		return textOf(h.key)
	}
	r := reader{b: o.from(uint32(value - 1))[1:]}
	return r.bytes()
}

func (o *overlay) heldAt(value uint64) *held {
	if value <= isHeld {
		return nil
	}
	return o.held[value-isHeld-1]
}

// set makes a value that of a key, and lets go of what was there.
func (o *overlay) set(hash uint64, key []byte, value uint64) {
	s := o.slotOf(hash, key)
	if s == nil {
		o.keys.add(hash, value)
		return
	}
	if s.value != value {
		o.supersede(s.value)
	}
	s.value = value
}

// supersede lets go of the state that is held, or of the intent.
func (o *overlay) supersede(value uint64) {
	if h := o.heldAt(value); h != nil {
		*h = held{number: h.number, encoded: h.encoded[:0]}
		o.free = append(o.free, h)
		return
	}
	if r := o.record(uint32(value - 1)); r.kind == intent {
		token := r.token()
		if b := o.batches[token.batch()]; b != nil {
			if at, ok := b.find(token.place()); ok && uint64(at) == value-1 {
				o.end(b, token.place())
			}
		}
	}
}

// put adds a record, whose encoding is b, or replaces an older one. An identifier that the key is listed under need not
// be listed again.
func (o *overlay) put(key diffstore.KeyHash, r *record, b []byte, listed string) error {
	offset, err := o.add(b)
	if err != nil {
		return err
	}
	o.set(prefix(key), r.key, uint64(offset)+1)
	if r.kind == intent {
		token := r.token()
		o.batch(token.batch()).add(token.place(), offset)
	}
	if r.kind == plain && string(r.id) == listed {
		return nil
	}
	return r.claims(func(id []byte) { o.list(prefix(o.hash.HashKey(id)), key) })
}

// hold adds a record with an attempt under way, whose encoding is b, or replaces an older one.
func (o *overlay) hold(hash diffstore.KeyHash, key string, s *stored, b []byte) error {
	h, err := o.heldOf(hash, key)
	if err != nil {
		return err
	}
	h.stored, h.encoded = s, append(h.encoded[:0], b...)
	if s.state.Pending.Open {
		s.state.Pending.Detail = clone(s.state.Pending.Detail) // it is the caller's
	}
	for i := range s.state.Claims {
		if id := s.state.Claims[i].ID; id != "" && id != h.listed {
			o.list(prefix(o.hash.HashKey(textOf(id))), hash)
			h.listed = id
		}
	}
	return nil
}

// intentOf returns where the intent of a key with a token is.
func (o *overlay) intentOf(token intentToken, key string) (b *intentBatch, offset uint32, ok bool) {
	b = o.batches[token.batch()]
	if offset, ok = b.find(token.place()); !ok || kind(o.from(offset)[0]) != intent {
		return nil, 0, false
	}
	return b, offset, string(o.keyAt(uint64(offset)+1)) == key
}

// turn makes an intent the record that it becomes when it is taken, or the other way round.
func (o *overlay) turn(offset uint32, into kind) { o.from(offset)[0] = byte(into) }

// heldOf returns what is held of a key, which is made where there is none.
func (o *overlay) heldOf(hash diffstore.KeyHash, key string) (*held, error) {
	slot := o.slotOf(prefix(hash), textOf(key))
	if slot != nil {
		if h := o.heldAt(slot.value); h != nil {
			return h, nil
		}
	}
	if len(o.free) == 0 && len(o.held) >= o.limit {
		if err := o.spill(); err != nil {
			return nil, err
		}
		slot = nil
	}
	h := o.takeHeld()
	h.key, h.hash = key, hash
	if slot != nil {
		o.supersede(slot.value)
		slot.value = isHeld + 1 + h.number
	} else {
		o.set(prefix(hash), textOf(key), isHeld+1+h.number)
	}
	return h, nil
}

func (o *overlay) takeHeld() *held {
	if n := len(o.free); n > 0 {
		h := o.free[n-1]
		o.free = o.free[:n-1]
		return h
	}
	h := &held{number: uint64(len(o.held))}
	o.held = append(o.held, h)
	return h
}

// spill puts all states that are held into the arena.
func (o *overlay) spill() error {
	for _, h := range o.held {
		if len(h.encoded) == 0 {
			continue
		}
		offset, err := o.add(h.encoded)
		if err != nil {
			return err
		}
		o.set(prefix(h.hash), textOf(h.key), uint64(offset)+1)
	}
	return nil
}

// list notes that a key has an identifier.
func (o *overlay) list(id uint64, key diffstore.KeyHash) {
	holder := max(prefix(key), 1)
	for i := o.ids.next(o.ids.find(id), id); i >= 0; i = o.ids.next(i+1, id) {
		if o.ids.slots[i].value == holder {
			return
		}
	}
	o.ids.add(id, holder)
}

// get returns the newest record of a key, and what is held of it, if that is.
func (o *overlay) get(hash uint64, key []byte) (r record, h *held, ok bool) {
	if o.keys.count == 0 {
		return record{}, nil, false
	}
	s := o.slotOf(hash, key)
	if s == nil {
		return record{}, nil, false
	}
	r, h = o.at(s.value)
	return r, h, true
}

func (o *overlay) at(value uint64) (record, *held) {
	if h := o.heldAt(value); h != nil {
		r := reader{b: h.encoded}
		return readRecord(&r), h
	}
	return o.record(uint32(value - 1)), nil
}

// holders calls yield with the keys that have, or had, an identifier.
func (o *overlay) holders(id uint64, yield func(key []byte)) {
	if o.ids.count == 0 {
		return
	}
	for i := o.ids.next(o.ids.find(id), id); i >= 0; i = o.ids.next(i+1, id) {
		hash := o.ids.slots[i].value
		for j := o.keys.next(o.keys.find(hash), hash); j >= 0; j = o.keys.next(j+1, hash) {
			yield(o.keyAt(o.keys.slots[j].value))
		}
	}
}

// reference is where the newest record of a key is.
type reference struct {
	hash   uint64
	offset uint32
}

// sorted returns the newest records in the order of their hashes and keys. Slots are in that order already, but for
// neighbours and for those that found no place before the end.
func (o *overlay) sorted() ([]reference, error) {
	if err := o.spill(); err != nil {
		return nil, err
	}
	refs := make([]reference, 0, o.keys.count)
	turned := 0
	for i, s := range o.keys.slots {
		if s.value != 0 && o.keys.find(s.hash) <= i {
			refs = append(refs, reference{s.hash, uint32(s.value - 1)})
		} else if s.value != 0 {
			turned++
		}
	}
	for i := 0; turned > 0; i++ {
		if s := o.keys.slots[i]; s.value != 0 && o.keys.find(s.hash) > i {
			refs = append(refs, reference{s.hash, uint32(s.value - 1)})
			turned--
		}
	}
	for i := 1; i < len(refs); i++ {
		r := refs[i]
		j := i
		for ; j > 0 && o.after(refs[j-1], r); j-- {
			refs[j] = refs[j-1]
		}
		refs[j] = r
	}
	return refs, nil
}

func (o *overlay) after(a, b reference) bool {
	if a.hash != b.hash {
		return a.hash > b.hash
	}
	return string(o.keyAt(uint64(a.offset)+1)) > string(o.keyAt(uint64(b.offset)+1))
}

// inTurn returns the newest records, those that were put first first.
func (o *overlay) inTurn() ([]reference, error) {
	refs, err := o.sorted()
	slices.SortFunc(refs, func(a, b reference) int { return cmp.Compare(a.offset, b.offset) })
	return refs, err
}

func (o *overlay) cursor() (*cursor, error) {
	refs, err := o.sorted()
	return &cursor{arena: o.arena, refs: refs}, err
}
