package syncer

import (
	"context"

	"spillway/destinations"
	"spillway/mappings"
)

// offer puts an item into the batch that is being filled, sending it when it is full. No identifier and no key stands
// twice in a batch.
func (s *sender) offer(ctx context.Context, i *item) error {
	switch {
	case i.Step == write && s.void[i.Key]:
		return nil
	case i.Quarantined:
		return s.rows.Rows(ctx, s.now(), quarantinedRow(i))
	case i.Step == remove && s.waiting:
		return s.conclude(ctx, []item{*i}, sameResult(1, destinations.Result{
			Status: destinations.Deferred, Code: CodeKeyless, Reason: "not removed while rows of the model have no key, as any of them may be the row of this record",
		}))
	case i.Step == remove && s.missed[s.hashes.id(i.Folded)]:
		// It is the answers to the writes that decide who stands under an identifier (invariant 5).
		return s.conclude(ctx, []item{*i}, sameResult(1, destinations.Result{
			Status: destinations.Deferred, Code: codeNotSent, Reason: "a record that was to move away from this identifier, or to it, was not accepted",
		}))
	}
	if i.Partial {
		if s.crowd.has(s.hashes.id(i.Folded)) {
			i.Partial = false
		} else {
			s.route.shorten(i)
		}
	}
	size := s.sizeOf(i)
	if s.batch != nil && (s.full(size) || !s.flights.take(s.batch, i)) {
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	if s.batch == nil {
		s.batch = s.line.next()
		s.flights.await(s.batch, i)
	}
	s.batch.items = append(s.batch.items, *i)
	s.bytes += size
	return nil
}

// full reports whether the batch has no room for a record of this size.
func (s *sender) full(size int) bool {
	return len(s.batch.items) >= s.route.batch || s.route.object.MaxBytes > 0 && s.bytes+size > s.route.object.MaxBytes
}

// sizeOf returns about how many bytes a record takes, or 0 where that does not matter.
func (s *sender) sizeOf(i *item) int {
	if s.route.object.MaxBytes == 0 {
		return 0
	}
	n := len(i.Key) + len(i.ID) + 2*len(i.Stored) + 32
	for _, f := range i.Fields {
		n += len(f.Name) + mappings.ValueSize(f.Value) + 4
	}
	return n
}

// flush sends the batch on its way.
func (s *sender) flush(ctx context.Context) error {
	if s.batch == nil {
		return nil
	}
	b := s.batch
	s.batch, s.bytes = nil, 0
	reason := s.halted()
	if reason == nil {
		s.line.filled <- b
		return nil
	}
	err := s.conclude(ctx, b.items, notSent(len(b.items), reason))
	s.line.release(b)
	return err
}
