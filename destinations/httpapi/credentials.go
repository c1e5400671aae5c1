package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"spillway/destinations"
)

// hideable is the length from which a secret is cut out of texts. Shorter ones are headers such as "data", and
// cutting them would make reasons unreadable.
const hideable = 8

const hidden = "•••"

// credentials keeps what the secrets of an account were when they were last looked up.
type credentials struct {
	auth Auth

	mu       sync.Mutex
	revealed []string // nil before the first look
	version  int      // grows whenever a look found other secrets
	hide     []string // everything that must not be shown, longest first
}

// ready looks the secrets up if that was not done yet, which may take a while.
func (c *credentials) ready(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.auth.Apply == nil || c.revealed != nil {
		return nil
	}
	revealed, err := c.look(ctx)
	if err != nil {
		return err
	}
	c.take(revealed)
	return nil
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
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.auth.Apply == nil || c.version != version {
		return c.version != version, nil
	}
	revealed, err := c.look(ctx)
	if err != nil || slices.Equal(revealed, c.revealed) {
		return false, err
	}
	c.version++
	c.take(revealed)
	return true, nil
}

func (c *credentials) look(ctx context.Context) ([]string, error) {
	revealed := make([]string, 0, len(c.auth.Secrets))
	for _, s := range c.auth.Secrets {
		text, err := s.Reveal(ctx)
		if err != nil {
			return nil, fmt.Errorf("look up the credentials: %w", err)
		}
		revealed = append(revealed, text)
	}
	return revealed, nil
}

func (c *credentials) take(revealed []string) {
	c.revealed = revealed
	for _, text := range revealed {
		c.conceal(text)
	}
}

func (c *credentials) conceal(text string) {
	if len(text) < hideable || slices.Contains(c.hide, text) {
		return
	}
	c.hide = append(c.hide, text)
	slices.SortFunc(c.hide, func(a, b string) int { return len(b) - len(a) })
}

// censor cuts the account's secrets out of text (invariant 10).
func (c *credentials) censor(text string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, secret := range c.hide {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return text
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
