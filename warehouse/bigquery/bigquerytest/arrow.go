//go:build !noduckdb

package bigquerytest

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/decimal256"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func arrowSchema(fields []*field) *arrow.Schema {
	var out []arrow.Field
	for _, f := range fields {
		out = append(out, f.arrowField())
	}
	return arrow.NewSchema(out, nil)
}

func (f *field) arrowField() arrow.Field {
	out := arrow.Field{Name: f.name, Type: f.arrowType(), Nullable: !f.repeated}
	if f.repeated {
		out.Type = arrow.ListOfField(arrow.Field{Name: "item", Type: f.arrowType(), Nullable: true})
	}
	if f.kind == "JSON" || f.kind == "GEOGRAPHY" || f.kind == "DATETIME" {
		name := "google:sqlType:" + strings.ToLower(f.kind)
		out.Metadata = arrow.NewMetadata([]string{"ARROW:extension:name"}, []string{name})
	}
	return out
}

var arrowTypes = map[string]arrow.DataType{
	"BOOLEAN": arrow.FixedWidthTypes.Boolean, "INTEGER": arrow.PrimitiveTypes.Int64, "FLOAT": arrow.PrimitiveTypes.Float64,
	"STRING": arrow.BinaryTypes.String, "JSON": arrow.BinaryTypes.String, "GEOGRAPHY": arrow.BinaryTypes.String, "BYTES": arrow.BinaryTypes.Binary,
	"DATE": arrow.FixedWidthTypes.Date32, "TIME": arrow.FixedWidthTypes.Time64us, "DATETIME": &arrow.TimestampType{Unit: arrow.Microsecond},
	"TIMESTAMP": arrow.FixedWidthTypes.Timestamp_us, "INTERVAL": arrow.FixedWidthTypes.MonthDayNanoInterval,
}

func (f *field) arrowType() arrow.DataType {
	switch f.kind {
	case "NUMERIC":
		if f.precision > 0 {
			return &arrow.Decimal128Type{Precision: int32(f.precision), Scale: int32(f.scale)}
		}
		return &arrow.Decimal128Type{Precision: 38, Scale: 9}
	case "BIGNUMERIC":
		if f.precision > 0 {
			return &arrow.Decimal256Type{Precision: int32(f.precision), Scale: int32(f.scale)}
		}
		return &arrow.Decimal256Type{Precision: 76, Scale: 38}
	case "RANGE":
		element := (&field{kind: f.element}).arrowType()
		return arrow.StructOf(arrow.Field{Name: "start", Type: element, Nullable: true}, arrow.Field{Name: "end", Type: element, Nullable: true})
	case "RECORD":
		var fields []arrow.Field
		for _, inner := range f.fields {
			fields = append(fields, inner.arrowField())
		}
		return arrow.StructOf(fields...)
	}
	return arrowTypes[f.kind]
}

func serializedSchema(schema *arrow.Schema) ([]byte, error) {
	var b bytes.Buffer
	payload := ipc.GetSchemaPayload(schema, memory.DefaultAllocator)
	defer payload.Release()
	_, err := payload.WritePayload(&b)
	return b.Bytes(), err
}

// builder collects rows for a message of Arrow.
type builder struct {
	fields []*field
	record *array.RecordBuilder
	rows   int64
}

func newBuilder(fields []*field) *builder {
	return &builder{fields: fields, record: array.NewRecordBuilder(memory.DefaultAllocator, arrowSchema(fields))}
}

func (b *builder) release() { b.record.Release() }

func (b *builder) add(values []any) error {
	for i, f := range b.fields {
		if err := f.build(b.record.Field(i), values[i]); err != nil {
			return fmt.Errorf("column %s: %w", f.name, err)
		}
	}
	b.rows++
	return nil
}

// message returns the rows collected since the last one.
func (b *builder) message() ([]byte, error) {
	record := b.record.NewRecordBatch()
	defer record.Release()
	b.rows = 0
	payload, err := ipc.GetRecordBatchPayload(record)
	if err != nil {
		return nil, err
	}
	defer payload.Release()
	var out bytes.Buffer
	_, err = payload.WritePayload(&out)
	return out.Bytes(), err
}

// build appends a value.
func (f *field) build(to array.Builder, v any) error {
	if f.repeated {
		return f.buildList(to, v)
	}
	if v == nil {
		to.AppendNull()
		return nil
	}
	switch to := to.(type) {
	case *array.BooleanBuilder:
		to.Append(v == true)
	case *array.Int64Builder:
		to.Append(v.(int64)) //nolint:errcheck // take gave it
	case *array.Float64Builder:
		to.Append(v.(float64)) //nolint:errcheck // take gave it
	case *array.StringBuilder:
		to.Append(v.(string)) //nolint:errcheck // take gave it
	case *array.BinaryBuilder:
		to.Append(v.([]byte)) //nolint:errcheck // take gave it
	case *array.Date32Builder:
		to.Append(arrow.Date32(v.(int64))) //nolint:errcheck // take gave it
	case *array.Time64Builder:
		to.Append(arrow.Time64(v.(int64))) //nolint:errcheck // take gave it
	case *array.TimestampBuilder:
		to.Append(arrow.Timestamp(v.(int64))) //nolint:errcheck // take gave it
	case *array.MonthDayNanoIntervalBuilder:
		i := v.(interval) //nolint:errcheck // take gave it
		to.Append(arrow.MonthDayNanoInterval{Months: i.months, Days: i.days, Nanoseconds: i.micros * 1000})
	case *array.Decimal128Builder:
		n, err := unscaled(v, to.Type())
		to.Append(decimal128.FromBigInt(n))
		return err
	case *array.Decimal256Builder:
		n, err := unscaled(v, to.Type())
		to.Append(wide(n))
		return err
	case *array.StructBuilder:
		return f.buildStruct(to, v)
	default:
		return fmt.Errorf("the stand-in cannot send a %s", f.kind)
	}
	return nil
}

// unscaled is the integer that stands for a decimal's digits. The conversions of Arrow go by way of floats.
func unscaled(v any, t arrow.DataType) (*big.Int, error) {
	text, ok := v.(string)
	decimal, isDecimal := t.(arrow.DecimalType)
	whole, fraction, _ := strings.Cut(text, ".")
	fraction = strings.TrimRight(fraction, "0")
	if !ok || !isDecimal || len(fraction) > int(decimal.GetScale()) {
		return new(big.Int), fmt.Errorf("%v does not fit into %s", v, t)
	}
	fraction += strings.Repeat("0", int(decimal.GetScale())-len(fraction))
	n, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return new(big.Int), fmt.Errorf("%v is no number", v)
	}
	return n, nil
}

// wide is n in two's complement. Arrow's own conversion does not take the least BIGNUMERIC, which is -2^255.
func wide(n *big.Int) decimal256.Num {
	var words [4]uint64
	for i := range words {
		word := new(big.Int).Rsh(n, uint(64*i))
		words[i] = word.And(word, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
	}
	return decimal256.New(words[3], words[2], words[1], words[0])
}

func (f *field) buildList(to array.Builder, v any) error {
	list, ok := to.(*array.ListBuilder)
	elements, _ := v.([]any)
	if !ok {
		return fmt.Errorf("a list is built by %T", to)
	}
	list.Append(true)
	element := *f
	element.repeated = false
	for _, e := range elements {
		if err := element.build(list.ValueBuilder(), e); err != nil {
			return err
		}
	}
	return nil
}

func (f *field) buildStruct(to *array.StructBuilder, v any) error {
	to.Append(true)
	if r, ok := v.(bounds); ok {
		element := &field{kind: f.element}
		if err := element.build(to.FieldBuilder(0), r.start); err != nil {
			return err
		}
		return element.build(to.FieldBuilder(1), r.end)
	}
	members, ok := v.([]any)
	if !ok {
		return fmt.Errorf("a struct of %T", v)
	}
	for i, inner := range f.fields {
		if err := inner.build(to.FieldBuilder(i), members[i]); err != nil {
			return err
		}
	}
	return nil
}
