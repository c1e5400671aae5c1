package salesforce

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// usage watches how many of the day's requests the org has used, which Salesforce says with each answer:
// Sforce-Limit-Info: api-usage=18/5000.
type usage struct{ high atomic.Bool }

// learn warns once when nine tenths are used.
func (u *usage) learn(h http.Header, log *slog.Logger) {
	_, text, ok := strings.Cut(h.Get("Sforce-Limit-Info"), "api-usage=")
	used, most, whole := strings.Cut(text, "/")
	if !ok || !whole {
		return
	}
	most, _, _ = strings.Cut(most, ";")
	n, err := strconv.Atoi(used)
	all, wrong := strconv.Atoi(strings.TrimSpace(most))
	if err != nil || wrong != nil {
		return
	}
	high := 10*n >= 9*all
	if high && u.high.CompareAndSwap(false, true) {
		log.Warn("the org has used nine tenths of the requests that it has for a day", slog.Int("used", n), slog.Int("of", all))
	}
	if !high {
		u.high.Store(false)
	}
}
