package hubspot

import (
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"spillway/destinations"
)

// pace knows how many requests the account allows: what was configured, and what HubSpot says in its answers.
type pace struct {
	mu   sync.Mutex
	rate destinations.Rate // as configured
	told destinations.Rate // by HubSpot; zero until it did
}

// allowed reads the limit that HubSpot names with every answer but those to a search.
func allowed(h http.Header) (destinations.Rate, bool) {
	most, err := strconv.Atoi(h.Get("X-HubSpot-RateLimit-Max"))
	if err != nil || most < 1 {
		return destinations.Rate{}, false
	}
	ms, err := strconv.Atoi(h.Get("X-HubSpot-RateLimit-Interval-Milliseconds"))
	if err != nil || ms < 1 {
		return destinations.Rate{}, false
	}
	return destinations.Rate{Requests: most, Per: time.Duration(ms) * time.Millisecond}, true
}

// learn takes the limit out of an answer and returns it, and warns once where more was configured than the account
// allows. It is the zero Rate if the answer names none.
func (p *pace) learn(h http.Header, log *slog.Logger) destinations.Rate {
	told, ok := allowed(h)
	if !ok {
		return told
	}
	p.mu.Lock()
	news := told != p.told
	p.told = told
	p.mu.Unlock()
	if news && (p.rate.Requests == 0 || told.PerSecond() < p.rate.PerSecond()) {
		log.Warn("the account allows fewer requests than are configured; lower rate",
			slog.Int("requests", told.Requests), slog.Duration("per", told.Per))
	}
	return told
}

// usedUp is how long the account is left alone after an answer that says that nothing is left of its limit: the time
// of two requests. At full use nothing is left ever and again, and a longer pause would cost more than it saves.
func usedUp(h http.Header, limit destinations.Rate) time.Duration {
	if h.Get("X-HubSpot-RateLimit-Remaining") != "0" || limit.Requests == 0 {
		return 0
	}
	return 2 * limit.Per / time.Duration(limit.Requests)
}

// known is the lower of both limits.
func (p *pace) known() destinations.Rate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.told.Requests > 0 && (p.rate.Requests == 0 || p.told.PerSecond() < p.rate.PerSecond()) {
		return p.told
	}
	return p.rate
}
