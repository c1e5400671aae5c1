package postgres

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

func TestTheDatabasesOwnSettingsChangeNoValue(t *testing.T) {
	t.Parallel()
	dsn := database(t, `do $$ begin
		execute format('alter database %I set timezone = ''America/New_York''', current_database());
		execute format('alter database %I set datestyle = ''SQL, DMY''', current_database());
		execute format('alter database %I set intervalstyle = ''postgres_verbose''', current_database());
		execute format('alter database %I set bytea_output = ''escape''', current_database());
		execute format('alter database %I set extra_float_digits = -3', current_database());
		execute format('alter database %I set standard_conforming_strings = off', current_database());
		execute format('alter database %I set statement_timeout = ''1ms''', current_database());
	end $$`)
	w := openDSN(t, dsn, nil)
	rows := query(t, w, warehouse.Query{SQL: `select array['2026-11-20 12:00:00+00']::timestamptz[], array['2026-01-02']::date[],
		'1 day'::interval, array['\x00ff']::bytea[], array[0.1::float8, 1.0::float8/3], '2026-11-20 12:00:00+00'::timestamptz, 'a\b',
		array['2026-11-20 12:00:00']::timestamp[]`})
	row, err := rows.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []any{
		doc(`["2026-11-20T12:00:00Z"]`), doc(`["2026-01-02"]`), "P1D", doc(`["AP8="]`), doc(`[0.1,0.3333333333333333]`),
		time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), `a\b`, doc(`["2026-11-20T12:00:00Z"]`),
	}
	for i := range want {
		if got, want := fmt.Sprintf("%s", row[i]), fmt.Sprintf("%s", want[i]); got != want {
			t.Errorf("column %d is %s, want %s", i, got, want)
		}
	}
}

func TestAStatementCarriesItsTag(t *testing.T) {
	t.Parallel()
	w := openDSN(t, database(t), nil)
	long := strings.Repeat("é", 40)
	for _, tag := range []warehouse.Tag{{}, {Sync: "it's"}, {Sync: "contacts", Run: "01JDABCDEFGHJKMNPQRSTVWXYZ"}, {Sync: long, Run: "01JDABCDEFGHJKMNPQRSTVWXYZ"}} {
		rows := query(t, w, warehouse.Query{SQL: "select current_setting('application_name')", Tag: tag})
		row, err := rows.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, ok := row[0].(string)
		if !ok || len(got) > 63 || !strings.HasPrefix(got, "spillway") || !strings.HasSuffix(got, tag.Run) {
			t.Errorf("the name of %v is %v", tag, row[0])
		}
		if tag.Sync != long && got != tag.String() {
			t.Errorf("the name is %q, want %q", got, tag)
		}
	}
	if got := applicationName(warehouse.Tag{Sync: long, Run: "01JDABCDEFGHJKMNPQRSTVWXYZ"}); len(got) > 63 || !utf8.ValidString(got) {
		t.Errorf("a long name becomes %q", got)
	}
}

func TestColumnsHaveTheServersOwnTypes(t *testing.T) {
	t.Parallel()
	w := openDSN(t, database(t, setup...), nil)
	columns, err := w.Columns(t.Context(), `select 1.5::numeric(12,2), 'x'::varchar(20), 'x'::char(3), now()::timestamp(3), array[1.5]::numeric(8,2)[],
		'sad'::mood, array['sad']::mood[], 1::positive, 'x', null, row(1)`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"numeric(12,2)", "character varying(20)", "character(3)", "timestamp(3) without time zone", "numeric(8,2)[]",
		"mood", "mood[]", "numeric(8,2)", "text", "text", "record",
	}
	for i, c := range columns {
		if c.Native != want[i] {
			t.Errorf("column %d is of type %s, want %s", i, c.Native, want[i])
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	t.Parallel()
	w := openDSN(t, database(t), nil)
	_, err := w.Columns(t.Context(), "select 'é',\n       nope\nfrom pg_class")
	e, ok := errors.AsType[*warehouse.Error](err)
	if !ok || e.Code != "42703" || !strings.Contains(e.Hint, "at line 2, column 8") {
		t.Errorf("the error is %v, want 42703 at line 2, column 8", err)
	}
}

func TestNoConnectionStaysInUse(t *testing.T) {
	t.Parallel()
	w := openDSN(t, database(t), nil)
	p, ok := w.(*postgres)
	if !ok {
		t.Fatalf("the warehouse is a %T", w)
	}
	for _, sql := range []string{"select 1", "selec 1", "select 1 / 0", "select $1", "create table x ()"} {
		_, _ = w.Columns(t.Context(), sql)
		if rows, err := w.Query(t.Context(), warehouse.Query{SQL: sql, Limit: 1}); err == nil {
			_, _ = rows.Next(t.Context())
			_ = rows.Close()
		}
	}
	if got := p.db.Stats().InUse; got != 0 {
		t.Errorf("%d connections are in use", got)
	}
}

// TestValuesAreExact reads what PostgreSQL computes from seeds both in binary and, within arrays, as text, and holds
// both to the server's own text of the value.
func TestValuesAreExact(t *testing.T) {
	t.Parallel()
	w := openDSN(t, database(t), nil)
	rows := query(t, w, warehouse.Query{SQL: `
		select v, v::text, array[v], d, d::text, array[d], f, f::text, array[f], r, r::text, array[r],
		       s, to_char(s, 'YYYY-MM-DD"T"HH24:MI:SS.US'), array[s], y, to_char(y, 'YYYY-MM-DD'), array[y]
		from (
			select round(((random() - 0.5) * 10::numeric ^ (n % 40))::numeric + random()::numeric / 10::numeric ^ (n % 17), n % 30) as v,
			       (n * 104729 % 65536 - 32768)::numeric / 4 ^ (n % 9) as d,
			       (random() - 0.5) * 10::float8 ^ (n % 600 - 300) as f,
			       ((random() - 0.5) * 10::float8 ^ (n % 70 - 35))::float4 as r,
			       timestamp '0001-01-01' + random() * interval '9998 years' as s,
			       date '0001-01-01' + (random() * 3652000)::int as y
			from (select setseed(0.42)) x, generate_series(1, 20000) n
		) z`})
	for i := 0; ; i++ {
		row, err := rows.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for c := 0; c < len(row); c += 3 {
			decode := textFloat
			if rows.Columns()[c].Native == "real" {
				decode = textFloat4
			}
			exact(t, i, decode, row[c:c+3])
		}
		if t.Failed() {
			return
		}
	}
}

// exact compares one value in binary, as text, and alone in an array.
func exact(t *testing.T, row int, float decoder, forms warehouse.Row) {
	t.Helper()
	binary, list := forms[0], forms[2]
	want, ok := forms[1].(string)
	if !ok {
		t.Fatalf("row %d: the text is %v", row, forms[1])
	}
	var got string
	switch v := binary.(type) {
	case warehouse.Decimal:
		got = string(v)
	case warehouse.Date:
		got = string(v)
	case time.Time:
		got = v.Format("2006-01-02T15:04:05.000000")
	case float64:
		f, err := float([]byte(want))
		if err != nil {
			t.Fatal(err)
		}
		if g, ok := f.(float64); !ok || math.Float64bits(g) != math.Float64bits(v) {
			t.Errorf("row %d: the float is %g, want %s", row, v, want)
		}
		got = want
	}
	if got != want {
		t.Errorf("row %d: the value is %s, want %s", row, got, want)
	}
	if inside, want := fmt.Sprintf("%s", list), "["+string(sqldb.AppendJSON(nil, binary))+"]"; inside != want {
		t.Errorf("row %d: in a list the value is %s, want %s", row, inside, want)
	}
}

func TestMoneyOfAnyLocale(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text     string
		decimals int
		want     warehouse.Value
	}{
		{"$1,234.50", 2, warehouse.Decimal("1234.50")},
		{"-$0.05", 2, warehouse.Decimal("-0.05")},
		{"($12.00)", 2, warehouse.Decimal("-12.00")},
		{"1.234,50 €", 2, warehouse.Decimal("1234.50")},
		{"-1 234,50 €", 2, warehouse.Decimal("-1234.50")},
		{"￥1,000", 0, warehouse.Decimal("1000")},
		{"1.234 د.ك", 3, warehouse.Decimal("1.234")},
	}
	for _, tt := range tests {
		got, err := money(tt.decimals)([]byte(tt.text))
		if err != nil || got != tt.want {
			t.Errorf("%s is %v (error %v), want %v", tt.text, got, err, tt.want)
		}
	}
}

// FuzzDecoders feeds the decoders what no server would send: they may fail, never panic.
func FuzzDecoders(f *testing.F) {
	for _, seed := range []string{`{1,"a\"b",NULL,{2}}`, `(1,"a""b",)`, `[0:1]={1,2}`, "0044-03-15 BC", "2026-11-20 01:02:03.5+00", `\x00`, "-$1.50", "\x00\x01\x00\x00\x00\x00\x00\x02\x00\x05"} {
		f.Add([]byte(seed))
	}
	fields := []field{{"b", textInt}, {"a", textString}, {"c", textString}}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, decode := range []decoder{
			array(textString, ','), array(array(textInt, ','), ';'), composite(fields), textDate, textTimestamp, textBytea, money(2),
			textNumeric, textFloat, textFloat4, textBool, textJSON, binaryNumeric, binaryTimestamp, binaryDate, binaryFloat4, binaryFloat8,
			binaryBool, binaryInt2, binaryInt4, binaryInt8, binaryOID, binaryBytea,
		} {
			if v, err := decode(src); err == nil && v == nil {
				t.Errorf("%q became null", src)
			}
		}
	})
}
