package snowflake

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"spillway/warehouse"
)

// TestArrowInAllFormsThatSnowflakeHas builds arrays by hand that the server of package snowflaketest never sends.
func TestArrowInAllFormsThatSnowflakeHas(t *testing.T) {
	t.Parallel()
	field := func(name string, kind arrow.DataType) arrow.Field { return arrow.Field{Name: name, Type: kind} }
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	zoned := arrow.StructOf(field("epoch", arrow.PrimitiveTypes.Int64), field("timezone", arrow.PrimitiveTypes.Int32))
	for _, tt := range []struct {
		name  string
		typ   string
		scale int64
		kind  arrow.DataType
		text  string // of one value, as Arrow writes it in JSON
		want  warehouse.Value
	}{
		{"a time of four bytes", "time", 3, arrow.PrimitiveTypes.Int32, "54245678", "15:04:05.678"},
		{"a time in seconds", "time", 0, arrow.PrimitiveTypes.Int32, "54245", "15:04:05"},
		{"a number of one byte", "fixed", 1, arrow.PrimitiveTypes.Int8, "-5", warehouse.Decimal("-0.5")},
		{"a number of two bytes", "fixed", 3, arrow.PrimitiveTypes.Int16, "-1", warehouse.Decimal("-0.001")},
		{"an instant in microseconds", "timestamp_ntz", 6, arrow.PrimitiveTypes.Int64, "-1", at("1969-12-31T23:59:59.999999Z")},
		{"an instant in seconds", "timestamp_ltz", 0, arrow.PrimitiveTypes.Int64, "-1", at("1969-12-31T23:59:59Z")},
		{"a zoned instant in milliseconds", "timestamp_tz", 3, zoned, `{"epoch": -1, "timezone": 1560}`, at("1969-12-31T23:59:59.999Z")},
		{"a large text", "text", 0, arrow.BinaryTypes.LargeString, `"x"`, "x"},
		{"large bytes", "binary", 0, arrow.BinaryTypes.LargeBinary, `"AP8="`, []byte{0, 255}},
		{"bytes of one size", "binary", 0, &arrow.FixedSizeBinaryType{ByteWidth: 2}, `"AP8="`, []byte{0, 255}},
		{"a vector", "vector", 0, arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32), "[1.5, -2]", json.RawMessage("[1.5,-2]")},
		{"a type that is not known", "interval_day_time", 0, arrow.BinaryTypes.String, `"1 2:3"`, "1 2:3"},
		{"nothing", "date", 0, arrow.Null, "null", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			columns := []column{typeOf(tt.typ, 38, tt.scale, 0)}
			columns[0].Name = "v"
			schema := arrow.NewSchema([]arrow.Field{{Name: "v", Type: tt.kind, Nullable: true}}, nil)
			batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[{"v": `+tt.text+`}]`))
			if err != nil {
				t.Fatal(err)
			}
			b, err := newArrowBlock(columns, batch)
			if err != nil {
				t.Fatal(err)
			}
			r := &rows{columns: columns, block: b, size: 1, scratch: []byte{}}
			got, err := r.value(0)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("the value (-want +got):\n%s", diff)
			}
		})
	}
}

func TestArrowThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{
		"fixed", "real", "boolean", "date", "time", "timestamp_ntz", "timestamp_tz", "text", "variant", "binary", "decfloat",
	} {
		columns := []column{typeOf(typ, 38, 0, 0)}
		schema := arrow.NewSchema([]arrow.Field{{Name: "v", Type: arrow.FixedWidthTypes.MonthInterval}}, nil)
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		b.Field(0).AppendNull()
		_, err := newArrowBlock(columns, b.NewRecordBatch())
		e, ok := errors.AsType[*warehouse.Error](err)
		if !ok || e.Temporary || !strings.Contains(err.Error(), "cast it") {
			t.Errorf("%s: the error is %v, want the advice to cast it", typ, err)
		}
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "v", Type: arrow.BinaryTypes.String}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	if _, err := newArrowBlock(nil, b.NewRecordBatch()); err == nil {
		t.Error("a column that was not declared was taken")
	}
}

func TestTextThatIsNotOfItsType(t *testing.T) {
	t.Parallel()
	for typ, texts := range map[string][]string{
		"fixed":         {"", "x", "1.5", "1e3", strings.Repeat("9", 40)},
		"real":          {"x", ""},
		"boolean":       {"2", ""},
		"date":          {"2026-11-20", "99999999999"},
		"time":          {"x", "1.x", "1.1234567890", "1.-5"},
		"timestamp_ntz": {"", "1.+5"},
		"binary":        {"0", "zz"},
		"decfloat":      {"NaN", "1e999999", "1ex", ""},
	} {
		c := typeOf(typ, 38, 0, 0)
		for _, text := range texts {
			if _, err := c.packText(nil, text); err == nil {
				t.Errorf("%s takes %q", typ, text)
			}
		}
	}
}

// FuzzDocument holds what is read from a document to be JSON, or the text itself.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{`[undefined, NaN, -inf]`, `{"a": "\"NaN"}`, `{"a`, `-`, `"\`, `inf`, `[1,2`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		var c warehouse.Cell
		appendDocument(&c, src, nil)
		switch c.Type {
		case warehouse.JSON:
			if !json.Valid(c.Text) {
				t.Errorf("%q became %q, which is no JSON", src, c.Text)
			}
		default:
			if c.Type != warehouse.String || string(c.Text) != string(src) {
				t.Errorf("%q became %v", src, c.Value())
			}
		}
	})
}
