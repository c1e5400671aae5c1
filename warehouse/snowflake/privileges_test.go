//go:build !noduckdb

package snowflake

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/warehouse"
	"spillway/warehouse/snowflake/snowflaketest"
)

func TestPrivilegesBeyondReadingAreFound(t *testing.T) {
	t.Parallel()
	least := []snowflaketest.Grant{
		{Privilege: "USAGE", On: "WAREHOUSE", Name: "SPILLWAY_WH"},
		{Privilege: "USAGE", On: "DATABASE", Name: "ANALYTICS"},
		{Privilege: "SELECT", On: "TABLE", Name: "ANALYTICS.MARTS.CUSTOMERS"},
	}
	for name, tt := range map[string]struct {
		grants map[string][]snowflaketest.Grant
		want   []string
	}{
		"nothing":   {nil, nil},
		"the least": {map[string][]snowflaketest.Grant{snowflaketest.Role: least}, nil},
		"more": {map[string][]snowflaketest.Grant{
			snowflaketest.Role: append([]snowflaketest.Grant{
				{Privilege: "INSERT", On: "TABLE", Name: "ANALYTICS.MARTS.CUSTOMERS"},
				{Privilege: "INSERT", On: "TABLE", Name: "ANALYTICS.MARTS.ORDERS"},
				{Privilege: "CREATE TABLE", On: "SCHEMA", Name: "ANALYTICS.MARTS"},
			}, least...),
		}, []string{"has CREATE TABLE on schema ANALYTICS.MARTS", "has INSERT on table ANALYTICS.MARTS.CUSTOMERS and 1 more"}},
		"by roles that it has": {map[string][]snowflaketest.Grant{
			snowflaketest.Role: {{Privilege: "USAGE", On: "ROLE", Name: "LOADER"}, {Privilege: "USAGE", On: "ROLE", Name: "SYSADMIN"}},
			"LOADER":           {{Privilege: "OWNERSHIP", On: "MATERIALIZED_VIEW", Name: "RAW.PUBLIC.V"}, {Privilege: "USAGE", On: "ROLE", Name: snowflaketest.Role}},
		}, []string{"has the system role SYSADMIN", "has OWNERSHIP on materialized view RAW.PUBLIC.V"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := snowflaketest.Start(t, snowflaketest.Options{Grants: tt.grants})
			inspector, ok := openWith(t, settings(server)).(warehouse.Inspector)
			if !ok {
				t.Fatal("the warehouse says nothing of its privileges")
			}
			got, err := inspector.Privileges(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Excess); diff != "" || got.Role != snowflaketest.Role {
				t.Errorf("the role %s, excess (-want +got):\n%s", got.Role, diff)
			}
			if want := `grant usage on warehouse "SPILLWAY_WH" to role spillway_reader;`; !strings.Contains(got.Script, want) {
				t.Errorf("the script lacks %q:\n%s", want, got.Script)
			}
		})
	}
}
