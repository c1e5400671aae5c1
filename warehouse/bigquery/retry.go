package bigquery

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/googleapi"
)

// patience is how long a request is tried again while BigQuery or the network fails in a way that passes.
const patience = 30 * time.Second

// pauses are those that BigQuery's service level agreement asks for.
func pauses() gax.Backoff {
	return gax.Backoff{Initial: 500 * time.Millisecond, Max: 8 * time.Second, Multiplier: 2}
}

// retry calls f until it succeeds, fails for good, or patience is at its end. Its error is the last of f.
func (b *bigquery) retry(ctx context.Context, f func() error) error {
	end := time.Now().Add(b.patience)
	backoff := pauses()
	for {
		err := f()
		if err == nil || ctx.Err() != nil || !passing(err) {
			return err
		}
		pause := backoff.Pause()
		if time.Now().Add(pause).After(end) {
			return err
		}
		if gax.Sleep(ctx, pause) != nil {
			return err
		}
	}
}

// passing reports whether a request that failed may succeed within moments. A quota that is used up does not pass so
// soon, but may later: see temporary.
func passing(err error) bool {
	if e, ok := errors.AsType[*googleapi.Error](err); ok {
		reason, _ := reasonOf(e)
		return slices.Contains([]string{"rateLimitExceeded", "jobRateLimitExceeded", "backendError", "internalError"}, reason) ||
			e.Code >= http.StatusInternalServerError || e.Code == http.StatusTooManyRequests
	}
	return isNetwork(err)
}
