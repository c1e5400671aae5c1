// Package httpapi is the one HTTP client of all destinations: it authenticates, paces, repeats and classifies.
//
// A Client stands for one account of one service. A destination builds requests and reads answers; whether, when
// and how often a request is sent is decided here alone, so destinations never loop. Bulk and Each are the two
// shapes that a destination's Write takes.
package httpapi

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"spillway/destinations"
)

const (
	connectTimeout     = 10 * time.Second
	defaultTimeout     = 60 * time.Second
	defaultMaxReply    = 10 << 20
	defaultConcurrency = 8
	defaultUserAgent   = "spillway"

	// writeBuffer has room for most requests, so that one is written at once, and read without a copy between.
	writeBuffer = 64 << 10
)

// API describes an account of a service.
type API struct {
	BaseURL   string            // scheme, host and, if need be, a prefix of all paths; no credentials, no query
	Auth      Auth              // put on every attempt; the zero Auth adds nothing
	Headers   map[string]string // on every request; nothing secret, which belongs into Auth
	UserAgent string            // "spillway" if empty

	Limits        []destinations.Rate // all of them hold at once; none leaves it to be learned from 429s
	Concurrency   int                 // the most requests in flight, 8 if zero; how many there are follows from rate and latency
	Timeout       time.Duration       // of one attempt, from connecting to the last byte of the answer; 60 s if zero
	HeaderTimeout time.Duration       // from the last byte sent to the answer's headers; Timeout if zero
	MaxReply      int64               // bytes of an answer that are read; 10 MiB if zero

	// Problem amends how an answer is read, for services with error forms of their own. It is given every whole
	// answer with its usual reading, whose Class is Done for a success, and returns the reading that holds. Code,
	// Reason, Hint, Throttled, Wait and Limit are its to set. Nil leaves the usual reading.
	Problem func(a Answer, usual Problem) Problem

	Transport http.RoundTripper // replaces the network, below pacing and repeating; nil is the network
	Log       *slog.Logger      // nil logs nothing
}

// Client sends the requests of one account. Its methods may be called from several goroutines.
type Client struct {
	base        string
	headers     http.Header
	timeout     time.Duration
	maxReply    int64
	concurrency int
	amend       func(Answer, Problem) Problem
	log         *slog.Logger

	credentials *credentials
	door        *door
	limiter     *limiter
	slots       chan struct{}
	inner       http.RoundTripper
	own         *http.Transport // inner, if it is ours to close
	retrying    *retryablehttp.Client
}

// New returns the client of an account. It connects to nothing; its error names what is wrong with api.
func New(api API) (*Client, error) {
	base, err := baseURL(api.BaseURL)
	if err != nil {
		return nil, err
	}
	concurrency := or(api.Concurrency, defaultConcurrency)
	c := &Client{
		base:        base,
		headers:     http.Header{"User-Agent": {or(api.UserAgent, defaultUserAgent)}, "Accept": {"application/json"}},
		timeout:     or(api.Timeout, defaultTimeout),
		maxReply:    or(api.MaxReply, defaultMaxReply),
		concurrency: concurrency,
		amend:       api.Problem,
		log:         api.Log,
		credentials: &credentials{auth: api.Auth},
		door:        newDoor(),
		limiter:     newLimiter(api.Limits),
		slots:       make(chan struct{}, concurrency),
		inner:       api.Transport,
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	for name, value := range api.Headers {
		c.headers.Set(name, value)
	}
	if c.inner == nil {
		c.own = network(concurrency, or(api.HeaderTimeout, c.timeout))
		c.inner = c.own
	}
	c.retrying = retrying(c)
	return c, nil
}

// Close lets go of idle connections. Requests under way are not disturbed.
func (c *Client) Close() error {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
	return nil
}

func baseURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", fmt.Errorf("the address is no URL: %w", plain(err))
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return "", errors.New("the address must start with https:// or http://")
	case u.Hostname() == "":
		return "", errors.New("the address names no host")
	case u.User != nil:
		return "", errors.New("the address holds credentials; give them in a setting that takes a secret instead")
	case u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("the address may hold a scheme, a host and a path, and nothing after them")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func network(connections int, headers time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: headers,
		MaxConnsPerHost:       connections,
		MaxIdleConnsPerHost:   connections,
		IdleConnTimeout:       30 * time.Second,
		ForceAttemptHTTP2:     true,
		WriteBufferSize:       writeBuffer,
	}
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
