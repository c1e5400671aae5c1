package httpapi

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync/atomic"
	"time"

	"spillway/destinations"
)

type callKey struct{}

// call is what is known of one request over all its attempts. Attempts of one request never overlap.
type call struct {
	method   string
	route    string
	body     []byte
	fine     []int
	once     bool
	attempts int
	meter    *destinations.Meter

	waited  time.Duration // of the last attempt, for its turn
	sent    int           // attempts that left
	answer  Answer        // of the last attempt
	problem *Problem      // of the last attempt
	heard   heard         // of the last attempt
	doubt   bool          // an attempt got no answer
	unclear bool          // an attempt failed in a way that may come after the work was done
	renewed bool          // the credentials were looked up again
	again   bool          // they are others now
}

// heard is when the answer to an attempt began, and what it says of the account's limits.
type heard struct {
	at    time.Time
	fresh bool // it came over a connection that had to be made first
	limit destinations.Rate
	quiet time.Duration
}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// attempts is the transport below go-retryablehttp: every attempt, the first as well as a later one, is paced and
// authenticated here, and its answer read to the end.
type attempts struct{ client *Client }

func (t attempts) RoundTrip(r *http.Request) (*http.Response, error) {
	call := callOf(r.Context())
	call.answer, call.heard, call.again = Answer{}, heard{}, false
	call.problem = t.client.attempt(r, call)
	if p := call.problem; p != nil {
		call.doubt = call.doubt || p.Class == Lost
		call.unclear = call.unclear || p.Class == Later && unclear(p.Status)
	}
	if call.answer.Status == 0 {
		return nil, call.problem
	}
	return &http.Response{
		StatusCode: call.answer.Status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        call.answer.Header,
		Body:          io.NopCloser(bytes.NewReader(call.answer.Body)),
		ContentLength: int64(len(call.answer.Body)),
		Request:       r,
	}, nil
}

// attempt sends r once, when its turn has come.
func (c *Client) attempt(r *http.Request, call *call) *Problem {
	ctx := r.Context()
	leave, err := c.door.enter(ctx)
	if err != nil {
		return c.held(ctx, err)
	}
	proved := false
	defer func() { leave(proved) }()

	if err := c.credentials.ready(ctx); err != nil {
		return c.locked(ctx, err)
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return c.held(ctx, ctx.Err())
	}
	turn, err := c.limiter.wait(ctx)
	call.waited = turn.waited
	call.meter.Waited(turn.waited)
	if err != nil {
		return c.held(ctx, err)
	}
	if p := c.door.problem(); p != nil {
		return c.held(ctx, p)
	}

	out := r.WithContext(ctx)
	out.Header = r.Header.Clone()
	version, err := c.credentials.apply(out, call.body)
	if err != nil {
		return c.failed(Unfit, "credentials", err)
	}
	p := c.send(out, call)
	proved = call.writes() && (p == nil || p.Status != 0 && p.Class != Denied && p.Class != Later)
	c.note(p, call, turn)
	if p != nil {
		c.heed(ctx, p, call, version)
	}
	return p
}

// note tells the limiter what the answer to the request of turn shows of the account's limits.
func (c *Client) note(p *Problem, call *call, turn turn) {
	c.limiter.tell(call.heard.limit)
	if call.heard.quiet > 0 {
		c.limiter.silence(min(call.heard.quiet, maxQuiet))
	}
	switch {
	case call.answer.Status == 0:
	case p != nil && p.Class == Later:
		if p.Throttled && p.Status < 500 && p.Status != http.StatusLocked {
			c.limiter.exceeded(turn)
		}
	case call.heard.fresh:
		c.limiter.passed(turn, -1) // the delay of a connection being made is seldom met again
	default:
		c.limiter.passed(turn, call.heard.at.Sub(turn.due))
	}
}

// held is the problem of an attempt that did not get its turn, because of err.
func (c *Client) held(ctx context.Context, err error) *Problem {
	if shut, ok := errors.AsType[*Problem](err); ok {
		p := *shut
		p.held, p.forever = true, true
		return &p
	}
	if quiet, ok := errors.AsType[*quietError](err); ok {
		p := c.failed(Later, "throttled", quiet)
		p.forever = true
		return p
	}
	return c.over(ctx, Unsent)
}

// heed does what the answer asks of the whole account.
func (c *Client) heed(ctx context.Context, p *Problem, call *call, version int) {
	switch {
	case p.Class == Denied && p.Status == http.StatusUnauthorized && !call.renewed:
		call.renewed = true
		var err error
		if call.again, err = c.credentials.renew(ctx, version); err != nil {
			c.log.WarnContext(ctx, "credentials could not be looked up again")
		}
		if !call.again {
			c.door.close(*p, deniedLasts)
		}
	case p.Class == Denied:
		c.door.close(*p, deniedLasts)
	case p.Class == Later && p.Throttled:
		quiet := p.Wait
		if quiet <= 0 {
			quiet = baseBackoff + backoff(call.sent-1)
		}
		p.forever = quiet > maxQuiet
		c.limiter.silence(quiet)
	}
}

// send sends out and reads the answer within the client's time limit.
func (c *Client) send(out *http.Request, call *call) *Problem {
	caller := out.Context()
	var connecting, connected, fresh atomic.Bool
	ctx := httptrace.WithClientTrace(caller, &httptrace.ClientTrace{
		GetConn: func(string) { connecting.Store(true) },
		GotConn: func(i httptrace.GotConnInfo) { connected.Store(true); fresh.Store(!i.Reused) },
	})
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	out = out.WithContext(ctx)
	out.Body, out.GetBody, out.ContentLength = http.NoBody, nil, int64(len(call.body))
	if len(call.body) > 0 {
		out.Body = call.reader()
	}
	if call.once {
		// Lets net/http change over from a connection that closed before a byte of the request was written, which
		// is all that it repeats of a POST. What may be repeated is left to go-retryablehttp, which is paced.
		out.GetBody = func() (io.ReadCloser, error) { return call.reader(), nil }
	}

	call.meter.Sent(int64(len(call.body)), call.sent > 0)
	call.sent++
	at := time.Now()
	response, err := c.inner.RoundTrip(out)
	var whole bool
	if err == nil {
		defer func() { _ = response.Body.Close() }() // read to its end, or given up
		call.heard = heard{at: time.Now(), fresh: fresh.Load()}
		call.answer = Answer{Status: response.StatusCode, Header: response.Header}
		call.answer.Body, whole, err = readBody(response.Body, c.maxReply)
	}
	took := time.Since(at)
	c.log.LogAttrs(caller, slog.LevelDebug, "request",
		slog.String("method", call.method), slog.String("path", call.route), slog.Int("status", call.answer.Status),
		slog.Duration("duration", took), slog.Int("attempt", call.sent))
	p := c.verdict(caller, call, whole, err, connecting.Load() && !connected.Load())
	c.tell(out, call, p, at, took)
	return p
}

// verdict is the problem of an attempt that ended with err, or with an answer that is whole or not.
func (c *Client) verdict(caller context.Context, call *call, whole bool, err error, unconnected bool) *Problem {
	switch {
	case call.answer.Status == 0:
		return c.noAnswer(caller, err, unconnected)
	case whole || !call.done():
		return c.read(call)
	}
	return c.cut(caller, call, err)
}

func (c *call) reader() io.ReadCloser { return io.NopCloser(bytes.NewReader(c.body)) }

func (c *call) done() bool {
	return c.answer.Status/100 == 2 || slices.Contains(c.fine, c.answer.Status)
}

// writes says whether the request changes something, so that its success shows what the credentials may do.
func (c *call) writes() bool {
	return c.method != http.MethodGet && c.method != http.MethodHead
}

// noAnswer is the problem of an attempt that failed with err before an answer came.
func (c *Client) noAnswer(caller context.Context, err error, unconnected bool) *Problem {
	class := Lost
	if unconnected || neverConnected(err) {
		class = Unsent
	}
	if caller.Err() != nil {
		return c.over(caller, class)
	}
	code := "no_answer"
	if timedOut(err) {
		code = "timeout"
	}
	if class == Unsent {
		code = "unreachable"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("the time limit of %s passed", c.timeout)
	}
	p := c.failed(class, code, err)
	p.forever = untrusted(err)
	return p
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// cut is the problem of a success whose answer could not be read to its end. The service has acted on the request,
// so it is not sent again now.
func (c *Client) cut(caller context.Context, call *call, err error) *Problem {
	p := c.failed(Lost, "answer_cut", err)
	if caller.Err() != nil {
		p = c.over(caller, Lost)
	}
	p.Status, p.forever = call.answer.Status, true
	return p
}

// read classifies a whole answer.
func (c *Client) read(call *call) *Problem {
	a := call.answer
	var p Problem
	if !call.done() {
		a.Body = []byte(c.credentials.censor(string(a.Body))) // before texts are cut, as half a secret is one too
		p = usual(a, time.Now())
	}
	if c.amend != nil {
		p = c.amend(a, p)
	}
	call.heard.limit = p.Limit
	if p.Class == Done {
		if p.Throttled {
			call.heard.quiet = p.Wait
		}
		return nil
	}
	p.Status = a.Status
	p.Code = clean(c.credentials.censor(p.Code), maxCode)
	p.Reason = clean(c.credentials.censor(p.Reason), maxReason)
	p.shown = withoutValues(p.Reason, call.body)
	if call.once && p.Class == Later && p.Status >= 500 && p.Status != http.StatusServiceUnavailable {
		p.Class = Lost // an error within the service or behind it, which may come after the work was done
	}
	return &p
}

// neverConnected finds failures that a transport without tracing reports before it sends anything.
func neverConnected(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || untrusted(err) || errors.As(err, &op) && op.Op == "dial"
}

// untrusted says whether the service's certificate was refused, which no repetition mends.
func untrusted(err error) bool {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}
