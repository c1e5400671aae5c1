package http

import (
	"errors"
	"fmt"
	nethttp "net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// The two forms of requests.
const (
	formatBatch  = "batch"
	formatSingle = "single"
)

// Config holds the settings of a destination of type "http".
type Config struct {
	URL           string                         `toml:"url" required:"true" help:"Where records are posted. {object} and {op} may stand in the path."`
	Format        string                         `toml:"format" default:"batch" enum:"batch,single" help:"batch posts many records in a request, single posts one."`
	Headers       map[string]destinations.Secret `toml:"headers" literal:"true" help:"Headers added to each request."`
	Token         destinations.Secret            `toml:"token" help:"Sent as Authorization: Bearer."`
	SigningSecret destinations.Secret            `toml:"signing_secret" help:"Signs each request as Standard Webhooks says: whsec_ and base64."`
	MaxBatch      int                            `toml:"max_batch" default:"100" help:"The most records in one request, at least 1; single ignores it."`
	Rate          destinations.Rate              `toml:"rate" help:"The most requests in a time, such as 50/s or 100/10s. Without it the rate follows what the service answers."`
	Concurrency   int                            `toml:"concurrency" default:"16" help:"The most requests under way at once, at least 1. How many there are follows from rate and latency."`
	Timeout       time.Duration                  `toml:"timeout" default:"60s" help:"The most time one request may take, its answer included."`
}

// ours are the headers that a request has anyway, and those that belong to the connection.
var ours = []string{
	"Connection", "Content-Encoding", "Content-Length", "Content-Type", "Host", "Idempotency-Key", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", httpapi.WebhookID, httpapi.WebhookTimestamp, httpapi.WebhookSignature,
}

func (c Config) check() error {
	switch {
	case c.Format != formatBatch && c.Format != formatSingle:
		return fmt.Errorf("format is %q; it takes %s or %s", c.Format, formatBatch, formatSingle)
	case c.MaxBatch < 1:
		return fmt.Errorf("max_batch is %d; it must be at least 1", c.MaxBatch)
	case c.Concurrency < 1:
		return fmt.Errorf("concurrency is %d; it must be at least 1", c.Concurrency)
	case c.Timeout <= 0:
		return fmt.Errorf("timeout is %s; it must be a time such as 60s", c.Timeout)
	}
	for name := range c.Headers {
		canonical := nethttp.CanonicalHeaderKey(name)
		switch {
		case !headerName.MatchString(name):
			return fmt.Errorf("headers: %q is no name of a header", name)
		case slices.Contains(ours, canonical):
			return fmt.Errorf("headers: %s is set by every request itself", canonical)
		case canonical == "Authorization" && c.Token != nil:
			return errors.New("headers: Authorization and token exclude each other")
		}
	}
	return nil
}

var (
	headerName  = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	placeholder = regexp.MustCompile(`\{[^{}]*\}`)
)

// auth puts the signature last, so that nothing that it covers changes after it.
func (c Config) auth() httpapi.Auth {
	var auths []httpapi.Auth
	for name, value := range c.Headers {
		auths = append(auths, httpapi.Header(name, value))
	}
	return httpapi.Join(append(auths, httpapi.Bearer(c.Token), signature(c.SigningSecret))...)
}

// address is the configured URL, taken apart.
type address struct {
	base  string // scheme and host
	path  string // as it was written, with {object} and {op} in it
	query url.Values
}

func parseAddress(text string) (address, error) {
	for _, name := range placeholder.FindAllString(text, -1) {
		if name != "{object}" && name != "{op}" {
			return address{}, fmt.Errorf("url: %s means nothing; {object} and {op} may stand in the path", name)
		}
	}
	u, err := url.Parse(placeholder.ReplaceAllString(text, "x"))
	_, rest, _ := strings.Cut(text, "://")
	rest, _, _ = strings.Cut(rest, "?")
	host, path, slash := strings.Cut(rest, "/")
	switch {
	case err != nil:
		return address{}, errors.New("url: this is no URL; write it as https://host/path")
	case u.Scheme != "https" && u.Scheme != "http":
		return address{}, errors.New("url: it must start with https:// or http://")
	case u.Hostname() == "":
		return address{}, errors.New("url: it names no host")
	case u.User != nil:
		return address{}, errors.New("url: it holds credentials; give them as token or in headers, from a secret")
	case strings.Contains(text, "#"):
		return address{}, errors.New("url: what follows # is never sent; leave it out")
	case placeholder.MatchString(host), strings.Count(text, "{") != strings.Count(path, "{"):
		return address{}, errors.New("url: {object} and {op} may stand in its path only")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return address{}, errors.New("url: what follows ? cannot be read as name=value")
	}
	if slash {
		path = "/" + path
	}
	return address{base: u.Scheme + "://" + u.Host, path: path, query: query}, nil
}

// pathFor returns the path for the records of b.
func (a address) pathFor(b destinations.Batch) string {
	if !strings.Contains(a.path, "{") {
		return a.path
	}
	return strings.NewReplacer(
		"{object}", url.PathEscape(b.Object),
		"{op}", url.PathEscape(string(b.Op)),
	).Replace(a.path)
}

// bare returns the path without the segments in which something stands for a batch.
func (a address) bare() string {
	var kept []string
	for segment := range strings.SplitSeq(a.path, "/") {
		if !placeholder.MatchString(segment) {
			kept = append(kept, segment)
		}
	}
	return strings.Join(kept, "/")
}
