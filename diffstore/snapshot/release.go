package snapshot

import (
	"context"

	"spillway/diffstore"
)

// Release puts refused keys back in line.
func (s *session) Release(ctx context.Context, match func(diffstore.Known) bool) (released int, err error) {
	err = s.revise(ctx, "release refused rows in", func(r *revision) error {
		found, err := s.refused()
		if err != nil {
			return s.failure("read", err)
		}
		for _, key := range found {
			place, err := r.load(key)
			if err != nil {
				return err
			}
			if match(*r.loaded[place].stored.state.Known(key)) {
				r.Release(key)
				released++
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return released, nil
}

// refused returns the keys of which something was refused: first those that changed last, in the order in which they
// did.
func (s *session) refused() (keys []string, err error) {
	found := map[string]bool{}
	note := func(r record) error {
		is, err := s.isRefused(&r)
		if is && !found[string(r.key)] {
			keys = append(keys, string(r.key))
			found[keys[len(keys)-1]] = true
		}
		return err
	}
	refs, err := s.overlay.inTurn()
	if err != nil {
		return nil, err
	}
	for _, ref := range refs {
		if err := note(s.overlay.record(ref.offset)); err != nil {
			return nil, err
		}
	}
	cursors, err := s.allCursors()
	if err != nil {
		return nil, err
	}
	m := newMerge(cursors)
	for {
		c, err := m.next()
		if err != nil || c == nil {
			return keys, err
		}
		if c.g == nil || c.kind() != whole {
			continue
		}
		r, err := c.record()
		if err == nil {
			err = note(r)
		}
		if err != nil {
			return nil, err
		}
	}
}

// isRefused reports whether a record or a removal of the key was refused.
func (s *session) isRefused(r *record) (bool, error) {
	if r.kind != whole {
		return false, nil
	}
	st, err := r.stored(s.session)
	if err != nil {
		return false, err
	}
	refused := st.state.Tried.Refusals > 0
	for i := range st.state.Claims {
		refused = refused || st.state.Claims[i].Removal.Refusals > 0
	}
	return refused, nil
}
