package snapshot

import (
	"cmp"
	"errors"
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
	keys  tags // from the hash of a key to where its newest record is
	ids   tags // from the hash of an identifier to the tags of the keys that have, or had, it
	held  []*held
	free  []*held
	limit int // of states that are held
}

// held is the newest record of a key with an attempt under way.
type held struct {
	number  uint32 // among those that are held
	key     string
	hash    diffstore.KeyHash
	stored  *stored // nil where it has to be read from the record
	encoded []byte  // the record as a journal has it
	listed  string  // an identifier that it is listed under
}

// A value in the table of keys is the offset of a record in the arena, or the number of one that is held, plus 1.
const isHeld = 1 << 31

// heldBytes is about what a state that is held takes.
const heldBytes = 1 << 9

// newOverlay returns an overlay that has some of the records in files in a directory, unless these are to be encrypted.
func newOverlay(h *hasher, f *files) *overlay {
	room := tags{dir: f.dir, limit: max(f.budget/8, firstSlots*slotBytes)}
	o := &overlay{hash: h, keys: room, ids: room, limit: max(f.budget/16/heldBytes, 16)}
	if f.encryptionKey == nil {
		o.arena = newArena(f.dir, f.budget/16, f.budget/2)
	}
	return o
}

func (o *overlay) empty() bool { return o.keys.count == 0 }

// rows returns how many keys there are.
func (o *overlay) rows() int { return o.keys.count }

// memory returns how many bytes the overlay takes that are looked at here and there, or is about to take.
func (o *overlay) memory() int {
	n := o.onHeap + heldBytes*(len(o.held)-len(o.free))
	for _, t := range []*tags{&o.keys, &o.ids} {
		n += t.bytes()
		if t.full(len(t.slots) / 64) {
			n += t.bytes()
		}
	}
	return n
}

// reset makes the overlay empty. Whoever uses it goes on.
func (o *overlay) reset() error {
	err := o.giveUp()
	o.intents, o.held, o.free = intents{}, nil, nil
	o.keys.reset()
	o.ids.reset()
	return err
}

func (o *overlay) Close() error { return errors.Join(o.reset(), o.keys.Close(), o.ids.Close()) }

// slotOf returns the slot of a key, or -1.
func (o *overlay) slotOf(hash uint64, key []byte) int {
	tag := tagOf(hash)
	for i := o.keys.first(tag); i >= 0; i = o.keys.next(i, tag) {
		if string(o.keyAt(valueIn(o.keys.slots[i]))) == string(key) {
			return i
		}
	}
	return -1
}

func (o *overlay) keyAt(value uint32) []byte {
	if h := o.heldAt(value); h != nil {
		return textOf(h.key)
	}
	r := reader{b: o.from(value - 1)[1:]}
	return r.bytes()
}

func (o *overlay) heldAt(value uint32) *held {
	if value <= isHeld {
		return nil
	}
	return o.held[value-isHeld-1]
}

// set makes a value that of a key, and lets go of what was there.
func (o *overlay) set(hash uint64, key []byte, value uint32) error {
	i := o.slotOf(hash, key)
	if i < 0 {
		return o.keys.add(tagOf(hash), value)
	}
	if was := valueIn(o.keys.slots[i]); was != value {
		o.supersede(was)
	}
	o.keys.set(i, value)
	return nil
}

// supersede lets go of the state that is held, or of the intent.
func (o *overlay) supersede(value uint32) {
	if h := o.heldAt(value); h != nil {
		*h = held{number: h.number, encoded: h.encoded[:0]}
		o.free = append(o.free, h)
		return
	}
	if r := o.record(value - 1); r.kind == intent {
		token := r.token()
		if b := o.known(token.batch()); b != nil {
			if at, ok := b.find(token.place()); ok && at == value-1 {
				o.end(b, token.place())
			}
		}
	}
}

// put adds a record, whose encoding is b, or replaces an older one. An identifier that the key is listed under need not
// be listed again.
func (o *overlay) put(key diffstore.KeyHash, r *record, b []byte, listed string) error {
	offset, err := o.add(prefix(key), b)
	if err != nil {
		return err
	}
	if err := o.set(prefix(key), r.key, offset+1); err != nil {
		return err
	}
	if r.kind == intent {
		token := r.token()
		o.batch(token.batch()).add(token.place(), offset)
	}
	if r.kind == plain && string(r.id) == listed {
		return nil
	}
	claimsErr := r.claims(func(id []byte) { err = errors.Join(err, o.list(prefix(o.hash.HashKey(id)), key)) })
	return errors.Join(claimsErr, err)
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
			if err := o.list(prefix(o.hash.HashKey(textOf(id))), hash); err != nil {
				return err
			}
			h.listed = id
		}
	}
	return nil
}

// intentOf returns where the intent of a key with a token is.
func (o *overlay) intentOf(token intentToken, key string) (b *intentBatch, offset uint32, ok bool) {
	b = o.known(token.batch())
	if offset, ok = b.find(token.place()); !ok || kind(o.from(offset)[0]) != intent {
		return nil, 0, false
	}
	return b, offset, string(o.keyAt(offset+1)) == key
}

// turn makes an intent the record that it becomes when it is taken, or the other way round.
func (o *overlay) turn(offset uint32, into kind) { o.from(offset)[0] = byte(into) }

// heldOf returns what is held of a key, which is made where there is none.
func (o *overlay) heldOf(hash diffstore.KeyHash, key string) (*held, error) {
	slot := o.slotOf(prefix(hash), textOf(key))
	if slot >= 0 {
		if h := o.heldAt(valueIn(o.keys.slots[slot])); h != nil {
			return h, nil
		}
	}
	if len(o.free) == 0 && len(o.held) >= o.limit {
		if err := o.spill(); err != nil {
			return nil, err
		}
		slot = -1
	}
	h := o.takeHeld()
	h.key, h.hash = key, hash
	if slot >= 0 {
		o.supersede(valueIn(o.keys.slots[slot]))
		o.keys.set(slot, isHeld+1+h.number)
		return h, nil
	}
	return h, o.set(prefix(hash), textOf(key), isHeld+1+h.number)
}

func (o *overlay) takeHeld() *held {
	if n := len(o.free); n > 0 {
		h := o.free[n-1]
		o.free = o.free[:n-1]
		return h
	}
	h := &held{number: uint32(len(o.held))}
	o.held = append(o.held, h)
	return h
}

// spill puts all states that are held into the arena.
func (o *overlay) spill() error {
	for _, h := range o.held {
		if len(h.encoded) == 0 {
			continue
		}
		offset, err := o.add(prefix(h.hash), h.encoded)
		if err != nil {
			return err
		}
		if err := o.set(prefix(h.hash), textOf(h.key), offset+1); err != nil {
			return err
		}
	}
	return nil
}

// list notes that a key has an identifier.
func (o *overlay) list(id uint64, key diffstore.KeyHash) error {
	tag, holder := tagOf(id), holderOf(key)
	for i := o.ids.first(tag); i >= 0; i = o.ids.next(i, tag) {
		if valueIn(o.ids.slots[i]) == holder {
			return nil
		}
	}
	return o.ids.add(tag, holder)
}

// holderOf returns what stands for a key in the table of identifiers: its tag, which is not 0 there.
func holderOf(key diffstore.KeyHash) uint32 { return max(tagOf(prefix(key)), 1) }

// get returns the newest record of a key, and what is held of it, if that is.
func (o *overlay) get(hash uint64, key []byte) (r record, h *held, ok bool) {
	if o.keys.count == 0 {
		return record{}, nil, false
	}
	i := o.slotOf(hash, key)
	if i < 0 {
		return record{}, nil, false
	}
	r, h = o.at(valueIn(o.keys.slots[i]))
	return r, h, true
}

func (o *overlay) at(value uint32) (record, *held) {
	if h := o.heldAt(value); h != nil {
		r := reader{b: h.encoded}
		return readRecord(&r), h
	}
	return o.record(value - 1), nil
}

// holders calls yield with the keys that have, or had, an identifier, and seldom with one that has not.
func (o *overlay) holders(id uint64, yield func(key []byte)) {
	tag := tagOf(id)
	for i := o.ids.first(tag); i >= 0; i = o.ids.next(i, tag) {
		o.tagged(valueIn(o.ids.slots[i]), yield)
		if valueIn(o.ids.slots[i]) == 1 {
			o.tagged(0, yield)
		}
	}
}

// tagged calls yield with the keys whose hashes have a tag.
func (o *overlay) tagged(tag uint32, yield func(key []byte)) {
	for i := o.keys.first(tag); i >= 0; i = o.keys.next(i, tag) {
		yield(o.keyAt(valueIn(o.keys.slots[i])))
	}
}

// reference is where the newest record of a key is.
type reference struct{ tag, offset uint32 }

// sorted returns the newest records in the order of their hashes and keys. Slots are in that order already, but for
// neighbours and for those that found no place before the end.
func (o *overlay) sorted() ([]reference, error) {
	if err := o.spill(); err != nil {
		return nil, err
	}
	refs := make([]reference, 0, o.keys.count)
	turned := 0
	for i, s := range o.keys.slots {
		if valueIn(s) != 0 && o.keys.find(tagIn(s)) <= i {
			refs = append(refs, reference{tagIn(s), valueIn(s) - 1})
		} else if valueIn(s) != 0 {
			turned++
		}
	}
	for i := 0; turned > 0; i++ {
		if s := o.keys.slots[i]; valueIn(s) != 0 && o.keys.find(tagIn(s)) > i {
			refs = append(refs, reference{tagIn(s), valueIn(s) - 1})
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
	if a.tag != b.tag {
		return a.tag > b.tag
	}
	if ha, hb := o.hashAt(a.offset), o.hashAt(b.offset); ha != hb {
		return ha > hb
	}
	return string(o.keyAt(a.offset+1)) > string(o.keyAt(b.offset+1))
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
