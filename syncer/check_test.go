package syncer

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/mappings"
	"spillway/syncer/project"
)

func TestAnInspectionSaysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sync.Mapping.Destination, w.sync.Mapping.Object = "crm", "peple"
	w.sync.Object = "peple"
	w.sync.Mapping.Lines = []mappings.KeyPlace{{Key: "object", At: mappings.At("syncs/contacts.toml", 3)}}
	w.source.columns = personColumns[1:]
	want := project.Problems{
		{File: "syncs/contacts.toml", Key: "key", Message: `the model has no column "id"; there are: doc, email, name, note, origin, score`},
		{File: "syncs/contacts.toml", Line: 3, Key: "object", Message: "crm has no object peple; did you mean people?"},
	}
	found := w.open().Inspect(t.Context(), w.project.Syncs)
	if diff := cmp.Diff(want, found.Problems); diff != "" || len(found.Silent) > 0 {
		t.Errorf("problems (-want +got):\n%s\nsilent: %+v", diff, found.Silent)
	}
	// A plan says the same, and so does a run.
	if _, err := w.engine.Plan(t.Context(), w.sync, false); err == nil || err.Error() != want.Error() {
		t.Errorf("a plan says: %v", err)
	}
	if w.source.queries != 0 {
		t.Error("the model was read")
	}
}

func TestAnInspectionTellsSettingsFromSystemsThatAreAway(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err    error
		silent bool
	}{
		{fmt.Errorf("dial: %w", destinations.ErrUnreachable), true},
		{fmt.Errorf("look: %w", destinations.ErrAuth), true},
		{fmt.Errorf("open: %w", destinations.ErrConfig), false},
	} {
		t.Run(test.err.Error(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			crm := w.project.Destinations["crm"]
			crm.At = "spillway.toml:7"
			w.project.Destinations["crm"] = crm
			other := *w.sync
			other.Name, other.File = "others", "syncs/others.toml"
			other.Mapping.Fields = append([]mappings.Field{{Name: "age", Column: "aeg", At: mappings.At("syncs/others.toml", 9)}}, other.Mapping.Fields...)
			w.remote.fieldsError = test.err
			e := w.open()
			other.Mapping.Mode, other.Mapping.OnRemoved = other.Mode, other.OnRemoved
			found := e.Inspect(t.Context(), []*project.Sync{w.sync, &other})
			want := "syncs/others.toml:9: fields.age: the model has no column \"aeg\"; there are: doc, email, id, name, note, origin, score"
			if !test.silent {
				want = "spillway.toml:7: destinations.crm: list the fields of people at destination crm: " + test.err.Error() + "\n" + want
			}
			if got := found.Problems.Error(); got != want {
				t.Errorf("the problems are\n%s\nwant\n%s", got, want)
			}
			switch {
			case !test.silent && len(found.Silent) > 0:
				t.Errorf("silent: %+v", found.Silent)
			case test.silent && (len(found.Silent) != 1 || !errors.Is(found.Silent[0].Err, test.err) || len(found.Silent[0].Syncs) != 2):
				t.Errorf("silent: %+v, want one for both syncs", found.Silent)
			}
		})
	}
}
