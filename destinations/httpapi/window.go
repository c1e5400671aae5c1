package httpapi

import (
	"time"

	"spillway/destinations"
)

// evenly is the longest window whose requests are spaced evenly; in a longer one they may come in a burst.
const evenly = 10 * time.Second

// window is one limit as a service states it: so many requests in any stretch of so long.
//
// Services count arrivals. Requests that leave (per+m)/n apart arrive at most n at a time in any stretch of per, be it
// a sliding or a fixed one, as long as no request is delayed by m more than another one. So each window is taken to be
// longer by a margin m, which is learned from the answers; n·per/(per+m) requests come through without a single 429.
type window struct {
	rate destinations.Rate
	per  time.Duration
	sent []time.Time // of a window that is not even: ascending
}

func newWindow(r destinations.Rate) *window { return &window{rate: r, per: r.Per} }

func (w *window) even() bool { return w.per <= evenly }

// spacing is the time between two requests; 0 if they need none.
func (w *window) spacing(margin time.Duration) time.Duration {
	if !w.even() {
		return 0
	}
	return time.Duration(float64(w.per+margin) / float64(w.rate.Requests))
}

// free returns when the window has room for one more request.
func (w *window) free(margin time.Duration) time.Time {
	if w.even() || len(w.sent) < w.rate.Requests {
		return time.Time{}
	}
	return w.sent[len(w.sent)-w.rate.Requests].Add(w.per + margin)
}

// take counts a request, and forgets those that were sent a window's length before from.
func (w *window) take(at, from time.Time) {
	if w.even() {
		return
	}
	past := from.Add(-w.per)
	for len(w.sent) > 0 && !w.sent[0].After(past) {
		w.sent = w.sent[1:]
	}
	w.sent = append(w.sent, at)
}
