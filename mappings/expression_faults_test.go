package mappings

import (
	"errors"
	"strings"
	"testing"
	"time"

	"spillway/destinations"
)

func TestExpressionsThatCannotBeRightAreRefusedBeforeTheFirstRow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		source string
		to     destinations.FieldType
		want   string
	}{
		{`first_name +`, "", "character"},
		{`frist_name`, "", `did you mean "first_name"?`},
		{`$env["odd nam"]`, "", `did you mean "odd name"?`},
		{`$env`, "", `$env["name"]`},
		{`toJSON($env)`, "", `$env["name"]`},
		{`$env[first_name]`, "", "written out"},
		{`first_name + 1`, "", "mismatched types string and int"},
		{`created_at > '2026-01-01'`, "", "mismatched types time and string"},
		{`upper(logins)`, "", "cannot use int"},
		{`uper(first_name)`, "", "did you mean upper?"},
		{`now()`, "", "every run"},
		{`now().Year()`, "", "every run"},
		{`created_at < now()`, "", "every run"},
		{`created_at.Local()`, "", "no method Local"},
		{`created_at.Yeer()`, "", "Yeer"},
		{`env('HOME')`, "", "no function env"},
		{`groupBy(attrs, #)`, "", "no function groupBy"},
		{`first_name matches last_name`, "", "written out"},
		{`first_name matches '('`, "", "error parsing regexp"},
		{`created_at.In(timezone(first_name))`, "", "written out"},
		{`created_at.In(timezone('Local'))`, "", "written out"},
		{`created_at.In(timezone('Mars/Olympus'))`, "", "unknown time zone"},
		{`created_at - born`, "", "length of time"},
		{`nil`, "", "always null"},
		{`created_at.Year`, "", "no field can hold"},
		{`logins`, destinations.DateType, "an integer, which cannot be sent as date"},
		{`price`, destinations.Boolean, "a number, which cannot be sent as boolean"},
		{`created_at`, destinations.Boolean, "a time, which cannot be sent as boolean"},
		{`photo`, destinations.Number, "bytes, which cannot be sent as number"},
		{`upper()`, "", "not enough arguments"},
		{`timezone('UTC')`, "", "no field can hold"},
		{`get(attrs.x.Year(timezone()), 1)`, "", "timezone takes one name"},
		{`attrs.x.year()`, "", "did you mean \"Year\"?"},
		{`created_at.Format(#)`, "", "character"},
		{`attrs()`, "", "no function attrs"},
		{`attrs[0]("x")`, "", "unexpected token"},
		{`let x = 1; let x = 2; x`, "", "cannot redeclare"},
		{`(let y = 1; y) + y`, "", "unknown name y"},
		{`first_name == 'x'`, destinations.Number, "true or false"},
		{`attrs.tags`, "nonsense", "none of"},
		{`filter(attrs.tags, # > 'a')`, destinations.Number, "a list or a map"},
		{`first_name`, destinations.List, "text, which cannot be sent as list"},
		{`{"a": 1}`, destinations.List, "map"},
		{strings.Repeat("1+", 600) + "1", "", "maximum allowed nodes"},
		{strings.Repeat("x", 20000), "", "longer than"},
	} {
		f := Field{Name: "x", Expr: tt.source, Type: tt.to}
		object := destinations.Object{Name: "events", Operations: []destinations.Op{destinations.Insert}, AnyField: true, Nulls: true, AppendOnly: true}
		_, problems := Compile(Spec{Key: []string{"logins"}, Mode: destinations.Insert, Fields: []Field{f}}, exprColumns(), object, nil)
		if len(problems) == 0 {
			t.Errorf("%.40s: accepted", tt.source)
			continue
		}
		if got := problems[0].String(); !strings.Contains(got, tt.want) || strings.Contains(got, "\n") {
			t.Errorf("%.40s: %s\nwant %q in it, on one line", tt.source, got, tt.want)
		}
	}
}

func TestExpressionsThatFailOnARowSayWhyWithoutItsValues(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		`int(first_name)`,
		`logins / (count - 3)`,
		`logins % (count - 3)`,
		`price / (count - 3)`,
		`date(first_name)`,
		`date(first_name, last_name)`,
		`fromJSON(first_name)`,
		`fromBase64(first_name)`,
		`duration(first_name) == nil`,
		`attrs.plan > 3`,
		`attrs.plan + 1`,
		`attrs.tags.name`,
		`repeat(first_name, 10000000)`,
		`repeat(first_name, -1)`,
		`1..big`,
		`filter(attrs.plan, true)`,
		`attrs.plan ? 1 : 2`,
		`join(attrs.n)`,
		`sort([1, 'a'])`,
		`sortBy(attrs.n, #, first_name)`,
		`attrs.plan.Year()`,
		`{(attrs.id): 1}`,
		`sum(attrs.tags)`,
		`map(1..1000, map(1..1000, map(1..1000, # * 2)))`,
		`map(1..90000, repeat('x', 100000))`,
		`reduce(1..90000, #acc * 12345678901234567890.5, price)`,
		`reduce(1..90000, #acc + #acc, first_name)`,
		`replace(repeat('a', 1000000), 'a', repeat('b', 1000000))`,
		`let a = 1..90000; concat(a, a)`,
		`flatten([1..90000, 1..90000])`,
		`uniq([duration("1h")])`,
		`abs(attrs.plan.name)`,
		`round(attrs.plan.name)`,
		`round(price, 100)`,
		`float(first_name)`,
		`float(attrs.tags)`,
		`int(attrs.tags)`,
		`int(active)`,
		`mean(attrs.tags)`,
		`median(attrs.tags)`,
		`max(1, attrs.tags)`,
		`len(attrs.id)`,
		`attrs.plan[1:2]`,
		`attrs.tags[attrs.plan.name:2]`,
		`1 in attrs.id`,
		`attrs.id contains 'a'`,
		`attrs.id matches 'a'`,
		`attrs.plan ** 2`,
		`attrs.plan.name - 1`,
		`attrs.plan.name * attrs.plan.name`,
		`attrs.plan.name..3`,
		`string(duration("1h"))`,
		`toJSON(duration("1h"))`,
		`sort(attrs.n, first_name)`,
		`split(repeat("a,", 100001), ",")`,
		`join([repeat("a", 1000000), repeat("a", 1000000)])`,
		`repeat("a", 1000000) + repeat("a", 1000000)`,
		`(duration("100000h") * 1000000).Hours()`,
		`attrs.tags.Year()`,
		`created_at.In(attrs.tags)`,
		`created_at.AddDate(attrs.tags, 0, 0)`,
		`created_at.AddDate(10000000000, 0, 0)`,
		`-attrs.plan`,
		`not attrs.plan`,
		`[int(first_name)]`,
		`{"a": int(first_name)}`,
		`let a = int(first_name); a`,
		`int(first_name); 1`,
		`map(attrs.tags, int(#))`,
		`sum(attrs.n, int(first_name))`,
		`reduce(attrs.n, int(first_name))`,
		`reduce(attrs.n, #acc, int(first_name))`,
		`sortBy(attrs.n, int(first_name))`,
		`filter(attrs.n, #)`,
		`find(attrs.n, #)`,
		`int(first_name) ?? 1`,
		`true and int(first_name) == 1`,
		`int(first_name) == 1 or true`,
		`upper(attrs.id)`,
	} {
		m := compiledExpression(t, source, Field{})
		if m == nil {
			continue
		}
		var rec Record
		start := time.Now()
		err, ok := errors.AsType[*RowError](m.Render(exprRow(), &rec))
		if !ok {
			t.Errorf("%s: rendered", source)
			continue
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %s", source, took)
		}
		if err.Code != CodeExpression || err.Field != "x" || rec.Key != "7" || len(rec.Fields) > 0 {
			t.Errorf("%s: %+v, key %q, fields %v", source, err, rec.Key, rec.Fields)
		}
		for _, value := range []string{"Ada", "Lovelace", "Pro", "9007199254740993", "19.9"} {
			if strings.Contains(err.Error(), value) {
				t.Errorf("%s quotes the row: %s", source, err)
			}
		}
	}
}
