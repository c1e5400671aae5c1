package syncer

import (
	"context"
	"fmt"

	"spillway/destinations"
	"spillway/diffstore"
)

// settleLeaves forgets, or marks as left, what needs no sending. A run that was stopped leaves it to the next.
func (s *sender) settleLeaves(ctx context.Context) error {
	if s.stopReason() != nil {
		return nil
	}
	outcome := diffstore.Gone
	if s.sync.Mode == destinations.Insert {
		outcome = diffstore.Left // a key once accepted is never sent again
	}
	fates := make([]diffstore.Fate, 0, chunkRows)
	settle := func() error {
		defer func() { fates = fates[:0] }()
		if len(fates) == 0 {
			return nil
		}
		if err := s.session.Settle(ctx, fates); err != nil {
			return ofState(fmt.Errorf("settle what left the source: %w", err))
		}
		return nil
	}
	for i, err := range s.sheet.items(leave) {
		if err != nil {
			return err
		}
		f := diffstore.Fate{Key: i.Key, ID: i.Folded, Outcome: outcome, At: s.now()}
		if i.Folded != "" {
			if s.missed[s.hashes.id(i.Folded)] {
				continue // the key that was to stand under this identifier does not yet
			}
			f.Outcome = diffstore.Gone
		}
		if fates = append(fates, f); len(fates) == chunkRows {
			if err := settle(); err != nil {
				return err
			}
		}
	}
	return settle()
}
