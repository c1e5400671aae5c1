//go:build !noduckdb && !nosnowflake && !nobigquery

package main

import (
	"fmt"
	"strings"
	"testing"

	"spillway/warehouse/bigquery/bigquerytest"
	"spillway/warehouse/snowflake/snowflaketest"
)

// unescaped is a text literal that means the same with backslashes that escape, as in both systems, and without, as in
// DuckDB.
func unescaped(s string) string { return strings.ReplaceAll(quoted(s), `\`, `' || chr(92) || '`) }

// standIns are the warehouses that only a server of ours can stand for. It speaks the system's protocol, and DuckDB's SQL.
func standIns() []place {
	return []place{
		{"snowflake", func(t *testing.T, _ *suite) (string, string) {
			t.Helper()
			server := snowflaketest.Start(t)
			settings := fmt.Sprintf("type = \"snowflake\"\naccount = %q\nuser = %q\npassword = %q\nhost = %q\nport = %d\nprotocol = \"http\"",
				snowflaketest.Account, snowflaketest.User, snowflaketest.Password, server.Host, server.Port)
			return settings, union(map[string]string{
				"text": "(%s)::varchar", "int": "(%s)::bigint", "decimal": "(%s)::decimal(38,10)", "double": "(%s)::double", "flag": "(%s)::boolean",
				"date": "(%s)::date", "timestamp": "(%s)::timestamp", "bytes": "to_binary(%s)", "json": "parse_json(%s)", "time": "(%s)::time",
			}, unescaped)
		}},
		{"bigquery", func(t *testing.T, _ *suite) (string, string) {
			t.Helper()
			server := bigquerytest.Start(t, bigquerytest.Behaviour{})
			settings := fmt.Sprintf("type = \"bigquery\"\nproject = %q\nendpoint = %q\nstorage_endpoint = %q", bigquerytest.Project, server.URL, server.StorageAddr)
			return settings, union(map[string]string{
				"text": "(%s)::varchar", "int": "(%s)::bigint", "decimal": "(%s)::union(bignumeric varchar)", "double": "(%s)::double", "flag": "(%s)::boolean",
				"date": "(%s)::date", "timestamp": "(%s)::timestamp", "bytes": "unhex(%s)", "json": "(%s)::json", "time": "(%s)::time",
			}, unescaped)
		}},
	}
}
