package syncer

import (
	"context"

	"spillway/diffstore"
	"spillway/mappings"
	"spillway/warehouse"
)

// arenaBytes is after how many bytes an arena takes no further row, however few it has (invariant 9).
const arenaBytes = 4 << 20

// ahead reads packed rows and hashes them, if need be while others are worked on.
type ahead struct {
	rows    warehouse.Packer
	prefix  []byte // stands before each row
	mapping *mappings.Mapping
	hash    diffstore.Hasher
	spare   []*arena
	coming  chan *arena
	busy    bool  // one is coming
	count   int64 // rows that were read
	key     []byte

	at *arena     // whose keys are being read
	of *packedRow // that is being read
}

func newAhead(rows warehouse.Packer, prefix []byte, m *mappings.Mapping, hash diffstore.Hasher) *ahead {
	return &ahead{rows: rows, prefix: prefix, mapping: m, hash: hash, coming: make(chan *arena, 1)}
}

// take returns an arena to fill.
func (a *ahead) take() *arena {
	last := len(a.spare) - 1
	if last < 0 {
		return newArena()
	}
	taken := a.spare[last]
	a.spare = a.spare[:last]
	return taken
}

// give takes an arena back that was worked on.
func (a *ahead) give(used *arena) { a.spare = append(a.spare, used) }

// next returns the next rows, in an arena that is given back.
func (a *ahead) next(ctx context.Context) *arena {
	if a.busy {
		a.busy = false
		return <-a.coming
	}
	next := a.take()
	a.fill(ctx, next)
	return next
}

// begin has the rows read that come after those at hand.
func (a *ahead) begin(ctx context.Context) {
	a.busy = true
	next := a.take()
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
			break
		}
		a.count++
		next.packed = append(next.packed, packedRow{from: from, to: len(next.bytes), probe: -1, number: a.count})
	}
	a.probe(next)
}

// probe makes the probes of the rows whose key has a text.
func (a *ahead) probe(next *arena) {
	a.at = next
	for n := range next.packed {
		p := &next.packed[n]
		a.of = p
		var ok bool
		if a.key, ok = a.mapping.AppendKey(a.key[:0], a); !ok {
			continue
		}
		p.source, p.probe = a.hash.SumSource(next.bytes[p.from-len(a.prefix):p.to]), len(next.probes)
		p.key = a.hash.HashKey(a.key)
		next.probes = append(next.probes, diffstore.Probe{Key: p.key, Source: p.source})
	}
	next.twins.find(next.probes)
}

// AppendKeyText implements mappings.KeyTexts for the row at hand. The key's columns come first among those that were
// chosen.
func (a *ahead) AppendKeyText(dst []byte, n int) ([]byte, bool) {
	return a.rows.Text(dst, a.at.bytes[a.of.from:a.of.to], n)
}
