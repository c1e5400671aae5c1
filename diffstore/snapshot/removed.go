package snapshot

import (
	"context"
	"iter"

	"spillway/diffstore"
)

// Removed goes through the snapshot as it is when the iteration begins.
func (v *view) Removed(ctx context.Context) iter.Seq2[diffstore.Known, error] {
	return func(yield func(diffstore.Known, error) bool) {
		m, done, err := v.beginRemoved(ctx)
		if err != nil {
			yield(diffstore.Known{}, err)
			return
		}
		defer done()
		for {
			found, more, err := v.unseen(ctx, m)
			for _, k := range found {
				if !yield(*k, nil) {
					return
				}
			}
			if err != nil {
				yield(diffstore.Known{}, v.failure("read", err))
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// beginRemoved returns what to go through, and what to call at the end.
func (v *view) beginRemoved(ctx context.Context) (*merge, func(), error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return nil, nil, err
	}
	cursors, err := v.allCursors()
	if err != nil {
		return nil, nil, v.failure("read", err)
	}
	used, done := v.generations(), v.overlay.use()
	for _, g := range used {
		g.users++
	}
	return newMerge(cursors), func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		done()
		for _, g := range used {
			g.release()
		}
	}, nil
}

// unseen returns the next keys that were not seen and are to be removed, a hundred thousand records at a time.
func (v *view) unseen(ctx context.Context, m *merge) (found []*diffstore.Known, more bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return nil, false, err
	}
	for n := 0; n < 100_000 && len(found) < 1000; n++ {
		c, err := m.next()
		if err != nil || c == nil {
			return found, false, err
		}
		if len(m.current) == 1 && c.g != nil && c.g == v.base && v.seen.has(c.at) {
			continue
		}
		k, err := v.unseenAt(c)
		if err != nil {
			return found, false, err
		}
		if k != nil {
			found = append(found, k)
		}
	}
	return found, true, nil
}

func (v *view) unseenAt(c *cursor) (*diffstore.Known, error) {
	r, err := c.record()
	if err != nil || r.kind == tombstone {
		return nil, err
	}
	p, err := v.locate(r.key)
	if err != nil || v.verdict(&p) != 0 {
		return nil, err
	}
	s, err := r.stored(v.session)
	if err != nil || !s.state.Delivered() || s.state.Left {
		return nil, err
	}
	return s.state.Known(string(r.key)), nil
}
