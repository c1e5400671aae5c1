package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/warehouse/warehousetest/mariadbtest"
)

// awkwardColumn is one column of the data that every warehouse holds alike, with its text in each row; null is nil.
type awkwardColumn struct {
	name  string
	kind  string // text, int, decimal, double, flag, date, timestamp, bytes, json or time
	texts []any
	field string // how the sync maps it, besides its own name
}

// awkward is a table whose values systems write in many ways. Its decimals have no zeros at their end, for some systems
// keep those and some do not.
var awkward = []awkwardColumn{
	{"id", "int", []any{"1", "2", "3", "4"}, ""},
	{"email", "text", []any{"a@x.io", "b@x.io", "c@x.io", "d@x.io"}, ""},
	{"name", "text", []any{"Žofie O'Neil 😀 \"q\" \\", "", nil, " \t\n padded \u202e "}, ""},
	{"big", "int", []any{"9223372036854775807", "-9223372036854775808", nil, "9007199254740993"}, ""},
	{"amount", "decimal", []any{"9999999999999999999999999999.9999999999", "-0.0000000001", nil, "-12345678.9012345678"}, ""},
	{"asked", "decimal", []any{"9999999999999999999999999999.9999999999", "-0.0000000001", nil, "-12345678.9012345678"}, `type = "string"`},
	{"ratio", "double", []any{"0.1", "-1.5e-9", nil, "1e22"}, ""},
	{"flag", "flag", []any{"true", "false", nil, "true"}, `type = "boolean"`},
	{"born", "date", []any{"2024-02-29", "0001-01-01", nil, "9999-12-31"}, ""},
	{"seen", "timestamp", []any{"2026-11-20 15:04:05.123456", "1969-12-31 23:59:59.999999", nil, "2026-03-29 02:30:00"}, ""},
	{"seen_on", "timestamp", []any{"2026-11-20 23:59:59.999999", "1969-12-31 00:00:00", nil, "2026-03-29 02:30:00"}, `type = "date"`},
	{"photo", "bytes", []any{"00ff61", "", nil, "80"}, ""},
	{"attributes", "json", []any{`{"a":[1,2.5,null],"é":"x \"y\""}`, `[]`, nil, `"text"`}, `type = "json"`},
	{"opens", "time", []any{"15:04:05.5", "00:00:00", nil, "23:59:59.999999"}, ""},
}

// place is a warehouse that can hold the awkward data.
type place struct {
	name string

	// hold returns the settings of the warehouse, as lines of its table, and the model that reads the data from it.
	hold func(t *testing.T, s *suite) (settings, model string)
}

// places are the warehouses between which a team may move. A warehouse of another kind is one entry more.
var places = []place{
	{"duckdb", func(*testing.T, *suite) (string, string) {
		return `type = "duckdb"`, union(map[string]string{
			"text": "%s::varchar", "int": "%s::bigint", "decimal": "%s::decimal(38,10)", "double": "%s::double", "flag": "%s::boolean",
			"date": "%s::date", "timestamp": "%s::timestamp", "bytes": "unhex(%s)", "json": "%s::json", "time": "%s::time",
		}, quoted)
	}},
	{"postgres", func(t *testing.T, s *suite) (string, string) {
		t.Helper()
		return fmt.Sprintf("type = \"postgres\"\ndsn = %q", s.pg.DSN()), union(map[string]string{
			"text": "%s::text", "int": "%s::bigint", "decimal": "%s::numeric(38,10)", "double": "%s::float8", "flag": "%s::boolean",
			"date": "%s::date", "timestamp": "%s::timestamptz", "bytes": "decode(%s, 'hex')", "json": "%s::jsonb", "time": "%s::time",
		}, quoted)
	}},
	{"mysql", func(t *testing.T, _ *suite) (string, string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		server, err := mariadbtest.Start(ctx)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		return fmt.Sprintf("type = \"mysql\"\ndsn = %q", server.DSN()), union(map[string]string{
			"text": "%s", "int": "cast(%s as signed)", "decimal": "cast(%s as decimal(38,10))", "double": "cast(%s as double)",
			"flag": "%s = 'true'", "date": "cast(%s as date)", "timestamp": "cast(%s as datetime(6))", "bytes": "unhex(%s)",
			"json": "%s", "time": "cast(%s as time(6))",
		}, func(s string) string { return quoted(strings.ReplaceAll(s, `\`, `\\`)) })
	}},
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// union is a query of the awkward data in a system whose forms make a value of each kind from a text literal.
func union(forms map[string]string, literal func(string) string) string {
	var rows []string
	for i := range awkward[0].texts {
		var cells []string
		for _, c := range awkward {
			text := "null"
			if s, ok := c.texts[i].(string); ok {
				text = literal(s)
			}
			cells = append(cells, fmt.Sprintf(forms[c.kind], text)+" as "+c.name)
		}
		rows = append(rows, "select "+strings.Join(cells, ", "))
	}
	return strings.Join(rows, "\nunion all\n") + "\n"
}

// testMoves delivers the same data from every warehouse, alone and one after the other.
func testMoves(s *suite) {
	t := s.t
	moved := newMove(s)
	var first map[string]string
	for i, from := range append(slices.Clone(places), standIns()...) {
		settings, model := from.hold(t, s)
		fresh := newMove(s)
		fresh.reads(settings, model)
		if r := fresh.run(exitDone); r.Accepted != 4 || r.Invalid != 0 {
			t.Fatalf("%s: %+v", from.name, r)
		}
		got := fresh.service.all()
		if first == nil {
			first = got
			for id, record := range got {
				if strings.Contains(record, `"name"`) && id == "a@x.io" && !strings.Contains(record, "9223372036854775807") {
					t.Errorf("the record lost digits: %s", record)
				}
			}
		}
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("records from %s (-%s +it):\n%s", from.name, places[0].name, diff)
		}
		moved.reads(settings, model)
		switch r := moved.run(exitDone); {
		case i == 0 && r.Added != 4:
			t.Errorf("the first run: %+v", r)
		case i > 0 && (r.Same != 4 || r.Requests != 0):
			t.Errorf("after the move to %s %d records are the same and %d requests were sent, want 4 and 0", from.name, r.Same, r.Requests)
		}
	}
}

// newMove makes a project whose warehouse is yet to be said.
func newMove(s *suite) *site {
	t := s.t
	t.Helper()
	p := &site{t: t, suite: s, dir: openDir(t), service: newReceiver(t), env: append([]string{}, "NO_COLOR=1", "PATH=/usr/bin:/bin", "HOME=/nonexistent")}
	var fields strings.Builder
	for _, c := range awkward[1:] {
		more := ""
		if c.field != "" {
			more = ", " + c.field
		}
		fmt.Fprintf(&fields, "%s = { column = %q%s }\n", c.name, c.name, more)
	}
	p.write("syncs/people.toml", "model = \"people\"\ndestination = \"hook\"\nobject = \"people\"\nkey = \"id\"\nidentifier = \"email\"\n[fields]\n"+fields.String())
	return p
}

// reads says what the warehouse and the model are from now on.
func (p *site) reads(settings, model string) {
	p.t.Helper()
	p.write("spillway.toml", fmt.Sprintf("[project]\nname = \"move\"\nallow_plaintext_secrets = true\n\n[warehouses.w]\n%s\n\n[destinations.hook]\ntype = \"http\"\nurl = \"%s\"\n",
		settings, p.service.server.URL))
	p.write("models/people.sql", model)
}

// all returns every record by its identifier, in the bytes in which it came.
func (s *receiver) all() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.records)
}
