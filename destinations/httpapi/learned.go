package httpapi

import (
	"math"
	"time"
)

const (
	firstRate = 50   // requests a second, until something is known
	openRate  = 2048 // requests a second from which on they are not spaced any more
	leastRate = 0.2  // requests a second, however many are refused

	// A rate that was too much is left by much, approached fast up to near it, and tried again slowly.
	cutTo     = 0.85
	near      = 0.95
	beyond    = 1.02
	elsewhere = 1.25 // a rate so far beyond it shows that the limit is another one by now

	// Parts of the rate that was too much, by which the rate grows in a second.
	fast, slow, faster, fastest = 0.02, 0.002, 0.01, 0.03

	// longestHush is how long a service that keeps answering 429 is left alone, if it does not want it to be longer.
	longestHush = 15 * time.Second

	// believed is how many 429s in a row may ask for less time than the account then turns out to need.
	believed = 3

	// misjudged is the part of the rate below which the number of requests that came through is the better guess.
	misjudged = 0.7
)

// learned is the rate that an account is found to allow: it doubles with the answers until a first 429, and then is
// cut by a part with each 429 and grows by a constant amount a second in between. Where limits are stated it is open
// until a 429 shows that less is allowed, as when others use the account too, and when it has grown up to them again.
type learned struct {
	rate   float64 // requests a second; +Inf is open
	wall   float64 // the rate of the last 429; 0 if there was none, or none that still holds
	stated bool

	answers int       // that rate held back, since it last doubled
	strikes int       // 429s since a request last passed
	blind   bool      // rate was doubled up to the latest of them
	grown   time.Time // when rate last grew
	cut     time.Time // when it was last cut
	traffic traffic
}

func newLearned(stated bool) learned {
	if stated {
		return learned{rate: math.Inf(1), stated: true}
	}
	return learned{rate: firstRate}
}

func (l *learned) open() bool { return math.IsInf(l.rate, 1) }

// trying says that the rate is a guess: no 429 came yet.
func (l *learned) trying() bool { return !l.stated && l.wall == 0 }

func (l *learned) spacing() time.Duration {
	if l.open() {
		return 0
	}
	return time.Duration(float64(time.Second) / l.rate)
}

// passed lets the rate grow if it is what held the request of t back. Up to quiet, none was to be sent; delay is the
// least that an answer takes.
func (l *learned) passed(t turn, now, quiet time.Time, delay time.Duration, ceiling float64) {
	l.traffic.passed(now, quiet)
	if !t.due.Before(l.cut) {
		l.strikes, l.blind = 0, false
	}
	if l.open() || !t.paced {
		return
	}
	if l.wall == 0 {
		l.double(delay)
	} else {
		l.climb(now)
	}
	if l.rate >= min(ceiling, openRate) {
		l.rate, l.wall = math.Inf(1), 0
	}
}

// double doubles the rate once enough answers came at this one to have shown a limit below it.
func (l *learned) double(delay time.Duration) {
	l.answers++
	if float64(l.answers) >= max(16, 12*delay.Seconds()*l.rate) {
		l.rate *= 2
		l.answers = 0
	}
}

func (l *learned) climb(now time.Time) {
	seconds := min(now.Sub(l.grown).Seconds(), 1+1/l.rate)
	l.grown = now
	part := fast
	switch {
	case l.rate > beyond*l.wall:
		part = faster
	case l.rate > near*l.wall:
		part = slow
	}
	if l.rate > elsewhere*l.wall {
		part = fastest * l.rate / l.wall
	}
	l.rate += part * l.wall * max(seconds, 0)
}

// exceeded cuts the rate. A request that was due before the last cut teaches nothing new, and the result is false. One
// that was the first after a cut shows that what was sent before it still counts, and nothing of the rate since.
func (l *learned) exceeded(t turn, now time.Time, ceiling float64) bool {
	if t.due.Before(l.cut) {
		return false
	}
	rate := min(l.rate, ceiling)
	if math.IsInf(rate, 1) {
		rate = firstRate
	}
	to := cutTo * rate
	if l.strikes > 0 {
		to = rate
	}
	l.blind = l.blind || l.wall == 0
	if seen := l.traffic.rate(now); l.blind && seen > 0 && seen < misjudged*min(l.rate, ceiling) && !l.early(now) {
		rate, to = seen, cutTo*seen
	}
	l.wall, l.rate = max(rate, leastRate), max(to, leastRate)
	l.cut, l.grown, l.answers = now, now, 0
	l.strikes++
	return true
}

// early says that too little was sent for its number to say more of the account than the limit that is stated: whoever is
// refused at once came while others had used the account up.
func (l *learned) early(now time.Time) bool { return l.stated && now.Sub(l.traffic.since) < telling }

// hush is how long the account is left alone after so many 429s in a row; 0 after none.
func (l *learned) hush() time.Duration {
	if l.strikes == 0 {
		return 0
	}
	return min(baseBackoff<<min(l.strikes-1, 10), longestHush)
}

const (
	stretch = 64               // seconds that traffic remembers
	telling = 5 * time.Second  // of requests, from which their number is worth more than a limit that is stated
	pause   = 15 * time.Second // without any request though one might have been sent, after which it starts afresh
)

// traffic counts the requests that a service let pass in each of the last seconds.
type traffic struct {
	since, last time.Time // the first and the latest of an unbroken row of requests
	counts      [stretch]int
	at          int64 // the second of the latest count
}

// passed counts a request. Up to quiet none was to be sent.
func (t *traffic) passed(now, quiet time.Time) {
	if t.since.IsZero() || now.Sub(latest(t.last, quiet)) > pause {
		t.since = now
	}
	t.last = now
	for second := now.Unix(); t.at < second; {
		t.at = max(t.at+1, second-stretch+1)
		t.counts[t.at%stretch] = 0
	}
	t.counts[t.at%stretch]++
}

// rate is the number of requests a second that passed for as long as requests were sent, 0 if that is not known.
func (t *traffic) rate(now time.Time) float64 {
	if t.since.IsZero() {
		return 0
	}
	seconds := min(max(now.Sub(t.since).Seconds(), 1), stretch)
	first := max(t.since.Unix(), now.Unix()-stretch+1, t.at-stretch+1)
	n := 0
	for second := first; second <= t.at; second++ {
		n += t.counts[second%stretch]
	}
	return float64(n) / seconds
}
