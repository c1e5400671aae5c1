package httpapi

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	baseBackoff = 500 * time.Millisecond
	maxBackoff  = 60 * time.Second
)

// retrying is go-retryablehttp around the client's attempts. What it decides by itself is replaced: it would send a
// request whose answer was lost again whatever that does, and wait for as long as a service cares to ask.
func retrying(c *Client) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport:     attempts{client: c},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax: math.MaxInt32, // each request has a number of its own, which sendAgain keeps
		CheckRetry: func(ctx context.Context, _ *http.Response, _ error) (bool, error) {
			return ctx.Err() == nil && callOf(ctx).sendAgain(), nil
		},
		Backoff: func(_, _ time.Duration, attempt int, answered *http.Response) time.Duration {
			if answered != nil && callOf(answered.Request.Context()).paced() {
				return 0
			}
			return backoff(attempt)
		},
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// sendAgain says whether the request may and should be sent again after its last attempt.
func (c *call) sendAgain() bool {
	p := c.problem
	switch {
	case p == nil || p.forever:
		return false
	case p.Class == Denied:
		return c.again
	case c.sent >= c.attempts:
		return false
	case p.Class == Lost:
		return !c.once
	}
	return p.Class == Later || p.Class == Unsent
}

// paced says that the limiter knows when to send again, so that no back-off is needed.
func (c *call) paced() bool {
	return c.problem.Throttled || c.again
}

// backoff is a random time that grows with the number of attempts before this one.
func backoff(attempt int) time.Duration {
	ceiling := min(float64(maxBackoff), float64(baseBackoff)*math.Pow(2, float64(max(attempt, 0))))
	return time.Duration(rand.Float64() * ceiling)
}
