package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"spillway/syncer/settings"
	"spillway/warehouse"
	warehouseall "spillway/warehouse/all"
	"spillway/warehouse/warehousetest/mariadbtest"
)

// testTypes holds the page of types to what the warehouses say that can be asked here.
func testTypes(s *suite) {
	t := s.t
	columnsOf(t, "duckdb", "", casts("duckdb"))
	columnsOf(t, "postgres", fmt.Sprintf("dsn = %q", s.pg.DSN()), casts("postgres"))

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server, err := mariadbtest.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	dsn, err := server.NewDatabase(t.Context(), "types")
	if err != nil {
		t.Fatal(err)
	}
	db, err := mariadbtest.Connect(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var columns []string
	for i, typ := range typesOf("mysql") {
		columns = append(columns, fmt.Sprintf("c%d %s null", i, typ))
	}
	if _, err := db.ExecContext(t.Context(), "create table every ("+strings.Join(columns, ", ")+")"); err != nil {
		t.Fatal(err)
	}
	columnsOf(t, "mysql", fmt.Sprintf("dsn = %q", dsn), "select * from every")
}

// typesOf are the types of a warehouse on the page, in its order, but for those that the system at hand does not have.
func typesOf(kind string) []string {
	var types []string
	for _, r := range typeTable {
		for _, typ := range r.types[kind] {
			if bare, _, other := strings.Cut(typ, " (MySQL)"); !other {
				types = append(types, strings.TrimSuffix(bare, " (MariaDB)"))
			}
		}
	}
	return types
}

// casts selects a null of every type of a warehouse on the page.
func casts(kind string) string {
	var list []string
	for i, typ := range typesOf(kind) {
		list = append(list, fmt.Sprintf("null::%s as c%d", typ, i))
	}
	return "select " + strings.Join(list, ", ")
}

// columnsOf describes sql and compares the classes with the page's.
func columnsOf(t *testing.T, kind, config, sql string) {
	t.Helper()
	var want []warehouse.Type
	for _, r := range typeTable {
		for _, typ := range r.types[kind] {
			if !strings.Contains(typ, "(MySQL)") {
				want = append(want, r.class)
			}
		}
	}
	for _, d := range warehouseall.Definitions() {
		if d.Name != kind {
			continue
		}
		table, problems := settings.Parse("types.toml", []byte(config))
		filled := d.Config()
		problems = append(problems, settings.Decode(table, filled, settings.Options{PlaintextSecrets: true})...)
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		w, err := d.Open(t.Context(), filled, warehouse.Env{Project: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.Close() }()
		columns, err := w.Columns(t.Context(), sql)
		if err != nil || len(columns) != len(want) {
			t.Fatalf("%s: %d columns, want %d, error %v", kind, len(columns), len(want), err)
		}
		for i, c := range columns {
			if c.Type != want[i] {
				t.Errorf("%s: %s is of class %s, the page says %s", kind, c.Native, c.Type, want[i])
			}
		}
		return
	}
	t.Errorf("there is no warehouse %s", kind)
}
