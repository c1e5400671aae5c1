package mailchimp

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const (
	codeAbsent      = "not_found"
	codeSilent      = "no_result"
	codeWantsStatus = "status_missing"
)

// fault is how Mailchimp reports what is wrong with a request: RFC 9457, and the fields that are at fault.
type fault struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Field   string `json:"field"`
		Message string `json:"message"`
	} `json:"errors"`
}

func (f fault) reason() string {
	parts := []string{f.Detail}
	for _, e := range f.Errors {
		parts = append(parts, strings.TrimPrefix(e.Field+": "+e.Message, ": "))
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "; ")
}

// wantsStatus says that a batch was refused for a member without a status: members.item:7.status.
func (f fault) wantsStatus() bool {
	return slices.ContainsFunc(f.Errors, func(e struct {
		Field   string `json:"field"`
		Message string `json:"message"`
	},
	) bool {
		return strings.HasPrefix(e.Field, "members") &&
			(strings.HasSuffix(e.Field, ".status") || strings.Contains(strings.ToLower(e.Message), "status"))
	})
}

// problem reads Mailchimp's own form of errors. At high volume its gate answers 403 without JSON in the place of 429,
// as the page on limits says.
func problem(a httpapi.Answer, usual httpapi.Problem) httpapi.Problem {
	if a.Status < 300 {
		return usual
	}
	var f fault
	spoken := json.Unmarshal(a.Body, &f) == nil
	if spoken && f.Title != "" {
		usual.Code, usual.Reason = f.Title, f.reason()
	}
	switch a.Status {
	case http.StatusBadRequest:
		if f.wantsStatus() {
			usual.Class, usual.Code = httpapi.Unfit, codeWantsStatus
			usual.Hint = "map status, or status_if_new"
		}
	case http.StatusUnauthorized:
		usual.Hint = "take a current API key, with its ending, of the account that base_url belongs to"
	case http.StatusForbidden:
		usual.Hint = "the API key is of a user who may not do that; make one as a manager"
		if !spoken {
			usual.Class, usual.Throttled, usual.Hint = httpapi.Later, true, ""
		}
	case http.StatusNotFound:
		usual.Hint = "check the id of the audience"
	}
	return usual
}

// verdicts tell by its words what a refusal of a member means. Mailchimp gives most of them the same code; the words are
// those that its API answers with, as its clients quote them.
var verdicts = []struct {
	words, code string
	status      destinations.Status
}{
	{"not allowing more signups", "recent_signups", destinations.Deferred}, // for now: the address signed up elsewhere
	{"compliance state", "compliance", destinations.Rejected},
	{"fake or invalid", "invalid_address", destinations.Rejected},
	{"permanently deleted", "forgotten", destinations.Rejected},
	{"already a list member", "exists", destinations.Rejected},
	{"already exists", "exists", destinations.Rejected},
}

// judge sorts the refusals among results by what they mean.
func judge(results []destinations.Result) []destinations.Result {
	for i, r := range results {
		for _, v := range verdicts {
			if r.Status == destinations.Rejected && strings.Contains(strings.ToLower(r.Reason), v.words) {
				results[i].Status, results[i].Code = v.status, v.code
			}
		}
	}
	return results
}
