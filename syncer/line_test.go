package syncer

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/syncer/project"
)

func TestADestinationThatTakesJSONIsGivenWhatTheFieldsWouldBe(t *testing.T) {
	t.Parallel()
	deliver := func(takes bool, fields project.DeliveredFields) (all []string) {
		w := newWorld(t)
		w.remote.object.JSON, w.sync.Delivery.Fields, w.sync.OnRemoved = takes, fields, "clear"
		w.sync.Guard.MaxRemoved = share(t, "100%")
		w.remote.answer = func(_ context.Context, b destinations.Batch) ([]*destinations.Result, error) {
			for _, r := range b.Records {
				text := r.JSON
				if text == nil {
					var err error
					if text, err = r.Fields.AppendJSON(nil); err != nil {
						t.Error(err)
					}
				} else if len(r.Fields) > 0 {
					t.Error("a record has both forms")
				}
				all = append(all, string(b.Op)+" "+r.Key+" "+string(text))
			}
			return make([]*destinations.Result, len(b.Records)), nil
		}
		rows := many(9)
		rows[3].Doc, rows[4].Name = `{ "a" : [ 1.0 , "x y" ] }`, "\u2028 \"Ada\""
		w.source.set(rows...)
		w.run()
		rows[5].Score = "7"
		w.source.set(rows[:8]...)
		w.run()
		slices.Sort(all)
		return all
	}
	for _, fields := range []project.DeliveredFields{"", project.ChangedFields} {
		want := deliver(false, fields)
		if diff := cmp.Diff(want, deliver(true, fields)); diff != "" || len(want) != 11 {
			t.Errorf("fields = %q, %d records (-values +JSON):\n%s", fields, len(want), diff)
		}
	}
}
