package snowflake

import "testing"

func TestOnlyAQueryIsSent(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]bool{
		"select 1":    true,
		"SELECT 1 ; ": true,
		"-- a\n // b\n /* c; d */ (( select 1 ))":                      true,
		"with a as (select 1) select * from a":                         true,
		"values (1)":                                                   true,
		`select ';', "a;b", 'it''s; \'; here', $$ ; ' $$ as x; -- ; z`: true,

		`select '\\'`:                                                    true,
		"select a -> b, c->>'d' from t":                                  false, // of documents Snowflake has a:b
		"select 1 ->> insert into t select * from $1":                    false,
		"select 1; select 2":                                             false,
		"select '\\'; drop table t; --'":                                 true, // all of it is a text
		"select '\\\\'; drop table t; --'":                               false,
		"with p as procedure () returns int as $$ 1 $$ call p()":         false,
		"with p AS /* x */ Procedure () returns int as $$ 1 $$ call p()": false,
		"with procedures as (select 1) select * from procedures":         true,
		"insert into t select 1":                                         false,
		"select 'open":                                                   false,
		`select "open`:                                                   false,
		"select $$ open":                                                 false,
		"select 1 /* open":                                               false,
		"select 1 -- open":                                               true,
		"":                                                               false,
		" ; ":                                                            false,
		"-- select 1":                                                    false,
		"()":                                                             false,
		"$$select 1$$":                                                   false,
		"!x select 1":                                                    false,
		"žena select 1":                                                  false,
	} {
		if err := readsOnly(sql); (err == nil) != want {
			t.Errorf("%s: the error is %v, want it to be taken %t", sql, err, want)
		}
	}
}

func FuzzOnlyAQueryIsSent(f *testing.F) {
	f.Add("select '\\'")
	f.Add("/*/ select")
	f.Add("with a as (select 1) -- x\nselect $$ $$;")
	f.Fuzz(func(t *testing.T, sql string) {
		if readsOnly(sql) == nil && readsOnly(sql+"\n; drop table x") == nil {
			t.Errorf("%q hides what follows it", sql)
		}
	})
}
