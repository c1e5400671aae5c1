package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"spillway/destinations"
)

// Class says what became of a request.
type Class uint8

// The classes of requests.
const (
	Done    Class = iota // no problem
	Refused              // the service found fault with what the records hold
	Unfit                // it does not take such a request, whatever the records: a wrong address or setting
	Denied               // it refused the credentials
	Later                // it is throttling or failing: the request may be sent again
	Lost                 // sent, and no answer came: it may have been applied
	Unsent               // not a byte was sent
)

// Problem is why a request was not done.
type Problem struct { //nolint:errname // destinations read and amend it; it is an error only on its way up
	Class  Class
	Status int    // of HTTP; 0 where no answer came
	Code   string // short and stable: the service's own, the HTTP status, or one of ours
	Reason string // the service's words, without secrets, at most 500 bytes; may quote a value of a record
	Hint   string // what to do about it; may be empty

	// Throttled says that the whole account must be quiet, for Wait if that is positive, else as long as a
	// back-off lasts. It concerns Later, and Done with a Wait: a success that used up what the account is allowed.
	Throttled bool
	Wait      time.Duration

	// Limit is the limit of the account that the answer names, whatever became of the request. From then on it holds
	// besides API.Limits, until an answer names another one. The zero Rate says nothing.
	Limit destinations.Rate

	// Doubt says that an attempt before the last one got no answer, so that it may have been applied.
	Doubt bool

	cause   error
	shown   string // Reason without values of records
	over    bool   // the caller's context ended it
	held    bool   // the account was known to be out of order, so the request stayed here
	forever bool   // sending again cannot help
	unclear bool   // an attempt before the last one was answered with a failure that may come after the work was done
}

// Error gives the problem without any value of a record (invariant 10).
func (p *Problem) Error() string {
	e := &destinations.Error{Kind: p.kind(), Message: p.shown, Hint: p.Hint}
	if p.Status != 0 {
		e.Code = p.Code
	}
	if p.Class == Lost && e.Message != "" {
		e.Message = "no answer came: " + e.Message
	}
	return e.Error()
}

// Unwrap finds the kinds of errors of package destinations, and what ended the request.
func (p *Problem) Unwrap() []error {
	var errs []error
	if kind := p.kind(); kind != nil {
		errs = append(errs, kind)
	}
	if p.cause != nil {
		errs = append(errs, p.cause)
	}
	return errs
}

func (p *Problem) kind() error {
	switch p.Class {
	case Denied:
		return destinations.ErrAuth
	case Unfit:
		return destinations.ErrConfig
	case Unsent:
		if !p.over {
			return destinations.ErrUnreachable
		}
	case Done, Refused, Later, Lost:
	}
	return nil
}

// failed is the problem of a request that got no answer, because of cause.
func (c *Client) failed(class Class, code string, cause error) *Problem {
	reason := clean(c.credentials.censor(cause.Error()), maxReason)
	return &Problem{Class: class, Code: code, Reason: reason, shown: reason, cause: cause}
}

// over is the problem of a request that the caller's context ended.
func (c *Client) over(ctx context.Context, class Class) *Problem {
	p := c.failed(class, "cancelled", fmt.Errorf("the request was cancelled: %w", ctx.Err()))
	p.over = true
	return p
}

// usual reads an answer outside 2xx the way HTTP means it.
func usual(a Answer, now time.Time) Problem {
	p := Problem{Status: a.Status, Code: strconv.Itoa(a.Status), Reason: a.Text()}
	switch {
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		p.Class = Denied
		p.Hint = "check that the credential is current and that it may write what this sync sends"
	case a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly,
		a.Status == http.StatusTooManyRequests, a.Status >= 500:
		p.Class = Later
		p.Wait = RetryAfter(a.Header, now)
		p.Throttled = a.Status == http.StatusTooManyRequests || p.Wait > 0
	case a.Status == http.StatusBadRequest, a.Status == http.StatusConflict,
		a.Status == http.StatusRequestEntityTooLarge, a.Status == http.StatusUnprocessableEntity:
		p.Class = Refused
	case a.Status < 400:
		p.Class = Unfit
		p.Reason = "the service redirects to " + place(a.Header)
		p.Hint = "redirects are not followed; if you trust that address, configure it"
	default:
		p.Class = Unfit
		p.Hint = "check the configured address and the object's name"
	}
	return p
}

// unclear says whether an answer of status, which is Later, leaves it open that the service did what was asked. It
// does not after 425 and 429, nor without an answer.
func unclear(status int) bool {
	return status >= 500 || status == http.StatusRequestTimeout
}

// place names the host that a redirect leads to, and nothing else of it.
func place(h http.Header) string {
	u, err := url.Parse(h.Get("Location"))
	switch {
	case err != nil || h.Get("Location") == "":
		return "an address that it does not name"
	case u.Host == "":
		return "another path of the same host"
	}
	return clean(u.Host, maxCode)
}

// RetryAfter reads how long a service wants to be left alone: seconds or an HTTP date, measured by the service's
// own clock where it tells the time. It is 0 if h does not say.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		switch {
		case !(seconds > 0):
			return 0
		case seconds > longestQuiet.Seconds():
			return longestQuiet
		}
		return time.Duration(seconds * float64(time.Second))
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), longestQuiet)
}

// UntilReset reads how long the present window of requests still lasts, of whose end X-RateLimit-Reset gives the seconds
// since 1970. It is 0 if h does not say.
func UntilReset(h http.Header) time.Duration {
	at, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil {
		return 0
	}
	return min(max(time.Until(time.Unix(at, 0)), 0), longestQuiet)
}
