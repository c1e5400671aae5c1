package hubspot

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/hubspot/hubspottest"
)

func of(r destinations.Record, field string, v destinations.Value) destinations.Record {
	r.Fields = append(slices.Clone(r.Fields), destinations.FieldValue{Name: field, Value: v})
	return r
}

func TestRecordsAreAssociatedByAnIdentifierOfTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		f.Records["companies"]["7"] = map[string]string{"external_id": "acme"}
		f.Records["companies"]["8"] = map[string]string{"external_id": "globex"}
		f.Records["p4242_cars"]["9"] = map[string]string{}
		const company = "associations.companies.external_id"
		b := contacts(
			destinations.Upsert,
			of(person(1), company, "acme"),
			of(of(person(2), company, []destinations.Value{"globex", "acme"}), "associations.p4242_cars.hs_object_id", "9"),
			of(person(3), company, "initech"),
			of(person(4), company, nil),
		)
		for range 2 {
			got, err := d.Write(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			want := []destinations.Result{
				{Status: destinations.Accepted, RemoteID: "101"},
				{Status: destinations.Accepted, RemoteID: "102"},
				{Status: destinations.Rejected, Code: "association_not_found", Reason: "not written: companies has no record whose external_id is initech"},
				{Status: destinations.Accepted, RemoteID: "103"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		want := []string{"contacts 101 companies 7", "contacts 102 companies 7", "contacts 102 companies 8", "contacts 102 p4242_cars 9"}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(f.Linked))); diff != "" {
			t.Errorf("associations (-want +got):\n%s", diff)
		}
		if len(f.Records["contacts"]) != 3 || f.Records["contacts"]["101"][company] != "" {
			t.Errorf("contacts: %v", f.Records["contacts"])
		}
		var paths []string
		for _, call := range wire.Calls()[len(wire.Calls())-5:] {
			paths = append(paths, strings.TrimPrefix(call.Path, "/crm/"))
		}
		if diff := cmp.Diff([]string{
			"objects/2026-09/companies/batch/read", "objects/2026-09/p4242_cars/batch/read", "objects/2026-09/contacts/batch/upsert",
			"associations/2026-09/contacts/companies/batch/associate/default", "associations/2026-09/contacts/p4242_cars/batch/associate/default",
		}, paths); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

func TestAnAssociationThatFailsLeavesTheRecordNotAccepted(t *testing.T) {
	t.Parallel()
	batch := contacts(destinations.Upsert, of(person(1), "associations.companies.hs_object_id", "7"), person(2))
	for _, test := range []struct {
		name  string
		spoil func(*hubspottest.Fake, *destinationtest.Wire)
		want  destinations.Result
	}{
		{"HubSpot refuses it", func(f *hubspottest.Fake, _ *destinationtest.Wire) { f.Closed["linking"] = true }, destinations.Result{
			Status: destinations.Rejected, RemoteID: "101", Code: "VALIDATION_ERROR", Reason: "written, but not associated: No default association type is defined",
		}},
		{"HubSpot fails", func(_ *hubspottest.Fake, w *destinationtest.Wire) {
			w.Spoil(third(destinationtest.Reply(503, "maintenance")))
		}, destinations.Result{
			Status: destinations.Deferred, RemoteID: "101", Code: "503", Reason: "written, but not associated: maintenance", Doubt: true,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, wire := dial(t)
				f.Records["companies"]["7"] = map[string]string{}
				test.spoil(f, wire)
				got, err := d.Write(t.Context(), batch)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]destinations.Result{test.want, {Status: destinations.Accepted, RemoteID: "102"}}, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestInsertsCannotBeAssociated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, _ := dial(t)
		_, err := d.Write(t.Context(), contacts(destinations.Insert, of(person(1), "associations.companies.hs_object_id", "7")))
		if !errors.Is(err, destinations.ErrConfig) || len(f.Records["contacts"]) > 0 {
			t.Errorf("error %v", err)
		}
	})
}
