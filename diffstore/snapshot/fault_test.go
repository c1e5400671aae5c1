package snapshot

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

type step = func(context.Context, *play) error

// play is one run of the scenario.
type play struct {
	store   *Store
	session diffstore.Session
	tokens  map[string]diffstore.Token // of the latest attempts
}

func number(n uint64) diffstore.Sum { return toSum(n << 1) }

func at(key, id string, n uint64) diffstore.Attempt {
	return diffstore.Attempt{Entry: diffstore.Entry{Key: key, ID: id, Sum: number(n), First: number(n), Source: n, Detail: []byte("detail")}}
}

func begin(ctx context.Context, p *play) (err error) {
	p.session, err = p.store.Begin(ctx, "contacts")
	return err
}

func end(_ context.Context, p *play) error {
	s := p.session
	p.session = nil
	return s.Close()
}

func intends(attempts ...diffstore.Attempt) func(context.Context, *play) error {
	return func(ctx context.Context, p *play) error {
		tokens, err := p.session.Intend(ctx, attempts)
		p.tokens = map[string]diffstore.Token{}
		for i, token := range tokens {
			p.tokens[attempts[i].Entry.Key] = token
		}
		return err
	}
}

func settles(outcome diffstore.Outcome, keys ...string) func(context.Context, *play) error {
	return func(ctx context.Context, p *play) error {
		var fates []diffstore.Fate
		for _, k := range keys {
			fates = append(fates, diffstore.Fate{Key: k, Token: p.tokens[k], Outcome: outcome, Code: "no", At: time.Unix(1, 0)})
		}
		return p.session.Settle(ctx, fates)
	}
}

// scenario goes through everything that writes.
func scenario() []step {
	return []step{
		begin,
		intends(at("a", "1", 1), at("b", "2", 1), at("c", "3", 1)),
		settles(diffstore.Taken, "a", "c"),
		intends(at("f", "6", 1), at("g", "7", 1)),
		settles(diffstore.Taken, "f"),
		settles(diffstore.Refused, "b"),
		end,
		begin,
		intends(at("a", "1", 2), at("d", "4", 1)),
		settles(diffstore.Taken, "a"),
		end,
		begin,
		settles(diffstore.Gone, "c"),
		func(ctx context.Context, p *play) error {
			_, err := p.session.Erase(ctx, "d")
			return err
		},
		intends(at("e", "1", 3)),
		func(ctx context.Context, p *play) error {
			_, err := p.session.Release(ctx, func(diffstore.Known) bool { return true })
			return err
		},
		end,
		begin,
		intends(at("a", "1", 4)),
		settles(diffstore.Left, "a"),
		end,
	}
}

// dump puts all that is known into words.
func dump(t *testing.T, store *Store) string {
	t.Helper()
	words := ""
	for _, key := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		k, err := store.Lookup(t.Context(), "contacts", key)
		if err != nil {
			t.Fatal(err)
		}
		if k != nil {
			k.Tried.Token, k.Tried.Batch = diffstore.Token{}, diffstore.Token{}
			words += fmt.Sprintf("%+v\n", *k)
		}
	}
	return words
}

// TestFaults fails, and crashes, at each file operation of the scenario. What was acknowledged must be there afterwards,
// and of the call that failed all or nothing.
func TestFaults(t *testing.T) {
	t.Parallel()
	memories := map[string]Option{"merging": func(f *files) error { f.budget = 1 << 20; return nil }, "with segments": tiny}
	for name, memory := range memories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			healthy := newFaultyFS(-1, false, t.TempDir())
			p := &play{store: openTest(t, filepath.Join(t.TempDir(), "state"), memory, WithFS(healthy))}
			want := []string{""}
			for i, step := range scenario() {
				if err := step(t.Context(), p); err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
				want = append(want, dump(t, openTest(t, p.store.template.dir, memory)))
			}
			for n := range healthy.done {
				for _, crash := range []bool{false, true} {
					t.Run(fmt.Sprintf("operation %d, crash %v", n, crash), func(t *testing.T) {
						t.Parallel()
						suffer(t, memory, want, newFaultyFS(n, crash, t.TempDir()))
					})
				}
			}
		})
	}
}

func suffer(t *testing.T, memory Option, want []string, fsys *faultyFS) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	p := &play{store: openTest(t, dir, memory, WithFS(fsys))}
	done, err := 0, error(nil)
	for ; done < len(scenario()); done++ {
		if err = scenario()[done](t.Context(), p); err != nil {
			break
		}
	}
	if err != nil && p.session != nil {
		if again := settles(diffstore.Gone, "a")(t.Context(), p); again == nil && p.store.failed != nil {
			t.Errorf("after %s failed the session goes on", fsys.what)
		}
		_ = p.session.Close() // it may say again what failed
	}
	if p.store.failed != nil {
		if _, again := p.store.Begin(t.Context(), "contacts"); again == nil {
			t.Errorf("after %s failed the store goes on", fsys.what)
		}
	}
	if err := fsys.lose(); err != nil {
		t.Fatal(err)
	}
	mended := openTest(t, dir, memory, Unsynced())
	if err := mended.Verify(t.Context(), "contacts"); err != nil {
		t.Fatalf("after step %d failed at %q: %v", done, fsys.what, err)
	}
	got := dump(t, mended)
	if got != want[done] && (done+1 == len(want) || got != want[done+1]) {
		t.Errorf("after step %d failed at %q (-want +got):\n%s", done, fsys.what, cmp.Diff(want[done], got))
	}
	q := &play{store: mended}
	looks := func(ctx context.Context, _ *play) error {
		_, err := openTest(t, dir, memory, Unsynced()).Lookup(ctx, "contacts", "a")
		return err
	}
	for i, step := range []step{begin, intends(at("a", "1", 9)), looks, settles(diffstore.Taken, "a"), looks, end} {
		if err := step(t.Context(), q); err != nil {
			t.Fatalf("step %d afterwards: %v", i, err)
		}
	}
	if err := mended.Verify(t.Context(), "contacts"); err != nil {
		t.Error(err)
	}
}
