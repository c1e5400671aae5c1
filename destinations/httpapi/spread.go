package httpapi

import "time"

const (
	// slack and a small part of the window, up to maxSlack, are added to what the answers teach of delays.
	slack    = 2 * time.Millisecond
	maxSlack = 10 * time.Millisecond

	// trusted is the part of a window up to which differing delays are taken to lie before the service counts a
	// request. What goes beyond it is most likely the time that the service works on one, until it answers with 429.
	trusted = 0.25

	// unheard is the spread that is assumed before there were enough answers to know it.
	unheard = 50 * time.Millisecond
	enough  = 10

	// missed, over the number of answers, is the part of their spread that is added for those not seen yet.
	missed = 5

	// remembered is how many answers a spread is taken of at least; it is taken of twice as many at most.
	remembered = 100
)

// spread learns by how much the delays of an account's requests differ. A delay counts from when a request was due, so
// that it covers whatever holds one up on its way.
type spread struct {
	least         time.Duration // of all delays so far
	current, past extent
	since         time.Time // when current began
}

// extent is the range of a number of delays.
type extent struct {
	n           int
	least, most time.Duration
}

func (e extent) with(d time.Duration) extent {
	if e.n == 0 {
		return extent{n: 1, least: d, most: d}
	}
	return extent{n: e.n + 1, least: min(e.least, d), most: max(e.most, d)}
}

// add takes a delay. What is older than the last hundred delays and the last stretch of period fades away.
func (s *spread) add(d time.Duration, now time.Time, period time.Duration) {
	if s.least == 0 || d < s.least {
		s.least = d
	}
	if s.current.n >= remembered && now.Sub(s.since) >= period {
		s.past, s.current = s.current, extent{}
	}
	if s.current.n == 0 {
		s.since = now
	}
	s.current = s.current.with(d)
}

// width is by how much delays differ, and a little more, as the widest difference is seldom among those seen.
func (s *spread) width() time.Duration {
	all := s.current
	if s.past.n > 0 {
		all = all.with(s.past.least).with(s.past.most)
	}
	n := s.past.n + s.current.n
	width := all.most - all.least
	width += max(width/16, missed*width/time.Duration(max(n, 1)))
	if n < enough {
		width = max(width, unheard)
	}
	return width
}
