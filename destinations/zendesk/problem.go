package zendesk

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const (
	jobsWait    = 15 * time.Second // until one of too many jobs is over, where Zendesk does not say
	hintUnknown = "check email and api_token, or take a new token, and check subdomain"
)

// problem reads Zendesk's own forms of errors, and its limits from the headers.
func problem(a httpapi.Answer, usual httpapi.Problem) httpapi.Problem {
	usual.Limit = limit(a.Header)
	if a.Status < 300 {
		if header(a.Header, "X-Rate-Limit-Remaining", "Ratelimit-Remaining") == "0" {
			usual.Wait = untilReset(a.Header)
			usual.Throttled = usual.Wait > 0
		}
		return usual
	}
	code, reason := words(a.Body)
	if code != "" {
		usual.Code = code
	}
	if reason != "" {
		usual.Reason = reason
	}
	switch {
	case code == "TooManyJobs":
		usual.Class, usual.Hint, usual.Throttled = httpapi.Later, "", true
		if usual.Wait = httpapi.RetryAfter(a.Header, time.Now()); usual.Wait == 0 {
			usual.Wait = jobsWait
		}
	case a.Status == http.StatusTooManyRequests && usual.Wait == 0:
		usual.Wait = untilReset(a.Header)
	case a.Status == http.StatusConflict:
		usual.Class = httpapi.Later // another request wrote the record at the same time
	case a.Status == http.StatusUnauthorized:
		usual.Hint = hintUnknown
	case a.Status == http.StatusForbidden:
		usual.Hint = "the agent's role or the token's scopes do not allow that: see what spillway doctor says of them"
	case a.Status == http.StatusNotFound:
		usual.Hint = "check subdomain and base_url"
	}
	return usual
}

// header is the first of the headers called names that is there.
func header(h http.Header, names ...string) string {
	for _, name := range names {
		if v := strings.TrimSpace(h.Get(name)); v != "" {
			return v
		}
	}
	return ""
}

// limit is the account's number of requests a minute.
func limit(h http.Header) destinations.Rate {
	n, err := strconv.Atoi(header(h, "X-Rate-Limit", "Ratelimit-Limit"))
	if err != nil || n < 1 {
		return destinations.Rate{}
	}
	return destinations.Rate{Requests: n, Per: time.Minute}
}

// untilReset is the time up to the next minute of the account.
func untilReset(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Ratelimit-Reset"))
	if err != nil {
		return 0
	}
	return time.Duration(min(max(seconds, 0), 60)) * time.Second
}

// words are the code and the reason of an error, of which Zendesk has three forms: an error that is a code, with a
// description and details by the field; an error with a title and a message; and a list of errors.
func words(body []byte) (code, reason string) {
	var reply struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"description"`
		Details     json.RawMessage `json:"details"`
		Errors      []struct {
			Code   string `json:"code"`
			Title  string `json:"title"`
			Detail string `json:"detail"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &reply) != nil {
		return "", ""
	}
	var titled struct {
		Title   string `json:"title"`
		Message string `json:"message"`
	}
	switch {
	case len(reply.Errors) > 0:
		first := reply.Errors[0]
		return first.Code, strings.TrimSpace(first.Title + " " + first.Detail)
	case json.Unmarshal(reply.Error, &titled) == nil && titled.Title != "":
		return titled.Title, titled.Message
	}
	parts := append([]string{reply.Description}, details(reply.Details)...)
	return text(reply.Error), strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "; ")
}

// details are the faults of single fields: lists by the field's name, or one list.
func details(raw json.RawMessage) []string {
	type fault struct {
		Description string `json:"description"`
		Error       string `json:"error"`
	}
	var byField map[string][]fault
	if json.Unmarshal(raw, &byField) != nil {
		var list []fault
		if json.Unmarshal(raw, &list) != nil {
			return []string{text(raw)}
		}
		byField = map[string][]fault{"": list}
	}
	var parts []string
	for field, faults := range byField {
		for _, f := range faults {
			part := f.Description
			if part == "" {
				part = f.Error
			}
			if field != "" && !strings.HasPrefix(part, field) {
				part = field + ": " + part
			}
			parts = append(parts, part)
		}
	}
	slices.Sort(parts)
	return parts
}
