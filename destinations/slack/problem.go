package slack

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"spillway/destinations/httpapi"
)

// Codes that methods answer with, sorted by whose fault they name; docs.slack.dev/reference/methods lists them with each
// method. Whatever stands in none of these lists is of the one message.
var (
	denied = []string{
		"not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired", "missing_scope", "no_permission",
		"not_allowed_token_type", "org_login_required", "ekm_access_denied", "access_denied", "two_factor_setup_required",
		"invalid_token", "no_service", "no_active_hooks", "team_disabled", // of a webhook
	}
	throttled = []string{"ratelimited", "rate_limited", "message_limit_exceeded"}
	passing   = []string{"service_unavailable", "team_added_to_org", "request_timeout"}
	unclear   = []string{"internal_error", "fatal_error", "rollup_error"} // a part of the work may have been done
)

// rejected are the plain texts by which a webhook refuses a message with a 400, 403, 404 or 410.
var rejected = []string{
	"invalid_payload", "no_text", "channel_not_found", "channel_is_archived", "user_not_found", "action_prohibited",
	"posting_to_general_channel_denied", "too_many_attachments", "invalid_blocks",
}

// rest is how long the account is left alone where Slack throttles and does not say for how long.
const rest = 30 * time.Second

// problem reads Slack's own form of errors: ok is false in a 200, or a webhook answers with a word.
func problem(a httpapi.Answer, usual httpapi.Problem) httpapi.Problem {
	var r reply
	whole := json.Unmarshal(a.Body, &r) == nil
	code := strings.TrimSpace(string(a.Body))
	switch {
	case whole && !r.OK && r.Error != "":
		code = r.Error
	case a.Status < 300, whole, strings.ContainsAny(code, " <{") || code == "" || len(code) > 60:
		return usual
	}
	usual.Code, usual.Reason = code, "Slack answered "+code
	if len(r.Response.Messages) > 0 {
		usual.Reason += ": " + strings.Join(r.Response.Messages, "; ")
	}
	switch {
	case slices.Contains(denied, code):
		usual.Class, usual.Hint = httpapi.Denied, "take a current token or webhook from the app's settings in Slack"
		if r.Needed != "" {
			usual.Hint = "add the scope " + r.Needed + " to the app and install it anew"
		}
	case slices.Contains(throttled, code):
		usual.Class, usual.Throttled = httpapi.Later, true
		if usual.Wait = httpapi.RetryAfter(a.Header, time.Now()); usual.Wait == 0 {
			usual.Wait = rest
		}
	case slices.Contains(passing, code):
		usual.Class = httpapi.Later
	case slices.Contains(unclear, code):
		usual.Class = httpapi.Lost
	case a.Status < 300, slices.Contains(rejected, code):
		usual.Class, usual.Hint = httpapi.Refused, ""
	case a.Status == http.StatusGone:
		usual.Class = httpapi.Refused
	}
	return usual
}
