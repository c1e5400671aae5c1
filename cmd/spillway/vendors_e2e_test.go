package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// vendorTests deliver to each vendor's stand-in.
func vendorTests() map[string]func(*suite) {
	tests := map[string]func(*suite){}
	for name, v := range vendors() {
		tests["deliver to "+name] = func(s *suite) { testVendor(s, name, v) }
	}
	return tests
}

// newVendor makes a project that delivers 1,000 rows to a vendor's stand-in.
func newVendor(s *suite, name string, v vendor) (*site, *standIn) {
	t := s.t
	t.Helper()
	p := newSite(s, 1000)
	service := v.serve()
	t.Cleanup(service.server.Close)
	p.env = append(p.env, "VENDOR_SECRET=secret-4711")
	p.write("models/people.sql", v.model+"\n")
	if err := os.Remove(filepath.Join(p.dir, "syncs/people.toml")); err != nil {
		t.Fatal(err)
	}
	p.write("spillway.toml", fmt.Sprintf(`[project]
name = "e2e"

[warehouses.pg]
type = "postgres"
dsn  = { env = "WAREHOUSE_DSN" }

[destinations.crm]
type = %q
%s`, name, strings.ReplaceAll(v.settings, "$URL", service.server.URL)))
	p.write("syncs/people.toml", "model = \"people\"\ndestination = \"crm\"\nkey = \"id\"\n"+v.sync)
	return p, service
}

// testVendor delivers, delivers nothing, one change, and then everything while two rows are bad, the account is
// throttled once and its token expires.
func testVendor(s *suite, name string, v vendor) {
	t := s.t
	p, service := newVendor(s, name, v)
	p.spillway("validate", "--online").exits(exitDone)
	run := p.run(exitDone)
	if run.Added != 1000 || run.Accepted != 1000 || run.Requests != int64(v.all) {
		t.Errorf("the first run made %d requests, want %d: %+v", run.Requests, v.all, run.Counts)
	}
	service.delivered(t, v.all)
	service.holds(t, map[int]string{1: "name 1", 500: "name 500", 1000: "name 1000"})

	if run = p.run(exitDone); run.Same != 1000 || run.Requests != 0 {
		t.Errorf("with nothing changed %d requests were made: %+v", run.Requests, run.Counts)
	}
	service.delivered(t, 0)

	p.sql("update people set name = 'Ada' where id = 7")
	if run = p.run(exitDone); run.Changed != 1 || run.Accepted != 1 || run.Requests != int64(v.one) {
		t.Errorf("one change made %d requests, want %d: %+v", run.Requests, v.one, run.Counts)
	}
	for _, a := range service.delivered(t, v.one) {
		if strings.Contains(string(a.body), "name 8") {
			t.Errorf("a row that did not change was sent: %s", a.body)
		}
	}
	service.holds(t, map[int]string{7: "Ada", 8: "name 8"})

	p.sql("update people set name = 'new ' || id")
	p.sql("insert into people select i, 'nobody-' || i, 'new ' || i, 'free', 0, 'note' from generate_series(2001, 2002) i")
	faults := 1
	if v.tokens != "" {
		service.spoil(v.ended, v.hush)
		faults++
	} else {
		service.spoil(v.hush)
	}
	run = p.run(exitPartial)
	if run.Changed != 1000 || run.Added != 2 || run.Accepted != 1000 || run.Rejected != 2 || run.ThrottledMS < v.quiet.Milliseconds() {
		t.Errorf("throttled for %d ms: %+v", run.ThrottledMS, run.Counts)
	}
	if len(run.Errors) != 1 || run.Errors[0].Count != 2 || !strings.Contains(run.Errors[0].Message, v.reason) {
		t.Errorf("the reason is %+v, want %q", run.Errors, v.reason)
	}
	p.spillway("runs", "rows", run.ID, "--outcome", "rejected").exits(exitDone).says("2001", "2002", v.reason)
	service.rested(t, service.delivered(t, v.rest+faults))
	service.holds(t, map[int]string{1: "new 1", 7: "new 7", 1000: "new 1000"})
	if issued := service.issued.Load(); v.tokens != "" && issued != 2 {
		t.Errorf("%d access tokens were fetched, want one that all processes used, and one after it had expired", issued)
	}
}

// delivered checks how many requests delivered records since it was last asked.
func (s *standIn) delivered(t *testing.T, want int) []arrival {
	t.Helper()
	came := s.since()
	if len(came) != want {
		t.Errorf("%d requests came, want %d", len(came), want)
	}
	return came
}

// rested checks that after the last spoiled answer the account was left alone for as long as that asked.
func (s *standIn) rested(t *testing.T, came []arrival) {
	t.Helper()
	var told time.Time
	for _, a := range came {
		if a.spoilt {
			told = a.at
		}
	}
	for _, a := range came {
		// What was sent before the answer could arrive is on its way.
		if after := a.at.Sub(told); after > 250*time.Millisecond && after < s.quiet-50*time.Millisecond {
			t.Errorf("a request came %s after the account was told to be quiet for %s", after, s.quiet)
		}
	}
}

// holds checks the names of the records of some rows.
func (s *standIn) holds(t *testing.T, names map[int]string) {
	t.Helper()
	for row, want := range names {
		fields, found := s.Get(s.object(), s.id(row))
		if got := fields[s.name]; !found || got != strconv.Quote(want) {
			t.Errorf("the record of row %d has %s = %s, want %q (found: %t)", row, s.name, got, want, found)
		}
	}
}
