package diffstore_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// snapshot is an engine that stores nothing: what is left of one when the rules are taken out.
type snapshot struct {
	states map[string]diffstore.State
	tokens byte
}

func newSnapshot() *snapshot { return &snapshot{states: map[string]diffstore.State{}} }

// draft puts every state into a draft, with claims of its own.
func (s *snapshot) draft() *diffstore.Draft {
	d := diffstore.NewDraft()
	for key, state := range s.states {
		state.Claims = slices.Clone(state.Claims)
		d.Put(key, &state)
	}
	return d
}

func (s *snapshot) keep(d *diffstore.Draft) {
	for key, state := range d.Changed() {
		delete(s.states, key)
		if !state.Empty() {
			s.states[key] = *state
		}
	}
}

func (s *snapshot) intend(t *testing.T, attempts ...diffstore.Attempt) []diffstore.Token {
	t.Helper()
	d := s.draft()
	tokens, err := d.Intend(attempts, func() diffstore.Token {
		s.tokens++
		return diffstore.Token{1, s.tokens}
	})
	if err != nil {
		t.Fatal(err)
	}
	s.keep(d)
	return tokens
}

func (s *snapshot) settle(t *testing.T, fates ...diffstore.Fate) {
	t.Helper()
	d := s.draft()
	if err := d.Settle(fates); err != nil {
		t.Fatal(err)
	}
	s.keep(d)
}

// restart is what Begin does to attempts without a verdict.
func (s *snapshot) restart() {
	for key, state := range s.states {
		state.Pending = diffstore.Pending{}
		for i := range state.Claims {
			state.Claims[i].Removing = diffstore.Removing{}
		}
		s.states[key] = state
	}
}

// scramble does something at random.
func (s *snapshot) scramble(t *testing.T, r *rand.Rand) {
	t.Helper()
	key := fmt.Sprintf("k%d", r.IntN(3))
	state := s.states[key]
	switch n := r.IntN(10); {
	case n < 5:
		s.intend(t, diffstore.Attempt{Entry: randomEntry(r, key)})
	case n < 6 && len(state.Claims) > 0:
		id := state.Claims[r.IntN(len(state.Claims))].ID
		s.intend(t, diffstore.Attempt{Entry: diffstore.Entry{Key: key, ID: id}, Removal: true})
		s.settle(t, diffstore.Fate{Key: key, ID: id, Outcome: []diffstore.Outcome{diffstore.Refused, diffstore.Returned, diffstore.Gone}[r.IntN(3)]})
	case n < 7:
		s.restart()
	case n < 8:
		s.settle(t, diffstore.Fate{Key: key, Outcome: diffstore.Left})
	default:
		if state.Pending.Open {
			s.settle(t, diffstore.Fate{Key: key, Outcome: []diffstore.Outcome{diffstore.Taken, diffstore.Taken, diffstore.Refused, diffstore.Returned}[r.IntN(4)]})
		}
	}
}

func randomEntry(r *rand.Rand, key string) diffstore.Entry {
	ids := []string{"", "a", "b", "c"}
	sum := byte(1 + r.IntN(3))
	return diffstore.Entry{Key: key, ID: ids[r.IntN(len(ids))], Sum: diffstore.Sum{sum}, First: diffstore.Sum{sum, 9}, Detail: []byte{sum}}
}

// eachState calls test with many states of affairs that the rules can lead to.
func eachState(t *testing.T, test func(t *testing.T, r *rand.Rand, s *snapshot)) {
	t.Helper()
	for seed := range 3000 {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		s := newSnapshot()
		for range r.IntN(30) {
			s.scramble(t, r)
		}
		test(t, r, s)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestAFailedAttemptRestoresWhatWasKnown(t *testing.T) {
	t.Parallel()
	for _, outcome := range []diffstore.Outcome{diffstore.Refused, diffstore.Returned} {
		eachState(t, func(t *testing.T, r *rand.Rand, s *snapshot) {
			s.restart()
			before := withoutAttempts(s)
			key := fmt.Sprintf("k%d", r.IntN(3))
			s.intend(t, diffstore.Attempt{Entry: randomEntry(r, key)})
			s.settle(t, diffstore.Fate{Key: key, Outcome: outcome, At: time.Unix(1, 0)})
			after := withoutAttempts(s)
			if before[key] == nil { // of a new key, that it was tried is known now, and nothing else
				before[key] = &diffstore.Known{Key: key, IDs: []string{}, Removals: map[string]diffstore.Tried{}}
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("what is known, attempts apart (-before +after):\n%s", diff)
			}
		})
	}
}

// withoutAttempts returns what is known of every key, and of attempts only whether they are in doubt.
func withoutAttempts(s *snapshot) map[string]*diffstore.Known {
	all := map[string]*diffstore.Known{}
	for key, state := range s.states {
		k := state.Known(key)
		k.Tried = diffstore.Tried{Doubt: k.Tried.Doubt}
		doubts := map[string]diffstore.Tried{}
		for id, t := range k.Removals {
			doubts[id] = diffstore.Tried{Doubt: t.Doubt}
		}
		k.Removals = doubts
		all[key] = k
	}
	return all
}

func TestEachBatchOfOneIntendIsKnownByItsFirstToken(t *testing.T) {
	t.Parallel()
	s := newSnapshot()
	var attempts []diffstore.Attempt
	for n, batch := range []int{0, 0, 1, 2, 2} {
		e := diffstore.Entry{Key: fmt.Sprint("k", n), ID: fmt.Sprint("a", n), Sum: diffstore.Sum{1}, First: diffstore.Sum{1}}
		attempts = append(attempts, diffstore.Attempt{Entry: e, Batch: batch})
	}
	tokens := s.intend(t, attempts...)
	for n, first := range []int{0, 0, 2, 3, 3} {
		if got := s.states[fmt.Sprint("k", n)].Tried; got.Token != tokens[n] || got.Batch != tokens[first] {
			t.Errorf("attempt %d has token %x and batch %x, want %x and %x", n, got.Token, got.Batch, tokens[n], tokens[first])
		}
	}
}

func TestAcceptanceLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	eachState(t, func(t *testing.T, r *rand.Rand, s *snapshot) {
		e := randomEntry(r, "k0")
		s.restart()
		s.intend(t, diffstore.Attempt{Entry: e})
		s.settle(t, diffstore.Fate{Key: "k0", Outcome: diffstore.Taken})
		state := s.states["k0"]
		if got := diffstore.Judge(e, state.Known("k0")); got.Verdict != diffstore.Same || got.Contested {
			t.Errorf("the entry that was accepted is %+v", got)
		}
		if k := state.Known("k0"); e.ID != "" && k.IDs[len(k.IDs)-1] != e.ID {
			t.Errorf("it was accepted under %s, and stands under %v", e.ID, k.IDs)
		}
	})
}

func TestWhatIsPlainNeedsNoCloserLook(t *testing.T) {
	t.Parallel()
	plain := 0
	eachState(t, func(t *testing.T, _ *rand.Rand, s *snapshot) {
		for key, state := range s.states {
			got := diffstore.Judge(diffstore.Entry{Key: key, ID: state.ID, Sum: state.Sum, First: diffstore.Sum{7}}, state.Known(key))
			same := got.Verdict == diffstore.Same && !got.Contested && len(state.Claims) <= 1
			if state.Plain() {
				plain++
			}
			if state.Plain() && !same {
				t.Errorf("a plain state gives %+v", got)
			}
			if same && !state.Plain() && (len(state.Claims) == 0 || state.Claims[0].ID == state.ID) {
				t.Errorf("a state that is the same is not plain: %+v", state)
			}
		}
	})
	if plain == 0 {
		t.Error("no state was plain")
	}
}

func TestEveryStateHolds(t *testing.T) {
	t.Parallel()
	eachState(t, func(t *testing.T, _ *rand.Rand, s *snapshot) {
		for key, state := range s.states {
			ids := map[string]bool{}
			for i, c := range state.Claims {
				if c.ID == "" || ids[c.ID] {
					t.Errorf("key %s has identifier %q twice, or none", key, c.ID)
				}
				ids[c.ID] = true
				if last := i == len(state.Claims)-1; state.Accepted && c.ID == state.ID && !last {
					t.Errorf("the accepted identifier of key %s does not stand last", key)
				}
			}
			if state.Accepted && state.ID != "" && !state.Holds(state.ID, false) {
				t.Errorf("key %s does not hold the identifier of its record", key)
			}
			if !state.Accepted && (state.Sum != diffstore.Sum{} || state.ID != "" || state.Detail != nil) {
				t.Errorf("key %s has a record that is not accepted", key)
			}
			if state.Delivered() && state.Empty() {
				t.Errorf("key %s is delivered and empty", key)
			}
		}
	})
}

func TestRemovingEveryIdentifierForgets(t *testing.T) {
	t.Parallel()
	eachState(t, func(t *testing.T, _ *rand.Rand, s *snapshot) {
		for key, state := range s.states {
			if len(state.Claims) == 0 || (state.Accepted && state.ID == "") {
				continue
			}
			for _, c := range state.Claims {
				s.intend(t, diffstore.Attempt{Entry: diffstore.Entry{Key: key, ID: c.ID}, Removal: true})
				s.settle(t, diffstore.Fate{Key: key, ID: c.ID, Outcome: diffstore.Gone})
			}
			if left, ok := s.states[key]; ok {
				t.Errorf("of key %s is left: %+v", key, left)
			}
		}
	})
}

func TestAttemptedNamesWhatSettleLooksUp(t *testing.T) {
	t.Parallel()
	s := newSnapshot()
	s.intend(t, diffstore.Attempt{Entry: diffstore.Entry{Key: "k", ID: "a", Sum: diffstore.Sum{1}, First: diffstore.Sum{1}}})
	s.settle(t, diffstore.Fate{Key: "k", Outcome: diffstore.Taken})
	s.intend(t,
		diffstore.Attempt{Entry: diffstore.Entry{Key: "k", ID: "b", Sum: diffstore.Sum{2}, First: diffstore.Sum{2}}},
		diffstore.Attempt{Entry: diffstore.Entry{Key: "k", ID: "a"}, Removal: true},
	)
	for _, tt := range []struct {
		fate diffstore.Fate
		want string
	}{
		{diffstore.Fate{Key: "k", ID: "a", Outcome: diffstore.Refused}, "a"},
		{diffstore.Fate{Key: "k", ID: "b", Outcome: diffstore.Refused}, "b"},
		{diffstore.Fate{Key: "k", Outcome: diffstore.Returned}, "b"},
		{diffstore.Fate{Key: "k", Outcome: diffstore.Taken}, ""},
		{diffstore.Fate{Key: "k", ID: "a", Outcome: diffstore.Gone}, ""},
		{diffstore.Fate{Key: "unknown", Outcome: diffstore.Refused}, ""},
	} {
		if got, ok := s.draft().Attempted(tt.fate); got != tt.want || ok != (tt.want != "") {
			t.Errorf("fate %+v ends an attempt on %q (%t), not %q", tt.fate, got, ok, tt.want)
		}
	}
}
