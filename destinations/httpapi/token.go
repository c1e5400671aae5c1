package httpapi

import (
	"context"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

const (
	// ahead is how long before its end a token is replaced, or a tenth of its life where that is less.
	ahead = 5 * time.Minute

	// exchangeLasts is for how long the failure of an exchange stands, so that many requests do not try one each.
	exchangeLasts = 10 * time.Second
)

// accessToken is the access token that a grant gives, as the secret that it is.
type accessToken struct {
	grant Grant
	file  tokenFile

	renewing sync.Mutex // held during an exchange

	mu      sync.Mutex
	kept    keptToken
	refused string // the text of a token that the service did not take
	err     error  // of the latest exchange, if that failed
	until   time.Time
}

// due says whether the token should be replaced before the next request.
func (t *accessToken) due(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil && now.Before(t.until) && t.kept.lasts(now, t.refused) {
		return false // it could not be replaced a moment ago
	}
	return !t.kept.fresh(now, t.refused)
}

func (t *accessToken) refuse(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused = text
}

// Reveal returns an access token that lasts for a while. One that cannot be replaced ahead of its end is used up to
// it.
func (t *accessToken) Reveal(ctx context.Context) (string, error) {
	t.renewing.Lock()
	defer t.renewing.Unlock()
	now := time.Now()
	t.mu.Lock()
	kept, refused, err, until := t.kept, t.refused, t.err, t.until
	t.mu.Unlock()
	if kept.fresh(now, refused) {
		return kept.Access, nil
	}
	if err == nil || !now.Before(until) {
		kept, err = t.replace(ctx, kept, refused)
	}
	if err != nil && !kept.lasts(now, refused) {
		return "", err
	}
	return kept.Access, nil
}

// replace gets another token and returns it, or old with an error. An exchange that was begun is brought to its end
// though ctx is cancelled: a refresh token that was given and not kept would be lost.
func (t *accessToken) replace(ctx context.Context, old keptToken, refused string) (keptToken, error) {
	if err := ctx.Err(); err != nil {
		return old, err
	}
	got, err := t.renew(context.WithoutCancel(ctx), old, refused)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err = err; err != nil {
		t.until = time.Now().Add(exchangeLasts)
		return old, err
	}
	t.kept = got
	return got, nil
}

// renew takes the token that another process left in the file, if it is of use, and else exchanges the grant for one
// and keeps it there.
func (t *accessToken) renew(ctx context.Context, known keptToken, refused string) (got keptToken, err error) {
	secrets, err := t.grant.reveal(ctx)
	if err != nil {
		return got, err
	}
	of := digest([]string{t.grant.TokenURL, t.grant.ClientID, t.grant.Subject}, t.grant.Scopes, secrets.all())
	err = t.file.change(ctx, known, func(kept keptToken) (keptToken, error) {
		if kept.Grant != of {
			kept = keptToken{}
		}
		if kept.fresh(time.Now(), refused) {
			got = kept
			return kept, nil
		}
		if kept.Refresh != "" {
			secrets.refresh = kept.Refresh
		}
		token, err := t.grant.exchange(ctx, secrets)
		if err != nil {
			return kept, err
		}
		got = t.grant.kept(token, time.Now())
		got.Grant = of
		return got, nil
	})
	return got, err
}

func (g Grant) kept(token *oauth2.Token, now time.Time) keptToken {
	kept := keptToken{Access: token.AccessToken, Since: now, Until: token.Expiry}
	if kept.Until.IsZero() && g.Lifetime > 0 {
		kept.Until = now.Add(g.Lifetime)
	}
	if g.RefreshToken != nil {
		kept.Refresh = token.RefreshToken
	}
	return kept
}
