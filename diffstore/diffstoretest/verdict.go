package diffstoretest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// testVerdicts tests how entries stand to what is known.
func testVerdicts(t *testing.T, open Opener) {
	unmapped := diffstore.Entry{Key: "k", Unmapped: true}
	insertOnly := func(id, value, first string) diffstore.Entry {
		return diffstore.Entry{Key: "k", ID: id, Sum: sumOf(value), First: sumOf(first)}
	}
	delivered := write("k", "a", "v1", takes)
	tests := []struct {
		name  string
		steps []step
		want  map[string]diffstore.Entry // by verdict
	}{
		{
			"of an unknown key everything is added",
			steps(write("other", "a", "v1", takes)),
			map[string]diffstore.Entry{"added": entry("k", "a", "v1"), "kept": unmapped},
		},
		{
			"of an accepted record",
			steps(delivered),
			map[string]diffstore.Entry{
				"same": entry("k", "a", "v1"), "changed": entry("k", "a", "v2"), "kept": unmapped,
				"same, whatever is sent on insert only": insertOnly("a", "v1", "v3"),
			},
		},
		{
			"a record in doubt is carried, and the one before is not the same any more",
			steps(delivered, write("k", "a", "v2", silence)),
			map[string]diffstore.Entry{
				"carried": entry("k", "a", "v2"), "changed": entry("k", "a", "v1"), "changed too": entry("k", "a", "v3"), "kept": unmapped,
			},
		},
		{
			"the doubt stays when another record is refused",
			steps(delivered, write("k", "a", "v2", silence), write("k", "a", "v3", refuses)),
			map[string]diffstore.Entry{"carried": entry("k", "a", "v3"), "changed": entry("k", "a", "v1"), "changed too": entry("k", "a", "v2")},
		},
		{
			"the value last accepted is carried when it was tried again in vain",
			steps(delivered, write("k", "a", "v2", silence), write("k", "a", "v1", refuses)),
			map[string]diffstore.Entry{"carried": entry("k", "a", "v1"), "changed": entry("k", "a", "v2")},
		},
		{
			"a refused record is carried, and the one before is the same",
			steps(delivered, write("k", "a", "v2", refuses)),
			map[string]diffstore.Entry{"carried": entry("k", "a", "v2"), "same": entry("k", "a", "v1"), "changed": entry("k", "a", "v3")},
		},
		{
			"a returned record is carried, and the one before is the same",
			steps(delivered, write("k", "a", "v2", returns)),
			map[string]diffstore.Entry{"carried": entry("k", "a", "v2"), "same": entry("k", "a", "v1"), "changed": entry("k", "a", "v3")},
		},
		{
			"a first record that was not accepted is carried, with what is sent on insert only",
			steps(write("k", "a", "v1", refuses)),
			map[string]diffstore.Entry{"carried": entry("k", "a", "v1"), "added": entry("k", "a", "v2"), "added too": insertOnly("a", "v1", "v3")},
		},
		{
			"a removal in doubt leaves nothing the same",
			steps(delivered, remove("k", "a", silence)),
			map[string]diffstore.Entry{"changed": entry("k", "a", "v1"), "changed too": entry("k", "a", "v2")},
		},
		{
			"a removal that was refused leaves the record the same",
			steps(delivered, remove("k", "a", refuses)),
			map[string]diffstore.Entry{"same": entry("k", "a", "v1"), "changed": entry("k", "a", "v2")},
		},
		{
			"a removal in doubt of an old identifier leaves the record the same",
			steps(delivered, write("k", "b", "v2", takes), remove("k", "a", silence)),
			map[string]diffstore.Entry{"same": entry("k", "b", "v2"), "changed": entry("k", "b", "v1")},
		},
		{
			"what was removed is added",
			steps(delivered, remove("k", "a", takes)),
			map[string]diffstore.Entry{"added": entry("k", "a", "v1")},
		},
		{
			"what has left and returns is changed, though it is equal",
			steps(delivered, leave("k")),
			map[string]diffstore.Entry{"changed": entry("k", "a", "v1"), "changed too": entry("k", "a", "v2"), "kept": unmapped},
		},
		{
			"what has left and was refused on its return is carried",
			steps(delivered, leave("k"), write("k", "a", "v1", refuses)),
			map[string]diffstore.Entry{"carried": entry("k", "a", "v1"), "changed": entry("k", "a", "v2")},
		},
		{
			"what another key may have overwritten is contested",
			steps(delivered, write("other", "a", "v2", silence)),
			map[string]diffstore.Entry{"same, contested": entry("k", "a", "v1"), "changed": entry("k", "a", "v2")},
		},
		{
			"what another key was refused under is not",
			steps(delivered, write("other", "a", "v2", refuses)),
			map[string]diffstore.Entry{"same": entry("k", "a", "v1")},
		},
		{
			"what is released stays carried",
			steps(write("k", "a", "v1", refuses), release("k")),
			map[string]diffstore.Entry{"carried": entry("k", "a", "v1"), "added": entry("k", "a", "v2")},
		},
	}
	for _, tt := range tests {
		each(t, tt.name, open, func(b *bench, next between) {
			b.take(tt.steps, next)
			for _, verdict := range slices.Sorted(maps.Keys(tt.want)) {
				e := tt.want[verdict]
				got := must(b.look().Compare(b.t.Context(), []diffstore.Entry{e}))(b.t)[0]
				if want := firstWords(verdict); nameOf(got) != want {
					b.t.Errorf("an entry that is %s was found %s", verdict, nameOf(got))
				}
				if got.Known == nil && got.Verdict != diffstore.Added && got.Verdict != diffstore.Kept && nameOf(got) != "same" {
					b.t.Errorf("nothing was said of a key that is %s", nameOf(got))
				}
			}
		})
	}
}

// firstWords cuts off what distinguishes two entries with the same verdict.
func firstWords(verdict string) string {
	for _, name := range []string{"same, contested", "same", "added", "changed", "carried", "kept"} {
		if len(verdict) >= len(name) && verdict[:len(name)] == name {
			return name
		}
	}
	return verdict
}

func nameOf(c diffstore.Change) string {
	names := map[diffstore.Verdict]string{
		diffstore.Same: "same", diffstore.Added: "added", diffstore.Changed: "changed", diffstore.Carried: "carried",
		diffstore.Kept: "kept", diffstore.Duplicate: "duplicate",
	}
	name := names[c.Verdict]
	if c.Verdict == diffstore.Duplicate {
		name += " of " + names[c.First]
	}
	if c.Contested {
		name += ", contested"
	}
	return name
}

// testDuplicates tests keys that the source holds more than once, in every order and however they are cut into calls.
func testDuplicates(t *testing.T, open Opener) {
	rows := map[string]diffstore.Entry{
		"v1": entry("k", "a", "v1"), "v2": entry("k", "b", "v2"), "unmapped": {Key: "k", Unmapped: true},
	}
	first := map[string]map[string]string{
		"unknown":   {"v1": "added", "v2": "added", "unmapped": "kept"},
		"delivered": {"v1": "same", "v2": "changed", "unmapped": "kept"},
	}
	for state, verdicts := range first {
		for _, order := range [][3]string{
			{"v1", "v2", "unmapped"},
			{"v1", "unmapped", "v2"},
			{"v2", "v1", "unmapped"},
			{"v2", "unmapped", "v1"},
			{"unmapped", "v1", "v2"},
			{"unmapped", "v2", "v1"},
			{"v1", "v1", "v1"},
			{"unmapped", "unmapped", "unmapped"},
		} {
			t.Run(fmt.Sprintf("a key that is %s, as %v", state, order), func(t *testing.T) {
				t.Parallel()
				b := newBench(t, open)
				write("other", "z", "v1", takes)(b)
				if state == "delivered" {
					write("k", "a", "v1", takes)(b)
				}
				b.end()
				a := verdicts[order[0]]
				want := []string{a, "duplicate of " + a, "duplicate of duplicate"}
				for cuts := range 4 {
					view := b.look()
					var got []string
					for _, call := range cut(order, cuts) {
						var entries []diffstore.Entry
						for _, name := range call {
							entries = append(entries, rows[name])
						}
						for _, c := range must(view.Compare(t.Context(), entries))(t) {
							got = append(got, nameOf(c))
						}
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("verdicts in calls of %v (-want +got):\n%s", cut(order, cuts), diff)
					}
					for k, err := range view.Removed(t.Context()) {
						if check(t, err); k.Key == "k" {
							t.Errorf("a duplicated key counts as removed")
						}
					}
				}
			})
		}
	}
}

// cut divides three rows into calls: a bit of cuts says whether the next row begins another.
func cut(rows [3]string, cuts int) [][]string {
	calls := [][]string{{rows[0]}}
	for i, r := range rows[1:] {
		if cuts>>i&1 == 1 {
			calls = append(calls, nil)
		}
		calls[len(calls)-1] = append(calls[len(calls)-1], r)
	}
	return calls
}
