package mysql

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

var _ warehouse.Inspector = (*mysql)(nil)

// reading are the privileges that a reader may have.
const reading = "('SELECT', 'USAGE', 'SHOW VIEW', 'SHOW DATABASES', 'PROCESS', 'REPLICATION CLIENT', 'BINLOG MONITOR')"

// Privileges asks for what is granted, and tries to delete no row of a table in a transaction that is rolled back. In
// MySQL it is no use to try to make a table: that commits.
func (m *mysql) Privileges(ctx context.Context) (warehouse.Privileges, error) {
	conn, err := m.db.Connx(ctx)
	if err != nil {
		return warehouse.Privileges{}, unconnected(ctx, err)
	}
	s := &session{owner: m, conn: conn}
	defer s.discard() // with its settings
	out, err := inspect(ctx, conn)
	if err != nil {
		return out, failure(ctx, err)
	}
	return out, nil
}

func inspect(ctx context.Context, conn *sqlx.Conn) (warehouse.Privileges, error) {
	var who struct {
		Account  string  `db:"account"`
		Database *string `db:"db"`
	}
	if err := conn.GetContext(ctx, &who, "select current_user() as account, database() as db"); err != nil {
		return warehouse.Privileges{}, err
	}
	out := warehouse.Privileges{Role: who.Account, Script: readerScript(who.Database)}
	at := strings.LastIndexByte(who.Account, '@')
	grantee := sqldb.Literal("'" + who.Account[:max(at, 0)] + "'@'" + who.Account[at+1:] + "'")
	for _, level := range []struct{ table, where, everywhere string }{
		{"user_privileges", "''", "everywhere"},
		{"schema_privileges", "table_schema", ""},
		{"table_privileges", "concat(table_schema, '.', table_name)", ""},
	} {
		var granted []struct {
			Place string `db:"place"`
			What  string `db:"what"`
		}
		if err := conn.SelectContext(ctx, &granted, "select "+level.where+" as place, group_concat(privilege_type order by privilege_type separator ', ') as what"+
			" from information_schema."+level.table+" where grantee = "+grantee+" and privilege_type not in "+reading+" group by place order by place"); err != nil {
			return out, err
		}
		for _, g := range granted {
			place := "on " + g.Place
			if level.everywhere != "" {
				place = level.everywhere
			}
			out.Excess = append(out.Excess, "has "+shortened(g.What)+" "+place)
		}
	}
	tried, err := tryWrite(ctx, conn)
	if tried != "" {
		out.Excess = append(out.Excess, "may change rows of "+tried)
	}
	return out, err
}

// shortened names the first few privileges of a list.
func shortened(list string) string {
	const most = 4
	names := strings.Split(list, ", ")
	if len(names) <= most {
		return list
	}
	return strings.Join(names[:most], ", ") + " and more"
}

// tryWrite returns the name of a table whose rows may be deleted, or nothing.
func tryWrite(ctx context.Context, conn *sqlx.Conn) (table string, err error) {
	var found []struct {
		Schema string `db:"s"`
		Table  string `db:"t"`
	}
	if err := conn.SelectContext(ctx, &found, `select table_schema as s, table_name as t from information_schema.tables where table_type = 'BASE TABLE'
		and table_schema not in ('mysql', 'sys', 'information_schema', 'performance_schema') order by table_schema = database() desc, 1, 2 limit 1`); err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", nil
	}
	for _, statement := range []string{"set session lock_wait_timeout = 1", "start transaction read write"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return "", err
		}
	}
	_, refused := conn.ExecContext(ctx, "delete from "+quote(found[0].Schema, found[0].Table)+" where 1 = 0")
	if _, err := conn.ExecContext(ctx, "rollback"); err != nil {
		return "", err
	}
	if refused != nil {
		return "", nil //nolint:nilerr // the refusal is what is hoped for
	}
	return found[0].Schema + "." + found[0].Table, nil
}

func readerScript(database *string) string {
	where := "`database`"
	if database != nil {
		where = quote(*database)
	}
	return "create user 'spillway_reader'@'%' identified by '...' require ssl;\n" +
		"grant select, show view on " + where + ".* to 'spillway_reader'@'%';"
}
