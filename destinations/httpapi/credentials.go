package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"spillway/destinations"
)

// hideable is the length from which a secret is cut out of texts. Shorter ones are headers such as "data", and
// cutting them would make reasons unreadable.
const hideable = 8

// hiddenTexts bounds how many texts are cut out: those of the latest access tokens, and the fixed ones, which are
// noted again with each of them.
const hiddenTexts = 64

const hidden = "•••"

// passing is a secret that has to be replaced from time to time, as access tokens are.
type passing interface {
	// due says that it should be looked up anew before the next request, be it in use or not.
	due(now time.Time) bool

	// refuse says that the service did not take text, so that another one is needed whatever due says.
	refuse(text string)
}

// credentials keeps what the secrets of an account were when they were last looked up.
type credentials struct {
	auth Auth

	mu       sync.Mutex
	looking  chan struct{} // closed when the look that is under way ends; nil while there is none
	revealed []string      // nil before the first look
	version  int           // grows whenever a look found other secrets
	hide     []string      // everything that must not be shown, oldest first
	longest  []string      // hide, longest first
}

// ready looks the secrets up if that was not done yet or is due again, which may take a while. However many requests
// wait for it, they are looked up once.
func (c *credentials) ready(ctx context.Context) error {
	_, err := c.look(ctx, func() bool { return c.auth.Apply != nil && (c.revealed == nil || c.due(time.Now())) })
	return err
}

func (c *credentials) due(now time.Time) bool {
	return slices.ContainsFunc(c.auth.Secrets, func(s destinations.Secret) bool {
		p, ok := s.(passing)
		return ok && p.due(now)
	})
}

// apply puts the credentials, which are ready, on r and returns their version.
func (c *credentials) apply(r *http.Request, body []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.auth.Apply != nil {
		if err := c.auth.Apply(r, body, slices.Clone(c.revealed)); err != nil {
			return 0, err
		}
	}
	if _, coded, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		c.conceal(coded)
	}
	return c.version, headersFit(r.Header)
}

// renew looks the secrets up again after they were refused, and says whether there are others than those of
// version by now.
func (c *credentials) renew(ctx context.Context, version int) (bool, error) {
	now, err := c.look(ctx, func() bool {
		if c.auth.Apply == nil || c.version != version {
			return false
		}
		for i, s := range c.auth.Secrets {
			if p, ok := s.(passing); ok && i < len(c.revealed) {
				p.refuse(c.revealed[i])
			}
		}
		return true
	})
	return err == nil && now != version, err
}

// look looks the secrets up if needed, once it is the only one to do so, says that they are. It returns the version of
// those that hold now.
func (c *credentials) look(ctx context.Context, needed func() bool) (int, error) {
	for {
		c.mu.Lock()
		if !needed() {
			defer c.mu.Unlock()
			return c.version, nil
		}
		if c.looking == nil {
			c.looking = make(chan struct{})
			c.mu.Unlock()
			return c.lookNow(ctx)
		}
		ended := c.looking
		c.mu.Unlock()
		select {
		case <-ended:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// lookNow looks the secrets up without keeping others from reading those that were known before.
func (c *credentials) lookNow(ctx context.Context) (int, error) {
	revealed := make([]string, 0, len(c.auth.Secrets))
	var err error
	for _, s := range c.auth.Secrets {
		var text string
		if text, err = s.Reveal(ctx); err != nil {
			err = fmt.Errorf("look up the credentials: %w", err)
			break
		}
		revealed = append(revealed, text)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.looking)
	c.looking = nil
	if err != nil || c.revealed != nil && slices.Equal(revealed, c.revealed) {
		return c.version, err
	}
	if c.revealed != nil {
		c.version++
	}
	c.revealed = revealed
	for _, text := range revealed {
		c.conceal(text)
	}
	return c.version, nil
}

// conceal has text cut out of whatever is shown from now on. Of too many texts the oldest is forgotten.
func (c *credentials) conceal(text string) {
	if len(text) < hideable || len(c.hide) > 0 && c.hide[len(c.hide)-1] == text {
		return
	}
	c.hide = append(slices.DeleteFunc(c.hide, func(t string) bool { return t == text }), text)
	if len(c.hide) > hiddenTexts {
		c.hide = slices.Delete(c.hide, 0, len(c.hide)-hiddenTexts)
	}
	c.longest = slices.SortedFunc(slices.Values(c.hide), func(a, b string) int { return len(b) - len(a) })
}

// censor cuts the account's secrets out of text (invariant 10).
func (c *credentials) censor(text string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, secret := range c.longest {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return text
}

// locked is the problem of an attempt for which the credentials could not be had, because of err. Nothing was sent.
func (c *Client) locked(ctx context.Context, err error) *Problem {
	if ctx.Err() != nil {
		return c.over(ctx, Unsent)
	}
	exchange, ok := errors.AsType[*exchangeError](err)
	if !ok {
		return c.failed(Unfit, "credentials", err)
	}
	p := c.failed(exchange.class, exchange.code, exchange)
	p.Hint, p.forever = exchange.hint, true // the exchange was tried several times
	if p.Class == Denied {
		c.door.close(*p, deniedLasts)
	}
	return p
}

// headersFit finds a header that cannot be sent, which is most often a credential with a line break in it.
func headersFit(h http.Header) error {
	for name, values := range h {
		for _, value := range values {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return &destinations.Error{
					Kind:    destinations.ErrConfig,
					Message: "the value of the header " + name + " holds a line break or a control character",
					Hint:    "look for a stray line end in the secret",
				}
			}
		}
	}
	return nil
}
