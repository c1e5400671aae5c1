package diffstoretest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// testTokens tests which attempts share a token. Idempotency keys are made from tokens: one that is the same where
// the remote record may have changed in between is swallowed, one that is new where nothing happened is applied twice.
func testTokens(t *testing.T, open Opener) {
	w := func(id, value string, end ending) step { return write("k", id, value, end) }
	other := func(id string, end ending) step { return write("other", id, "v3", end) }
	tests := []struct {
		name  string
		steps []step
		want  string // a letter for each attempt of k: the same for the same token
	}{
		{"no answer keeps the token", steps(w("a", "v1", silence), w("a", "v1", silence), w("a", "v1", takes)), "A A A"},
		{"acceptance spends it", steps(w("a", "v1", takes), w("a", "v1", takes)), "A B"},
		{"a refusal spends it", steps(w("a", "v1", refuses), w("a", "v1", refuses)), "A B"},
		{"a return keeps it", steps(w("a", "v1", returns), w("a", "v1", returns), w("a", "v1", refuses), w("a", "v1", takes)), "A A A B"},
		{"another value has another", steps(w("a", "v1", silence), w("a", "v2", silence)), "A B"},
		{"another identifier has another", steps(w("a", "v1", silence), w("b", "v1", silence)), "A B"},
		{"there and back is new", steps(w("a", "v1", silence), w("a", "v2", silence), w("a", "v1", silence)), "A B C"},
		{"there and back is new after acceptance", steps(w("a", "v1", takes), w("a", "v2", takes), w("a", "v1", takes)), "A B C"},
		{"a removal has its own", steps(w("a", "v1", silence), remove("k", "a", silence), remove("k", "a", silence)), "A B B"},
		{"a removal makes the record's new", steps(w("a", "v1", silence), remove("k", "a", silence), w("a", "v1", silence)), "A B C"},
		{"a record makes the removal's new", steps(w("a", "v1", takes), remove("k", "a", silence), w("a", "v1", silence), remove("k", "a", takes)), "A B C D"},
		{"a refused removal spends it", steps(w("a", "v1", takes), remove("k", "a", refuses), remove("k", "a", takes)), "A B C"},
		{"a returned removal keeps it", steps(w("a", "v1", takes), remove("k", "a", returns), remove("k", "a", takes)), "A B B"},
		{
			"each identifier's removal has its own",
			steps(w("a", "v1", takes), w("b", "v2", takes), remove("k", "a", silence), remove("k", "b", silence), remove("k", "a", silence)),
			"A B C D C",
		},
		{"another key's attempt on the identifier makes it new", steps(w("a", "v1", silence), other("a", silence), w("a", "v1", silence)), "A B"},
		{"another key's acceptance does", steps(w("a", "v1", silence), other("a", takes), w("a", "v1", silence)), "A B"},
		{"another key's refusal does not", steps(w("a", "v1", silence), other("a", refuses), w("a", "v1", silence)), "A A"},
		{"another key's attempt elsewhere does not", steps(w("a", "v1", silence), other("b", takes), w("a", "v1", silence)), "A A"},
		{"a key that was forgotten has new ones", steps(w("a", "v1", silence), gone("k", ""), w("a", "v1", silence)), "A B"},
	}
	for _, tt := range tests {
		each(t, tt.name, open, func(b *bench, next between) {
			spy := &spy{names: map[diffstore.Token]string{}}
			b.spy = spy
			b.take(tt.steps, next)
			if diff := cmp.Diff(tt.want, strings.Join(spy.seen, " ")); diff != "" {
				b.t.Errorf("tokens (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("attempts that are intended together share a batch", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		first := intend(b, diffstore.Attempt{Entry: entry("k", "a", "v1")}, diffstore.Attempt{Entry: entry("l", "b", "v1")})
		b.crash()
		changes := must(b.look().Compare(t.Context(), []diffstore.Entry{entry("l", "b", "v1"), entry("k", "a", "v1")}))(t)
		for _, c := range changes {
			if c.Known.Tried.Batch != first[0] {
				t.Errorf("the batch of key %s is not the first token of its call", c.Known.Key)
			}
		}
		again := intend(b, diffstore.Attempt{Entry: entry("k", "a", "v1")}, diffstore.Attempt{Entry: entry("l", "b", "v1")})
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("tokens of the same batch sent again (-first +again):\n%s", diff)
		}
	})
	t.Run("tokens are unique across resets", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		seen := map[diffstore.Token]bool{{}: true}
		for range 5 {
			for _, token := range intend(b, diffstore.Attempt{Entry: entry("k", "a", "v1")}, diffstore.Attempt{Entry: entry("l", "b", "v1")}) {
				if seen[token] {
					t.Errorf("token %x came twice", token)
				}
				seen[token] = true
			}
			b.end()
			check(t, b.store.Forget(t.Context(), syncName))
		}
	})
}

// spy names the tokens of key k in the order they come: A, B, C.
type spy struct {
	names map[diffstore.Token]string
	seen  []string
}

func (s *spy) note(attempts []diffstore.Attempt, tokens []diffstore.Token) {
	for i, a := range attempts {
		if a.Entry.Key != "k" {
			continue
		}
		if s.names[tokens[i]] == "" {
			s.names[tokens[i]] = string(rune('A' + len(s.names)))
		}
		s.seen = append(s.seen, s.names[tokens[i]])
	}
}
