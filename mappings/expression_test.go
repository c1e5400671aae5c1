package mappings

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/warehouse"
)

func exprColumns() []warehouse.Column {
	return []warehouse.Column{
		{Name: "first_name", Type: warehouse.String},
		{Name: "last_name", Type: warehouse.String},
		{Name: "active", Type: warehouse.Bool},
		{Name: "logins", Type: warehouse.Int},
		{Name: "score", Type: warehouse.Float},
		{Name: "price", Type: warehouse.Numeric},
		{Name: "born", Type: warehouse.Day},
		{Name: "created_at", Type: warehouse.Time},
		{Name: "photo", Type: warehouse.Bytes},
		{Name: "attrs", Type: warehouse.JSON},
		{Name: "nothing", Type: warehouse.String},
		{Name: "no_number", Type: warehouse.Int},
		{Name: "no_flag", Type: warehouse.Bool},
		{Name: "no_time", Type: warehouse.Time},
		{Name: "no_doc", Type: warehouse.JSON},
		{Name: "Größe", Type: warehouse.String},
		{Name: "odd name", Type: warehouse.String},
		{Name: "count", Type: warehouse.Int},
		{Name: "big", Type: warehouse.Int},
	}
}

func exprRow() warehouse.Row {
	return warehouse.Row{
		"Ada", "Lovelace", true, int64(7), 0.25, warehouse.Decimal("19.90"), warehouse.Date("2026-11-20"),
		time.Date(2026, 11, 20, 23, 30, 0, 0, time.UTC),
		[]byte{1, 2, 255},
		json.RawMessage(`{"plan":{"name":"Pro","seats":3},"tags":["b","a","b"],"id":9007199254740993,"rate":0.10,"n":[3,1.5,2],"none":null}`),
		nil, nil, nil, nil, nil, "XL", "odd", int64(3), int64(9223372036854775807),
	}
}

func TestExpressionsGiveWhatTheySay(t *testing.T) {
	t.Parallel()
	date := func(h int) time.Time { return time.Date(2026, 11, 20, h, 0, 0, 0, time.UTC) }
	for _, tt := range []struct {
		source string
		want   destinations.Value
	}{
		{`first_name + ' ' + last_name`, "Ada Lovelace"},
		{`first_name`, "Ada"},
		{`FIRST_NAME`, "Ada"},
		{`$env["odd name"]`, "odd"},
		{`Größe`, "XL"},
		{`count`, json.Number("3")},
		{`count([1, 2, 3], # > 1) + count`, json.Number("5")},

		// Null.
		{`nothing`, nil},
		{`first_name + nothing`, nil},
		{`nothing ?? 'there'`, "there"},
		{`nothing == nil`, true},
		{`first_name != nil`, true},
		{`nothing == 'x'`, false},
		{`nothing != 'x'`, true},
		{`no_number > 3`, false},
		{`no_number > 3 ? 'hot' : 'cold'`, "cold"},
		{`no_number + 1`, nil},
		{`-no_number`, nil},
		{`no_flag ? 1 : 2`, json.Number("2")},
		{`not no_flag`, true},
		{`no_flag or active`, true},
		{`active and no_flag`, false},
		{`upper(nothing)`, nil},
		{`len(nothing)`, nil},
		{`nothing contains 'a'`, false},
		{`nothing matches '^a'`, false},
		{`no_time.Year()`, nil},
		{`(created_at - no_time).Hours()`, nil},
		{`no_doc.plan.name`, nil},
		{`attrs.none.deeper`, nil},
		{`filter(no_doc, # > 1)`, []any{}},
		{`'a' in no_doc`, false},
		{`max(no_number, 2, nil)`, json.Number("2")},
		{`join(['a', nothing, 'b'], '-')`, "a-b"},
		{`if no_number == nil { 'none' } else { 'some' }`, "none"},

		// Numbers.
		{`logins + 1`, json.Number("8")},
		{`logins * 2 - 1`, json.Number("13")},
		{`logins % 4`, json.Number("3")},
		{`logins / 2`, json.Number("3.5")},
		{`2 ** 10`, json.Number("1024")},
		{`big + 1`, json.Number("9223372036854775808")},
		{`big * big`, json.Number("85070591730234615847396907784232501249")},
		{`-big - 2`, json.Number("-9223372036854775809")},
		{`price`, json.Number("19.90")},
		{`string(price)`, "19.90"},
		{`price * 3`, json.Number("59.7")},
		{`price * 1.2`, json.Number("23.88")},
		{`price + 0.1`, json.Number("20")},
		{`price / 4`, json.Number("4.975")},
		{`price / 3`, json.Number("6.63333333333333333333")},
		{`price / 3 * 3`, json.Number("19.9")},
		{`-price`, json.Number("-19.9")},
		{`price == 19.9`, true},
		{`price in [1, 19.9]`, true},
		{`price > 19.8999`, true},
		{`score + score`, json.Number("0.5")},
		{`round(price)`, json.Number("20")},
		{`round(price / 3, 2)`, json.Number("6.63")},
		{`round(-2.5)`, json.Number("-3")},
		{`round(1250, -2)`, json.Number("1300")},
		{`round(0.125, 2)`, json.Number("0.13")},
		{`floor(-price)`, json.Number("-20")},
		{`ceil(price)`, json.Number("20")},
		{`abs(-price)`, json.Number("19.9")},
		{`int(price)`, json.Number("19")},
		{`int('42') + int(' 7 ')`, json.Number("49")},
		{`float('1.5') * 2`, json.Number("3")},
		{`max(price, 20, score)`, json.Number("20")},
		{`min([3, 1, 2])`, json.Number("1")},
		{`mean([1, 2])`, json.Number("1.5")},
		{`median([3, 1, 2])`, json.Number("2")},
		{`sum([0.1, price])`, json.Number("20")},

		// Texts.
		{`upper(first_name)`, "ADA"},
		{`first_name | lower()`, "ada"},
		{`trim('  x ')`, "x"},
		{`trim('xxaxx', 'x')`, "a"},
		{`trimPrefix(first_name, 'A')`, "da"},
		{`trimSuffix(first_name, 'a')`, "Ad"},
		{`replace('a-b-c', '-', '+', 1)`, "a+b-c"},
		{`repeat('ab', 3)`, "ababab"},
		{`len('größe')`, json.Number("5")},
		{`'größe'[1:3]`, "rö"},
		{`indexOf('größe', 'e')`, json.Number("4")},
		{`lastIndexOf('größe', 'x')`, json.Number("-1")},
		{`hasPrefix(first_name, 'A')`, true},
		{`first_name startsWith 'A' and last_name endsWith 'e'`, true},
		{`first_name matches '^[A-Z]da$'`, true},
		{`split('a,b', ',')`, []any{"a", "b"}},
		{`join(map(split('a,b', ','), upper(#)), ';')`, "A;B"},
		{`toBase64('hi') + fromBase64('aGk=')`, "aGk=hi"},
		{`string(photo)`, "AQL/"},
		{`string(logins) + string(active) + string(score)`, "7true0.25"},

		{`first_name[1:] + last_name[:-4] + nothing[0:1]`, nil},
		{`first_name[1:] + last_name[:-4]`, "daLove"},
		{`attrs.plan.name[0]`, "P"},
		{`attrs.plan.name[9]`, nil},
		{`split('a,b,c', ',', 2)`, []any{"a", "b,c"}},
		{`first_name < last_name and first_name <= 'Ada' and first_name >= 'Ada'`, true},
		{`b"\x01\x02\xff" == photo`, true},
		{`string(price / 3)`, "6.63333333333333333333"},
		{`string(born) + string(created_at)`, "2026-11-202026-11-20T23:30:00Z"},
		{`string(attrs.plan)`, `{"name":"Pro","seats":3}`},
		{`first_name; last_name`, "Lovelace"},
		{`+logins`, json.Number("7")},

		// Documents and lists.
		{`attrs.tags == ["b", "a", "b"]`, true},
		{`attrs.tags == ["b", "a"]`, false},
		{`attrs.tags == ["b", "a", "c"]`, false},
		{`attrs.plan == {"seats": 3.0, "name": "Pro"}`, true},
		{`attrs.plan == {"seats": 3}`, false},
		{`attrs.plan == {"seats": 3, "mane": "Pro"}`, false},
		{`attrs.plan == attrs.tags`, false},
		{`attrs.plan.name == attrs.plan.seats`, false},
		{`attrs.id in {"a": 1}`, false},
		{`len(attrs.tags) + len(attrs.plan) + len(attrs.plan.name)`, json.Number("8")},
		{`sort([nil, 2, nil, 1])`, []any{nil, nil, json.Number("1"), json.Number("2")}},
		{`sortBy(attrs.n, #, "desc")[0]`, json.Number("3")},
		{`find(attrs.n, # > 100)`, nil},
		{`reduce([], #acc + #)`, nil},
		{`concat(attrs.tags, nil, 'z')`, []any{"b", "a", "b", "z"}},
		{`attrs.tags[-1] + attrs.tags[1:][0]`, "ba"},
		{`toJSON([nil, born, price / 4, photo, created_at])`, `[null,"2026-11-20",4.975,"AQL/","2026-11-20T23:30:00Z"]`},
		{`toJSON(nothing)`, "null"},
		{`fromJSON("1.50e1")`, json.Number("15")},
		{`attrs.plan.name`, "Pro"},
		{`attrs?.plan?.["name"]`, "Pro"},
		{`attrs.id`, json.Number("9007199254740993")},
		{`attrs.rate`, json.Number("0.10")},
		{`attrs.rate * 3`, json.Number("0.3")},
		{`attrs.missing`, nil},
		{`attrs.tags[0]`, "b"},
		{`attrs.tags[9]`, nil},
		{`attrs.tags`, []any{"b", "a", "b"}},
		{`attrs.plan`, json.RawMessage(`{"name":"Pro","seats":3}`)},
		{`toJSON(attrs.plan)`, `{"name":"Pro","seats":3}`},
		{`fromJSON('{"a":[1]}').a`, []any{json.Number("1")}},
		{`{"b": 1, "a": first_name}`, json.RawMessage(`{"a":"Ada","b":1}`)},
		{`keys(attrs.plan)`, []any{"name", "seats"}},
		{`values(attrs.plan)`, []any{"Pro", json.Number("3")}},
		{`"plan" in attrs`, true},
		{`'a' in attrs.tags`, true},
		{`uniq(attrs.tags)`, []any{"b", "a"}},
		{`sort(attrs.tags)`, []any{"a", "b", "b"}},
		{`sort(attrs.n, 'desc')`, []any{json.Number("3"), json.Number("2"), json.Number("1.5")}},
		{`sortBy([{n: 2}, {n: 1}], .n)[0].n`, json.Number("1")},
		{`reverse(attrs.tags)`, []any{"b", "a", "b"}},
		{`first(attrs.tags) + last(attrs.tags)`, "bb"},
		{`first([])`, nil},
		{`take(attrs.n, 2)`, []any{json.Number("3"), json.Number("1.5")}},
		{`concat(attrs.tags, ['z'])`, []any{"b", "a", "b", "z"}},
		{`flatten([[1], [2, [3]]])`, []any{json.Number("1"), json.Number("2"), json.Number("3")}},
		{`get(attrs, 'id')`, json.Number("9007199254740993")},
		{`sum(attrs.n)`, json.Number("6.5")},
		{`sum(attrs.n, # * 2)`, json.Number("13")},
		{`reduce(attrs.n, #acc + #)`, json.Number("6.5")},
		{`reduce(attrs.n, #acc + #, 100)`, json.Number("106.5")},
		{`all(attrs.n, # > 1)`, true},
		{`any(attrs.n, # > 2)`, true},
		{`none(attrs.n, # > 2)`, false},
		{`one(attrs.n, # > 2)`, true},
		{`find(attrs.n, # < 3)`, json.Number("1.5")},
		{`findIndex(attrs.n, # < 3)`, json.Number("1")},
		{`findLast(attrs.n, # < 3)`, json.Number("2")},
		{`findLastIndex(attrs.n, # < 3)`, json.Number("2")},
		{`map(attrs.tags, # + string(#index))`, []any{"b0", "a1", "b2"}},
		{`filter(attrs.n, # in filter(attrs.n, # > 2))`, []any{json.Number("3")}},
		{`(1..3)[1]`, json.Number("2")},
		{`let n = logins + 1; n * n`, json.Number("64")},

		{`sum([nil, 1])`, json.Number("1")},
		{`mean([])`, nil},
		{`median([])`, nil},
		{`median([1, 2])`, json.Number("1.5")},
		{`max([])`, nil},
		{`abs(5)`, json.Number("5")},
		{`abs(-score)`, json.Number("0.25")},
		{`round(score)`, json.Number("0")},
		{`int(-score * 10)`, json.Number("-2")},
		{`int("12345678901234567890")`, json.Number("12345678901234567890")},
		{`float(price) + float(score) + float(logins)`, json.Number("27.15")},
		{`score * 2 - score / 0.5`, json.Number("0")},
		{`logins - -9223372036854775807`, json.Number("9223372036854775814")},
		{`logins * 0`, json.Number("0")},
		{`big * -1`, json.Number("-9223372036854775807")},
		{`3..1`, []any{}},

		// Times.
		{`(duration('90m') + duration('30m') - duration('1h')).Minutes()`, json.Number("60")},
		{`(duration('1h') * 2).Hours()`, json.Number("2")},
		{`(0.5 * duration('1h')).Seconds()`, json.Number("1800")},
		{`duration('1500ms').Milliseconds()`, json.Number("1500")},
		{`duration('90m').Truncate(duration('1h')).Hours()`, json.Number("1")},
		{`duration('1h') > duration('59m')`, true},
		{`duration('1h') + born`, date(1)},
		{`created_at - duration('30m')`, date(23)},
		{`created_at.Add(duration('30m')).YearDay()`, json.Number("325")},
		{`created_at.Sub(born).Hours()`, json.Number("23.5")},
		{`created_at.After(born) and born.Before(created_at) and not born.Equal(created_at)`, true},
		{`created_at.Hour() * 100 + created_at.Minute() + created_at.Second() + created_at.Nanosecond()`, json.Number("2330")},
		{`created_at.Unix()`, json.Number("1795217400")},
		{`created_at.UnixMilli()`, json.Number("1795217400000")},
		{`created_at.UTC().Day()`, json.Number("20")},
		{`string(created_at.Weekday()) + "-" + string(created_at.Month())`, "5-11"},
		{`max(born, created_at)`, time.Date(2026, 11, 20, 23, 30, 0, 0, time.UTC)},
		{`born`, destinations.Date("2026-11-20")},
		{`date(born)`, time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)},
		{`created_at.Year()`, json.Number("2026")},
		{`born.Month()`, json.Number("11")},
		{`created_at.Format("2006-01")`, "2026-11"},
		{`created_at > date('2026-11-20')`, true},
		{`born < created_at`, true},
		{`(created_at - born).Hours()`, json.Number("23.5")},
		{`born + duration('36h')`, date(36)},
		{`date('2026-11-20 05:00:00+01:00')`, date(4)},
		{`date('20/11/2026', '02/01/2006')`, date(0)},
		{`date('2026-11-20 12:00', '2006-01-02 15:04', timezone('Europe/Berlin'))`, date(11)},
		{`created_at.AddDate(0, 0, 1).Day()`, json.Number("21")},
		{`created_at.Truncate(duration('24h')) == born`, true},
	} {
		m := compiledExpression(t, tt.source, Field{})
		if m == nil {
			continue
		}
		var rec Record
		if err := m.Render(exprRow(), &rec); err != nil {
			t.Errorf("%s: %s", tt.source, err)
			continue
		}
		got, _ := rec.Fields.Get("x")
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s\n%s", tt.source, diff)
		}
	}
}

// compiledExpression returns a mapping of the one field x from source, or nil after telling what is wrong.
func compiledExpression(t testing.TB, source string, f Field) *Mapping {
	t.Helper()
	f.Name, f.Expr = "x", source
	object := destinations.Object{Name: "events", Operations: []destinations.Op{destinations.Insert}, AnyField: true, Nulls: true, AppendOnly: true}
	m, problems := Compile(Spec{Key: []string{"logins"}, Mode: destinations.Insert, Fields: []Field{f}}, exprColumns(), object, nil)
	for _, p := range problems {
		t.Errorf("%s: %s", source, p)
	}
	return m
}

func TestADayOfAnExpressionIsTheDayOfItsZone(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`created_at`:                            "2026-11-20",
		`created_at.In(timezone("Asia/Tokyo"))`: "2026-11-21",
		`born`:                                  "2026-11-20",
		`born + duration('24h')`:                "2026-11-21",
		`created_at.In(timezone("America/Denver"))`: "2026-11-20",
	} {
		m := compiledExpression(t, source, Field{Type: destinations.DateType})
		var rec Record
		if err := m.Render(exprRow(), &rec); err != nil {
			t.Errorf("%s: %s", source, err)
		} else if got, _ := rec.Fields.Get("x"); got != destinations.Date(want) {
			t.Errorf("%s = %v, want %s", source, got, want)
		}
	}
}

func TestALongListIsWithinTheLimits(t *testing.T) {
	t.Parallel()
	m := compiledExpression(t, `len(filter(attrs, # > 3 and # != 5))`, Field{})
	row := exprRow()
	row[9] = json.RawMessage("[1" + strings.Repeat(",7", 9_999) + "]")
	var rec Record
	if err := m.Render(row, &rec); err != nil {
		t.Fatal(err)
	}
	if got, _ := rec.Fields.Get("x"); got != json.Number("9999") {
		t.Errorf("%v", got)
	}
}
