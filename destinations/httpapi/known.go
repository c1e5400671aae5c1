package httpapi

import (
	"sync"
	"time"
)

// knownLasts is for how long an account is taken to be as it said.
const knownLasts = 10 * time.Minute

// Known keeps what an account says of itself, such as the fields of its objects, by the name of what it speaks of. It is
// asked again after ten minutes. The zero Known is empty. Calls that ask at the same time all ask.
type Known[V any] struct {
	mu     sync.Mutex
	things map[string]known[V]
}

type known[V any] struct {
	value V
	at    time.Time
}

// Get returns what the account said ten minutes ago at most, and asks where it said nothing since. An error of ask is
// returned with its value, and neither is kept.
func (k *Known[V]) Get(name string, ask func() (V, error)) (V, error) {
	k.mu.Lock()
	thing, ok := k.things[name]
	k.mu.Unlock()
	if ok && time.Since(thing.at) < knownLasts {
		return thing.value, nil
	}
	return k.Renew(name, ask)
}

// Renew asks, and keeps the answer.
func (k *Known[V]) Renew(name string, ask func() (V, error)) (V, error) {
	value, err := ask()
	if err != nil {
		return value, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.things == nil {
		k.things = map[string]known[V]{}
	}
	k.things[name] = known[V]{value, time.Now()}
	return value, nil
}

// Last returns what the account said last, however long ago.
func (k *Known[V]) Last(name string) (value V, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	thing, ok := k.things[name]
	return thing.value, ok
}
