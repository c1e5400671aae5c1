package mappings

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/warehouse"
)

// rowTexts gives the texts of a row's values as a warehouse does.
type rowTexts warehouse.Row

func (r rowTexts) AppendKeyText(dst []byte, n int) ([]byte, bool) {
	switch v := r[n].(type) {
	case string:
		return append(dst, v...), true
	case bool:
		return strconv.AppendBool(dst, v), true
	case int64:
		return strconv.AppendInt(dst, v, 10), true
	case warehouse.Date:
		return append(dst, v...), true
	case warehouse.Decimal:
		return append(dst, v...), true
	case time.Time:
		return v.AppendFormat(dst, time.RFC3339Nano), true
	}
	return dst, false
}

// keyValues are values of the classes that have a text key, at the edges of what a key may be.
func keyValues() map[warehouse.Type][]warehouse.Value {
	texts := []warehouse.Value{
		nil, "", " ", "\t\n", "\u00a0", "\u2003", "\ufeff", "a", " a ", "ada@example.com", `"`, `\`, `a"b\c`, "a\nb", "\x00", "\x1f", "\x7f",
		"Žofie 佐藤 😀 \u202e", "\xff", "a\xc3", "[\"a\",\"b\"]", "null", "007", "\u2028",
	}
	for _, n := range []int{31, 32, 33, maxKey - 4, maxKey - 3, maxKey - 2, maxKey - 1, maxKey, maxKey + 1} {
		texts = append(texts, strings.Repeat("x", n), strings.Repeat(" ", n), strings.Repeat(`"`, n))
	}
	return map[warehouse.Type][]warehouse.Value{
		warehouse.String: texts,
		warehouse.Bool:   {nil, true, false},
		warehouse.Int: {
			nil, int64(0), int64(-1), int64(42), int64(math.MaxInt64), int64(math.MinInt64), warehouse.Decimal("18446744073709551615"),
		},
		warehouse.Numeric: {
			nil, warehouse.Decimal("0"), warehouse.Decimal("-0.00"), warehouse.Decimal("1"), warehouse.Decimal("1.00"), warehouse.Decimal("-12.50"),
			warehouse.Decimal("0.001"), warehouse.Decimal("100"), warehouse.Decimal("007"), warehouse.Decimal(strings.Repeat("9", 5000)), math.NaN(),
		},
		warehouse.Time: {
			nil, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), "infinity",
			time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Unix(0, 0).UTC(),
		},
		warehouse.Day: {nil, warehouse.Date("2026-11-20"), warehouse.Date("0001-01-01"), "infinity", "-0043-03-15"},
	}
}

// keyMapping is a mapping with a key of such columns, which are all that it reads.
func keyMapping(t testing.TB, types ...warehouse.Type) *Mapping {
	t.Helper()
	var s Spec
	var columns []warehouse.Column
	for i, class := range types {
		name := fmt.Sprintf("k%d", i)
		columns = append(columns, warehouse.Column{Name: name, Type: class})
		s.Key = append(s.Key, name)
	}
	s.Mode = destinations.Insert
	s.Fields = []Field{{Name: "source", Value: "warehouse", HasValue: true}}
	object := destinations.Object{Name: "events", AppendOnly: true, AnyField: true, Operations: []destinations.Op{destinations.Insert}}
	m, problems := Compile(s, columns, object, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return m
}

// sameKey fails the test unless AppendKey gives what Render does, or leaves it to Render.
func sameKey(t *testing.T, m *Mapping, row warehouse.Row) {
	t.Helper()
	var rec Record
	err := m.Render(row, &rec)
	var bad *RowError
	if err != nil && !errors.As(err, &bad) {
		t.Fatal(err)
	}
	key, ok := m.AppendKey([]byte("before"), rowTexts(row))
	got, found := strings.CutPrefix(string(key), "before")
	if !found {
		t.Fatalf("the key of %q took the place of what stood before it", row)
	}
	if ok && (got != rec.Key || bad != nil) {
		t.Errorf("the key of %.50q is %.60q by its texts, and by Render %.60q (%v)", row, got, rec.Key, err)
	}
	if !ok && bad == nil {
		if _, texts := rowTexts(row).all(); texts {
			t.Errorf("the key of %.50q is not found by its texts, and is %.60q", row, rec.Key)
		}
	}
}

func (r rowTexts) all() (text []byte, ok bool) {
	for n := range r {
		if text, ok = r.AppendKeyText(text, n); !ok {
			return text, false
		}
	}
	return text, true
}

func TestAKeyIsTheSameByItsTexts(t *testing.T) {
	t.Parallel()
	values := keyValues()
	for class, singles := range values {
		single := keyMapping(t, class)
		for _, v := range singles {
			sameKey(t, single, warehouse.Row{v})
		}
		for other, seconds := range values {
			pair := keyMapping(t, class, other)
			for _, v := range singles {
				for _, w := range seconds {
					sameKey(t, pair, warehouse.Row{v, w})
				}
			}
		}
	}
	triple := keyMapping(t, warehouse.Bool, warehouse.String, warehouse.Int)
	for _, v := range values[warehouse.String] {
		sameKey(t, triple, warehouse.Row{true, v, int64(7)})
	}
}

func FuzzAKeyIsTheSameByItsTexts(f *testing.F) {
	f.Add("a", "b", int64(1))
	f.Add(" ", `"`, int64(-5))
	f.Fuzz(func(t *testing.T, a, b string, n int64) {
		sameKey(t, keyMapping(t, warehouse.String), warehouse.Row{a})
		sameKey(t, keyMapping(t, warehouse.String, warehouse.Int, warehouse.String), warehouse.Row{a, n, b})
	})
}

func TestOnlySomeClassesHaveTextKeys(t *testing.T) {
	t.Parallel()
	for class := warehouse.String; class <= warehouse.JSON; class++ {
		_, want := keyValues()[class]
		if got := keyMapping(t, class).HasTextKey(); got != want {
			t.Errorf("that a key of class %s has a text is %v, want %v", class, got, want)
		}
		if got := keyMapping(t, warehouse.String, class).HasTextKey(); got != want {
			t.Errorf("that a key of a text and class %s has a text is %v, want %v", class, got, want)
		}
	}
}

func TestColumnsAreThoseThatDecideTheRecord(t *testing.T) {
	t.Parallel()
	columns := []warehouse.Column{
		{Name: "unused", Type: warehouse.String},
		{Name: "email", Type: warehouse.String},
		{Name: "first", Type: warehouse.String},
		{Name: "account", Type: warehouse.Int},
		{Name: "doc", Type: warehouse.JSON},
		{Name: "id", Type: warehouse.Int},
		{Name: "other", Type: warehouse.String},
	}
	s := Spec{
		Key: []string{"id", "account"}, Identifier: "email",
		Fields: []Field{
			{Name: "email", Column: "EMAIL"},
			{Name: "name", Expr: `first + $env["email"]`},
			{Name: "plan", Expr: `doc?.plan ?? (account > 1 ? "big" : "small")`},
			{Name: "source", Value: "warehouse", HasValue: true},
		},
	}
	m := compiled(t, s, columns, people(), nil)
	if diff := cmp.Diff([]int{5, 3, 1, 2, 4}, m.Columns()); diff != "" {
		t.Errorf("the columns (-want +got):\n%s", diff)
	}
}
