package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/oauth2/jwt"

	"spillway/destinations"
)

// Grant is how the access tokens of an account are got from a token endpoint, as RFC 6749 and RFC 7523 have it: with a
// Key by a signed assertion, else with a RefreshToken by that, else with the client's own credentials.
type Grant struct {
	TokenURL     string
	ClientID     string
	ClientSecret destinations.Secret
	InHeader     bool // the client shows itself by HTTP basic authentication, not in the form

	RefreshToken destinations.Secret // the first one: a service may replace it with each access token

	Key      destinations.Secret // an RSA private key as PEM
	KeyID    string              // names it to the service; may be empty
	Subject  string              // in whose name the assertion asks
	Audience string              // of the assertion; TokenURL if empty

	Scopes []string
	Params url.Values // further parameters of a client's own grant

	// Lifetime is how long a token lasts whose answer does not say so. Zero is until it is refused.
	Lifetime time.Duration

	File      string            // where tokens are kept, which is destinations.Env.Tokens; empty keeps them in memory
	Transport http.RoundTripper // replaces the network, which nil is
}

// OAuth sends an access token that g gives as a bearer token. It is replaced ahead of its end and when it is refused,
// once for all requests, and kept before it is used.
func OAuth(g Grant) Auth { return Bearer(AccessToken(g)) }

// AccessToken is the access token that g gives, for services that want it elsewhere than OAuth puts it.
func AccessToken(g Grant) destinations.Secret {
	return &accessToken{grant: g, file: tokenFile{path: g.File}}
}

const (
	exchangeTimeout = 15 * time.Second // of one request to a token endpoint
	exchangeTries   = 3
	exchangePause   = time.Second // before the second try, and twice that before the third
	assertionLasts  = 3 * time.Minute
)

// exchangeError is why a token endpoint gave no access token. Its text holds no secret.
type exchangeError struct {
	class Class
	code  string
	text  string
	hint  string
}

func (e *exchangeError) Error() string { return e.text }

// grantSecrets are the secrets of a grant, looked up.
type grantSecrets struct{ client, refresh, key string }

func (s grantSecrets) all() []string { return []string{s.client, s.refresh, s.key} }

func (g Grant) reveal(ctx context.Context) (s grantSecrets, err error) {
	for _, each := range []struct {
		secret destinations.Secret
		into   *string
	}{{g.ClientSecret, &s.client}, {g.RefreshToken, &s.refresh}, {g.Key, &s.key}} {
		if each.secret == nil {
			continue
		}
		if *each.into, err = each.secret.Reveal(ctx); err != nil {
			return s, err
		}
	}
	return s, nil
}

// exchange asks the token endpoint for an access token, and again while it fails in a passing way.
func (g Grant) exchange(ctx context.Context, s grantSecrets) (*oauth2.Token, error) {
	for try := 1; ; try++ {
		token, err := g.ask(ctx, s)
		failed, ok := errors.AsType[*exchangeError](err)
		if !ok || failed.class != Later && failed.class != Unsent || try == exchangeTries {
			return token, err
		}
		timer := time.NewTimer(exchangePause << (try - 1))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}

func (g Grant) ask(ctx context.Context, s grantSecrets) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	wire := &exchangeWire{next: g.Transport}
	if wire.next == nil {
		own := network(1, exchangeTimeout)
		defer own.CloseIdleConnections()
		wire.next = own
	}
	token, err := g.source(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport:     wire,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}), s).Token()
	if err == nil && token.AccessToken == "" {
		err = errors.New("the answer holds no access token")
	}
	if err != nil {
		return nil, g.failed(err, wire.failed, s)
	}
	return token, nil
}

func (g Grant) source(ctx context.Context, s grantSecrets) oauth2.TokenSource {
	style := oauth2.AuthStyleInParams
	if g.InHeader {
		style = oauth2.AuthStyleInHeader
	}
	switch {
	case g.Key != nil:
		return (&jwt.Config{
			Email: g.ClientID, PrivateKey: []byte(s.key), PrivateKeyID: g.KeyID, Subject: g.Subject, Scopes: g.Scopes,
			TokenURL: g.TokenURL, Audience: g.Audience, Expires: assertionLasts,
		}).TokenSource(ctx)
	case g.RefreshToken != nil:
		return (&oauth2.Config{
			ClientID: g.ClientID, ClientSecret: s.client, Scopes: g.Scopes,
			Endpoint: oauth2.Endpoint{TokenURL: g.TokenURL, AuthStyle: style},
		}).TokenSource(ctx, &oauth2.Token{RefreshToken: s.refresh})
	}
	return (&clientcredentials.Config{
		ClientID: g.ClientID, ClientSecret: s.client, TokenURL: g.TokenURL, Scopes: g.Scopes,
		EndpointParams: g.Params, AuthStyle: style,
	}).TokenSource(ctx)
}

// exchangeWire tells a network that failed from an answer that is of no use, which the libraries put into one text.
type exchangeWire struct {
	next   http.RoundTripper
	failed error
}

func (w *exchangeWire) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := w.next.RoundTrip(r)
	w.failed = err
	return answer, err
}

// failed sorts the failure of an exchange. Whatever it was, no record was sent.
func (g Grant) failed(err, network error, s grantSecrets) error {
	e := &exchangeError{class: Unfit, code: "token", text: "get an access token: " + plain(err).Error()}
	refused, answered := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case network != nil:
		e.class, e.code, e.text = Unsent, "unreachable", "reach the token endpoint: "+plain(network).Error()
	case answered && refused.Response != nil:
		e.read(refused)
	}
	for _, secret := range s.all() {
		if len(secret) >= hideable {
			e.text = strings.ReplaceAll(e.text, secret, hidden)
		}
	}
	e.text = clean(e.text, maxReason)
	return e
}

// read takes what a token endpoint answered apart.
func (e *exchangeError) read(refused *oauth2.RetrieveError) {
	status := refused.Response.StatusCode
	code, words := refused.ErrorCode, refused.ErrorDescription
	if code == "" {
		var body struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		if json.Unmarshal(refused.Body, &body) == nil {
			code, words = body.Error, body.Description
		}
	}
	e.code = clean(or(code, strconv.Itoa(status)), maxCode)
	e.text = fmt.Sprintf("the token endpoint answered %d %s", status, strings.TrimSpace(code+" "+words))
	switch {
	case status == http.StatusTooManyRequests || status >= 500 || status == http.StatusRequestTimeout:
		e.class = Later
	case status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.class = Denied
		e.hint = "check the client's id and secret; where there is a refresh token or a key, the grant may have been withdrawn: authorize anew"
	default:
		e.hint = "check the address of the token endpoint"
	}
}
