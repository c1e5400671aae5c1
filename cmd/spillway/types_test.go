package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"spillway/destinations"
	"spillway/mappings"
	"spillway/warehouse"
)

// typeRow is what the types of all warehouses have in common that give one class of values.
type typeRow struct {
	class   warehouse.Type
	types   map[string][]string // by the kind of warehouse, as its SQL writes them
	example []warehouse.Value   // each rendered for every type of field
}

// kindsOfTypes are the warehouses in the order of the page's columns.
var kindsOfTypes = []string{"duckdb", "postgres", "redshift", "mysql", "snowflake", "bigquery"}

// typeTable is what docs/warehouses/types.md is made from.
var typeTable = []typeRow{
	{warehouse.Bool, map[string][]string{
		"duckdb": {"BOOLEAN"}, "postgres": {"boolean"}, "redshift": {"boolean"}, "snowflake": {"BOOLEAN"}, "bigquery": {"BOOL"},
	}, []warehouse.Value{true}},
	{warehouse.Int, map[string][]string{
		"duckdb":   {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT"},
		"postgres": {"smallint", "integer", "bigint", "oid"}, "redshift": {"smallint", "integer", "bigint", "oid"},
		"mysql":     {"tinyint", "boolean", "smallint", "mediumint", "int", "bigint", "bigint unsigned", "year", "bit(8)"},
		"snowflake": {"NUMBER(p,0)", "INT"}, "bigquery": {"INT64"},
	}, []warehouse.Value{int64(1), int64(9007199254740993), warehouse.Decimal("18446744073709551615")}},
	{warehouse.Float, map[string][]string{
		"duckdb": {"FLOAT", "DOUBLE"}, "postgres": {"real", "double precision"}, "redshift": {"real", "double precision"},
		"mysql": {"float", "double"}, "snowflake": {"FLOAT"}, "bigquery": {"FLOAT64"},
	}, []warehouse.Value{0.1, 1e21}},
	{warehouse.Numeric, map[string][]string{
		"duckdb": {"DECIMAL(12,2)"}, "postgres": {"numeric(12,2)", "money"}, "redshift": {"numeric(12,2)"}, "mysql": {"decimal(12,2)"},
		"snowflake": {"NUMBER(p,s)", "DECFLOAT"}, "bigquery": {"NUMERIC", "BIGNUMERIC"},
	}, []warehouse.Value{warehouse.Decimal("12.50"), warehouse.Decimal("1000")}},
	{warehouse.Day, map[string][]string{
		"duckdb": {"DATE"}, "postgres": {"date"}, "redshift": {"date"}, "mysql": {"date"}, "snowflake": {"DATE"}, "bigquery": {"DATE"},
	}, []warehouse.Value{warehouse.Date("2026-11-20")}},
	{warehouse.Time, map[string][]string{
		"duckdb":   {"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ"},
		"postgres": {"timestamp", "timestamptz"}, "redshift": {"timestamp", "timestamptz"}, "mysql": {"datetime", "timestamp"},
		"snowflake": {"TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ"}, "bigquery": {"DATETIME", "TIMESTAMP"},
	}, []warehouse.Value{time.Date(2026, 11, 20, 23, 30, 0, 500e6, time.UTC)}},
	{warehouse.Bytes, map[string][]string{
		"duckdb": {"BLOB"}, "postgres": {"bytea"}, "redshift": {"varbyte"}, "mysql": {"binary(4)", "varbinary(9)", "blob", "point"},
		"snowflake": {"BINARY"}, "bigquery": {"BYTES"},
	}, []warehouse.Value{[]byte{0, 0xff, 'a'}}},
	{warehouse.JSON, map[string][]string{
		"duckdb":   {"JSON", "INTEGER[]", "INTEGER[3]", "STRUCT(a INTEGER)", "MAP(VARCHAR, INTEGER)"},
		"postgres": {"json", "jsonb", "int[]"}, "redshift": {"super"}, "mysql": {"json (MySQL)"},
		"snowflake": {"VARIANT", "OBJECT", "ARRAY", "MAP", "GEOGRAPHY", "GEOMETRY"}, "bigquery": {"JSON", "ARRAY", "STRUCT"},
	}, []warehouse.Value{json.RawMessage(`{"a":1}`), json.RawMessage(`["x",2]`)}},
	{warehouse.String, map[string][]string{
		"duckdb":    {"VARCHAR", "ENUM('a')", "UUID", "BIT", "TIME", "TIMETZ", "INTERVAL"},
		"postgres":  {"text", "varchar(9)", "char(4)", "uuid", "time", "timetz", "interval", "inet", "bit(3)", "int4range", "xml"},
		"redshift":  {"char(4)", "varchar(9)", "time", "timetz", "geometry", "hllsketch", "interval day to second"},
		"mysql":     {"char(4)", "varchar(9)", "text", "enum('a')", "set('a')", "time", "json (MariaDB)"},
		"snowflake": {"VARCHAR", "TIME"}, "bigquery": {"STRING", "TIME", "INTERVAL", "GEOGRAPHY", "RANGE"},
	}, []warehouse.Value{"42", "true", "2026-11-20", "Ada"}},
}

// sourceTypes is the table of what gives which class of values.
func sourceTypes() string {
	var b strings.Builder
	b.WriteString("| in spillway |")
	for _, k := range kindsOfTypes {
		b.WriteString(" " + k + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(kindsOfTypes)) + "\n")
	for _, r := range typeTable {
		b.WriteString("| " + r.class.String() + " |")
		for _, k := range kindsOfTypes {
			b.WriteString(" " + strings.Join(r.types[k], ", ") + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// fieldTypes are those that a field may have, after none.
var fieldTypes = []destinations.FieldType{
	"", destinations.String, destinations.Number, destinations.Integer, destinations.Boolean, destinations.DateType, destinations.DateTime,
	destinations.JSON, destinations.List,
}

// renderedTypes is the table of what each value becomes for each type of field. The mapping itself renders it.
func renderedTypes(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| in spillway | value | no `type` |")
	for _, f := range fieldTypes[1:] {
		b.WriteString(" " + string(f) + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(fieldTypes)) + "\n")
	for _, r := range typeTable {
		for _, v := range r.example {
			fmt.Fprintf(&b, "| %s | %s |", r.class, exampleText(v))
			for _, f := range fieldTypes {
				b.WriteString(" " + rendered(t, r.class, v, f) + " |")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func exampleText(v warehouse.Value) string {
	switch v := v.(type) {
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	case json.RawMessage:
		return "`" + string(v) + "`"
	}
	return fmt.Sprint(v)
}

// rendered is the JSON that the http destination is sent, a dash where the mapping is refused, and "invalid" where the
// row is.
func rendered(t *testing.T, class warehouse.Type, v warehouse.Value, f destinations.FieldType) string {
	t.Helper()
	object := destinations.Object{Name: "people", Operations: []destinations.Op{destinations.Insert}, AnyField: true, Nulls: true, AppendOnly: true}
	spec := mappings.Spec{Key: []string{"id"}, Mode: destinations.Insert, Fields: []mappings.Field{{Name: "x", Column: "x", Type: f}}}
	m, problems := mappings.Compile(spec, []warehouse.Column{{Name: "id", Type: warehouse.Int}, {Name: "x", Type: class}}, object, nil)
	if len(problems) > 0 {
		return "–"
	}
	var record mappings.Record
	if err := m.Render(warehouse.Row{int64(1), v}, &record); err != nil {
		return "invalid"
	}
	value, _ := record.Fields.Get("x")
	text, err := destinations.AppendJSON(nil, value)
	if err != nil {
		t.Fatal(err)
	}
	return "`" + string(text) + "`"
}
