//go:build !noduckdb

package bigquery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	bq "google.golang.org/api/bigquery/v2"

	"spillway/warehouse"
	"spillway/warehouse/bigquery/bigquerytest"
	"spillway/warehouse/warehousetest"
)

// TestArrays holds what the suite's lists are at BigQuery, which knows no null within one and none instead of one.
func TestArrays(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{})
	for _, c := range []struct{ sql, want string }{
		{"[1, -3]", `[1,-3]`},
		{"[]::int[]", `[]`},
		{"null::int[]", `[]`},
		{`['', 'NULL', 'a,b', 'd"e', 'f\g']`, `["","NULL","a,b","d\"e","f\\g"]`},
		{"[1.50, -0.05]::decimal(8,2)[]", `[1.50,-0.05]`},
		{"['1.50'::union(numeric varchar)]", `[1.5]`},
		{"[0.1, 1e300, 1e-9, 'NaN'::double, 'Infinity'::double, '-Infinity'::double, 1e20]", `[0.1,1e+300,1e-9,"NaN","Infinity","-Infinity",100000000000000000000]`},
		{"[true, false]", `[true,false]`},
		{"['2026-11-20']::date[]", `["2026-11-20"]`},
		{"['2026-11-20 15:04:05.5']::timestamp[]", `["2026-11-20T15:04:05.5Z"]`},
		{"['2026-11-20 15:04:05+02']::timestamptz[]", `["2026-11-20T13:04:05Z"]`},
		{`['\x00\x01\xFF'::blob, ''::blob]`, `["AAH/",""]`},
		{`['{ "b":1, "a":2}', '[2]']::json[]`, `[{"a":2,"b":1},[2]]`},
		{"[interval '1 day 2 hours', interval '0 days']", `["P1DT2H","PT0S"]`},
		{"['15:04:05.5']::time[]", `["15:04:05.5"]`},
		{"[{'street': 'a', 'no': 1, 'since': null::date}]", `[{"no":1,"since":null,"street":"a"}]`},
		{"[{'b': [{'c': [1.5::double]}]}]", `[{"b":[{"c":[1.5]}]}]`},
		{"['[2026-11-20, UNBOUNDED)'::union(range_date varchar)]", `["[2026-11-20, UNBOUNDED)"]`},
	} {
		t.Run(c.sql, func(t *testing.T) {
			t.Parallel()
			for _, change := range []func(*Config){nil, restOnly} {
				w := openAt(t, s, change)
				rows, err := w.Query(t.Context(), warehouse.Query{SQL: "select case when n % 2 = 0 then " + c.sql + " end as v from (select range as n from range(3000)) s"})
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				for row, err := range warehouse.All(t.Context(), rows) {
					want := doc(c.want)
					if n%2 == 1 {
						want = doc("[]")
					}
					if d := cmp.Diff(warehouse.Row{want}, row); d != "" || err != nil {
						t.Fatalf("row %d, error %v (-want +got):\n%s", n, err, d)
					}
					n++
				}
				if n != 3000 {
					t.Errorf("%d rows came", n)
				}
				_ = rows.Close()
			}
		})
	}
}

// TestBothAPIsGiveTheSame reads all values of the suite by both APIs, decoded and packed.
func TestBothAPIsGiveTheSame(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{})
	expressions := []string{"[1, 2]", "{'a': [1], 'b': null::varchar}"}
	for _, sql := range values {
		if sql != warehousetest.Absent {
			expressions = append(expressions, sql)
		}
	}
	for _, o := range own {
		expressions = append(expressions, o.SQL)
	}
	slices.Sort(expressions)
	for i, sql := range expressions {
		expressions[i] = fmt.Sprintf("case when n %% 2 = 0 then %s end as c%d", sql, i)
	}
	sql := "select " + strings.Join(expressions, ",\n") + " from (select range as n from range(1200)) s"
	var layouts []string
	var values [][]warehouse.Row
	var packed [][]string
	for _, change := range []func(*Config){nil, restOnly} {
		w := openAt(t, s, change)
		v, p, layout := both(t, w, sql, len(expressions))
		layouts, values, packed = append(layouts, layout), append(values, v), append(packed, p)
	}
	if d := cmp.Diff(values[0], values[1], cmpopts.EquateNaNs()); d != "" {
		t.Errorf("values (-storage +REST):\n%s", d)
	}
	if layouts[0] != layouts[1] || !slices.Equal(packed[0], packed[1]) {
		t.Error("packed rows differ")
	}
	if jobs := s.Jobs(); jobs[0].Sessions != 1 || jobs[1].Sessions != 1 || jobs[2].Sessions != 0 {
		t.Errorf("the jobs are %+v", jobs)
	}
}

// both reads a result decoded, and again packed.
func both(t *testing.T, w warehouse.Warehouse, sql string, columns int) (values []warehouse.Row, packed []string, layout string) {
	t.Helper()
	rows, err := w.Query(t.Context(), warehouse.Query{SQL: sql})
	if err != nil {
		t.Fatal(err)
	}
	for row, err := range warehouse.All(t.Context(), rows) {
		if err != nil {
			t.Fatal(err)
		}
		if len(values) < 2 {
			values = append(values, slices.Clone(row))
		}
	}
	_ = rows.Close()
	if rows, err = w.Query(t.Context(), warehouse.Query{SQL: sql}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	p, ok := rows.(warehouse.Packer)
	if !ok {
		t.Fatal("the rows cannot be packed")
	}
	all := make([]int, columns)
	for i := range all {
		all[i] = i
	}
	layout = p.Pack(all)
	for {
		row, err := p.NextPacked(t.Context(), nil)
		if errors.Is(err, io.EOF) {
			return values, packed, layout
		}
		if err != nil {
			t.Fatal(err)
		}
		packed = append(packed, string(row))
	}
}

func TestTypesThatAreRefused(t *testing.T) {
	t.Parallel()
	precision := int64(12)
	for _, f := range []*bq.TableFieldSchema{
		{Name: "x", Type: "FOREIGN"},
		{Name: "x", Type: "TIMESTAMP", TimestampPrecision: &precision},
		{Name: "x", Type: "RECORD", Fields: []*bq.TableFieldSchema{{Name: "y", Type: "FOREIGN"}}},
		{Name: "x", Type: "RANGE"},
	} {
		if _, err := shapeOf(&bq.TableSchema{Fields: []*bq.TableFieldSchema{f}}); !strings.Contains(fmt.Sprint(err), `column "x"`) ||
			!strings.Contains(fmt.Sprint(err), "cast") {
			t.Errorf("a column of type %s: %v", f.Type, err)
		}
	}
}

func TestNativeNamesAreThoseOfGoogleSQL(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{})
	got, err := openAt(t, s, nil).Columns(t.Context(), `select 1 as a, 1.5::decimal(12,2) as b, [{'x': '1'::union(bignumeric varchar)}] as c,
		'[2026-11-20, UNBOUNDED)'::union(range_date varchar) as d, true as e, 1.5::double as f`)
	if err != nil {
		t.Fatal(err)
	}
	var natives []string
	for _, c := range got {
		natives = append(natives, c.Native)
	}
	if d := cmp.Diff([]string{"INT64", "NUMERIC(12,2)", "ARRAY<STRUCT<x BIGNUMERIC>>", "RANGE<DATE>", "BOOL", "FLOAT64"}, natives); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestDecimals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		scale int
		want  string
	}{
		{"0", -1, "0"},
		{"-0.00", -1, "0"},
		{"-0", 2, "0.00"},
		{"12.500", -1, "12.5"},
		{"12.5", 3, "12.500"},
		{"12.555", 2, "12.555"},
		{"007", 0, "7"},
		{"1e3", -1, "1000"},
		{"1.25E+1", -1, "12.5"},
		{"-1.5e-10", -1, "-0.00000000015"},
		{"1000e-1", 2, "100.00"},
		{".5", -1, "0.5"},
		{"5.", -1, "5"},
		{"+5", -1, "5"},
	} {
		got, err := appendDecimal(nil, c.text, c.scale)
		if err != nil || string(got) != c.want {
			t.Errorf("%q with scale %d is %q, %v, want %q", c.text, c.scale, got, err, c.want)
		}
	}
	for _, text := range []string{"", "-", ".", "1.2.3", "1e", "1e9999", "NaN", "0x1", "1_0", "--1", "1e1.5", "١"} {
		if got, err := appendDecimal(nil, text, -1); err == nil {
			t.Errorf("%q is %q", text, got)
		}
	}
}

// FuzzDecimal holds both ways to a decimal's digits to exact arithmetic.
func FuzzDecimal(f *testing.F) {
	for _, text := range []string{"0", "-12.50", "1e-9", "99999999999999999999999999999.999999999", "-0.001"} {
		f.Add(text, int8(-1))
		f.Add(text, int8(9))
	}
	f.Fuzz(func(t *testing.T, text string, declared int8) {
		got, err := appendDecimal(nil, text, int(declared))
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(text)
		have, okHave := new(big.Rat).SetString(string(got))
		if !ok || !okHave || want.Cmp(have) != 0 {
			t.Fatalf("%q became %q", text, got)
		}
		whole, fraction, _ := strings.Cut(string(got), ".")
		if len(fraction) > 50 {
			return
		}
		const stored = 50
		unscaled := strings.TrimLeft(strings.TrimPrefix(whole, "-")+fraction+strings.Repeat("0", stored-len(fraction)), "0")
		if unscaled == "" {
			unscaled = "0"
		}
		if strings.HasPrefix(whole, "-") {
			unscaled = "-" + unscaled
		}
		if again := appendScaled(nil, []byte(unscaled), stored, int(declared)); !bytes.Equal(again, got) {
			t.Fatalf("%s is %s as text and %s from Arrow", unscaled, got, again)
		}
	})
}

func FuzzInterval(f *testing.F) {
	for _, text := range []string{"1-2 3 4:5:6.789", "-0-1 -1 -0:0:0.000001", "0-0 0 0:0:0", "0-0 0 0:0:0.0000001", "x"} {
		f.Add(text)
	}
	f.Fuzz(func(_ *testing.T, text string) { _, _, _, _ = parseInterval(text) })
}

// oneBatch is a source of one message.
type oneBatch struct{ batch batch }

func (o *oneBatch) next(context.Context) (batch, error) {
	if o.batch == nil {
		return nil, io.EOF
	}
	b := o.batch
	o.batch = nil
	return b, nil
}

func (o *oneBatch) close() {}

// FuzzRecord reads damaged messages: they end in an error or in values, never in a panic.
func FuzzRecord(f *testing.F) {
	schema, message, fields := bigquerytest.Message(f, "select 'text' as a, 1.5::decimal(12,2) as b, [1, 2] as c, {'x': 'y'} as d, n as e, '\\x00'::blob as g from range(3) r(n)")
	shape, err := shapeOf(fields)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(message)
	for at := 0; at < len(message); at += 37 {
		damaged := slices.Clone(message)
		damaged[at] ^= 0xff
		f.Add(damaged)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		record, err := shape.decode(schema, message)
		if err != nil {
			if errors.Is(err, io.EOF) {
				t.Fatalf("%v is taken for the end of a complete result", err)
			}
			return
		}
		ctx := t.Context()
		r := newRows(ctx, &job{}, shape, 0)
		r.job.done.Store(true)
		r.source, r.total = &oneBatch{batch: record}, int64(record.len())
		defer func() { _ = r.Close() }()
		for range min(record.len(), 100) {
			if _, err := r.Next(ctx); err != nil {
				return
			}
		}
	})
}

func TestLabels(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"contacts": "contacts", "Contacts EU": "contacts_eu", "été/日本": "été_日本", "a.b-c_d1": "a_b-c_d1", strings.Repeat("x", 99): strings.Repeat("x", 63),
	} {
		if got := label(text); got != want {
			t.Errorf("the label of %q is %q, want %q", text, got, want)
		}
	}
	if got := jobID(warehouse.Tag{Sync: "été", Run: "01JD"}); !strings.HasPrefix(got, "spillway__t__01JD_") {
		t.Errorf("the job's id is %s", got)
	}
	if reflect.DeepEqual(jobID(warehouse.Tag{}), jobID(warehouse.Tag{})) {
		t.Error("two jobs have one id")
	}
}
