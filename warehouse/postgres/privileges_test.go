package postgres

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/warehouse"
)

// privilegesOf asks w, which must be able to say.
func privilegesOf(t *testing.T, w warehouse.Warehouse) warehouse.Privileges {
	t.Helper()
	inspector, ok := w.(warehouse.Inspector)
	if !ok {
		t.Fatalf("%T says nothing of its privileges", w)
	}
	p, err := inspector.Privileges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// asUser returns dsn for another role.
func asUser(t *testing.T, dsn, user string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(user)
	return u.String()
}

func TestPrivilegesBeyondReadingAreFound(t *testing.T) {
	t.Parallel()
	dsn := database(t, "create schema marts", "create table marts.people (id int)", "revoke all on schema public from public",
		"drop role if exists spillway_least", "drop role if exists spillway_more", "create role spillway_least login", "create role spillway_more login",
		"grant usage on schema marts to spillway_least, spillway_more", "grant select on marts.people to spillway_least",
		"grant insert on marts.people to spillway_more", "grant create on schema marts to spillway_more")
	conn := connect(t, dsn)
	t.Cleanup(func() {
		for _, sql := range []string{"drop owned by spillway_least, spillway_more", "drop role spillway_least", "drop role spillway_more"} {
			if _, err := conn.Exec(t.Context(), sql); err != nil && t.Context().Err() == nil {
				t.Error(err)
			}
		}
	})
	for _, dialect := range []struct {
		name string
		open func(string) warehouse.Warehouse
	}{
		{"PostgreSQL", func(dsn string) warehouse.Warehouse { return openDSN(t, dsn, nil) }},
		{"Redshift", func(dsn string) warehouse.Warehouse { return openRedshiftDSN(t, redshiftDSN(t, dsn)) }},
	} {
		least := privilegesOf(t, dialect.open(asUser(t, dsn, "spillway_least")))
		if least.Role != "spillway_least" || len(least.Excess) > 0 || !strings.Contains(least.Script, `grant usage on schema "marts" to`) {
			t.Errorf("%s: the least role has %+v", dialect.name, least)
		}
		more := privilegesOf(t, dialect.open(asUser(t, dsn, "spillway_more")))
		if diff := cmp.Diff([]string{"may change rows of marts.people", "may create tables in marts"}, more.Excess); diff != "" {
			t.Errorf("%s: excess (-want +got):\n%s", dialect.name, diff)
		}
		if super := privilegesOf(t, dialect.open(dsn)); !slices.Contains(super.Excess, "is a superuser") {
			t.Errorf("%s: the superuser has %+v", dialect.name, super)
		}
	}
	var tables int
	if err := conn.QueryRow(t.Context(), "select count(*) from pg_tables where tablename like 'spillway%'").Scan(&tables); err != nil || tables != 0 {
		t.Errorf("%d tables stayed, error %v", tables, err)
	}
}
