package access

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How often somebody may try to log in. Nobody is locked out: the next try is allowed some seconds later.
const (
	triesPerAddress = 10 // a minute
	triesOfAll      = 100
	mostAddresses   = 10_000
)

// Throttle limits attempts to log in, of each address and of all together.
type Throttle struct {
	mu        sync.Mutex
	all       *rate.Limiter
	addresses map[string]*rate.Limiter
}

// NewThrottle returns a Throttle that nobody has used yet.
func NewThrottle() *Throttle {
	return &Throttle{all: perMinute(triesOfAll), addresses: map[string]*rate.Limiter{}}
}

func perMinute(n int) *rate.Limiter {
	return rate.NewLimiter(rate.Every(time.Minute/time.Duration(n)), n)
}

// Allow reports whether address may try now, and else after how long.
func (t *Throttle) Allow(address string, now time.Time) (wait time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own, known := t.addresses[address]
	if !known {
		t.sweep(now)
		own = perMinute(triesPerAddress)
		t.addresses[address] = own
	}
	for _, limiter := range []*rate.Limiter{own, t.all} {
		if limiter.TokensAt(now) < 1 {
			missing := 1 - limiter.TokensAt(now)
			return time.Duration(missing / float64(limiter.Limit()) * float64(time.Second)), false
		}
	}
	own.AllowN(now, 1)
	t.all.AllowN(now, 1)
	return 0, true
}

// sweep forgets the addresses that have not tried for a while, when there are many, and all of them rather than grow
// beyond bounds: the limit of all together still holds.
func (t *Throttle) sweep(now time.Time) {
	if len(t.addresses) < mostAddresses {
		return
	}
	for address, limiter := range t.addresses {
		if limiter.TokensAt(now) >= triesPerAddress {
			delete(t.addresses, address)
		}
	}
	if len(t.addresses) >= mostAddresses {
		clear(t.addresses)
	}
}
