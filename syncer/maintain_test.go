package syncer

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/mappings"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/warehouse"
)

func TestAResetSendsEverythingAgain(t *testing.T) {
	t.Parallel()
	w, held := heldWorld(t)
	if err := w.open().Reset(t.Context(), w.sync); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(w.open().planFile(held.ID)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the held plan is still there: %v", err)
	}
	if run := w.run(); run.Added != 9 || run.Accepted != 9 || run.Removed != 0 {
		t.Errorf("%+v", run.Counts)
	}
}

func TestAdoptionTakesTheSourceAsDelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sync.Guard.MaxInvalid = share(t, "100%")
	w.source.set(p("1", "a", "1"), p("2", "b", "1"), p("9", "z", "1"))
	w.run()
	w.remote.calls()
	bad, twice := p("5", "e", "none"), p("6", "f", "1")
	rows := append(many(1200), p("1", "a", "2"), p("2", "b", "1"), bad, twice, twice)
	w.source.set(rows...)
	adopted, invalid, err := w.open().Adopt(t.Context(), w.sync)
	if err != nil || adopted != 1202 || invalid != 3 {
		t.Fatalf("%d rows were adopted and %d are invalid, want 1202 and 3 (%v)", adopted, invalid, err)
	}
	if sent := w.sent(); len(sent) > 0 {
		t.Errorf("sent: %v", sent)
	}
	if run := w.run(); run.Same != 1202 || run.Invalid != 3 || run.Due() != 0 || run.Left != 0 {
		t.Errorf("the next run has %+v: what is gone is forgotten, too", run.Counts)
	}
	w.source.set(rows[1:1202]...)
	if run := w.run(); run.Removed != 1 || run.Accepted != 1 {
		t.Errorf("what goes later is removed: %+v", run.Counts)
	}
}

func TestAnAdoptionThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source.set(many(10)...)
	w.run()
	before := w.version()
	w.source.next = failAt(5, warehouse.ErrTruncated)
	if _, _, err := w.open().Adopt(t.Context(), w.sync); !errors.Is(err, warehouse.ErrTruncated) {
		t.Errorf("the error is %v", err)
	}
	w.source.next = nil
	if after := w.version(); after != before {
		t.Errorf("the snapshot went from %s to %s", before, after)
	}
	if run := w.run(); run.Same != 10 {
		t.Errorf("%+v", run.Counts)
	}
}

func TestAForgottenKeyIsNowhereInTheStateDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const key, address = "canary-key-91", "canary-address-91"
	w.project.Runlog.Rows = "all"
	w.source.set(append(many(50), p(key, address, "1"), p("other", "o", "none"))...)
	w.remote.answer = answering(on(rejects, key), false)
	w.run()
	w.remote.answer = nil
	w.run()
	w.source.set(p("1", "a", "1"))
	if run := w.run(); run.State != runlog.Held {
		t.Fatalf("the run is %s", run.State)
	}
	if !scan(t, w.project.State.Dir, key) || !scan(t, w.project.State.Dir, address) {
		t.Fatal("the scan finds nothing before the key is forgotten")
	}
	if found, err := w.open().Forget(t.Context(), w.sync, key); !found || err != nil {
		t.Fatalf("found %v, %v", found, err)
	}
	for _, trace := range []string{key, address} {
		if scan(t, w.project.State.Dir, trace) {
			t.Errorf("%s is still there", trace)
		}
	}
	if found, err := w.open().Forget(t.Context(), w.sync, key); found || err != nil {
		t.Errorf("a second time: found %v, %v", found, err)
	}
	if run := w.run(); run.Removed != 50 || run.State != runlog.Held {
		t.Errorf("what is left is as it was: %s %+v", run.State, run.Counts)
	}
}

// scan reports whether text stands in a file, or a file's name, under dir.
func scan(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		found = found || strings.Contains(entry.Name(), text)
		if !entry.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		found = found || bytes.Contains(content, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAPreviewShowsTheFirstRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source.set(p("1", "a", "1"), p("2", "b", "2"))
	columns, rows, err := w.open().Preview(t.Context(), "memory", "select 1", 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(personColumns, columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if len(rows) != 2 || rows[0][0] != "1" || rows[1][0] != "2" || w.source.open != 0 {
		t.Errorf("rows %v, %d results open", rows, w.source.open)
	}
	if _, _, err := w.open().Preview(t.Context(), "elsewhere", "select 1", 10); err == nil {
		t.Error("a warehouse that the project does not have was opened")
	}
}

func TestASyncIsCheckedAgainstTheLiveSystemsWithoutReadingARow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.open().CheckSync(t.Context(), w.sync); err != nil {
		t.Error(err)
	}
	w.source.columns = personColumns[1:]
	if _, ok := errors.AsType[*ModelError](w.open().CheckSync(t.Context(), w.sync)); !ok {
		t.Error("a column that is missing is not found")
	}
	w.source.columns, w.remote.object.Name = personColumns, "animals"
	if err, ok := errors.AsType[*ConfigError](w.open().CheckSync(t.Context(), w.sync)); !ok || !strings.Contains(err.Error(), "animals") {
		t.Errorf("an object that is missing: %v", err)
	}
	if w.source.queries != 0 {
		t.Error("the model was read")
	}
}

func TestSyncsAreCheckedOffline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sync.Mapping.Mode, w.sync.Mapping.OnRemoved = w.sync.Mode, w.sync.OnRemoved
	crm := w.project.Destinations["crm"]
	check := func(objects ...destinations.Object) []mappings.Problem {
		crm.Kind.Objects = objects
		w.project.Destinations["crm"] = crm
		return CheckOffline(w.project)
	}
	known := destinations.Object{Name: "people", Identifiers: []string{"email"}, Operations: []destinations.Op{destinations.Upsert, destinations.Delete}}
	if problems := check(); len(problems) > 0 {
		t.Errorf("a destination that declares nothing: %v", problems)
	}
	if problems := check(known); len(problems) > 0 {
		t.Errorf("a sync that fits: %v", problems)
	}
	known.Operations = known.Operations[:1]
	if problems := check(known); len(problems) != 1 || !strings.Contains(problems[0].String(), "delete") {
		t.Errorf("an operation that it does not have: %v", problems)
	}
	known.Name = "animals"
	if problems := check(known); len(problems) != 1 || !strings.Contains(problems[0].String(), "animals") {
		t.Errorf("an object that it does not have: %v", problems)
	}
}

func TestHeldPlansAreDroppedForTheirSyncOnly(t *testing.T) {
	t.Parallel()
	w, held := heldWorld(t)
	other := *w.sync
	other.Name, other.Mapping.Sync = "deals", "deals"
	w.project.Syncs = append([]*project.Sync{w.sync}, &other)
	if _, err := w.open().Run(t.Context(), &other, runlog.ByCLI); err != nil {
		t.Fatal(err)
	}
	if run, err := approve(t, w, held.ID); err != nil || run.Accepted != 11 {
		t.Errorf("%+v, %v", run.Counts, err)
	}
}
