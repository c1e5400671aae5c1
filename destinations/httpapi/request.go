package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/hashicorp/go-retryablehttp"

	"spillway/destinations"
)

// readAttempts is how often Read sends a request that does not say so itself.
const readAttempts = 4

// Request is one request of an account.
type Request struct {
	Method string      // POST if empty
	Path   string      // appended to the base URL, escaped already; the base URL itself if empty
	Route  string      // Path as logs may show it, such as /contacts/{id}; needed where Path holds a value of a record
	Query  url.Values  // nothing secret
	Header http.Header // Content-Type is application/json if there is a body and it is not set
	Body   []byte

	Fine []int // statuses outside 2xx that also mean success, such as 404 for a deletion

	// Once says that the service would apply the request twice if it were sent twice. Then it is sent again only
	// after an answer that shows that it was not applied, and is Lost otherwise.
	Once bool

	Attempts int                 // 1 if zero
	Meter    *destinations.Meter // may be nil
}

// Answer is what the service said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Encode writes v as JSON for a body: no escapes that JSON does not need, no newline at the end.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("write the request as JSON: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Do sends r, again where that may help, and returns the last answer. The error is nil if the answer is a 2xx or
// one of r.Fine, and a *Problem otherwise.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	call := &call{
		method:   or(r.Method, http.MethodPost),
		route:    or(r.Route, r.Path),
		body:     r.Body,
		fine:     r.Fine,
		once:     r.Once,
		attempts: max(r.Attempts, 1),
		meter:    r.Meter,
	}
	request, err := c.request(context.WithValue(ctx, callKey{}, call), call.method, r)
	if err != nil {
		return Answer{}, c.failed(Unfit, "request", err)
	}
	response, err := c.retrying.Do(request)
	if response != nil {
		_ = response.Body.Close() // in memory, and read by the attempt
	}
	switch {
	case err != nil && ctx.Err() != nil && (call.problem == nil || !call.problem.over):
		call.problem = c.over(ctx, Unsent) // while it waited to be sent again
	case err != nil && call.problem == nil:
		call.problem = c.failed(Unfit, "request", plain(err))
	}
	p := call.problem
	if p == nil {
		return call.answer, nil
	}
	p.Doubt, p.unclear = call.doubt, call.unclear
	if p.Class == Unsent && !p.over && !p.held {
		c.door.close(*p, goneLasts)
	}
	return call.answer, p
}

// Read gets what r asks for and decodes the answer's JSON into into, numbers as json.Number where into is free to
// choose. It is for requests that change nothing: Method is GET if empty, and they are sent several times.
func (c *Client) Read(ctx context.Context, r Request, into any) error {
	r.Method = or(r.Method, http.MethodGet)
	r.Attempts = or(r.Attempts, readAttempts)
	answer, err := c.Do(ctx, r)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(answer.Body))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the answer to %s %s is not the JSON that was expected: %w", r.Method, or(r.Route, r.Path), err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, method string, r Request) (*retryablehttp.Request, error) {
	address := c.base + r.Path
	if len(r.Query) > 0 {
		address += "?" + r.Query.Encode()
	}
	request, err := retryablehttp.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, plain(err)
	}
	for name, values := range c.headers {
		request.Header[name] = slices.Clone(values)
	}
	for name, values := range r.Header {
		request.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	if len(r.Body) > 0 && request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// readBody reads at most limit bytes. whole is false if there were more, or fewer than announced.
func readBody(r io.Reader, limit int64) (body []byte, whole bool, err error) {
	body, err = io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(body)) > limit {
		return body[:limit], false, fmt.Errorf("the answer is longer than %d bytes", limit)
	}
	return body, err == nil, err
}
