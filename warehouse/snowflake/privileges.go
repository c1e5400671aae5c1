package snowflake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

var _ warehouse.Inspector = (*snowflake)(nil)

// reading are the privileges that a reader may have, on whatever kind of object.
// Source: https://docs.snowflake.com/en/user-guide/security-access-control-privileges
var reading = []string{"USAGE", "SELECT", "REFERENCES", "READ", "MONITOR", "OPERATE", "IMPORTED PRIVILEGES"}

// systemRoles are the roles that every account has and that manage it.
var systemRoles = []string{"ACCOUNTADMIN", "ORGADMIN", "GLOBALORGADMIN", "SECURITYADMIN", "SYSADMIN", "USERADMIN"}

// grant is one privilege of a role, as SHOW GRANTS lists it.
type grant struct{ privilege, kind, name string }

// Privileges asks what is granted to the session's role and to the roles that it has been granted. Nothing is tried: in
// Snowflake a statement that makes something commits.
func (s *snowflake) Privileges(ctx context.Context) (warehouse.Privileges, error) {
	at, err := s.table(ctx, "select current_role() as at_role, current_database() as at_database, current_schema() as at_schema, current_warehouse() as at_warehouse")
	if err != nil {
		return warehouse.Privileges{}, err
	}
	if len(at) != 1 || at[0]["at_role"] == "" {
		return warehouse.Privileges{}, &warehouse.Error{Message: "the session has no role", Hint: "set role, or give the user a default role"}
	}
	out := warehouse.Privileges{Role: at[0]["at_role"], Script: readerScript(at[0])}
	excess := map[string][]string{} // the objects, by privilege and kind
	roles := []string{out.Role}
	for i := 0; i < len(roles); i++ {
		if slices.Contains(systemRoles, roles[i]) {
			out.Excess = append(out.Excess, "has the system role "+roles[i])
			continue // it may do whatever is to be done
		}
		grants, err := s.grants(ctx, roles[i])
		if err != nil {
			return out, err
		}
		for _, g := range grants {
			switch {
			case g.kind == "ROLE" && g.privilege == "USAGE" && !slices.Contains(roles, g.name):
				roles = append(roles, g.name)
			case !slices.Contains(reading, g.privilege):
				what := g.privilege + " on " + strings.ToLower(strings.ReplaceAll(g.kind, "_", " "))
				excess[what] = append(excess[what], g.name)
			}
		}
	}
	for _, what := range slices.Sorted(maps.Keys(excess)) {
		named := excess[what][0]
		if more := len(excess[what]) - 1; more > 0 {
			named = fmt.Sprintf("%s and %d more", named, more)
		}
		out.Excess = append(out.Excess, "has "+what+" "+named)
	}
	return out, nil
}

func (s *snowflake) grants(ctx context.Context, role string) ([]grant, error) {
	rows, err := s.table(ctx, "show grants to role "+sqldb.Quote(role))
	if err != nil {
		return nil, err
	}
	grants := make([]grant, 0, len(rows))
	for _, r := range rows {
		grants = append(grants, grant{privilege: r["privilege"], kind: r["granted_on"], name: r["name"]})
	}
	return grants, nil
}

// table runs a statement of the package's own and returns the texts of its rows by the names of their columns, in lower
// case. What is null is empty.
func (s *snowflake) table(ctx context.Context, statement string) ([]map[string]string, error) {
	found, err := s.tryRun(ctx, warehouse.Query{SQL: statement})
	if err != nil {
		return nil, failure(ctx, err)
	}
	rows, err := newRows(ctx, found, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []map[string]string
	for {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		texts := map[string]string{}
		for i, c := range rows.Columns() {
			if text, ok := row[i].(string); ok {
				texts[strings.ToLower(c.Name)] = text
			}
		}
		all = append(all, texts)
	}
}

// readerScript gives a new role what reading takes, and nothing else.
func readerScript(at map[string]string) string {
	name := func(part, otherwise string) string {
		if at[part] != "" {
			return sqldb.Quote(at[part])
		}
		return otherwise
	}
	database, compute := name("at_database", "<database>"), name("at_warehouse", "<warehouse>")
	schema := database + "." + name("at_schema", "<schema>")
	var script strings.Builder
	script.WriteString("use role securityadmin;\ncreate role spillway_reader;\n")
	for _, granted := range []string{
		"usage on warehouse " + compute, "usage on database " + database, "usage on schema " + schema,
		"select on all tables in schema " + schema, "select on all views in schema " + schema,
		"select on future tables in schema " + schema, "select on future views in schema " + schema,
	} {
		script.WriteString("grant " + granted + " to role spillway_reader;\n")
	}
	script.WriteString("grant role spillway_reader to user <user>;")
	return script.String()
}
