package diffstoretest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// testRemovals tests attempts at removals, and what of other keys they touch.
func testRemovals(t *testing.T, open Opener) {
	delivered := write("k", "a", "v1", takes)
	tests := []struct {
		name  string
		steps []step
		want  string
	}{
		{
			"a removal that is done forgets the key",
			steps(delivered, remove("k", "a", takes)), "unknown",
		},
		{
			"a removal without an answer leaves its identifier in doubt",
			steps(delivered, remove("k", "a", silence)), "v1 at a; removal of a, doubt, token",
		},
		{
			"a removal that is refused is counted",
			steps(delivered, remove("k", "a", refuses), remove("k", "a", refuses)),
			"v1 at a; removal of a, refused 2 (no), since then",
		},
		{
			"a removal that is returned keeps its token",
			steps(delivered, remove("k", "a", returns)), "v1 at a; removal of a, since then, token",
		},
		{
			"a refusal does not answer an earlier removal",
			steps(delivered, remove("k", "a", silence), remove("k", "a", refuses)),
			"v1 at a; removal of a, doubt, refused 1 (no), since then",
		},
		{
			"each identifier has its own removal",
			steps(delivered, write("k", "b", "v2", takes), remove("k", "a", refuses), remove("k", "b", silence)),
			"v2 at a,b; removal of a, refused 1 (no), since then; removal of b, doubt, token",
		},
		{
			"the removal of an old identifier leaves the record",
			steps(delivered, write("k", "b", "v2", takes), remove("k", "a", takes)), "v2 at b",
		},
		{
			"removals and refusals of the record do not mix",
			steps(delivered, write("k", "b", "v2", takes), write("k", "b", "v3", refuses), remove("k", "a", refuses), write("k", "b", "v3", refuses)),
			"v2 at a,b; tried v3, refused 2 (no), since then; removal of a, refused 1 (no), since then",
		},
		{
			"acceptance forgets the removal of its identifier",
			steps(delivered, remove("k", "a", silence), write("k", "a", "v1", takes)), "v1 at a",
		},
		{
			"acceptance keeps the removal of another identifier",
			steps(delivered, write("k", "b", "v2", takes), remove("k", "a", silence), write("k", "b", "v3", takes)),
			"v3 at a,b; removal of a, doubt, token",
		},
		{
			"release forgets the refusals of removals",
			steps(delivered, remove("k", "a", refuses), release("k")), "v1 at a; removal of a",
		},
		{
			"a record that is attempted where a removal is in doubt spends the removal's token",
			steps(delivered, remove("k", "a", silence), write("k", "a", "v1", silence)),
			"v1 at a; tried v1, doubt, token; removal of a, doubt",
		},
		{
			"a removal that is attempted where a record is in doubt spends the record's token",
			steps(delivered, write("k", "a", "v2", silence), remove("k", "a", silence)),
			"v1 at a; tried v2, doubt; removal of a, doubt, token",
		},
	}
	for _, tt := range tests {
		each(t, tt.name, open, func(b *bench, next between) {
			b.take(tt.steps, next)
			if diff := cmp.Diff(tt.want, b.known("k")); diff != "" {
				b.t.Errorf("what is known (-want +got):\n%s", diff)
			}
		})
	}
}

// testShared tests identifiers that more than one key was sent to.
func testShared(t *testing.T, open Opener) {
	mine := write("k", "a", "v1", takes)
	tests := []struct {
		name  string
		steps []step
		want  string // of k
	}{
		{
			"another key's accepted record shadows the one before",
			steps(mine, write("other", "a", "v2", takes)), "v1 at a; shadowed",
		},
		{
			"another key's unanswered record shadows it too",
			steps(mine, write("other", "a", "v2", silence)), "v1 at a; shadowed",
		},
		{
			"another key's refused record does not",
			steps(mine, write("other", "a", "v2", refuses)), "v1 at a",
		},
		{
			"another key's returned record does not",
			steps(mine, write("other", "a", "v2", returns)), "v1 at a",
		},
		{
			"a refusal does not lift the shadow of an earlier attempt",
			steps(mine, write("other", "a", "v2", silence), write("other", "a", "v2", refuses)), "v1 at a; shadowed",
		},
		{
			"a refusal does not lift the shadow of a third key's attempt",
			steps(mine, write("third", "a", "v2", takes), write("other", "a", "v3", refuses)), "v1 at a; shadowed",
		},
		{
			"another key's removal shadows",
			steps(mine, write("other", "a", "v2", takes), write("k", "a", "v3", takes), remove("other", "a", silence)),
			"v3 at a; shadowed",
		},
		{
			"a removal that was refused does not",
			steps(mine, write("other", "a", "v2", takes), write("k", "a", "v3", takes), remove("other", "a", refuses)),
			"v3 at a",
		},
		{
			"the shadow outlives the other key's moving away",
			steps(mine, write("other", "a", "v2", takes), write("other", "b", "v3", takes), gone("other", "a")),
			"v1 at a; shadowed",
		},
		{
			"acceptance lifts the shadow",
			steps(mine, write("other", "a", "v2", takes), write("k", "a", "v3", takes)), "v3 at a",
		},
		{
			"refusal keeps the shadow",
			steps(mine, write("other", "a", "v2", takes), write("k", "a", "v3", refuses)),
			"v1 at a; tried v3, refused 1 (no), since then; shadowed",
		},
		{
			"a shadow on an identifier that was left behind counts for nothing",
			steps(mine, write("k", "b", "v2", takes), write("other", "a", "v1", takes)), "v2 at a,b",
		},
	}
	for _, tt := range tests {
		each(t, tt.name, open, func(b *bench, next between) {
			b.take(tt.steps, next)
			if diff := cmp.Diff(tt.want, b.known("k")); diff != "" {
				b.t.Errorf("what is known (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("attempts that are under way at once shadow each other", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		intend(b, diffstore.Attempt{Entry: entry("k", "a", "v1")})
		intend(b, diffstore.Attempt{Entry: entry("other", "a", "v2")})
		settle(b, diffstore.Fate{Key: "k", Outcome: diffstore.Taken}, diffstore.Fate{Key: "other", Outcome: diffstore.Taken})
		b.end()
		if diff := cmp.Diff([]string{"v1 at a; shadowed", "v2 at a; shadowed"}, []string{b.known("k"), b.known("other")}); diff != "" {
			t.Errorf("what is known (-want +got):\n%s", diff)
		}
	})
}
