package hubspot

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
)

func TestRefusalsHaveTheCodeAndTheWordsThatPeopleNeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, _ := dial(t)
		bad := person(1)
		bad.ID = "nobody"
		bad.Fields[0].Value = "nobody"
		got, err := d.Write(t.Context(), contacts(destinations.Upsert, bad))
		if err != nil {
			t.Fatal(err)
		}
		want := []destinations.Result{{Status: destinations.Rejected, Code: "INVALID_EMAIL", Reason: "Email address nobody is invalid"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestARecordThatNoAnswerNamesIsUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		f.Unlisted = person(2).ID
		got, err := d.Write(t.Context(), contacts(destinations.Upsert, person(1), person(2), person(3)))
		if err != nil {
			t.Fatal(err)
		}
		statuses := []string{got[0].Status.String(), got[1].Status.String(), got[2].Status.String()}
		if diff := cmp.Diff([]string{"accepted", "unknown", "accepted"}, statuses); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAPropertyThatIsGoneIsNoRecordsFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t)
		one, other := person(1), person(2)
		one.Fields = append(one.Fields, destinations.FieldValue{Name: "retired", Value: "x"})
		got, err := d.Write(t.Context(), contacts(destinations.Upsert, one, other))
		if !errors.Is(err, destinations.ErrConfig) || !strings.Contains(err.Error(), "PROPERTY_DOESNT_EXIST") {
			t.Errorf("error %v", err)
		}
		for i, r := range got {
			if r.Status != destinations.Deferred {
				t.Errorf("result %d: %+v", i, r)
			}
		}
		if n := len(wire.Calls()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestALookThatFailsLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]destinationtest.Fault{
		"a failure":     destinationtest.Reply(500, ""),
		"a lost answer": destinationtest.Lose(),
		"another state": destinationtest.Reply(200, `{"status":"PROCESSING","results":[]}`),
		"another fault": destinationtest.Reply(207, `{"status":"COMPLETE","errors":[{"category":"INTERNAL_ERROR","message":"odd"}]}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, wire := dial(t)
				seed(f, map[string]string{"email": person(1).ID})
				wire.SpoilAll(fault)
				got, err := d.Write(t.Context(), contacts(destinations.Archive, destinations.Record{ID: person(1).ID}))
				if err != nil || got[0].Status != destinations.Deferred || got[0].Doubt || len(f.Records["contacts"]) != 1 {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}
