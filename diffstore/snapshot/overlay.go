package snapshot

import (
	"cmp"
	"slices"

	"spillway/diffstore"
)

// overlay holds the records that are newer than all generations, in memory. What is superseded stays until the overlay
// is written to a generation.
type overlay struct {
	hash  *hasher
	arena []byte // records, in the order in which they came
	at    map[diffstore.KeyHash]uint32
	ids   map[uint64]uint32 // by the hash of an identifier, the last of the keys that had it
	nodes []node
}

// node is one key that had an identifier, and the one before it; nodes begin at 1.
type node struct {
	key  diffstore.KeyHash
	next uint32
}

// reference is where the newest record of a key is.
type reference struct {
	hash   uint64
	offset uint32
}

// The memory that each key and each identifier take beside their records, about.
const (
	bytesPerKey = 48
	bytesPerID  = 48
)

func newOverlay(h *hasher) *overlay {
	return &overlay{hash: h, at: map[diffstore.KeyHash]uint32{}, ids: map[uint64]uint32{}, nodes: make([]node, 1)}
}

func (o *overlay) empty() bool { return len(o.at) == 0 }

func (o *overlay) memory() int {
	return cap(o.arena) + bytesPerKey*len(o.at) + bytesPerID*len(o.nodes)
}

// maxArena is where offsets end.
const maxArena = 1<<32 - 1

// put adds a record, whose encoding is b, or replaces an older one.
func (o *overlay) put(key diffstore.KeyHash, r *record, b []byte) error {
	offset := uint32(len(o.arena))
	o.arena = append(o.arena, b...)
	o.at[key] = offset
	return r.claims(func(id []byte) { o.list(prefix(o.hash.HashKey(id)), key) })
}

func (o *overlay) list(id uint64, key diffstore.KeyHash) {
	head := o.ids[id]
	for n := head; n != 0; n = o.nodes[n].next {
		if o.nodes[n].key == key {
			return
		}
	}
	o.nodes = append(o.nodes, node{key: key, next: head})
	o.ids[id] = uint32(len(o.nodes) - 1)
}

func (o *overlay) get(key diffstore.KeyHash) (record, bool) {
	offset, ok := o.at[key]
	if !ok {
		return record{}, false
	}
	return o.record(offset), true
}

func (o *overlay) record(offset uint32) record {
	r := reader{b: o.arena[offset:]}
	return readRecord(&r)
}

// holders calls yield with the keys that have, or had, an identifier.
func (o *overlay) holders(id uint64, yield func(key []byte)) {
	for n := o.ids[id]; n != 0; n = o.nodes[n].next {
		if r, ok := o.get(o.nodes[n].key); ok {
			yield(r.key)
		}
	}
}

// sorted returns the newest records in the order of their hashes and keys.
func (o *overlay) sorted() []reference {
	refs := make([]reference, 0, len(o.at))
	for key, offset := range o.at {
		refs = append(refs, reference{hash: prefix(key), offset: offset})
	}
	slices.SortFunc(refs, func(a, b reference) int {
		if a.hash != b.hash {
			return cmp.Compare(a.hash, b.hash)
		}
		return cmp.Compare(string(o.record(a.offset).key), string(o.record(b.offset).key))
	})
	return refs
}

// inTurn returns the newest records, those that were put first first.
func (o *overlay) inTurn() []reference {
	refs := o.sorted()
	slices.SortFunc(refs, func(a, b reference) int { return cmp.Compare(a.offset, b.offset) })
	return refs
}

func (o *overlay) cursor() *cursor { return &cursor{overlay: o, refs: o.sorted()} }
