package syncer

import (
	"errors"
	"strings"
	"testing"
	"time"

	"spillway/syncer/runlog"
)

func TestAHeldPlanIsReadRowByRow(t *testing.T) {
	t.Parallel()
	w, first := heldWorld(t)
	people := twenty(11)
	people[0] = p("11", "a11", "2")
	w.source.set(append(people, p("new", "new", "1"))...)
	held := w.run()
	review := func(from, most int, shown func(string) bool) Review {
		t.Helper()
		v, err := w.open().Review(t.Context(), held.ID, from, most, shown)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v := review(0, 100, nil)
	if len(v.Rows) != 13 || v.Next != 0 || v.Stale != "" || v.Run.ID != held.ID || !v.Until.Equal(held.FinishedAt.Add(24*time.Hour)) {
		t.Fatalf("%d rows, next %d, stale %q, until %s", len(v.Rows), v.Next, v.Stale, v.Until)
	}
	kinds := map[runlog.Kind]int{}
	for n, r := range v.Rows {
		kinds[r.Kind]++
		if n < 11 && r.Kind != runlog.KindRemoved {
			t.Errorf("row %d is %s before the removals", n, r.Kind)
		}
		for name, change := range r.Fields {
			if change.New != nil && change.New != Masked { // that there is no value may be seen
				t.Errorf("field %s of %s is shown: %v", name, r.Key, change.New)
			}
		}
	}
	if kinds[runlog.KindRemoved] != 11 || kinds[runlog.KindChanged] != 1 || kinds[runlog.KindAdded] != 1 || len(v.Fields) == 0 {
		t.Errorf("%v, fields %v", kinds, v.Fields)
	}
	page := review(5, 4, nil)
	if len(page.Rows) != 4 || page.Next != 9 || page.Rows[0].Key != v.Rows[5].Key {
		t.Errorf("a page has %d rows, and the next begins at %d", len(page.Rows), page.Next)
	}
	if last := review(9, 4, func(string) bool { return true }); len(last.Rows) != 4 || last.Next != 0 || last.Rows[3].Fields["email"].New == Masked {
		t.Errorf("the last page: %+v", last.Rows)
	}
	gone, err := w.open().Review(t.Context(), first.ID, 0, 10, nil)
	if err != nil || len(gone.Rows) > 0 || !strings.Contains(gone.Stale, "a later run") {
		t.Errorf("the plan before it: %+v, %v", gone, err)
	}
	w.sync.ConfigHash = "other"
	if v := review(0, 10, nil); !strings.Contains(v.Stale, "configuration") || len(v.Rows) == 0 {
		t.Errorf("after the configuration changed: %q with %d rows", v.Stale, len(v.Rows))
	}
}

func TestADiscardedPlanCannotBeApproved(t *testing.T) {
	t.Parallel()
	w, held := heldWorld(t)
	run, err := w.open().Discard(t.Context(), held.ID, "ada")
	if err != nil || run.State != runlog.Cancelled || !strings.Contains(run.Error.Message, "discarded by ada; it was held because ") {
		t.Fatalf("%+v, %v", run, err)
	}
	if err := run.Balance(); err != nil {
		t.Error(err)
	}
	if kept, err := w.open().Runs().Run(t.Context(), held.ID); err != nil || kept.State != runlog.Cancelled {
		t.Errorf("it is kept as %s, %v", kept.State, err)
	}
	for _, again := range []func() error{
		func() error { _, err := w.open().Discard(t.Context(), held.ID, "ada"); return err },
		func() error { _, err := w.open().Approve(t.Context(), held.ID); return err },
		func() error { _, err := w.open().Review(t.Context(), held.ID, 0, 10, nil); return err },
	} {
		if err := again(); !errors.Is(err, ErrApproval) {
			t.Error(err)
		}
	}
	if len(w.sent()) > 0 {
		t.Error("something was sent")
	}
}
