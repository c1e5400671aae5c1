package salesforce

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

var version = regexp.MustCompile(`^[1-9]\d\.0$`)

// check finds settings that no org takes.
func (c Config) check() error {
	u, err := url.Parse(c.BaseURL)
	switch {
	case c.BaseURL == "":
		return errors.New("base_url is missing: it is the org's My Domain address")
	case err == nil && (u.Host == "login.salesforce.com" || u.Host == "test.salesforce.com"):
		return fmt.Errorf("base_url is %s, where people log in: take the org's My Domain address, which its setup names", u.Host)
	case !version.MatchString(c.APIVersion):
		return fmt.Errorf("api_version %q is no version such as 67.0", c.APIVersion)
	case c.BulkAbove < 0:
		return fmt.Errorf("bulk_above is %d; 0 is never", c.BulkAbove)
	}
	return nil
}

// auth shows requests as the org's, by an access token or by those that an app is given.
func (c Config) auth(env destinations.Env) (httpapi.Auth, error) {
	app := c.ClientID != "" || c.ClientSecret != nil || c.RefreshToken != nil || c.Username != "" || c.PrivateKey != nil
	switch {
	case c.Token != nil && app:
		return httpapi.Auth{}, errors.New("token excludes the settings of an app, such as client_id: keep the one or the others")
	case c.Token != nil:
		return httpapi.Bearer(c.Token), nil
	case c.ClientID == "":
		return httpapi.Auth{}, errors.New("client_id is missing; it comes with client_secret, or with username and private_key")
	case c.PrivateKey != nil && (c.Username == "" || c.RefreshToken != nil):
		return httpapi.Auth{}, errors.New("private_key needs username, and excludes refresh_token")
	case c.PrivateKey == nil && c.ClientSecret == nil:
		return httpapi.Auth{}, errors.New("client_secret is missing; without it an app needs username and private_key")
	}
	host := strings.TrimRight(c.BaseURL, "/")
	g := httpapi.Grant{
		TokenURL: host + "/services/oauth2/token", ClientID: c.ClientID, ClientSecret: c.ClientSecret,
		RefreshToken: c.RefreshToken, Key: c.PrivateKey, Subject: c.Username, Audience: c.Audience,
		File: env.Tokens, Transport: env.Transport,
	}
	if g.Audience == "" {
		g.Audience = host
	}
	return httpapi.OAuth(g), nil
}
