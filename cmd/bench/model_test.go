package bench

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// load makes the model's table of n rows, one in which 1 % of them changed, 0.5 % came and 0.5 % left, and one in which
// all changed, so that no table changes between turns.
func load(b *testing.B, dsn string, n int) {
	b.Helper()
	db := connect(b, dsn)
	defer disconnect(b, db)
	for _, statement := range []string{
		"drop table if exists customers, customers_some, customers_all, customers_md5",
		`create unlogged table customers as
			select i::bigint as id, 'user' || i || '@example.com' as email, 'First ' || i % 1000 as first_name,
			'Last ' || i % 5000 as last_name, (i % 100000) * 1.01::numeric(12, 2) as lifetime_value,
			timestamptz '2020-01-01 00:00Z' + i * interval '13 seconds' as created_at,
			timestamptz '2025-01-01 00:00Z' + i * interval '7 seconds' as updated_at,
			i % 3 = 0 as opted_in, i % 7 = 0 as vip, i % 101 as score,
			case when i % 3 <> 0 then 'Company ' || i % 20000 end as company,
			jsonb_build_object('plan', case when i % 4 = 0 then 'pro' else 'free' end, 'seats', i % 50) as custom
			from generate_series(1, {n}) as i`,
		`create unlogged table customers_some as
			select id, email, first_name, last_name, lifetime_value, created_at, updated_at, opted_in, vip,
			case when id % 100 = 1 then score + 1 else score end as score, company, custom
			from customers where id % 200 <> 0
			union all
			select id + {n}, 'new' || id || '@example.com', first_name, last_name, lifetime_value, created_at, updated_at, opted_in, vip, score, company, custom
			from customers where id % 200 = 0`,
		`create unlogged table customers_all as
			select id, email, first_name, last_name, lifetime_value, created_at, updated_at, opted_in, vip, score + 1 as score, company, custom
			from customers`,
		"vacuum analyze customers", "vacuum analyze customers_some", "vacuum analyze customers_all",
		"checkpoint",
	} {
		if _, err := db.ExecContext(b.Context(), strings.ReplaceAll(statement, "{n}", strconv.Itoa(n))); err != nil {
			b.Fatal(err)
		}
	}
}

func connect(b *testing.B, dsn string) *sqlx.DB {
	b.Helper()
	db, err := sqlx.ConnectContext(b.Context(), "pgx", dsn)
	if err != nil {
		b.Fatal(err)
	}
	return db
}

func disconnect(b *testing.B, db *sqlx.DB) {
	b.Helper()
	if err := db.Close(); err != nil {
		b.Error(err)
	}
}

// asked is a number that PostgreSQL gives.
func asked(b *testing.B, dsn, query string) float64 {
	b.Helper()
	db := connect(b, dsn)
	defer disconnect(b, db)
	var n sql.NullFloat64
	if err := db.GetContext(b.Context(), &n, query); err != nil {
		b.Fatal(err)
	}
	return n.Float64
}

// postgresWarehouse is the warehouse of a project in PostgreSQL, at the address that each process is given.
const postgresWarehouse = `type = "postgres"
dsn = { env = "` + warehouseVariable + `" }`

// nowhere is a destination that is never written to.
const nowhere = `url = "http://127.0.0.1:9/{object}"`

// newProject writes a project whose model has twelve columns: the key, and eleven that are delivered.
func newProject(b *testing.B, warehouse, destination string) string {
	b.Helper()
	dir := b.TempDir()
	for name, content := range map[string]string{
		"spillway.toml": fmt.Sprintf("[project]\nname = \"bench\"\n[warehouses.source]\n%s\n[destinations.hook]\ntype = \"http\"\n%s\n", warehouse, destination),
		"syncs/contacts.toml": `table = "customers"
destination = "hook"
object = "contacts"
key = "id"
identifier = "email"
on_removed = "delete"
[guard]
max_changed = "100%"
max_removed = "100%"
[fields]
email = "email"
first_name = "first_name"
last_name = "last_name"
lifetime_value = "lifetime_value"
created_at = "created_at"
updated_at = "updated_at"
opted_in = "opted_in"
vip = "vip"
score = "score"
company = "company"
custom = "custom"
`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// snapshotSize is how many bytes the files of a project's snapshots take.
func snapshotSize(b *testing.B, dir string) int64 {
	b.Helper()
	var total int64
	err := filepath.WalkDir(filepath.Join(dir, ".spillway", "snapshots"), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return total
}
