package syncer

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"spillway/syncer/runlog"
)

// TestRowsInPartsMakeTheSamePlan holds a plan for which the rows were set aside by parts against one that took them as
// they came.
func TestRowsInPartsMakeTheSamePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source.packs = true
	people := manyPeople()
	w.source.set(people...)
	if run := w.run(); run.Accepted != int64(len(people)) {
		t.Fatalf("%d of %d rows were accepted", run.Accepted, len(people))
	}
	people[5].Score, people[chunkRows].Score, people[9].Name = "2", "none", "Ada"
	people = slices.Delete(people, 2000, 2001)
	people = append(people, people[7], people[3*chunkRows], person{Key: "new", Email: "new@x.io", Score: "3"}, person{Email: "keyless@x.io"})
	w.source.set(people...)

	plan := func(parts bool) *Plan {
		w.close()
		w.parts = parts
		p, err := w.open().Plan(t.Context(), w.sync, true)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(p.Samples, func(a, b Sample) int { return cmp.Compare(a.Key, b.Key) })
		for i := range p.Errors {
			slices.Sort(p.Errors[i].SampleKeys)
		}
		return p
	}
	inOrder, inParts := plan(false), plan(true)
	unread := gocmp.Options{cmpopts.IgnoreFields(About{}, "ReadMS"), cmpopts.IgnoreUnexported(Sample{}), cmpopts.SortSlices(func(a, b runlog.ErrorGroup) bool { return a.Code < b.Code })}
	if diff := gocmp.Diff(inOrder, inParts, unread); diff != "" {
		t.Errorf("the plan (-in order +in parts):\n%s", diff)
	}
	if inParts.Same == 0 || inParts.Changed != 2 || inParts.Added != 1 || inParts.Invalid == 0 {
		t.Errorf("the plan is of %d same, %d changed, %d added and %d invalid rows", inParts.Same, inParts.Changed, inParts.Added, inParts.Invalid)
	}
}
