package syncer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"spillway/destinations"
	"spillway/mappings"
	"spillway/syncer/project"
)

// TestPackedRowsMakeTheSamePlan plans from packed rows and from decoded ones after random histories, with rows that are
// invalid or stand twice, and with records that were refused or are in doubt.
func TestPackedRowsMakeTheSamePlan(t *testing.T) {
	t.Parallel()
	skimmed := int64(0)
	for seed := range number(t, "SPILLWAY_SEEDS", 40) {
		h := newHistory(t, 50_000+seed)
		h.w.parts = false // which would have the rows in another order
		h.w.sync.Mode = []destinations.Op{destinations.Upsert, destinations.Insert}[seed/4%2]
		for range 3 {
			h.w.source.packs = h.rand.IntN(4) > 0
			h.edit()
			h.troubled()
			h.life = &life{ticks: -1}
			h.setLife()
			h.read(15, 15)
			slow, fast := h.planned(false), h.planned(true)
			skimmed += fast.Same
			unread := cmp.Options{cmpopts.IgnoreFields(About{}, "ReadMS"), cmpopts.IgnoreUnexported(Sample{})}
			if diff := cmp.Diff(slow, fast, unread); diff != "" {
				t.Fatalf("seed %d (-decoded +packed):\n%s%s", seed, diff, strings.Join(h.events, "\n"))
			}
		}
		h.w.close()
	}
	if skimmed == 0 {
		t.Error("no row was ever the same")
	}
}

func (h *history) planned(packs bool) *Plan {
	h.t.Helper()
	h.w.source.packs = packs
	h.w.sync.Mapping.Mode, h.w.sync.Mapping.OnRemoved = h.w.sync.Mode, h.w.sync.OnRemoved
	p, err := h.w.open().Plan(h.t.Context(), h.w.sync, true)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// manyPeople are more than one chunk of rows.
func manyPeople() []person {
	var all []person
	for n := range 3*chunkRows + 7 {
		name := fmt.Sprintf("p%05d", n)
		all = append(all, person{Key: name, Email: name + "@x.io", Name: name, Score: "1", Doc: `{"n":1}`, Note: "a"})
	}
	return all
}

// manyTimes runs a test with packed rows that have no cells, and with such as have.
func manyTimes(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, cells := range map[string]bool{"packed": false, "with cells": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.source.packs, w.source.cells = true, cells
			test(t, w)
		})
	}
}

func TestUnchangedRowsAreNotRendered(t *testing.T) {
	t.Parallel()
	manyTimes(t, func(t *testing.T, w *world) {
		t.Helper()
		people := manyPeople()
		w.source.set(people...)
		if run := w.run(); run.Accepted != int64(len(people)) {
			t.Fatalf("%d of %d rows were accepted", run.Accepted, len(people))
		}
		for n := range people {
			people[n].Note = "a column that the mapping does not read"
		}
		people[5].Score, people[chunkRows].Score = "2", "none"
		people = slices.Delete(people, 2000, 2001)
		people = append(people, people[7], people[3*chunkRows], person{Key: "new", Email: "new@x.io", Score: "3"})
		w.source.set(people...)
		run := w.run()
		// Two keys stand twice, which voids four rows; one cannot be rendered.
		want := [...]int64{int64(len(people)), int64(len(people)) - 7, 1, 1, 1, 5}
		if got := [...]int64{run.Source, run.Same, run.Added, run.Changed, run.Removed, run.Invalid}; got != want {
			t.Errorf("the counts (source same added changed removed invalid) are %v, want %v", got, want)
		}
	})
}

// TestManyRowsAreRenderedInTheirOrder has most rows change, some of which cannot be rendered, have no key or stand twice.
func TestManyRowsAreRenderedInTheirOrder(t *testing.T) {
	t.Parallel()
	manyTimes(t, func(t *testing.T, w *world) {
		t.Helper()
		people := manyPeople()
		w.source.set(people...)
		w.run()
		for n := range people {
			switch p := &people[n]; n % 11 {
			case 0:
				p.Score = "none"
			case 1:
				p.Key = nil
			case 2:
				*p = people[n/2]
			case 3: // as it was
			default:
				p.Name, p.Doc = strings.ToUpper(p.Name), `{"n": 2, "a": [1]}`
			}
		}
		w.source.set(people...)
		planned := func() *Plan {
			p, err := w.open().Plan(t.Context(), w.sync, true)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		fast := planned()
		w.source.packs = false
		unread := cmp.Options{cmpopts.IgnoreFields(About{}, "ReadMS"), cmpopts.IgnoreUnexported(Sample{})}
		if diff := cmp.Diff(planned(), fast, unread); diff != "" {
			t.Errorf("(-decoded +packed):\n%s", diff)
		}
	})
}

func TestAMappingEditIsNeverTakenAsUnchanged(t *testing.T) {
	t.Parallel()
	manyTimes(t, func(t *testing.T, w *world) {
		t.Helper()
		w.source.set(manyPeople()...)
		w.run()
		w.sync.Mapping.Fields = append(slices.Clone(w.sync.Mapping.Fields), mappings.Field{Name: "source", Value: "warehouse", HasValue: true})
		if run := w.run(); run.Changed != run.Source || run.Accepted != run.Source {
			t.Errorf("of %d rows %d were changed", run.Source, run.Changed)
		}
		if run := w.run(); run.Same != run.Source {
			t.Errorf("of %d rows %d were the same", run.Source, run.Same)
		}
	})
}

func TestOnlyChangedFieldsAreSentWhereTheSyncAsksForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sync.Delivery.Fields = project.ChangedFields
	w.source.packs = true
	ada := person{Key: "1", Email: "ada@x.io", Name: "Ada", Score: "1", Doc: `{"a":1}`, Origin: "web"}
	send := func(p person) []string {
		w.source.set(p)
		w.remote.calls()
		w.run()
		var names []string
		for _, c := range w.remote.calls() {
			for name := range c.Fields {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	check := func(what string, p person, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, send(p)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("a new record is whole", ada, "doc", "email", "name", "origin", "score")
	ada.Score = "2"
	check("a change is that field and the identifier", ada, "email", "score")
	check("nothing changed", ada)
	ada.Name, ada.Doc = "Ada L.", ""
	check("two changes, one of them to null", ada, "doc", "email", "name")
	ada.Email = "lovelace@x.io"
	w.sync.OnRemoved = "ignore"
	check("under another identifier it is whole", ada, "doc", "email", "name", "score")
}

// TestAbridgedRecordsBringTheServiceToTheSource plays the random histories with only the changed fields sent.
func TestAbridgedRecordsBringTheServiceToTheSource(t *testing.T) {
	t.Parallel()
	for seed := range number(t, "SPILLWAY_SEEDS", 60) {
		h := newHistory(t, 70_000+seed)
		h.w.sync.Delivery.Fields = project.ChangedFields
		h.w.source.packs = seed%2 == 0
		h.play()
		h.w.close()
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(h.events, "\n"))
		}
	}
}
