package bench

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jmoiron/sqlx"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// compareInside compares the table with the sums of its rows inside PostgreSQL, by md5: the sums of all rows are kept
// in a new table, which is joined with that of the run before. The first time there is none, and it is only made.
func compareInside(t task, f *figures) (err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, t.DSN)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	var known bool
	if err := conn.QueryRow(ctx, "select to_regclass('customers_md5') is not null").Scan(&known); err != nil {
		return err
	}
	const sums = " as select id, md5(c::text)::uuid as sum from customers c"
	if !known {
		_, err := conn.Exec(ctx, "create unlogged table customers_md5"+sums)
		return err
	}
	if _, err := conn.Exec(ctx, "create unlogged table customers_md5_now"+sums); err != nil {
		return err
	}
	if err := conn.QueryRow(ctx, `select count(*), count(*) filter (where o.sum is distinct from n.sum)
		from customers_md5 o full join customers_md5_now n using (id)`).Scan(&f.Rows, &f.Due); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "drop table customers_md5_now")
	return err
}

// compareNaively does what is written first: a map a row, its JSON, the sum of that, and one query a row to a database
// of sums, into which what differs is put.
func compareNaively(t task, f *figures) (err error) {
	ctx := context.Background()
	source, err := sqlx.ConnectContext(ctx, "pgx", inOrder(t.DSN))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	sums, err := sqlx.ConnectContext(ctx, "sqlite", "file:"+filepath.Join(t.Dir, "naive.db")+"?_pragma=journal_mode(wal)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sums.Close()) }()
	if _, err := sums.ExecContext(ctx, "create table if not exists sums (id text primary key, sum blob not null) without rowid"); err != nil {
		return err
	}
	tx, err := sums.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			err = tx.Commit()
		}
	}()
	known, err := tx.PreparexContext(ctx, "select sum from sums where id = ?")
	if err != nil {
		return err
	}
	rows, err := source.QueryxContext(ctx, statement(t))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		row := map[string]any{}
		if err := rows.MapScan(row); err != nil {
			return err
		}
		differs, err := naively(ctx, tx, known, row)
		if err != nil {
			return err
		}
		f.Rows++
		if differs {
			f.Due++
		}
	}
	return rows.Err()
}

// inOrder has every scan of a table begin at its beginning, so that a limit gives the same rows each time.
func inOrder(dsn string) string {
	separator := "?"
	if strings.Contains(dsn, "?") {
		separator = "&"
	}
	return dsn + separator + "synchronize_seqscans=off"
}

func naively(ctx context.Context, tx *sqlx.Tx, known *sqlx.Stmt, row map[string]any) (differs bool, err error) {
	text, err := json.Marshal(row)
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256(text)
	id := fmt.Sprint(row["id"])
	var was []byte
	err = known.GetContext(ctx, &was, id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	if string(was) == string(sum[:]) {
		return false, nil
	}
	_, err = tx.ExecContext(ctx, "insert or replace into sums values (?, ?)", id, sum[:])
	return true, err
}

// rivalText describes the rivals' rows.
func rivalText(naiveRows int) string {
	return strings.TrimSpace(fmt.Sprintf(`
The last two are other ways to the same answer on unchanged rows: PostgreSQL's own md5 of every row, kept in an unlogged
table and joined with that of the run before; and a row at a time through sqlx MapScan, encoding/json, SHA-256 and one
query to SQLite a row, on the first %s rows, its times scaled to all of them.`, thousands(naiveRows)))
}
