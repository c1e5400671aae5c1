package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"spillway/destinations"
)

// maxHeader bounds the bytes of a header's value that is told of.
const maxHeader = 200

// tell tells whoever watches the call of its latest attempt, which took so long.
func (c *Client) tell(out *http.Request, call *call, p *Problem, at time.Time, took time.Duration) {
	if !call.meter.Watching() {
		return
	}
	x := destinations.Exchange{
		At: at, Took: took, Waited: call.waited, Server: out.URL.Host, Method: call.method, Route: call.route,
		Attempt: call.sent, Status: call.answer.Status,
		Content: func() destinations.Content { return c.content(out, call) },
	}
	if p != nil {
		x.Code = p.Code
	}
	call.meter.Exchanged(x)
}

func (c *Client) content(out *http.Request, call *call) destinations.Content {
	answer := call.answer.Header
	return destinations.Content{
		Request: destinations.Message{Type: c.shown(out.Header.Get("Content-Type")), Body: c.censored(call.body)},
		Answer: destinations.Message{
			Type: c.shown(answer.Get("Content-Type")), Headers: c.tracing(answer), Body: c.censored(call.answer.Body),
		},
	}
}

// tracing returns the headers of an answer that help to trace it and hold nothing that is not to be shown.
func (c *Client) tracing(h http.Header) map[string]string {
	var kept map[string]string
	for name := range h {
		if !traces(name) {
			continue
		}
		if kept == nil {
			kept = map[string]string{}
		}
		kept[name] = c.shown(h.Get(name))
	}
	return kept
}

func traces(header string) bool {
	name := strings.ToLower(header)
	return name == "retry-after" || slices.ContainsFunc(
		[]string{"request-id", "requestid", "correlation-id", "trace-id", "cf-ray"},
		func(end string) bool { return strings.HasSuffix(name, end) },
	)
}

func (c *Client) shown(text string) string { return clean(c.credentials.censor(text), maxHeader) }

func (c *Client) censored(body []byte) []byte {
	if len(body) == 0 {
		return nil
	}
	return []byte(c.credentials.censor(string(body)))
}
