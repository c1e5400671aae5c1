package intercom

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"spillway/destinations/httpapi"
)

// slice is the length of the windows in which Intercom counts requests.
const slice = 10 * time.Second

// problem reads Intercom's own form of errors, and its limits, whose headers say when the next window begins.
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
			Code    string `json:"code"`
			Message string `json:"message"`
			Field   string `json:"field"`
		} `json:"errors"`
	}
	if json.Unmarshal(a.Body, &reply) == nil && len(reply.Errors) > 0 {
		var reasons []string
		for _, e := range reply.Errors {
			reason := strings.TrimSpace(e.Message)
			if e.Field != "" {
				reason = e.Field + ": " + reason
			}
			reasons = append(reasons, reason)
		}
		usual.Code, usual.Reason = reply.Errors[0].Code, strings.Join(reasons, "; ")
	}
	switch a.Status {
	case http.StatusUnauthorized:
		usual.Hint = "take the current access token of the app, and check region: each region has tokens of its own"
	case http.StatusForbidden:
		usual.Hint = "give the app the permission that is missing, in Intercom's developer hub"
	case http.StatusTooManyRequests:
		if usual.Wait == 0 {
			usual.Wait = httpapi.UntilReset(a.Header)
		}
		if usual.Wait == 0 {
			usual.Wait = slice
		}
	case http.StatusBadRequest:
		if usual.Code == "intercom_version_invalid" {
			usual.Class, usual.Hint = httpapi.Unfit, "check api_version"
		}
	}
	return usual
}
