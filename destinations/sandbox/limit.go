package sandbox

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"spillway/destinations"
)

// limit is the sandbox's rate limit: a bucket of as many requests as the rate names, filled evenly over its time.
type limit struct {
	rate   destinations.Rate
	bucket *rate.Limiter // nil for no limit
}

func newLimit(r destinations.Rate) limit {
	if r.Requests == 0 {
		return limit{}
	}
	return limit{rate: r, bucket: rate.NewLimiter(rate.Limit(r.PerSecond()), r.Requests)}
}

// allow takes one request out of the bucket and writes what is left of it into the headers of the answer:
// RateLimit-Policy and RateLimit-Limit name the limit, RateLimit-Remaining says how many requests are left, and
// RateLimit-Reset in how many seconds all of them are there again. An answer to a request too many has a
// Retry-After in seconds besides.
func (l limit) allow(h http.Header, now time.Time) bool {
	if l.bucket == nil {
		return true
	}
	allowed := l.bucket.AllowN(now, 1)
	left := math.Max(0, l.bucket.TokensAt(now))
	h.Set("RateLimit-Policy", fmt.Sprintf("%d;w=%d", l.rate.Requests, seconds(l.rate.Per.Seconds())))
	h.Set("RateLimit-Limit", strconv.Itoa(l.rate.Requests))
	h.Set("RateLimit-Remaining", strconv.Itoa(int(left)))
	h.Set("RateLimit-Reset", strconv.Itoa(seconds((float64(l.rate.Requests)-left)/l.rate.PerSecond())))
	if !allowed {
		h.Set("Retry-After", strconv.Itoa(max(1, seconds((1-left)/l.rate.PerSecond()))))
	}
	return allowed
}

func seconds(s float64) int { return int(math.Ceil(s)) }
