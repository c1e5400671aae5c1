package syncer

import (
	"context"

	"spillway/warehouse"
)

const (
	// arenas is how many there are: one is read into, one is full, one is at hand.
	arenas = 3
	// arenaBytes is after how many bytes an arena takes no further row, however few it has (invariant 9).
	arenaBytes = 4 << 20
)

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
}

// ahead reads packed rows while others are worked on.
type ahead struct {
	rows       warehouse.Packer
	prefix     []byte
	free, full chan *arena // with room for all of them
	done       chan struct{}
}

func newAhead(rows warehouse.Packer, prefix []byte) *ahead {
	a := &ahead{
		rows: rows, prefix: prefix, done: make(chan struct{}),
		free: make(chan *arena, arenas), full: make(chan *arena, arenas),
	}
	for range arenas {
		a.free <- &arena{packed: make([]packedRow, 0, chunkRows)}
	}
	return a
}

// read fills arenas, of which the last one has an error, until ctx ends.
func (a *ahead) read(ctx context.Context) {
	defer close(a.done)
	for {
		select {
		case <-ctx.Done():
			return
		case next := <-a.free:
			a.fill(ctx, next)
			a.full <- next
			if next.err != nil {
				return
			}
		}
	}
}

// wait returns when nothing is being read any more.
func (a *ahead) wait() { <-a.done }

func (a *ahead) fill(ctx context.Context, next *arena) {
	if cap(next.bytes) > 2*arenaBytes {
		next.bytes = nil
	}
	next.bytes, next.packed, next.err = next.bytes[:0], next.packed[:0], nil
	for len(next.packed) < chunkRows && len(next.bytes) < arenaBytes && next.err == nil {
		start := len(next.bytes)
		next.bytes = append(next.bytes, a.prefix...)
		from := len(next.bytes)
		if next.bytes, next.err = a.rows.NextPacked(ctx, next.bytes); next.err != nil {
			next.bytes = next.bytes[:start]
			return
		}
		next.packed = append(next.packed, packedRow{from: from, to: len(next.bytes), probe: -1})
	}
}
