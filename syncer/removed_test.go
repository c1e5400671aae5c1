package syncer

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

func onRemoved(rule string) func(*project.Sync) {
	return func(s *project.Sync) { s.OnRemoved = rule }
}

func TestWhatIsGoneFromTheSourceGoesByTheRule(t *testing.T) {
	t.Parallel()
	both := people(p("1", "a", "1"), p("2", "b", "1"))
	first := episode{people: both, want: runlog.Counts{Source: 2, Added: 2, Accepted: 2}, sent: []string{"upsert 1 a@x", "upsert 2 b@x"}}
	again := episode{people: both[1:], want: runlog.Counts{Source: 1, Same: 1}}
	back := episode{people: both, want: runlog.Counts{Source: 2, Same: 1, Added: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}}
	insert := func(rule string) func(*project.Sync) {
		return func(s *project.Sync) { s.Mode, s.OnRemoved = destinations.Insert, rule }
	}
	inserted := episode{people: both, want: first.want, sent: []string{"insert 1 a@x", "insert 2 b@x"}}
	var stories []story
	for _, rule := range []string{"clear", "archive", "delete"} {
		gone := episode{people: both[1:], want: runlog.Counts{Source: 1, Same: 1, Removed: 1, Accepted: 1}, sent: []string{rule + " 1 a@x"}}
		stories = append(stories, story{rule + " is sent once, and a key that returns is sent again", onRemoved(rule), []episode{first, gone, again, back, gone}})
	}
	left := episode{people: both[1:], want: runlog.Counts{Source: 1, Same: 1, Left: 1}}
	tell(t, append(stories,
		story{"ignore leaves the record, and a key that returns is sent again", onRemoved("ignore"), []episode{first, left, again, back, left}},
		story{"in insert mode a key that returns is not sent again", insert("ignore"), []episode{
			inserted, left, again,
			{people: both, want: runlog.Counts{Source: 2, Same: 2}},
			{people: people(p("1", "a", "7"), both[1]), want: runlog.Counts{Source: 2, Same: 2}},
		}},
		story{"in insert mode what changes counts as the same, its identifier too", insert("delete"), []episode{
			inserted,
			{people: people(p("1", "z", "7"), both[1]), want: runlog.Counts{Source: 2, Same: 2}},
			{people: both[1:], want: runlog.Counts{Source: 1, Same: 1, Removed: 1, Accepted: 1}, sent: []string{"delete 1 a@x"}},
		}},
		story{"what may have been delivered is removed too", onRemoved("delete"), []episode{
			{people: both, answers: on(silent, "1"), state: runlog.Partial, want: runlog.Counts{Source: 2, Added: 2, Accepted: 1, Unknown: 1}, sent: first.sent},
			{people: both[1:], want: runlog.Counts{Source: 1, Same: 1, Removed: 1, Accepted: 1}, sent: []string{"delete 1 a@x"}},
		}},
		story{"what was never delivered is not removed", onRemoved("delete"), []episode{
			{people: both, answers: on(rejects, "1"), state: runlog.Partial, want: runlog.Counts{Source: 2, Added: 2, Accepted: 1, Rejected: 1}, sent: first.sent},
			again,
		}},
		story{"what was left is not removed when the rule changes", onRemoved("ignore"), []episode{
			first, left,
			{before: func(w *world) { w.sync.OnRemoved = "delete" }, people: both[1:], want: again.want},
		}},
	))
}

func TestClearSendsEveryFieldAsNullAndOthersNone(t *testing.T) {
	t.Parallel()
	null := map[string]string{"email": "<nil>", "name": "<nil>", "score": "<nil>", "doc": "<nil>", "origin": "<nil>"}
	for rule, want := range map[string]map[string]string{"clear": null, "archive": {}, "delete": {}} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sync.OnRemoved = rule
			w.source.set(p("1", "a", "1"))
			w.run()
			w.sync.Guard.AllowEmpty = true
			w.source.set()
			w.remote.calls()
			w.run()
			calls := w.remote.calls()
			if len(calls) != 1 {
				t.Fatalf("%d records came", len(calls))
			}
			if diff := cmp.Diff(want, calls[0].Fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAThousandRemovalsAndMoreAreSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.remote.object.MaxBatch = 500
	w.sync.Delivery.Concurrency = 3
	const n = 3*chunkRows + 17
	all := make([]person, n)
	for i := range all {
		all[i] = p(fmt.Sprint(i), fmt.Sprint("a", i), "1")
	}
	w.source.set(all...)
	w.run()
	w.sync.Guard.MaxRemoved = share(t, "100%")
	w.source.set(all[:10]...)
	run := w.run()
	if run.Removed != n-10 || run.Accepted != n-10 || len(w.remote.records) != 10 {
		t.Errorf("%+v, and %d records stand", run.Counts, len(w.remote.records))
	}
	if run = w.run(); run.Due() != 0 {
		t.Errorf("after that %+v", run.Counts)
	}
}

func TestAnIdentifierThatChangesMovesTheRecord(t *testing.T) {
	t.Parallel()
	at := func(address string) []person { return people(p("1", address, "1")) }
	first := episode{people: at("a"), want: runlog.Counts{Source: 1, Added: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}}
	moved := episode{people: at("b"), want: runlog.Counts{Source: 1, Changed: 1, Removed: 1, Accepted: 2}, sent: []string{"upsert 1 b@x", "delete 1 a@x"}}
	same := episode{people: at("b"), want: runlog.Counts{Source: 1, Same: 1}}
	refused := episode{people: at("b"), answers: on(rejects, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Changed: 1, Removed: 1, Rejected: 1, Deferred: 1}, sent: []string{"upsert 1 b@x"}}
	refusedAgain := episode{people: at("b"), answers: on(rejects, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Carried: 1, Removed: 1, Rejected: 1, Deferred: 1}, sent: []string{"upsert 1 b@x"}}
	tell(t, []story{
		{"the new record is written, then the old one removed", nil, []episode{first, moved, same}},
		{"where records stay, only the new one is written", onRemoved("ignore"), []episode{
			first, {people: at("b"), want: runlog.Counts{Source: 1, Changed: 1, Accepted: 1}, sent: []string{"upsert 1 b@x"}}, same,
		}},
		{"the old one stays while the new one is refused", nil, []episode{
			first, refused, refusedAgain,
			{people: at("b"), want: runlog.Counts{Source: 1, Carried: 1, Removed: 1, Accepted: 2}, sent: moved.sent},
			same,
		}},
		{"the old one stays when the new one is given up", func(s *project.Sync) { s.Retry.GiveUp.Runs = 2 }, []episode{
			first, refused, refusedAgain,
			{people: at("b"), want: runlog.Counts{Source: 1, Carried: 1, Quarantined: 1}},
			{people: at("a"), want: runlog.Counts{Source: 1, Same: 1}},
		}},
		{"a removal that is refused is tried until it is given up", func(s *project.Sync) { s.Retry.GiveUp.Runs = 2 }, []episode{
			first,
			{people: at("b"), before: refuseRemovals, state: runlog.Partial, want: runlog.Counts{Source: 1, Changed: 1, Removed: 1, Accepted: 1, Rejected: 1}, sent: moved.sent},
			{people: at("b"), before: refuseRemovals, state: runlog.Partial, want: runlog.Counts{Source: 1, Same: 1, Removed: 1, Rejected: 1}, sent: []string{"delete 1 a@x"}},
			{people: at("b"), want: runlog.Counts{Source: 1, Same: 1, Removed: 1, Quarantined: 1}},
			{before: release, people: at("b"), want: runlog.Counts{Source: 1, Same: 1, Removed: 1, Accepted: 1}, sent: []string{"delete 1 a@x"}},
			same,
		}},
		{"a move without an answer removes both when the row goes", nil, []episode{
			first,
			{people: at("b"), answers: on(silent, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Changed: 1, Removed: 1, Unknown: 1, Deferred: 1}, sent: []string{"upsert 1 b@x"}},
			{want: runlog.Counts{Removed: 2, Accepted: 2}, sent: []string{"delete 1 b@x", "delete 1 a@x"}},
		}},
		{"a move back and forth leaves one record", nil, []episode{
			first, moved,
			{people: at("a"), want: runlog.Counts{Source: 1, Changed: 1, Removed: 1, Accepted: 2}, sent: []string{"upsert 1 a@x", "delete 1 b@x"}},
		}},
	})
}

// refuseRemovals makes the service refuse removals in this episode.
func refuseRemovals(w *world) {
	w.refuseRemovals = true
}

func release(w *world) {
	if n, err := w.open().Retry(w.t.Context(), w.sync, nil, "bad"); n != 1 || err != nil {
		w.t.Errorf("%d rows were released, and %v", n, err)
	}
}

func TestKeysThatShareOrPassOnAnIdentifier(t *testing.T) {
	t.Parallel()
	two := people(p("1", "a", "1"), p("2", "b", "2"))
	first := episode{people: two, want: runlog.Counts{Source: 2, Added: 2, Accepted: 2}, sent: []string{"upsert 1 a@x", "upsert 2 b@x"}}
	swapped := people(p("1", "b", "1"), p("2", "a", "2"))
	shared := people(p("1", "a", "1"), p("2", "a", "2"))
	sharing := episode{people: shared, want: runlog.Counts{Source: 2, Added: 2, Accepted: 2}, sent: []string{"upsert 1 a@x", "upsert 2 a@x"}}
	tell(t, []story{
		{"two keys swap their identifiers", nil, []episode{
			first,
			{people: swapped, want: runlog.Counts{Source: 2, Changed: 2, Accepted: 2}, sent: []string{"upsert 1 b@x", "upsert 2 a@x"}},
			{people: swapped, want: runlog.Counts{Source: 2, Same: 2}},
		}},
		{"half of a swap is refused: what nobody else answers for stays with its key", nil, []episode{
			first,
			{people: swapped, answers: on(rejects, "1"), state: runlog.Partial, want: runlog.Counts{Source: 2, Changed: 2, Accepted: 1, Rejected: 1}, sent: []string{"upsert 1 b@x", "upsert 2 a@x"}},
			{people: swapped[1:], want: runlog.Counts{Source: 1, Same: 1, Removed: 1, Left: 1, Accepted: 1}, sent: []string{"delete 2 b@x"}},
			{people: swapped[1:], want: runlog.Counts{Source: 1, Same: 1}},
		}},
		{"a new key takes over the identifier of one that goes: nothing is removed", nil, []episode{
			first,
			{people: people(p("3", "a", "3"), two[1]), want: runlog.Counts{Source: 2, Same: 1, Added: 1, Left: 1, Accepted: 1}, sent: []string{"upsert 3 a@x"}},
			{people: people(p("3", "a", "3"), two[1]), want: runlog.Counts{Source: 2, Same: 2}},
			{people: two[1:], want: runlog.Counts{Source: 1, Same: 1, Removed: 1, Accepted: 1}, sent: []string{"delete 3 a@x"}},
		}},
		{"the taking over is refused: the old record is there until that is settled", nil, []episode{
			first,
			{people: people(p("3", "a", "3"), two[1]), answers: on(rejects, "3"), state: runlog.Partial, want: runlog.Counts{Source: 2, Same: 1, Added: 1, Left: 1, Rejected: 1}, sent: []string{"upsert 3 a@x"}},
			{people: two[1:], want: runlog.Counts{Source: 1, Same: 1, Removed: 1, Accepted: 1}, sent: []string{"delete 1 a@x"}},
		}},
		{"a key in quarantine keeps the record that it wants from being removed", func(s *project.Sync) { s.Retry.GiveUp.Runs = 1 }, []episode{
			first,
			{people: people(p("3", "a", "3"), two[1]), answers: on(rejects, "3"), state: runlog.Partial, want: runlog.Counts{Source: 2, Same: 1, Added: 1, Left: 1, Rejected: 1}, sent: []string{"upsert 3 a@x"}},
			{people: people(p("3", "a", "3"), two[1]), want: runlog.Counts{Source: 2, Same: 1, Carried: 1, Left: 1, Quarantined: 1}},
			{people: two[1:], want: runlog.Counts{Source: 1, Same: 1, Removed: 1, Accepted: 1}, sent: []string{"delete 1 a@x"}},
		}},
		{"a key that stands twice does too", nil, []episode{
			first,
			{people: people(p("3", "a", "3"), p("3", "a", "3"), two[1]), want: runlog.Counts{Source: 3, Same: 1, Invalid: 2, Left: 1}},
			{people: two[1:], want: runlog.Counts{Source: 1, Same: 1, Removed: 1, Accepted: 1}, sent: []string{"delete 1 a@x"}},
		}},
		{"two keys share an identifier: both are sent once, and neither again", nil, []episode{
			sharing, {people: shared, want: runlog.Counts{Source: 2, Same: 2}}, {people: shared, want: runlog.Counts{Source: 2, Same: 2}},
		}},
		{"when the key that wrote last goes, the other is sent again and nothing removed", nil, []episode{
			sharing,
			{people: shared[:1], want: runlog.Counts{Source: 1, Changed: 1, Left: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
			{people: shared[:1], want: runlog.Counts{Source: 1, Same: 1}},
		}},
		{"when three shared one, one of the two that are left is sent", nil, []episode{
			{people: append(people(p("3", "a", "3")), shared...), want: runlog.Counts{Source: 3, Added: 3, Accepted: 3}, sent: []string{"upsert 3 a@x", "upsert 1 a@x", "upsert 2 a@x"}},
			{people: people(p("3", "a", "3"), shared[0]), want: runlog.Counts{Source: 2, Same: 1, Changed: 1, Left: 1, Accepted: 1}, sent: []string{"upsert 3 a@x"}},
			{people: people(p("3", "a", "3"), shared[0]), want: runlog.Counts{Source: 2, Same: 2}},
		}},
		{"when the key that wrote last moves away, the other is sent again", nil, []episode{
			sharing,
			{people: people(shared[0], p("2", "b", "2")), want: runlog.Counts{Source: 2, Changed: 2, Accepted: 2}, sent: []string{"upsert 1 a@x", "upsert 2 b@x"}},
			{people: people(shared[0], p("2", "b", "2")), want: runlog.Counts{Source: 2, Same: 2}},
		}},
		{"the same where nothing is ever removed", onRemoved("ignore"), []episode{
			sharing,
			{people: people(shared[0], p("2", "b", "2")), want: runlog.Counts{Source: 2, Changed: 2, Accepted: 2}, sent: []string{"upsert 1 a@x", "upsert 2 b@x"}},
			{people: people(shared[0], p("2", "b", "2")), want: runlog.Counts{Source: 2, Same: 2}},
		}},
		{"when the key that wrote first goes, nothing is sent", nil, []episode{
			sharing,
			{people: shared[1:], want: runlog.Counts{Source: 1, Same: 1, Left: 1}},
			{people: shared[1:], want: runlog.Counts{Source: 1, Same: 1}},
		}},
		{"a contested record that is refused ends in quarantine", func(s *project.Sync) { s.Retry.GiveUp.Runs = 1 }, []episode{
			sharing,
			{people: shared[:1], answers: on(rejects, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Changed: 1, Left: 1, Rejected: 1}, sent: []string{"upsert 1 a@x"}},
			{people: shared[:1], want: runlog.Counts{Source: 1, Changed: 1, Left: 1, Quarantined: 1}},
		}},
	})
}

func TestIdentifiersThatDifferInCaseAreOneWhereTheObjectFolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.remote.object.FoldIdentifier = true
	w.source.set(p("1", "Ada", "1"), p("2", "grace", "1"))
	w.run()
	w.source.set(p("1", "ADA", "1"), p("2", "grace", "1"))
	w.remote.calls()
	run := w.run()
	if diff := cmp.Diff([]string{"upsert 1 ADA@x"}, w.sent()); diff != "" || run.Removed != 0 || run.Changed != 1 {
		t.Errorf("%+v, sent (-want +got):\n%s", run.Counts, diff)
	}
	if got := maps.Clone(w.remote.records); len(got) != 2 {
		t.Errorf("the service has %v", got)
	}
}
