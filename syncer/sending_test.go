package syncer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/syncer/runlog"
)

func many(n int) []person {
	all := make([]person, n)
	for i := range all {
		all[i] = p(fmt.Sprintf("k%03d", i), fmt.Sprintf("a%03d", i), "1")
	}
	return all
}

func TestNoIdentifierStandsTwiceInABatchOrInFlight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.remote.object.MaxBatch = 4
	w.sync.Delivery.Concurrency = 4
	var all []person
	for i := range 60 {
		all = append(all, p(fmt.Sprintf("k%02d", i), fmt.Sprint("a", i*i%7), fmt.Sprint(i)))
	}
	w.source.set(all...)
	run := w.run() // what the destination is promised is checked by the remote
	if run.Accepted != 60 || len(w.remote.records) == 0 {
		t.Fatalf("%+v", run.Counts)
	}
	last := map[string]string{}
	for _, p := range all {
		last[p.Email] = p.Score
	}
	for id, score := range last {
		if got := w.remote.records[id]["score"]; got != score {
			t.Errorf("under %s stands %s, want %s: the last row of those that share it", id, got, score)
		}
	}
}

func TestBatchesAreFilledToTheLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                 string
		object, sync, size   int
		rows, want, smallest int
	}{
		{"the object's", 10, 0, 0, 95, 10, 5},
		{"the sync's where it is less", 10, 4, 0, 9, 3, 1},
		{"the object's where it is less", 10, 400, 0, 30, 3, 10},
		{"by size", 100, 0, 330, 12, 4, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.remote.object.MaxBatch, w.remote.object.MaxBytes, w.sync.Delivery.Batch = tt.object, tt.size, tt.sync
			w.source.set(many(tt.rows)...)
			smallest := tt.rows
			w.remote.answer = func(_ context.Context, b destinations.Batch) ([]*destinations.Result, error) {
				smallest = min(smallest, len(b.Records))
				return make([]*destinations.Result, len(b.Records)), nil
			}
			if run := w.run(); run.Requests != int64(tt.want) || smallest != tt.smallest {
				t.Errorf("%d requests, the smallest of %d, want %d and %d", run.Requests, smallest, tt.want, tt.smallest)
			}
		})
	}
}

func TestAsManyRequestsAreInFlightAsAreAllowed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ object, sync, want int }{
		"the object's":                 {3, 0, 3},
		"the sync's where it is less":  {3, 2, 2},
		"never more than the object's": {3, 9, 3},
		"four where nobody says":       {0, 0, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.remote.object.MaxBatch, w.remote.object.Concurrency, w.sync.Delivery.Concurrency = 1, tt.object, tt.sync
			w.source.set(many(12)...)
			var mu sync.Mutex
			flying, most := 0, 0
			full := make(chan struct{})
			w.remote.answer = func(ctx context.Context, b destinations.Batch) ([]*destinations.Result, error) {
				mu.Lock()
				if flying++; flying == tt.want && most < flying {
					close(full)
				}
				most = max(most, flying)
				mu.Unlock()
				select { // every request waits until as many as are allowed are there
				case <-full:
				case <-ctx.Done():
				}
				mu.Lock()
				defer mu.Unlock()
				flying--
				return make([]*destinations.Result, len(b.Records)), nil
			}
			w.run()
			if most != tt.want {
				t.Errorf("%d requests were in flight at once, want %d", most, tt.want)
			}
		})
	}
}

func TestRemovalsStartWhenAllWritesAreSettled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.remote.object.MaxBatch, w.sync.Delivery.Concurrency = 1, 4
	w.sync.Guard.MaxRemoved = share(t, "100%")
	all := many(20)
	w.source.set(all...)
	w.run()
	for i := range all[10:] {
		all[10+i].Email = fmt.Sprint("b", i, "@x") // half of them move, the others go
	}
	w.source.set(all[10:]...)
	w.remote.calls()
	run := w.run() // the remote checks that nothing else is in flight beside a removal
	var ops []string
	for _, sent := range w.sent() {
		op, _, _ := strings.Cut(sent, " ")
		ops = append(ops, op)
	}
	if !slices.IsSortedFunc(ops, func(a, b string) int { return strings.Compare(b, a) }) || run.Removed != 20 || run.Accepted != 30 {
		t.Errorf("%+v, sent in the order %v", run.Counts, ops)
	}
}

func TestRowsThatNeverGetAVerdictKeepNoOtherBack(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]destinations.Result{"without an answer": silent, "deferred": defers, "deferred in doubt": doubts} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.remote.object.MaxBatch = 1
			poison := []string{"k000", "k001", "k002", "k003", "k004", "k005", "k006", "k007"}
			all := many(30)
			w.source.set(all...)
			w.remote.answer = answering(on(answer, poison...), false)
			if run := w.run(); run.Deferred+run.Unknown != 30 || run.State != runlog.Partial {
				t.Fatalf("the first run, which meets them at once, is %s with %+v", run.State, run.Counts)
			}
			for range 5 {
				w.run()
			}
			if len(w.remote.records) != 22 {
				t.Errorf("%d records stand after some runs, want all but the eight", len(w.remote.records))
			}
			w.source.set(slices.Concat(all[:10], all[12:])...) // and removals are sent in spite of them
			if run := w.run(); run.Removed != 2 || run.Accepted != 2 {
				t.Errorf("with two rows gone: %+v", run.Counts)
			}
		})
	}
}

// batches notes the tokens of each batch.
type batches struct {
	mu  sync.Mutex
	all []string
}

func (s *batches) note(b destinations.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var tokens []string
	for _, r := range b.Records {
		tokens = append(tokens, r.Key+":"+r.Token)
	}
	slices.Sort(tokens)
	s.all = append(s.all, fmt.Sprint(b.Op, tokens))
}

func TestWhatIsInDoubtIsSentAgainInTheSameRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sync.Guard.MaxRemoved, w.sync.Guard.AllowEmpty = share(t, "100%"), true
	w.sync.Delivery.Concurrency = 2
	early := p("early", "early", "1") // it stands before the others in the snapshot, and goes after them
	w.source.set(early)
	w.run()
	w.source.set(append(many(12), early)...)
	lost := func(s *batches) {
		w.remote.answer = func(_ context.Context, b destinations.Batch) ([]*destinations.Result, error) {
			s.note(b)
			for _, r := range b.Records {
				w.remote.apply(b.Op, r)
			}
			return nil, errBreak
		}
	}
	check := func(what string, first, second *batches) {
		t.Helper()
		slices.Sort(first.all)
		slices.Sort(second.all)
		if diff := cmp.Diff(first.all, second.all); diff != "" || len(first.all) != 4 {
			t.Errorf("%s: requests (-first +second):\n%s", what, diff)
		}
	}
	var first, second, third, removed, again batches
	lost(&first)
	if run := w.run(); run.Unknown != 12 {
		t.Fatalf("%+v", run.Counts)
	}
	shuffled := many(12)
	slices.Reverse(shuffled)
	w.source.set(append(shuffled, early)...)
	lost(&second)
	w.run()
	check("writes", &first, &second)

	// What changed meanwhile is another request, and gets another token.
	shuffled[0].Score = "2"
	w.source.set(append(shuffled, early)...)
	w.remote.answer = func(_ context.Context, b destinations.Batch) ([]*destinations.Result, error) {
		third.note(b)
		return make([]*destinations.Result, len(b.Records)), nil
	}
	if run := w.run(); run.Accepted != 12 {
		t.Fatalf("%+v", run.Counts)
	}
	if strings.Contains(strings.Join(third.all, " "), tokenOf(first.all, "k011")) || !strings.Contains(strings.Join(third.all, " "), tokenOf(first.all, "k010")) {
		t.Errorf("first %v\nthen %v", first.all, third.all)
	}

	w.source.set(early)
	lost(&removed)
	if run := w.run(); run.Unknown != 12 {
		t.Fatalf("%+v", run.Counts)
	}
	w.source.set()
	lost(&again)
	if run := w.run(); run.Removed != 13 {
		t.Fatalf("%+v", run.Counts)
	}
	again.all = slices.DeleteFunc(again.all, func(tokens string) bool { return strings.Contains(tokens, "[early:") })
	check("removals", &removed, &again)
}

// tokenOf finds "key:token".
func tokenOf(batches []string, key string) string {
	_, rest, _ := strings.Cut(strings.Join(batches, " "), key+":")
	return key + ":" + rest[:32]
}

func TestAValueThatReturnsIsSentUnderANewToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var tokens []string
	w.remote.answer = func(_ context.Context, b destinations.Batch) ([]*destinations.Result, error) {
		tokens = append(tokens, b.Records[0].Token)
		return make([]*destinations.Result, 1), nil
	}
	for _, score := range []string{"1", "2", "1"} {
		w.source.set(p("1", "a", score))
		w.run()
	}
	if len(tokens) != 3 || tokens[0] == tokens[1] || tokens[0] == tokens[2] || tokens[1] == tokens[2] {
		t.Errorf("tokens %v", tokens)
	}
	if got := w.stands(); got != "a@x=1" { // the service takes each token once
		t.Errorf("the service has %s", got)
	}
}

func TestTheSyncsOwnRateIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.remote.object.MaxBatch = 1
		w.sync.Delivery.Concurrency = 4
		if err := w.sync.Delivery.Rate.UnmarshalText([]byte("2/s")); err != nil {
			t.Fatal(err)
		}
		w.source.set(many(9)...)
		start := time.Now()
		w.run()
		if took := time.Since(start); took < 4*time.Second || took > 4100*time.Millisecond {
			t.Errorf("9 requests at 2 a second took %s, want 4 s", took)
		}
	})
}
