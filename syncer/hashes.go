package syncer

// hashes is a set of hashes that many come to and go from: a table that is probed in a line, as a map would be, for a
// fraction of its time.
type hashes struct {
	slots []uint64 // 0 is free; their number is a power of two
	used  int
}

const leastSlots = 1 << 10

func newHashes() hashes { return hashes{slots: make([]uint64, leastSlots)} }

// slot returns the place of h, or the free one where it would stand.
func (s *hashes) slot(h uint64) int {
	last := len(s.slots) - 1
	at := int(h) & last
	for s.slots[at] != 0 && s.slots[at] != h {
		at = (at + 1) & last
	}
	return at
}

func (s *hashes) has(h uint64) bool {
	h = max(h, 1)
	return s.slots[s.slot(h)] == h
}

// add adds h, and reports whether it was not there yet.
func (s *hashes) add(h uint64) bool {
	h = max(h, 1)
	at := s.slot(h)
	if s.slots[at] == h {
		return false
	}
	s.slots[at] = h
	if s.used++; 2*s.used > len(s.slots) {
		s.grow()
	}
	return true
}

func (s *hashes) grow() {
	old := s.slots
	s.slots = make([]uint64, 2*len(old))
	for _, h := range old {
		if h != 0 {
			s.slots[s.slot(h)] = h
		}
	}
}

// remove takes h out, and moves what stands behind it to where it is found from now on.
func (s *hashes) remove(h uint64) {
	h = max(h, 1)
	at := s.slot(h)
	if s.slots[at] == 0 {
		return
	}
	s.used--
	last := len(s.slots) - 1
	free := at
	for next := (at + 1) & last; s.slots[next] != 0; next = (next + 1) & last {
		home := int(s.slots[next]) & last
		if (next-home)&last >= (next-free)&last {
			s.slots[free] = s.slots[next]
			free = next
		}
	}
	s.slots[free] = 0
}
