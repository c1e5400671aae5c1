package sendgrid

import (
	"encoding/json"
	"net/http"
	"strings"

	"spillway/destinations/httpapi"
)

// problem reads SendGrid's own form of errors, and its headers on limits, by the page on rate limits.
func problem(a httpapi.Answer, usual httpapi.Problem) httpapi.Problem {
	if a.Status < 300 {
		if a.Header.Get("X-RateLimit-Remaining") == "0" {
			usual.Wait = httpapi.UntilReset(a.Header)
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
			usual.Wait = httpapi.UntilReset(a.Header)
		}
	}
	return usual
}
