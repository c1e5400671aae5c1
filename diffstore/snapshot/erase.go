package snapshot

import (
	"context"
	"path/filepath"

	"spillway/diffstore"
)

// Erase writes everything anew without the key and removes all older files, those that are kept for safety too.
func (s *session) Erase(ctx context.Context, key string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return false, err
	}
	p, err := s.locate(textOf(key))
	if err != nil {
		return false, s.failure("read", err)
	}
	if !p.traced {
		if p.traced, err = s.inPrevious(&p, key); err != nil || !p.traced {
			return false, s.failure("read", err)
		}
	}
	if p.known {
		st, err := p.rec.stored(s.session)
		if err != nil {
			return false, s.failure("read", err)
		}
		if counts(&st.state) {
			s.size--
		}
	}
	s.version++
	if err := s.rewrite(rewriting{full: true, erased: append([]byte{}, key...)}); err != nil {
		return false, s.spoil("erase a key from", err)
	}
	return true, nil
}

// inPrevious reports whether the base before this one has the key.
func (s *session) inPrevious(p *place, key string) (bool, error) {
	if s.manifest == nil || s.manifest.Previous == nil {
		return false, nil
	}
	g, err := s.openGeneration(s.manifest.Previous)
	if err != nil {
		return false, err
	}
	if err = g.check(); err == nil {
		_, _, p.traced, err = g.lookup(prefix(p.hash), textOf(key))
	}
	if closeErr := g.Close(); err == nil {
		err = closeErr
	}
	return p.traced, err
}

// Release puts refused keys back in line.
func (s *session) Release(ctx context.Context, match func(diffstore.Known) bool) (int, error) {
	released, ticket, out, err := s.release(ctx, match)
	if err != nil || out == nil {
		return 0, err
	}
	if err := out.wait(ticket); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return 0, s.spoil("release refused rows in", err)
	}
	return released, nil
}

func (s *session) release(ctx context.Context, match func(diffstore.Known) bool) (int, uint64, *journal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return 0, 0, nil, err
	}
	r := &revision{Draft: diffstore.NewDraft(), s: s, loaded: map[string]*loaded{}}
	released := 0
	err := s.refused(func(key string, l *loaded) {
		if match(*l.stored.state.Known(key)) {
			r.put(key, l)
			r.Release(key)
			released++
		}
	})
	if err != nil {
		return 0, 0, nil, s.failure("read", err)
	}
	records := r.records()
	if len(records) == 0 {
		return 0, 0, nil, nil
	}
	ticket, out, err := s.record("release refused rows in", r, records)
	return released, ticket, out, err
}

// refused calls yield with each key of which something was refused: first those that changed last, in the order in
// which they did.
func (s *session) refused(yield func(key string, l *loaded)) error {
	visit := func(r record) error {
		p, err := s.locate(r.key)
		if err != nil || !p.known || p.rec.kind != whole {
			return err
		}
		st, err := p.rec.stored(s.session)
		if err != nil {
			return err
		}
		refused := st.state.Tried.Refusals > 0
		for i := range st.state.Claims {
			refused = refused || st.state.Claims[i].Removal.Refusals > 0
		}
		if refused {
			yield(string(r.key), &loaded{place: p, stored: st})
		}
		return nil
	}
	for _, ref := range s.overlay.inTurn() {
		if r := s.overlay.record(ref.offset); r.kind == whole {
			if err := visit(r); err != nil {
				return err
			}
		}
	}
	m := newMerge(s.allCursors())
	for {
		c, err := m.next()
		if err != nil || c == nil {
			return err
		}
		if c.g == nil || c.kind() != whole {
			continue
		}
		r, err := c.record()
		if err == nil {
			err = visit(r)
		}
		if err != nil {
			return err
		}
	}
}

// Verify reads every byte of the snapshot of a sync and compares it with its checksums. The error names the file and
// the block that is damaged. A sync that never ran is well.
func (s *Store) Verify(ctx context.Context, sync string) error {
	v, err := s.view(sync)
	if err != nil {
		return err
	}
	err = v.verify(ctx)
	if closeErr := v.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (v *view) verify(ctx context.Context) error {
	if v.manifest == nil {
		return nil
	}
	all := v.generations()
	if v.manifest.Previous != nil {
		g, err := v.openGeneration(v.manifest.Previous)
		if err != nil {
			return v.failure("verify", err)
		}
		defer func() { _ = g.Close() }() // it was only read
		all = append(all, g)
	}
	for _, g := range all {
		if err := g.verify(ctx, v.inner); err != nil {
			return v.failure("verify", err)
		}
	}
	size, err := v.countAll(ctx)
	if err == nil && size != v.size {
		err = damage("%s says that there are %d keys, and there are %d", filepath.Join(v.dir, v.name+manifestEnding), v.size, size)
	}
	return v.failure("verify", err)
}

// verify reads all of a generation.
func (g *generation) verify(ctx context.Context, hash *hasher) error {
	if err := g.check(); err != nil {
		return err
	}
	c := &cursor{g: g}
	last := uint64(0)
	for more := c.first(); more; more = c.next() {
		if c.at%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		r, err := c.record()
		if err != nil {
			return err
		}
		if _, err := r.stored(0); err != nil {
			return damage("%s: record %d cannot be read", g.path, c.at)
		}
		if c.hash < last || c.hash != prefix(hash.HashKey(r.key)) {
			return damage("%s: record %d is not where its key belongs", g.path, c.at)
		}
		last = c.hash
	}
	if c.at != g.rows {
		return damage("%s: the index ends at record %d of %d", g.path, c.at, g.rows)
	}
	return nil
}

// countAll counts the keys one by one.
func (v *view) countAll(ctx context.Context) (size int64, err error) {
	m := newMerge(v.allCursors())
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		c, err := m.next()
		if err != nil || c == nil {
			return size, err
		}
		if c.kind() == plain {
			size++
			continue
		}
		r, err := c.record()
		if err != nil {
			return 0, err
		}
		s, err := r.stored(0)
		if err != nil {
			return 0, err
		}
		if counts(&s.state) {
			size++
		}
	}
}
