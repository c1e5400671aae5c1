package main

import (
	"encoding/json"
	"net/url"
	"strings"
)

// testPrivileges looks at the warnings of doctor as a superuser, and as a role that may only read.
func testPrivileges(s *suite) {
	t := s.t
	p := newSite(s, 1)
	p.spillway("doctor").exits(exitDone).says("warning:", "is a superuser", "create user spillway_reader", "grant usage on schema")

	p.sql("drop role if exists e2e_least; create role e2e_least login; revoke create on schema public from public; grant select on people to e2e_least")
	defer p.sql("drop owned by e2e_least; drop role e2e_least")
	u, err := url.Parse(p.dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User("e2e_least")
	p.env = append(p.env, "WAREHOUSE_DSN="+u.String())
	if d := p.spillway("doctor").exits(exitDone); strings.Contains(d.stdout, "warning") {
		t.Errorf("the role that may only read is warned of:\n%s", d.stdout)
	}
	var found struct {
		Checks []checkup `json:"checks"`
	}
	d := p.spillway("doctor", "--json").exits(exitDone)
	if err := json.Unmarshal([]byte(d.stdout), &found); err != nil {
		t.Fatal(err)
	}
	for _, c := range found.Checks {
		if r := c.Privileges; c.Kind == "warehouse" && (r == nil || r.Role != "e2e_least" || len(r.Warnings) > 0 || r.Script == "") {
			t.Errorf("the warehouse's privileges are %+v", r)
		}
	}
}
