package diffstore_test

import (
	"testing"

	"spillway/diffstore"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	one, two, full := diffstore.Sum{1}, diffstore.Sum{2}, diffstore.Sum{9}
	entry := diffstore.Entry{Key: "k", ID: "a", Sum: one, First: full}
	type tried = diffstore.Tried
	tests := []struct {
		name  string
		entry diffstore.Entry
		known *diffstore.Known
		want  diffstore.Verdict
	}{
		{"an unmapped entry is kept, whatever is known", diffstore.Entry{Key: "k", Unmapped: true}, nil, diffstore.Kept},
		{"an unmapped entry of a delivered key is kept", diffstore.Entry{Key: "k", Unmapped: true}, &diffstore.Known{Accepted: true}, diffstore.Kept},
		{"an unknown key is added", entry, nil, diffstore.Added},
		{"the record last accepted is the same", entry, &diffstore.Known{Accepted: true, Sum: one}, diffstore.Same},
		{"another record is changed", entry, &diffstore.Known{Accepted: true, Sum: two}, diffstore.Changed},
		{"what is sent on insert only does not count after acceptance", entry, &diffstore.Known{Accepted: true, Sum: full}, diffstore.Changed},
		{
			"the record last accepted is changed while an answer is missing", entry,
			&diffstore.Known{Accepted: true, Sum: one, Tried: tried{Sum: two, Doubt: true}}, diffstore.Changed,
		},
		{
			"the record last accepted is the same when another was refused", entry,
			&diffstore.Known{Accepted: true, Sum: one, Tried: tried{Sum: two, Refusals: 1}}, diffstore.Same,
		},
		{
			"the record that was refused is carried", entry,
			&diffstore.Known{Accepted: true, Sum: two, Tried: tried{Sum: one, Refusals: 1}}, diffstore.Carried,
		},
		{
			"the record that was refused first is carried with what is sent on insert only", entry,
			&diffstore.Known{Tried: tried{Sum: full, Refusals: 1}}, diffstore.Carried,
		},
		{
			"without it, it is added", entry,
			&diffstore.Known{Tried: tried{Sum: one, Refusals: 1}}, diffstore.Added,
		},
		{
			"the record last accepted is carried when it was tried again in doubt", entry,
			&diffstore.Known{Accepted: true, Sum: one, Tried: tried{Sum: one, Doubt: true}}, diffstore.Carried,
		},
		{
			"a key of which nothing is left but an identifier is added", entry,
			&diffstore.Known{IDs: []string{"a"}}, diffstore.Added,
		},
		{
			"no entry equals a record that was not accepted",
			diffstore.Entry{Key: "k"},
			&diffstore.Known{}, diffstore.Added,
		},
		{
			"the record of a key that has left is changed", entry,
			&diffstore.Known{Accepted: true, Sum: one, Left: true}, diffstore.Changed,
		},
		{
			"the record is changed while the removal of its identifier is in doubt", entry,
			&diffstore.Known{Accepted: true, Sum: one, IDs: []string{"z", "a"}, Removals: map[string]tried{"a": {Doubt: true}}}, diffstore.Changed,
		},
		{
			"the record is the same while the removal of an old identifier is in doubt", entry,
			&diffstore.Known{Accepted: true, Sum: one, IDs: []string{"z", "a"}, Removals: map[string]tried{"z": {Doubt: true}}}, diffstore.Same,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := diffstore.Judge(tt.entry, tt.known)
			if got.Verdict != tt.want || got.Contested || got.First != 0 || got.Known != tt.known {
				t.Errorf("the verdict is %+v, not %d", got, tt.want)
			}
		})
	}
	t.Run("only what is the same can be contested", func(t *testing.T) {
		t.Parallel()
		for sum, want := range map[diffstore.Sum]bool{one: true, two: false} {
			got := diffstore.Judge(entry, &diffstore.Known{Accepted: true, Sum: sum, Shadowed: true})
			if got.Contested != want {
				t.Errorf("a shadowed record with sum %x gives %+v", sum[:1], got)
			}
		}
	})
}
