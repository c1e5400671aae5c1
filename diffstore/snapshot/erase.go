package snapshot

import "context"

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
