package diffstoretest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testOutcomes tests what the ways an attempt can end leave known of a key.
func testOutcomes(t *testing.T, open Opener) {
	later := epoch.Add(time.Hour)
	tests := []struct {
		name  string
		steps []step
		want  string // of key k
	}{
		{
			"an accepted record is the snapshot",
			steps(write("k", "a", "v1", takes)), "v1 at a",
		},
		{
			"the next accepted record replaces it",
			steps(write("k", "a", "v1", takes), write("k", "a", "v2", takes)), "v2 at a",
		},
		{
			"an accepted record without an identifier stands under none",
			steps(write("k", "", "v1", takes)), "v1",
		},
		{
			"a refused record was never delivered",
			steps(write("k", "a", "v1", refuses)), "no record; tried v1+, refused 1 (no), since then",
		},
		{
			"a refusal holds what was accepted",
			steps(write("k", "a", "v1", takes), write("k", "b", "v2", refuses)),
			"v1 at a; tried v2, refused 1 (no), since then",
		},
		{
			"the refusals of one record add up, since the first",
			steps(write("k", "a", "v1", refuses), writeAt("k", "a", "v1", refuses, later), writeAt("k", "a", "v1", refuses, later)),
			"no record; tried v1+, refused 3 (no), since then",
		},
		{
			"the refusals of another record are counted anew",
			steps(write("k", "a", "v1", refuses), write("k", "a", "v1", refuses), writeAt("k", "a", "v2", refuses, later)),
			"no record; tried v2+, refused 1 (no), since later",
		},
		{
			"a record that is refused under another identifier is another record",
			steps(write("k", "a", "v1", refuses), writeAt("k", "b", "v1", refuses, later)),
			"no record; tried v1+, refused 1 (no), since later",
		},
		{
			"acceptance clears refusals",
			steps(write("k", "a", "v1", refuses), write("k", "a", "v1", takes)), "v1 at a",
		},
		{
			"no answer to a first record leaves it perhaps delivered",
			steps(write("k", "a", "v1", silence)), "no record at a; tried v1+, doubt, token",
		},
		{
			"no answer to a record leaves the one before in doubt",
			steps(write("k", "a", "v1", takes), write("k", "a", "v2", silence)), "v1 at a; tried v2, doubt, token",
		},
		{
			"no answer under a new identifier leaves both, the accepted one last",
			steps(write("k", "a", "v1", takes), write("k", "b", "v2", silence)), "v1 at b,a; tried v2, doubt, token",
		},
		{
			"refusals outlive a missing answer",
			steps(write("k", "a", "v1", refuses), write("k", "a", "v1", silence)),
			"no record at a; tried v1+, doubt, refused 1 (no), since then, token",
		},
		{
			"a refusal does not answer an earlier attempt at the same record",
			steps(write("k", "a", "v1", takes), write("k", "b", "v2", silence), write("k", "b", "v2", refuses)),
			"v1 at b,a; tried v2, doubt, refused 1 (no), since then",
		},
		{
			"a refusal does not answer an earlier attempt at another record",
			steps(write("k", "a", "v1", takes), write("k", "b", "v2", silence), write("k", "c", "v3", refuses)),
			"v1 at b,a; tried v3, doubt, refused 1 (no), since then",
		},
		{
			"acceptance clears every doubt",
			steps(write("k", "a", "v1", silence), write("k", "a", "v2", silence), write("k", "a", "v3", takes)), "v3 at a",
		},
		{
			"acceptance under another identifier keeps those in doubt",
			steps(write("k", "a", "v1", silence), write("k", "b", "v2", silence), write("k", "c", "v3", takes)), "v3 at a,b,c",
		},
		{
			"a returned record was never delivered, and keeps its token",
			steps(write("k", "a", "v1", returns)), "no record; tried v1+, since then, token",
		},
		{
			"a returned record holds what was accepted",
			steps(write("k", "a", "v1", takes), write("k", "b", "v2", returns)), "v1 at a; tried v2, since then, token",
		},
		{
			"a return does not answer an earlier attempt",
			steps(write("k", "a", "v1", silence), write("k", "a", "v2", returns)),
			"no record at a; tried v2+, doubt, since then, token",
		},
		{
			"a return counts no refusal and forgets none",
			steps(write("k", "a", "v1", refuses), writeAt("k", "a", "v1", returns, later)),
			"no record; tried v1+, refused 1 (no), since then, token",
		},
		{
			"a move keeps the old identifier",
			steps(write("k", "a", "v1", takes), write("k", "b", "v2", takes)), "v2 at a,b",
		},
		{
			"a move there and back has each identifier once",
			steps(write("k", "a", "v1", takes), write("k", "b", "v2", takes), write("k", "a", "v1", takes)), "v1 at b,a",
		},
		{
			"an old identifier that is gone leaves the record",
			steps(write("k", "a", "v1", takes), write("k", "b", "v2", takes), gone("k", "a")), "v2 at b",
		},
		{
			"the last identifier being gone forgets the key",
			steps(write("k", "a", "v1", takes), gone("k", "a")), "unknown",
		},
		{
			"the last identifier being gone forgets refusals too",
			steps(write("k", "a", "v1", takes), write("k", "a", "v2", refuses), gone("k", "a")), "unknown",
		},
		{
			"the accepted identifier being gone leaves those in doubt",
			steps(write("k", "a", "v1", takes), write("k", "b", "v2", silence), gone("k", "a")),
			"no record at b; tried v2, doubt, token",
		},
		{
			"an identifier that the key does not have being gone is nothing",
			steps(write("k", "a", "v1", takes), gone("k", "b")), "v1 at a",
		},
		{
			"all being gone forgets the key",
			steps(write("k", "a", "v1", takes), write("k", "b", "v2", takes), write("k", "b", "v3", silence), gone("k", "")), "unknown",
		},
		{
			"a key without an identifier is forgotten as a whole",
			steps(write("k", "", "v1", takes), gone("k", "")), "unknown",
		},
		{
			"a key that is not known stays so when it is gone or has left",
			steps(gone("k", "a"), gone("k", ""), leave("k")), "unknown",
		},
		{
			"a key that has left keeps its record",
			steps(write("k", "a", "v1", takes), leave("k"), leave("k")), "v1 at a; left",
		},
		{
			"a key that was never delivered cannot leave",
			steps(write("k", "a", "v1", refuses), leave("k")), "no record; tried v1+, refused 1 (no), since then",
		},
		{
			"a key that has left is back when its record is accepted",
			steps(write("k", "a", "v1", takes), leave("k"), write("k", "a", "v1", takes)), "v1 at a",
		},
		{
			"a key that has left is back when its record may have been delivered",
			steps(write("k", "a", "v1", takes), leave("k"), write("k", "a", "v1", silence)), "v1 at a; tried v1, doubt, token",
		},
		{
			"a key that has left stays so when its record is refused",
			steps(write("k", "a", "v1", takes), leave("k"), write("k", "a", "v1", refuses)),
			"v1 at a; tried v1, refused 1 (no), since then; left",
		},
		{
			"release forgets the refusals and keeps the rest",
			steps(write("k", "a", "v1", silence), write("k", "a", "v1", refuses), release("k")), "no record at a; tried v1+, doubt",
		},
		{
			"release leaves keys alone that do not match",
			steps(write("k", "a", "v1", refuses), release("another")), "no record; tried v1+, refused 1 (no), since then",
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

// each runs a test in every way of going from one step to the next.
func each(t *testing.T, name string, open Opener, test func(b *bench, next between)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		for way, next := range ways() {
			t.Run(way, func(t *testing.T) { test(newBench(t, open), next) })
		}
	})
}
