package syncer

import (
	"fmt"
	"testing"

	"spillway/destinations"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

func TestOnlyWhatDiffersIsSent(t *testing.T) {
	t.Parallel()
	noted := func(p person, note string) person { p.Note = note; return p }
	from := func(p person, origin string) person { p.Origin = origin; return p }
	tell(t, []story{
		{"all at first, nothing without a change, then what changed", nil, []episode{
			{people: people(p("1", "a", "1"), p("2", "b", "1")), want: runlog.Counts{Source: 2, Added: 2, Accepted: 2}, sent: []string{"upsert 1 a@x", "upsert 2 b@x"}},
			{people: people(p("2", "b", "1"), p("1", "a", "1")), want: runlog.Counts{Source: 2, Same: 2}},
			{people: people(p("1", "a", "2"), p("2", "b", "1"), p("3", "c", "1")), want: runlog.Counts{Source: 3, Same: 1, Added: 1, Changed: 1, Accepted: 2}, sent: []string{"upsert 1 a@x", "upsert 3 c@x"}},
		}},
		{"a column that is not mapped says nothing", nil, []episode{
			{people: people(noted(p("1", "a", "1"), "x")), want: runlog.Counts{Source: 1, Added: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
			{people: people(noted(p("1", "a", "1"), "y")), want: runlog.Counts{Source: 1, Same: 1}},
		}},
		{"a field that is sent on insert says nothing once the record was accepted", nil, []episode{
			{people: people(from(p("1", "a", "1"), "x")), answers: on(rejects, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Added: 1, Rejected: 1}, sent: []string{"upsert 1 a@x"}},
			{people: people(from(p("1", "a", "1"), "y")), want: runlog.Counts{Source: 1, Added: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
			{people: people(from(p("1", "a", "1"), "z")), want: runlog.Counts{Source: 1, Same: 1}},
		}},
		{"without rows there is nothing to do", nil, []episode{{want: runlog.Counts{}}, {want: runlog.Counts{}}}},
		{"a record that returns to the value last accepted is the same", nil, []episode{
			{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Added: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
			{people: people(p("1", "a", "2")), answers: on(rejects, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Changed: 1, Rejected: 1}, sent: []string{"upsert 1 a@x"}},
			{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Same: 1}},
		}},
		{"a record in doubt is sent even when it returns to the value last accepted", nil, []episode{
			{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Added: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
			{people: people(p("1", "a", "2")), answers: on(silent, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Changed: 1, Unknown: 1}, sent: []string{"upsert 1 a@x"}},
			{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Changed: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
			{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Same: 1}},
		}},
		{"so is one that was deferred although it may have been applied", nil, []episode{
			{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Added: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
			{people: people(p("1", "a", "2")), answers: on(doubts, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Changed: 1, Deferred: 1}, sent: []string{"upsert 1 a@x"}},
			{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Changed: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
		}},
		{"one that was deferred and certainly not applied is not", nil, []episode{
			{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Added: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
			{people: people(p("1", "a", "2")), answers: on(defers, "1"), state: runlog.Partial, want: runlog.Counts{Source: 1, Changed: 1, Deferred: 1}, sent: []string{"upsert 1 a@x"}},
			{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Same: 1}},
		}},
	})
}

func TestWhatWasNotAcceptedIsCarried(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		result destinations.Result
		counts func(*runlog.Counts)
	}{
		"rejected":           {rejects, func(c *runlog.Counts) { c.Rejected = 1 }},
		"deferred":           {defers, func(c *runlog.Counts) { c.Deferred = 1 }},
		"deferred in doubt":  {doubts, func(c *runlog.Counts) { c.Deferred = 1 }},
		"without any answer": {silent, func(c *runlog.Counts) { c.Unknown = 1 }},
	} {
		failed := func(c runlog.Counts) runlog.Counts { tt.counts(&c); return c }
		tell(t, []story{
			{name + ", it is tried again with the value that it has then", nil, []episode{
				{people: people(p("1", "a", "1"), p("2", "b", "1")), answers: on(tt.result, "1"), state: runlog.Partial, want: failed(runlog.Counts{Source: 2, Added: 2, Accepted: 1}), sent: []string{"upsert 1 a@x", "upsert 2 b@x"}},
				{people: people(p("1", "a", "1"), p("2", "b", "1")), answers: on(tt.result, "1"), state: runlog.Partial, want: failed(runlog.Counts{Source: 2, Same: 1, Carried: 1}), sent: []string{"upsert 1 a@x"}},
				{people: people(p("1", "a", "2"), p("2", "b", "1")), want: runlog.Counts{Source: 2, Same: 1, Added: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
			}},
			{name + ", a change is carried too", nil, []episode{
				{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Added: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
				{people: people(p("1", "a", "2")), answers: on(tt.result, "1"), state: runlog.Partial, want: failed(runlog.Counts{Source: 1, Changed: 1}), sent: []string{"upsert 1 a@x"}},
				{people: people(p("1", "a", "2")), want: runlog.Counts{Source: 1, Carried: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
			}},
			{name + ", a removal is tried again", nil, []episode{
				{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Added: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
				{answers: on(tt.result, "1"), state: runlog.Partial, want: failed(runlog.Counts{Removed: 1}), sent: []string{"delete 1 a@x"}},
				{want: runlog.Counts{Removed: 1, Accepted: 1}, sent: []string{"delete 1 a@x"}},
				{want: runlog.Counts{}},
			}},
		})
	}
}

func TestInvalidRowsArePresentAndNeverSent(t *testing.T) {
	t.Parallel()
	nobody, blank := p("", "a", "1"), p(" ", "b", "1")
	nobody.Key = nil
	noID := p("1", "a", "1")
	noID.Email = ""
	tell(t, []story{
		{"keys that are null or blank", nil, []episode{
			{people: people(nobody, blank, p("3", "c", "1")), want: runlog.Counts{Source: 3, Added: 1, Invalid: 2, Accepted: 1}, sent: []string{"upsert 3 c@x"}},
		}},
		{"a row that cannot be rendered stays where it is", nil, []episode{
			{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Added: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
			{people: people(p("1", "a", "none")), want: runlog.Counts{Source: 1, Invalid: 1}},
			{people: people(noID), want: runlog.Counts{Source: 1, Invalid: 1}},
			{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Same: 1}},
			{want: runlog.Counts{Removed: 1, Accepted: 1}, sent: []string{"delete 1 a@x"}},
		}},
		{"a row that can be rendered for the first time is sent", nil, []episode{
			{people: people(p("1", "a", "none")), want: runlog.Counts{Source: 1, Invalid: 1}},
			{people: people(p("1", "a", "1")), want: runlog.Counts{Source: 1, Added: 1, Accepted: 1}, sent: []string{"upsert 1 a@x"}},
		}},
	})
}

func TestEveryRowOfAKeyThatStandsTwiceIsInvalid(t *testing.T) {
	t.Parallel()
	known := episode{people: people(p("1", "a", "1"), p("2", "b", "1")), want: runlog.Counts{Source: 2, Added: 2, Accepted: 2}, sent: []string{"upsert 1 a@x", "upsert 2 b@x"}}
	again := episode{people: people(p("1", "a", "1"), p("2", "b", "1")), want: runlog.Counts{Source: 2, Same: 2}}
	carried := episode{people: people(p("1", "a", "5"), p("2", "b", "1")), answers: on(rejects, "1"), state: runlog.Partial, want: runlog.Counts{Source: 2, Same: 1, Changed: 1, Rejected: 1}, sent: []string{"upsert 1 a@x"}}
	two, same, changed, bad := p("2", "b", "1"), p("1", "a", "1"), p("1", "a", "2"), p("1", "a", "none")
	moved, tried := p("1", "z", "1"), p("1", "a", "5")
	var stories []story
	for name, rows := range map[string][]person{
		"new and new":                      {same, changed, two},
		"with another row between":         {same, two, changed},
		"three times":                      {same, changed, changed, two},
		"four times":                       {changed, two, same, moved, changed},
		"one of them cannot be rendered":   {bad, two, same},
		"the other cannot be rendered":     {same, bad, two},
		"neither can be rendered":          {bad, bad, two},
		"the third cannot be rendered":     {same, changed, bad, two},
		"the same and the same":            {same, same, two},
		"changed, then the same":           {changed, same, two},
		"moved, then the same":             {moved, same, two},
		"the same, then moved":             {same, moved, two},
		"moved twice":                      {moved, two, moved},
		"tried before, then the same":      {tried, same, two},
		"the same, then tried before":      {same, tried, two},
		"tried before, and again":          {tried, tried, two},
		"tried before, then unrenderable":  {tried, bad, two},
		"unrenderable, then tried before":  {bad, tried, two},
		"moved, tried before and the same": {moved, tried, two, same},
	} {
		n := int64(len(rows))
		fresh := episode{people: rows, want: runlog.Counts{Source: n, Added: 1, Invalid: n - 1, Accepted: 1}, sent: []string{"upsert 2 b@x"}}
		void := episode{people: rows, want: runlog.Counts{Source: n, Same: 1, Invalid: n - 1}}
		stories = append(stories,
			story{name + ", for the first time", nil, []episode{fresh, void}},
			story{name + ", and it is known", nil, []episode{known, void, again}},
			story{name + ", and it was rejected before", nil, []episode{known, carried, void, again}},
			story{name + ", in insert mode", func(s *project.Sync) { s.Mode = destinations.Insert }, []episode{
				{people: known.people, want: known.want, sent: []string{"insert 1 a@x", "insert 2 b@x"}}, void, again,
			}},
			story{name + ", rejected before insert mode was set", nil, []episode{
				known, carried, {before: func(w *world) { w.sync.Mode = destinations.Insert }, people: void.people, want: void.want}, again,
			}},
		)
	}
	tell(t, stories)
}

func TestTheRunLogHasEachInvalidRowOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sync.Guard.MaxInvalid = share(t, "100%")
	w.source.set(p("1", "a", "1"), p("1", "a", "none"), p("1", "b", "1"), p("2", "c", "none"), p("3", "d", "1"), p("3", "d", "1"), person{Email: "e@x"})
	run := w.run()
	if run.Invalid != 7 {
		t.Errorf("%d rows are invalid, want 7", run.Invalid)
	}
	if rows := w.rows(run, runlog.RowFilter{Outcome: runlog.RowInvalid}); int64(len(rows)) != run.Invalid {
		t.Errorf("%d rows in the run log: %+v", len(rows), rows)
	}
	var grouped int64
	for _, g := range run.Errors {
		grouped += g.Count
	}
	if grouped != run.Invalid {
		t.Errorf("%d rows in groups: %+v", grouped, run.Errors)
	}
}

func TestRecordsOutliveTheRowsThatTheyWereMadeOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // whose source gives every row in the memory of the one before
	var all []person
	for n := range 5 {
		p := p(fmt.Sprint(n), fmt.Sprint("a", n), "1")
		p.Doc = fmt.Sprintf(`{"n":%d}`, n)
		all = append(all, p)
	}
	for _, score := range []string{"1", "2"} { // once as they are inserted, once as they are updated
		for n := range all {
			all[n].Score = score
		}
		w.source.set(all...)
		if run := w.run(); run.Accepted != 5 {
			t.Fatalf("%+v", run.Counts)
		}
		for _, p := range all {
			if have := w.remote.records[p.Email]["doc"]; have != p.Doc {
				t.Errorf("under %s the service has %s, the source %s", p.Email, have, p.Doc)
			}
		}
	}
	if run := w.run(); run.Same != 5 {
		t.Errorf("%+v", run.Counts)
	}
}
