package sendgrid

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"spillway/destinations/httpapi"
)

// problem reads SendGrid's own form of errors, and its headers on limits, by the page on rate limits.
func problem(a httpapi.Answer, usual httpapi.Problem) httpapi.Problem {
	if a.Status < 300 {
		if a.Header.Get("X-RateLimit-Remaining") == "0" {
			usual.Wait = untilReset(a.Header)
			usual.Throttled = usual.Wait > 0
		}
		return usual
	}
	var reply struct {
		Errors []struct {
			Message   string `json:"message"`
			Field     string `json:"field"`
			Parameter string `json:"parameter"`
			ID        string `json:"error_id"`
		} `json:"errors"`
	}
	if json.Unmarshal(a.Body, &reply) == nil && len(reply.Errors) > 0 {
		var reasons []string
		for _, e := range reply.Errors {
			if at := e.Field + e.Parameter; at != "" {
				e.Message = at + ": " + e.Message
			}
			reasons = append(reasons, e.Message)
		}
		usual.Reason = strings.Join(reasons, "; ")
		if id := reply.Errors[0].ID; id != "" {
			usual.Code = id
		}
	}
	switch a.Status {
	case http.StatusUnauthorized:
		usual.Hint = "take a current API key, and check region: a regional subuser's keys are good there alone"
	case http.StatusForbidden:
		usual.Hint = "give the API key full access to Marketing"
	case http.StatusNotFound:
		usual.Hint = "check base_url, and the id of the list"
	case http.StatusTooManyRequests:
		if usual.Wait == 0 {
			usual.Wait = untilReset(a.Header)
		}
	}
	return usual
}

// untilReset is the time up to the end of the present window, which SendGrid gives in seconds since 1970.
func untilReset(h http.Header) time.Duration {
	at, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil {
		return 0
	}
	return max(0, time.Until(time.Unix(at, 0)))
}
