package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/jmoiron/sqlx"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

var _ warehouse.Inspector = (*postgres)(nil)

// shown is how many schemas or tables a sentence names.
const shown = 3

// Privileges tries to make a table in a transaction that is rolled back, and asks the catalog. Both are of the form
// that Redshift takes too.
func (p *postgres) Privileges(ctx context.Context) (warehouse.Privileges, error) {
	conn, err := p.db.Connx(ctx)
	if err != nil {
		return warehouse.Privileges{}, failure(ctx, "", err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "begin transaction read write; set local statement_timeout to 20000"); err != nil {
		return warehouse.Privileges{}, failure(ctx, "", err)
	}
	out, err := inspect(ctx, conn)
	if _, rollback := conn.ExecContext(context.WithoutCancel(ctx), "rollback"); err == nil {
		err = rollback
	}
	return out, failure(ctx, "", err)
}

// inspect ends with the write, whose refusal ends the transaction.
func inspect(ctx context.Context, conn *sqlx.Conn) (warehouse.Privileges, error) {
	var role struct {
		Name     string `db:"name"`
		Database string `db:"dbname"`
		Super    bool   `db:"super"`
		Creates  bool   `db:"creates"`
	}
	err := conn.GetContext(ctx, &role, `select current_user::text as name, current_database()::text as dbname, usesuper as super,
		usecreatedb as creates from pg_catalog.pg_user where usename = current_user`)
	if err != nil {
		return warehouse.Privileges{}, err
	}
	out := warehouse.Privileges{Role: role.Name}
	if role.Super {
		out.Excess = append(out.Excess, "is a superuser")
	}
	if role.Creates && !role.Super {
		out.Excess = append(out.Excess, "may create databases")
	}
	const ours = `!~ '^pg_' and nspname <> 'information_schema'`
	var schemas, own, tables []string
	if err := conn.SelectContext(ctx, &schemas, "select nspname::text from pg_catalog.pg_namespace where nspname "+ours+
		" and has_schema_privilege(nspname::text, 'usage') order by 1"); err != nil {
		return out, err
	}
	if err := conn.SelectContext(ctx, &own, "select nspname::text from pg_catalog.pg_namespace where nspname "+ours+
		" and has_schema_privilege(nspname::text, 'create') order by 1"); err != nil {
		return out, err
	}
	if err := conn.SelectContext(ctx, &tables, `select n.nspname || '.' || c.relname from pg_catalog.pg_class c
		join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and n.nspname `+ours+`
		and (has_table_privilege(c.oid, 'insert') or has_table_privilege(c.oid, 'update') or has_table_privilege(c.oid, 'delete'))
		order by 1`); err != nil {
		return out, err
	}
	if len(tables) > 0 {
		out.Excess = append(out.Excess, "may change rows of "+some(tables))
	}
	out.Script = readerScript(role.Database, schemas)
	where := "public"
	if len(own) > 0 {
		where = own[0]
		out.Excess = append(out.Excess, "may create tables in "+some(own))
	}
	trial := sqldb.Quote(where, fmt.Sprintf("spillway_doctor_%016x", rand.Uint64()))
	if _, err := conn.ExecContext(ctx, "create table "+trial+" (n int)"); err == nil && len(own) == 0 {
		out.Excess = append(out.Excess, "made a table in "+where+", which was rolled back")
	}
	return out, nil
}

// some names the first few of names and counts the others.
func some(names []string) string {
	if more := len(names) - shown; more > 0 {
		return strings.Join(names[:shown], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// readerScript makes a role that reads all that the one in use may see.
func readerScript(database string, schemas []string) string {
	lines := []string{
		"create user spillway_reader password '...';",
		"grant connect on database " + sqldb.Quote(database) + " to spillway_reader; -- PostgreSQL only",
	}
	for _, s := range schemas {
		s = sqldb.Quote(s)
		lines = append(lines,
			"grant usage on schema "+s+" to spillway_reader;",
			"grant select on all tables in schema "+s+" to spillway_reader;",
			"alter default privileges in schema "+s+" grant select on tables to spillway_reader;")
	}
	return strings.Join(lines, "\n")
}
