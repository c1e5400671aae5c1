package syncer

import "sync"

// flights holds the identifiers of the batches in flight.
type flights struct {
	mu   sync.Mutex
	free sync.Cond
	ids  map[string]bool
}

// enter waits until none of ids is in flight, and then takes them.
func (f *flights) enter(ids map[string]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ids == nil {
		f.ids = map[string]bool{}
	}
	for f.busy(ids) {
		f.free.Wait()
	}
	for id := range ids {
		f.ids[id] = true
	}
}

func (f *flights) busy(ids map[string]bool) bool {
	for id := range ids {
		if f.ids[id] {
			return true
		}
	}
	return false
}

func (f *flights) leave(ids map[string]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range ids {
		delete(f.ids, id)
	}
	f.free.Broadcast()
}
