package syncer

import (
	"hash/maphash"
	"sync"
)

// flights holds what no two records under way may have in common, by hash: their keys and their identifiers. So two
// keys that share an identifier keep their order. A collision of hashes only keeps a record waiting.
type flights struct {
	keys, ids maphash.Seed

	mu    sync.Mutex
	free  sync.Cond
	taken hashes
}

func newFlights() *flights {
	f := &flights{keys: maphash.MakeSeed(), ids: maphash.MakeSeed(), taken: newHashes()}
	f.free.L = &f.mu
	return f
}

// names returns the hashes of a record's key and identifier. That of no identifier is the key's.
func (f *flights) names(i *item) (key, id uint64) {
	key = maphash.String(f.keys, i.Key)
	if i.Folded == "" {
		return key, key
	}
	return key, maphash.String(f.ids, i.Folded)
}

// take takes the names of a record for b, or none of them where one is taken, be it by b itself.
func (f *flights) take(b *batch, i *item) bool {
	key, id := f.names(i)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.add(b, key, id)
}

// await takes the names for b once they are free.
func (f *flights) await(b *batch, i *item) {
	key, id := f.names(i)
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.add(b, key, id) {
		f.free.Wait()
	}
}

// add takes both names, or none where one is taken.
func (f *flights) add(b *batch, key, id uint64) bool {
	if !f.taken.add(key) {
		return false
	}
	if id != key && !f.taken.add(id) {
		f.taken.remove(key)
		return false
	}
	b.names = append(b.names, key, id)
	return true
}

// leave frees the names of b.
func (f *flights) leave(b *batch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range b.names {
		f.taken.remove(name)
	}
	b.names = b.names[:0]
	f.free.Broadcast()
}
