package snapshot

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"spillway/diffstore"
)

// What is made of simple attempts without a draft is what a draft makes of them.
func TestSimpleAttemptsEndAsDraftsDo(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "id", "key"} {
		for _, outcome := range []diffstore.Outcome{diffstore.Taken, diffstore.Refused, diffstore.Returned, diffstore.Gone, diffstore.Left} {
			for _, named := range []bool{false, true} {
				t.Run(fmt.Sprintf("identifier %q, outcome %d, with tokens: %t", id, outcome, named), func(t *testing.T) {
					t.Parallel()
					s := beginTest(t)
					var want diffstore.State
					checkRound(t, s, &want, id, 0, outcome, named)
					for round := range uint64(2) { // at a record that was accepted
						checkRound(t, s, &want, id, 1+round, diffstore.Taken, named)
					}
				})
			}
		}
	}
}

// beginTest returns a session that has recorded something, as simple attempts are never the first.
func beginTest(t *testing.T) *session {
	t.Helper()
	ds, err := openTest(t, filepath.Join(t.TempDir(), "state"), Unsynced()).Begin(t.Context(), "contacts")
	if err != nil {
		t.Fatal(err)
	}
	s, ok := ds.(*session)
	if !ok {
		t.Fatal("no session of this package")
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Intend(t.Context(), []diffstore.Attempt{{Entry: benchEntry(s.hasher, 1, 1)}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// checkRound intends one record and ends the attempt, named by its token or not, in the session and in a draft of want.
func checkRound(t *testing.T, s *session, want *diffstore.State, id string, round uint64, outcome diffstore.Outcome, named bool) {
	t.Helper()
	entry := benchEntry(s.hasher, 7, round)
	entry.Key, entry.ID, entry.First = "key", id, s.Sum([]byte("first"))
	attempts := []diffstore.Attempt{{Entry: benchEntry(s.hasher, 100+int(round), round)}, {Entry: entry}}
	tokens, err := s.Intend(t.Context(), attempts)
	if err != nil {
		t.Fatal(err)
	}
	d := diffstore.NewDraft()
	d.Put("key", want)
	if again, err := d.IntendOne(&attempts[1], tokens[0], func() diffstore.Token { return tokens[1] }); err != nil || again != tokens[1] {
		t.Fatalf("the draft's token is %x, not %x (%v)", again, tokens[1], err)
	}
	checkState(t, s, want, "intended")
	fates := []diffstore.Fate{{Key: attempts[0].Entry.Key, Outcome: diffstore.Taken}, {Key: "key", ID: id, Outcome: outcome, Code: "c", At: time.Unix(int64(round), 0)}}
	if named {
		fates[0].Token, fates[1].Token = tokens[0], tokens[1]
	}
	if err := s.Settle(t.Context(), fates); err != nil {
		t.Fatal(err)
	}
	if err := d.Settle(fates[1:]); err != nil {
		t.Fatal(err)
	}
	checkState(t, s, want, "settled")
}

func checkState(t *testing.T, s *session, want *diffstore.State, when string) {
	t.Helper()
	p, _, err := s.newest(s.HashKey([]byte("key")), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	got := &stored{}
	if p.known {
		if got, err = p.rec.stored(s.session); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, &got.state, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("when it was %s (-draft +session):\n%s", when, diff)
	}
}

// Attempts that concern each other are left to the draft, wherever they stand in a call.
func TestAttemptsThatShareSomethingAreNotSimple(t *testing.T) {
	t.Parallel()
	s := beginTest(t)
	attempt := func(key, id string, value uint64) diffstore.Attempt {
		e := benchEntry(s.hasher, 7, value)
		e.Key, e.ID = key, id
		return diffstore.Attempt{Entry: e}
	}
	settle := func(keys ...string) {
		t.Helper()
		for _, key := range keys {
			if err := s.Settle(t.Context(), []diffstore.Fate{{Key: key, Outcome: diffstore.Taken}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, group := range [][]diffstore.Attempt{
		{attempt("a", "x", 1), attempt("b", "y", 1), attempt("c", "x", 1)}, // c takes what a has
		{attempt("b", "z", 2)}, // b moves
	} {
		if _, err := s.Intend(t.Context(), group); err != nil {
			t.Fatal(err)
		}
		for _, a := range group {
			settle(a.Entry.Key)
		}
	}
	for key, want := range map[string]diffstore.Known{
		"a": {Accepted: true, IDs: []string{"x"}, Shadowed: true},
		"b": {Accepted: true, IDs: []string{"y", "z"}},
		"c": {Accepted: true, IDs: []string{"x"}, Shadowed: true}, // as the attempt at a was under way too
	} {
		p, err := s.locate([]byte(key))
		if err != nil || !p.known {
			t.Fatalf("%s is not known (%v)", key, err)
		}
		st, err := p.rec.stored(s.session)
		if err != nil {
			t.Fatal(err)
		}
		k := st.state.Known(key)
		if k.Accepted != want.Accepted || k.Shadowed != want.Shadowed || !slices.Equal(k.IDs, want.IDs) {
			t.Errorf("of %s it knows %+v", key, *k)
		}
	}
}
