package snapshot

import (
	"bytes"
	"context"
	"encoding/binary"
	"iter"
	"log/slog"
	"sync"
	"testing"

	"spillway/diffstore"
	"spillway/diffstore/diffstoretest"
)

// tiny leaves so little memory that nearly every call ends in a segment, and nearly everything in a file.
func tiny(f *files) error {
	f.budget = 1 << 10
	return nil
}

var testKey = bytes.Repeat([]byte{7}, 32)

func openTest(t *testing.T, dir string, options ...Option) *Store {
	t.Helper()
	store, err := Open(dir, slog.New(slog.DiscardHandler), options...)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]Option{
		"as it is":           nil,
		"with little memory": {func(f *files) error { f.budget = 128 << 10; return nil }},
		"encrypted":          {WithEncryption(testKey)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diffstoretest.Run(t, func(t *testing.T, dir string) diffstore.Store {
				t.Helper()
				return openTest(t, dir, append(options, Unsynced())...)
			})
		})
	}
	t.Run("with next to no memory", func(t *testing.T) {
		t.Parallel()
		diffstoretest.Converge(t, func(t *testing.T, dir string) diffstore.Store {
			t.Helper()
			return openTest(t, dir, tiny, Unsynced())
		}, 100)
	})
	t.Run("with sums that fit the index", func(t *testing.T) {
		t.Parallel()
		wide := &sumTable{wide: map[diffstore.Sum]diffstore.Sum{}}
		diffstoretest.Run(t, func(t *testing.T, dir string) diffstore.Store {
			t.Helper()
			return narrowStore{openTest(t, dir, Unsynced()), wide}
		})
	})
}

// The suite makes sums of its own, of 16 bytes, which are kept whole. A narrowStore hands the engine the kind that it
// makes itself, and the suite its own again, so that the suite tests plain records too.
type narrowStore struct {
	diffstore.Store
	*sumTable
}

type sumTable struct {
	mu   sync.Mutex
	wide map[diffstore.Sum]diffstore.Sum
}

func (t *sumTable) narrow(s diffstore.Sum) diffstore.Sum {
	if (s == diffstore.Sum{}) {
		return s
	}
	n := toSum(max(binary.LittleEndian.Uint64(s[:8])&sumMask, 2))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wide[n] = s
	return n
}

func (t *sumTable) widen(k *diffstore.Known) {
	if k == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.wide[k.Sum]; ok {
		k.Sum = s
	}
	if s, ok := t.wide[k.Tried.Sum]; ok {
		k.Tried.Sum = s
	}
}

func (t *sumTable) entry(e diffstore.Entry) diffstore.Entry {
	e.Sum, e.First = t.narrow(e.Sum), t.narrow(e.First)
	return e
}

func (n narrowStore) Begin(ctx context.Context, sync string) (diffstore.Session, error) {
	s, err := n.Store.Begin(ctx, sync)
	if err != nil {
		return nil, err
	}
	return &narrowSession{narrowView{s, n.sumTable}, s}, nil
}

func (n narrowStore) View(ctx context.Context, sync string) (diffstore.View, error) {
	v, err := n.Store.View(ctx, sync)
	if err != nil {
		return nil, err
	}
	return &narrowView{v, n.sumTable}, nil
}

type narrowView struct {
	diffstore.View
	*sumTable
}

func (n *narrowView) Compare(ctx context.Context, entries []diffstore.Entry) ([]diffstore.Change, error) {
	narrowed := make([]diffstore.Entry, len(entries))
	for i, e := range entries {
		narrowed[i] = n.entry(e)
	}
	changes, err := n.View.Compare(ctx, narrowed)
	for _, c := range changes {
		n.widen(c.Known)
	}
	return changes, err
}

func (n *narrowView) Removed(ctx context.Context) iter.Seq2[diffstore.Known, error] {
	return func(yield func(diffstore.Known, error) bool) {
		for k, err := range n.View.Removed(ctx) {
			n.widen(&k)
			if !yield(k, err) {
				return
			}
		}
	}
}

type narrowSession struct {
	narrowView
	session diffstore.Session
}

func (n *narrowSession) Intend(ctx context.Context, attempts []diffstore.Attempt) ([]diffstore.Token, error) {
	narrowed := make([]diffstore.Attempt, len(attempts))
	for i, a := range attempts {
		narrowed[i] = diffstore.Attempt{Entry: n.entry(a.Entry), Removal: a.Removal}
	}
	return n.session.Intend(ctx, narrowed)
}

func (n *narrowSession) Settle(ctx context.Context, fates []diffstore.Fate) error {
	return n.session.Settle(ctx, fates)
}

func (n *narrowSession) Release(ctx context.Context, match func(diffstore.Known) bool) (int, error) {
	return n.session.Release(ctx, match)
}

func (n *narrowSession) Erase(ctx context.Context, key string) (bool, error) {
	return n.session.Erase(ctx, key)
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
