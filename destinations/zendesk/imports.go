package zendesk

import (
	"context"
	"sync"
	"time"
)

// refusalLasts is for how long an account is taken not to import users in bulk after it said so.
const refusalLasts = time.Hour

// imports is what is known of whether an account may import users in bulk, which Zendesk allows those that ask it to. While
// that is not known one delivery at a time tries, as credentials that may do nothing are answered alike.
type imports struct {
	turn chan struct{}

	mu      sync.Mutex
	allowed bool
	until   time.Time // imports are taken to be refused
}

func newImports() *imports { return &imports{turn: make(chan struct{}, 1)} }

// enter waits for the turn of a delivery, which ends with leave.
func (m *imports) enter(ctx context.Context) (leave func(), err error) {
	if !m.untried() {
		return func() {}, nil
	}
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	leave = func() { <-m.turn }
	if !m.untried() {
		leave()
		leave = func() {}
	}
	return leave, nil
}

func (m *imports) untried() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.allowed && !time.Now().Before(m.until)
}

func (m *imports) refused() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.allowed && time.Now().Before(m.until)
}

func (m *imports) set(allowed bool, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.allowed, m.until = allowed, until
}

func (m *imports) allow()  { m.set(true, time.Time{}) }
func (m *imports) refuse() { m.set(false, time.Now().Add(refusalLasts)) }
func (m *imports) forget() { m.set(false, time.Time{}) }
