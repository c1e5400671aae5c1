package syncer

import (
	"context"

	"spillway/diffstore"
	"spillway/warehouse"
)

// arenaBytes is after how many bytes an arena takes no further row, however few it has (invariant 9).
const arenaBytes = 4 << 20

// arena holds a chunk of packed rows.
type arena struct {
	bytes  []byte
	packed []packedRow
	err    error // what came after them, if anything did
}

// packedRow is one row of an arena.
type packedRow struct {
	from, to int    // its packed form
	probe    int    // its place among the probes, or -1 where its key is not known
	source   uint64 // its sum, 0 where it is not known
	key      diffstore.KeyHash
	number   int64 // its place among the rows of the model, from 1
}

// ahead reads packed rows, if need be while others are worked on.
type ahead struct {
	rows   warehouse.Packer
	prefix []byte // stands before each row
	spare  *arena
	coming chan *arena
	busy   bool  // one is coming
	count  int64 // rows that were read
}

func newAhead(rows warehouse.Packer, prefix []byte) *ahead {
	return &ahead{rows: rows, prefix: prefix, spare: newArena(), coming: make(chan *arena, 1)}
}

func newArena() *arena { return &arena{packed: make([]packedRow, 0, chunkRows)} }

func (a *arena) clear() {
	if cap(a.bytes) > 2*arenaBytes {
		a.bytes = nil
	}
	a.bytes, a.packed, a.err = a.bytes[:0], a.packed[:0], nil
}

func (a *arena) full() bool { return len(a.packed) == chunkRows || len(a.bytes) >= arenaBytes }

// next returns the next rows, in an exchange for the arena that was worked on.
func (a *ahead) next(ctx context.Context, used *arena) *arena {
	if !a.busy {
		a.fill(ctx, used)
		return used
	}
	a.busy, a.spare = false, used
	return <-a.coming
}

// begin has the rows read that come after those at hand.
func (a *ahead) begin(ctx context.Context) {
	a.busy = true
	next := a.spare
	go func() {
		a.fill(ctx, next)
		a.coming <- next
	}()
}

// wait returns when nothing is being read any more.
func (a *ahead) wait() {
	if a.busy {
		<-a.coming
	}
}

func (a *ahead) fill(ctx context.Context, next *arena) {
	next.clear()
	for !next.full() && next.err == nil {
		start := len(next.bytes)
		next.bytes = append(next.bytes, a.prefix...)
		from := len(next.bytes)
		if next.bytes, next.err = a.rows.NextPacked(ctx, next.bytes); next.err != nil {
			next.bytes = next.bytes[:start]
			return
		}
		a.count++
		next.packed = append(next.packed, packedRow{from: from, to: len(next.bytes), probe: -1, number: a.count})
	}
}
