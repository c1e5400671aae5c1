package snapshot

import (
	"spillway/diffstore"
)

// seen remembers which keys were seen, with the verdict that each got. It never touches the snapshot.
//
// Keys of the base are marked by their number, in one bit each, and in half a byte more where there is a verdict other
// than Same nearby. Others are strangers, and are marked by their hash.
type seen struct {
	marks     []uint64
	verdicts  []*verdictPage
	strangers *strangers
}

// verdictPage holds the verdicts of consecutive keys, two in a byte; 0 stands for Same.
type verdictPage [512]byte

const verdictsPerPage = 2 * uint64(len(verdictPage{}))

func newSeen(rows uint64, tempDir string, memory int) *seen {
	return &seen{
		marks: make([]uint64, rows/64+1), verdicts: make([]*verdictPage, rows/verdictsPerPage+1),
		strangers: newStrangers(tempDir, memory),
	}
}

func (s *seen) has(ord uint64) bool { return s.marks[ord/64]>>(ord%64)&1 != 0 }

// touch looks at what is marked of a key of the base.
func (s *seen) touch(ord uint64) uint64 {
	loads := s.marks[ord/64]
	if page := s.verdicts[ord/verdictsPerPage]; page != nil {
		loads += uint64(page[ord%verdictsPerPage/2])
	}
	return loads
}

// verdict returns what a key of the base got, 0 if it was not seen.
func (s *seen) verdict(ord uint64) diffstore.Verdict {
	if !s.has(ord) {
		return 0
	}
	page := s.verdicts[ord/verdictsPerPage]
	if page == nil {
		return diffstore.Same
	}
	at := ord % verdictsPerPage
	return max(diffstore.Verdict(page[at/2]>>(4*(at%2))&15), diffstore.Same)
}

// set marks a key of the base.
func (s *seen) set(ord uint64, v diffstore.Verdict) {
	s.marks[ord/64] |= 1 << (ord % 64)
	page := s.verdicts[ord/verdictsPerPage]
	if page == nil {
		if v == diffstore.Same {
			return
		}
		page = new(verdictPage)
		s.verdicts[ord/verdictsPerPage] = page
	}
	at := ord % verdictsPerPage
	shift := 4 * (at % 2)
	page[at/2] = page[at/2]&^(15<<shift) | byte(v)<<shift
}

// visit marks a key of the base, and returns what it got before, 0 if it was not seen.
func (s *seen) visit(ord uint64, v diffstore.Verdict) diffstore.Verdict {
	was := s.verdict(ord)
	if was != 0 {
		v = diffstore.Duplicate
	}
	s.set(ord, v)
	return was
}

func (s *seen) Close() error { return s.strangers.Close() }
