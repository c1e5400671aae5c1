package zendesk

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Check asks in whose name requests are made, and logs it, with the objects that an OAuth token has no scope to write.
func (d *destination) Check(ctx context.Context) error {
	var me struct {
		User *struct {
			ID   *int64 `json:"id"`
			Role string `json:"role"`
		} `json:"user"`
	}
	if err := d.client.Read(ctx, httpapi.Request{Path: "/api/v2/users/me"}, &me); err != nil {
		return err
	}
	switch {
	case me.User == nil:
		return &destinations.Error{
			Kind: destinations.ErrConfig, Message: "what answers at this address is not Zendesk's API", Hint: "check subdomain and base_url",
		}
	case me.User.ID == nil: // Zendesk takes a request with credentials that it does not know for one of nobody
		return &destinations.Error{Kind: destinations.ErrAuth, Message: "Zendesk does not know these credentials", Hint: hintUnknown}
	case me.User.Role == "end-user":
		return &destinations.Error{
			Kind: destinations.ErrAuth, Message: "the credentials are those of an end user", Hint: "use an agent's or an administrator's, who may write what is delivered",
		}
	}
	host := d.config.BaseURL
	if u, err := url.Parse(host); err == nil {
		host = u.Host
	}
	d.Reach(host)
	d.log.InfoContext(ctx, "reached Zendesk", slog.String("account", host), slog.Int64("user", *me.User.ID), slog.String("role", me.User.Role))
	if d.config.APIToken != nil {
		return nil // it may do whatever its user may
	}
	return d.checkScopes(ctx)
}

// checkScopes compares the scopes of the OAuth token with what deliveries need. A token that may not be looked at passes.
func (d *destination) checkScopes(ctx context.Context) error {
	var reply struct {
		Token struct {
			Scopes []string `json:"scopes"`
		} `json:"token"`
	}
	r := httpapi.Request{Path: "/api/v2/oauth/tokens/current", Fine: []int{http.StatusForbidden, http.StatusNotFound}}
	if err := d.client.Read(ctx, r, &reply); err != nil {
		return err
	}
	has := func(scope string) bool { return slices.Contains(reply.Token.Scopes, scope) }
	if len(reply.Token.Scopes) == 0 {
		return nil
	}
	var missing []string
	if !has("read") {
		missing = append(missing, "read")
	}
	for _, o := range objects(destinations.Rate{}) {
		if !has("write") && !has(o.Name+":write") {
			missing = append(missing, o.Name+":write")
		}
	}
	if len(missing) > len(kinds) || !has("read") {
		return &destinations.Error{
			Kind: destinations.ErrAuth, Message: "the token lacks the scopes " + strings.Join(missing, ", "), Hint: "make a token that has read, and write of what is delivered",
		}
	}
	if len(missing) > 0 {
		d.log.WarnContext(ctx, "the token has no scope for some objects", slog.String("missing", fmt.Sprint(missing)))
	}
	return nil
}
