package syncer

import (
	"sync"
	"sync/atomic"

	"spillway/diffstore"
)

// arena holds a chunk of packed rows, and what becomes of them.
type arena struct {
	bytes  []byte
	packed []packedRow
	err    error // what came after them, if anything did

	probes []diffstore.Probe // of the rows whose key has a text
	twins  twins             // among the probes
	due    []int             // the rows that are handed on

	out       []rendered // of the rows that are due; nil until there was one
	next      atomic.Int64
	rendering sync.WaitGroup // goroutines that may be rendering some of them
}

// packedRow is one row of an arena.
type packedRow struct {
	from, to int    // its packed form
	probe    int    // its place among the probes, or -1 where its key is not known
	source   uint64 // its sum, 0 where it is not known
	key      diffstore.KeyHash
	number   int64 // its place among the rows of the model, from 1
}

func newArena() *arena {
	return &arena{
		packed: make([]packedRow, 0, chunkRows), probes: make([]diffstore.Probe, 0, chunkRows), due: make([]int, 0, chunkRows),
	}
}

func (a *arena) clear() {
	if cap(a.bytes) > 2*arenaBytes {
		a.bytes = nil
	}
	a.bytes, a.packed, a.err = a.bytes[:0], a.packed[:0], nil
	a.probes, a.due = a.probes[:0], a.due[:0]
}

func (a *arena) full() bool { return len(a.packed) == chunkRows || len(a.bytes) >= arenaBytes }

// dueRow returns the packed form of the i-th row that is due.
func (a *arena) dueRow(i int) []byte {
	p := &a.packed[a.due[i]]
	return a.bytes[p.from:p.to]
}

// open makes room for what is rendered of the rows that are due.
func (a *arena) open() {
	if a.out == nil {
		a.out = newRendered()
	}
	a.next.Store(0)
}

// withdrawTwins takes back the probes of keys that stand twice in the arena, or in the one before, whose rows are not
// compared yet: nil if there is none. Rows of one key are compared in their order, for what becomes of the second
// depends on the first.
func (a *arena) withdrawTwins(before *arena) {
	if before == nil && !a.twins.any() {
		return
	}
	kept := a.probes[:0]
	for i := range a.packed {
		p := &a.packed[i]
		if p.probe < 0 {
			continue
		}
		probe := a.probes[p.probe]
		if p.probe = -1; !a.twins.has(probe.Key) && (before == nil || !before.twins.holds(probe.Key)) {
			p.probe = len(kept)
			kept = append(kept, probe)
		}
	}
	a.probes = kept
}
