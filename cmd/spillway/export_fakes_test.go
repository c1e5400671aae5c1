//go:build !noduckdb && !nosnowflake && !nobigquery

package main

import (
	"fmt"
	"testing"

	"spillway/warehouse/bigquery/bigquerytest"
	"spillway/warehouse/snowflake/snowflaketest"
)

// standInArchives are the archives that only a server of ours can stand for.
func standInArchives() []archive {
	return []archive{
		{"snowflake", func(t *testing.T, _ *suite, _ string) (string, string) {
			t.Helper()
			server := snowflaketest.Start(t)
			settings := fmt.Sprintf("account = %q\nuser = %q\nhost = %q\nport = %d\nprotocol = \"http\"\n", snowflaketest.Account, snowflaketest.User, server.Host, server.Port)
			return settings + fmt.Sprintf("password = %q", snowflaketest.Password), settings + `password = "of yesterday"`
		}},
		{"bigquery", func(t *testing.T, _ *suite, _ string) (string, string) {
			t.Helper()
			server := bigquerytest.Start(t, bigquerytest.Behaviour{Setup: []string{"create schema ops"}})
			settings := fmt.Sprintf("project = %q\nendpoint = %q\n", bigquerytest.Project, server.URL)
			return settings + `dataset = "main"`, settings + `dataset = "of_yesterday"`
		}},
	}
}
