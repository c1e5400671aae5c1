package mysql

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/warehouse"
)

func TestPrivilegesBeyondReadingAreFound(t *testing.T) {
	t.Parallel()
	dsn := database(t, "create table people (id int)", "insert into people values (1)")
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	db := connect(t, dsn)
	for _, statement := range []string{
		"create or replace user spillway_least@'127.0.0.1'", "grant select, show view on " + quote(name) + ".* to spillway_least@'127.0.0.1'",
		"create or replace user spillway_more@'127.0.0.1'", "grant select, insert, create on " + quote(name) + ".* to spillway_more@'127.0.0.1'",
		"grant delete on people to spillway_more@'127.0.0.1'", "grant file on *.* to spillway_more@'127.0.0.1'",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for account, want := range map[string][]string{
		"spillway_least": nil,
		"spillway_more": {
			"has FILE everywhere", "has CREATE, INSERT on " + name, "has DELETE on " + name + ".people", "may change rows of " + name + ".people",
		},
	} {
		u.User = url.User(account)
		w, ok := openDSN(t, u.String(), nil).(warehouse.Inspector)
		if !ok {
			t.Fatal("the warehouse says nothing of its privileges")
		}
		got, err := w.Privileges(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Excess); diff != "" || got.Role != account+"@127.0.0.1" || !strings.Contains(got.Script, "show view on `"+name+"`.* to") {
			t.Errorf("%s: %+v, excess (-want +got):\n%s", account, got, diff)
		}
	}
	var rows int
	if err := db.QueryRowContext(t.Context(), "select count(*) from people").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows are left, error %v", rows, err)
	}
}
