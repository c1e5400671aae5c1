package intercom

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/intercom/intercomtest"
)

func TestContacts(t *testing.T) {
	t.Parallel()
	gone := func(n int) destinations.Record { return destinations.Record{Key: strconv.Itoa(n), ID: person(n).ID} }
	user := func(email string) map[string]any { return map[string]any{"role": "user", "email": email} }
	for _, test := range []struct {
		name  string
		held  []map[string]any
		set   func(*intercomtest.Fake)
		batch destinations.Batch
		want  string
		then  []string // the addresses of contacts that are not archived, with the names
		calls int
	}{
		{
			"an upsert changes what the search finds and makes the rest",
			[]map[string]any{user("PERSON1@example.com")},
			nil,
			batch(destinations.Upsert, person(1), person(2)), "accepted accepted",
			[]string{"person1@example.com Person", "person2@example.com Person"},
			3,
		},
		{
			"a contact that the search does not know yet is changed",
			[]map[string]any{user("person1@example.com")},
			func(f *intercomtest.Fake) { f.Blind = true },
			batch(destinations.Upsert, person(1)), "accepted",
			[]string{"person1@example.com Person"},
			4,
		},
		{
			"an archived contact comes back",
			[]map[string]any{{"role": "user", "email": "person1@example.com", "archived": true}},
			nil,
			batch(destinations.Upsert, person(1)), "accepted",
			[]string{"person1@example.com Person"},
			5,
		},
		{
			"a user goes before a lead of the same address",
			[]map[string]any{user("person1@example.com"), {"role": "lead", "email": "person1@example.com"}},
			nil,
			batch(destinations.Upsert, person(1)), "accepted",
			[]string{"person1@example.com <nil>", "person1@example.com Person"},
			2,
		},
		{
			"of several leads none is touched",
			[]map[string]any{{"role": "lead", "email": "person1@example.com"}, {"role": "lead", "email": "person1@example.com"}},
			nil,
			batch(destinations.Update, person(1)), "rejected:ambiguous",
			[]string{"person1@example.com <nil>", "person1@example.com <nil>"},
			1,
		},
		{
			"an update makes nothing",
			[]map[string]any{user("person1@example.com")},
			nil,
			batch(destinations.Update, person(2), person(1)), "rejected:not_found accepted",
			[]string{"person1@example.com Person"},
			2,
		},
		{
			"an insert changes nothing",
			[]map[string]any{user("person1@example.com")},
			nil,
			batch(destinations.Insert, person(1), person(2)), "rejected:conflict accepted",
			[]string{"person1@example.com <nil>", "person2@example.com Person"},
			2,
		},
		{
			"a removal of what is not there is well",
			[]map[string]any{user("person1@example.com")},
			nil,
			batch(destinations.Delete, gone(2), gone(1)), "accepted accepted", nil, 2,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, wire := dial(t)
				for i, c := range test.held {
					id := fmt.Sprintf("5da6f%d", i)
					f.Contacts[id] = maps.Clone(c)
					f.Contacts[id]["id"] = id
				}
				if test.set != nil {
					test.set(f)
				}
				got, err := d.Write(t.Context(), test.batch)
				if err != nil || destinationtest.Statuses(got) != test.want {
					t.Errorf("%+v, %v", got, err)
				}
				var there []string
				for _, c := range f.Contacts {
					if c["archived"] != true {
						there = append(there, fmt.Sprint(c["email"], " ", c["name"]))
					}
				}
				slices.Sort(there)
				if diff := cmp.Diff(test.then, there); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if n := len(wire.Calls()); n != test.calls {
					t.Errorf("%d requests, want %d", n, test.calls)
				}
			})
		})
	}
}

func TestAContactThatOnlySharesAnAddressIsLeftAlone(t *testing.T) {
	t.Parallel()
	record := destinations.Record{Key: "1", ID: "mine", Fields: destinations.Fields{
		{Name: "external_id", Value: "mine"}, {Name: "email", Value: "shared@example.com"}, {Name: "name", Value: "Person"},
	}}
	for _, test := range []struct {
		name string
		held map[string]any
		want string
	}{
		{"another's", map[string]any{"id": "5da6f1", "role": "user", "email": "shared@example.com", "external_id": "other"}, "rejected:conflict"},
		{"nobody's yet", map[string]any{"id": "5da6f1", "role": "user", "email": "shared@example.com"}, "accepted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, f, _ := dial(t)
				f.Contacts["5da6f1"] = test.held
				b := batch(destinations.Upsert, record)
				b.Identifier = "external_id"
				got, err := d.Write(t.Context(), b)
				if err != nil || destinationtest.Statuses(got) != test.want || (test.held["name"] == "Person") != (test.want == "accepted") {
					t.Errorf("%+v, %v; %v", got, err, test.held)
				}
			})
		})
	}
}

func TestAContactThatIsChangedIntoAnotherLeavesThatAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		f.Contacts["5da6f1"] = map[string]any{"id": "5da6f1", "role": "user", "email": "person1@example.com"}
		wire.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			if r.Method == http.MethodPut {
				return destinationtest.Reply(409, `{"type":"error.list","errors":[{"code":"conflict","message":"A contact matching those details already exists with id=5da6f2"}]}`)
			}
			return nil
		})
		got, err := d.Write(t.Context(), batch(destinations.Upsert, person(1)))
		if err != nil || destinationtest.Statuses(got) != "rejected:conflict" || len(wire.Calls()) != 2 {
			t.Errorf("%+v, %v after %d requests", got, err, len(wire.Calls()))
		}
	})
}

func TestAContactThatCannotComeBackIsNotChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		f.Contacts["5da6f1"] = map[string]any{"id": "5da6f1", "role": "user", "email": "person1@example.com", "archived": true}
		wire.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			if strings.HasSuffix(r.URL.Path, "/unarchive") {
				return destinationtest.Reply(503, "maintenance")
			}
			return nil
		})
		got, err := d.Write(t.Context(), batch(destinations.Upsert, person(1), person(2)))
		if err != nil || destinationtest.Statuses(got) != "deferred:503 accepted" || f.Contacts["5da6f1"]["name"] != nil {
			t.Errorf("%+v, %v; %v", got, err, f.Contacts["5da6f1"])
		}
	})
}

func TestTagsAreAdded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, f, wire := dial(t)
		tags := func(r destinations.Record, names ...destinations.Value) destinations.Record {
			return with(r, "tags", names)
		}
		b := batch(destinations.Upsert, tags(person(1), "VIP", "beta"), tags(person(2), "vip"), tags(person(3), "forbidden"), tags(person(4)))
		for range 2 {
			got, err := d.Write(t.Context(), b)
			if err != nil || destinationtest.Statuses(got) != "accepted accepted rejected:parameter_invalid accepted" || !strings.HasPrefix(got[2].Reason, "written, but not tagged") {
				t.Errorf("%+v, %v", got, err)
			}
		}
		if diff := cmp.Diff([]string{"VIP", "beta"}, slices.Sorted(maps.Values(f.Tags))); diff != "" || len(f.Tagged) != 3 {
			t.Errorf("tags (-want +got):\n%s\n%v", diff, f.Tagged)
		}
		wire.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			if strings.HasSuffix(r.URL.Path, "/tags") {
				return destinationtest.Reply(503, "maintenance")
			}
			return nil
		})
		got, err := d.Write(t.Context(), batch(destinations.Upsert, tags(person(1), "VIP"), tags(person(2), "new")))
		if err != nil || destinationtest.Statuses(got) != "deferred:503 deferred:503" || !got[0].Doubt || !got[1].Doubt {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
