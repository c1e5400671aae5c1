package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"spillway/warehouse"
)

func query(t *testing.T, w warehouse.Warehouse, q warehouse.Query) warehouse.Rows {
	t.Helper()
	rows, err := w.Query(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rows.Close() })
	return rows
}

func first(t *testing.T, w warehouse.Warehouse, sql string) warehouse.Row {
	t.Helper()
	row, err := query(t, w, warehouse.Query{SQL: sql, Tag: warehouse.Tag{Sync: "it's */ odd", Run: "01JD"}}).Next(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return row
}

func TestBitsAreReadWhereTheyCanBe(t *testing.T) {
	t.Parallel()
	w := openDSN(t, database(t, "create table f (a bit(1), b bit(10), c bit(64), d bit(8))", "insert into f values (b'1', b'0101100111', ~0, 48)"), nil)
	got := first(t, w, "select a, b, c, d + 0 from f")
	for i, want := range []warehouse.Value{int64(1), int64(0b0101100111), warehouse.Decimal("18446744073709551615"), int64(48)} {
		if got[i] != want {
			t.Errorf("column %d is %v, want %v", i, got[i], want)
		}
	}
	for _, ambiguous := range []string{"d", "coalesce(b, a)"} {
		_, err := query(t, w, warehouse.Query{SQL: "select " + ambiguous + " from f"}).Next(t.Context())
		if !errors.Is(err, errBit) {
			t.Errorf("%s is read with error %v, want %v", ambiguous, err, errBit)
		}
	}
}

func TestTheUsersOwnSettingsChangeNoValue(t *testing.T) {
	t.Parallel()
	dsn := database(t, "create table p (c char(4), ts timestamp null)",
		"insert into p values ('ab', from_unixtime(1795014000))")
	w := openDSN(t, dsn, func(c *Config) {
		c.Parameters = map[string]string{
			"time_zone": "-05:00", "sql_select_limit": "1", "sql_mode": "PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES",
			"character_set_results": "latin1", "group_concat_max_len": "2000",
		}
	})
	if row := first(t, w, "select c, ts, @@sql_mode, 'Žofie', @@group_concat_max_len from p"); row[0] != "ab" ||
		row[1] != time.Date(2026, 11, 18, 15, 0, 0, 0, time.UTC) || row[2] != "ANSI_QUOTES" || row[3] != "Žofie" || row[4] != int64(2000) {
		t.Errorf("the row is %v", row)
	}
	n, err := readAll(t.Context(), query(t, w, warehouse.Query{SQL: "select seq from seq_1_to_5"}))
	if n != 5 || err != nil {
		t.Errorf("%d rows came, error %v, want 5", n, err)
	}
}

func TestAStatementCarriesItsTag(t *testing.T) {
	t.Parallel()
	w := openDSN(t, database(t), nil)
	row := first(t, w, "select info from information_schema.processlist where id = connection_id()")
	if text := fmt.Sprint(row[0]); !strings.HasPrefix(text, "/* spillway it's * / odd 01JD */ select") {
		t.Errorf("the server sees %q", text)
	}
}

func TestAResultIsOneStateOfTheDatabase(t *testing.T) {
	t.Parallel()
	dsn := database(t, "create table s (n int, state varchar(10), filler varchar(300)) engine=innodb",
		"insert into s select seq, 'before', repeat('x', 300) from seq_1_to_50000")
	w := openDSN(t, dsn, nil)
	rows := query(t, w, warehouse.Query{SQL: "select n, state, filler from s"})
	if _, err := rows.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, dsn).ExecContext(t.Context(), "update s set state = 'after'"); err != nil {
		t.Fatal(err)
	}
	count := 1
	for row, err := range warehouse.All(t.Context(), rows) {
		if err != nil {
			t.Fatal(err)
		}
		if row[1] != "before" {
			t.Fatalf("row %d is of another state: %v", count, row)
		}
		count++
	}
	if count != 50000 {
		t.Errorf("%d rows came, want 50000", count)
	}
}

func TestWhatTheServerCutIsAnError(t *testing.T) {
	t.Parallel()
	w := openDSN(t, database(t), func(c *Config) { c.Parameters = map[string]string{"group_concat_max_len": "100"} })
	_, err := readAll(t.Context(), query(t, w, warehouse.Query{SQL: "select group_concat(seq) from seq_1_to_1000"}))
	if e, ok := errors.AsType[*warehouse.Error](err); !ok || e.Code != "1260" || e.Temporary || e.Hint == "" {
		t.Errorf("a value that was cut gave %v, want 1260", err)
	}
	_, err = readAll(t.Context(), query(t, w, warehouse.Query{SQL: "select seq from seq_1_to_100000 limit rows examined 50"}))
	if !errors.Is(err, warehouse.ErrTruncated) {
		t.Errorf("a result that was cut gave %v, want %v", err, warehouse.ErrTruncated)
	}
}

func TestAStatementTimesOut(t *testing.T) {
	t.Parallel()
	w := openDSN(t, database(t), func(c *Config) { c.StatementTimeout = 200 * time.Millisecond })
	rows, err := w.Query(t.Context(), warehouse.Query{SQL: "select sum(seq * seq) from seq_0_to_999999999999"})
	if err == nil {
		_, err = rows.Next(t.Context())
		_ = rows.Close()
	}
	if e, ok := errors.AsType[*warehouse.Error](err); !ok || e.Code != "1969" || e.Temporary || !strings.Contains(e.Hint, "statement_timeout") {
		t.Errorf("the error is %v, want 1969 with a hint", err)
	}
}

func TestNoConnectionStaysInUse(t *testing.T) {
	t.Parallel()
	w := openDSN(t, database(t), nil)
	m, ok := w.(*mysql)
	if !ok {
		t.Fatalf("the warehouse is a %T", w)
	}
	for _, sql := range []string{"select 1", "selec 1", "select nope", "select ?", "select 1 into @x", "create table x (id int)"} {
		_, _ = w.Columns(t.Context(), sql)
		if rows, err := w.Query(t.Context(), warehouse.Query{SQL: sql, Limit: 1}); err == nil {
			_, _ = rows.Next(t.Context())
			_ = rows.Close()
		}
	}
	if got := m.db.Stats().InUse; got != 0 {
		t.Errorf("%d connections are in use", got)
	}
}

func TestCancellingEndsTheStatementAtTheServer(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	db := connect(t, dsn)
	running := func(t *testing.T) (count int) {
		t.Helper()
		const watch = "select count(*) from information_schema.processlist where info like '/* spillway contacts 01JDCANCEL%'"
		if err := db.QueryRowContext(t.Context(), watch).Scan(&count); err != nil {
			t.Fatal(err)
		}
		return count
	}
	endings := map[string]func(cancel func(), rows warehouse.Rows){
		"by the context":     func(cancel func(), _ warehouse.Rows) { cancel() },
		"by closing":         func(_ func(), rows warehouse.Rows) { _ = rows.Close() },
		"by both, in a race": func(cancel func(), rows warehouse.Rows) { go cancel(); _ = rows.Close() },
	}
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			w := openDSN(t, dsn, nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			rows, err := w.Query(ctx, warehouse.Query{SQL: numbers(1_000_000_000), Tag: warehouse.Tag{Sync: "contacts", Run: "01JDCANCEL"}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rows.Next(ctx); err != nil {
				t.Fatal(err)
			}
			if got := running(t); got != 1 {
				t.Fatalf("%d statements run, want 1", got)
			}
			end(cancel, rows)
			if _, err := rows.Next(t.Context()); err == nil {
				t.Error("after the cancel a row came")
			}
			_ = rows.Close()
			for range 100 { // the server needs a moment to end it
				if running(t) == 0 {
					return
				}
				<-time.After(20 * time.Millisecond)
			}
			t.Error("the statement still runs at the server")
		})
	}
}

func TestAStatementMustBeAQuery(t *testing.T) {
	t.Parallel()
	for sql, ok := range map[string]bool{
		"select 1": true, " (select 1)": true, "with a as (select 1) select * from a": true, "values (1)": true, "table x": true,
		"-- x\n# y\n/* z */ select 1": true, "/**/select 1": true, "/*Mine*/ select 'into outfile'": true,
		"select `into outfile`, \"into outfile\" -- into outfile": true, `select 'it\'s into outfile'`: true,
		"select 'it''s into outfile', 1": true,
		"":                               false, "-- select 1": false, "/*! create table x (id int) */": false, "/*M! delete from x */": false, "delete from x": false,
		"select 1 INTO\n OUTFILE '/tmp/x'": false, "select 1 into/**/dumpfile 'x'": false, "set @x = 1": false,
		"select 1 /*! into outfile 'x' */": false,
	} {
		if err := isQuery(sql); (err == nil) != ok {
			t.Errorf("%q is taken for a query: %t, error %v", sql, err == nil, err)
		}
	}
}
