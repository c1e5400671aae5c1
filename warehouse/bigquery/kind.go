package bigquery

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	bq "google.golang.org/api/bigquery/v2"

	"spillway/warehouse"
)

// kind is a type of BigQuery, with all that it takes to read its values.
type kind struct {
	name     typeName
	class    warehouse.Type
	native   string
	scale    int      // of a NUMERIC or BIGNUMERIC that declares one, otherwise -1
	names    []string // of a STRUCT its fields
	order    []int    // of a STRUCT the fields in the order of their names
	children []*kind  // of a STRUCT its fields, of an ARRAY and a RANGE the type of its elements
}

// typeName is a type's name in GoogleSQL.
type typeName string

const (
	typeBool       typeName = "BOOL"
	typeInt64      typeName = "INT64"
	typeFloat64    typeName = "FLOAT64"
	typeNumeric    typeName = "NUMERIC"
	typeBigNumeric typeName = "BIGNUMERIC"
	typeString     typeName = "STRING"
	typeBytes      typeName = "BYTES"
	typeDate       typeName = "DATE"
	typeTime       typeName = "TIME"
	typeDatetime   typeName = "DATETIME"
	typeTimestamp  typeName = "TIMESTAMP"
	typeInterval   typeName = "INTERVAL"
	typeJSON       typeName = "JSON"
	typeGeography  typeName = "GEOGRAPHY"
	typeRange      typeName = "RANGE"
	typeStruct     typeName = "STRUCT"
	typeArray      typeName = "ARRAY"
)

// aliases are the names that schemas of the REST API have for some types.
var aliases = map[string]typeName{
	"BOOLEAN": typeBool, "INTEGER": typeInt64, "FLOAT": typeFloat64, "RECORD": typeStruct,
}

var classes = map[typeName]warehouse.Type{
	typeBool: warehouse.Bool, typeInt64: warehouse.Int, typeFloat64: warehouse.Float,
	typeNumeric: warehouse.Numeric, typeBigNumeric: warehouse.Numeric,
	typeString: warehouse.String, typeBytes: warehouse.Bytes, typeDate: warehouse.Day, typeTime: warehouse.String,
	typeDatetime: warehouse.Time, typeTimestamp: warehouse.Time, typeInterval: warehouse.String, typeJSON: warehouse.JSON,
	typeGeography: warehouse.String, typeRange: warehouse.String, typeStruct: warehouse.JSON, typeArray: warehouse.JSON,
}

// picoseconds is the precision of the timestamps that no value of Spillway holds.
const picoseconds = 12

func kindOf(f *bq.TableFieldSchema) (*kind, error) {
	name := typeName(f.Type)
	if alias, ok := aliases[f.Type]; ok {
		name = alias
	}
	class, ok := classes[name]
	if !ok {
		return nil, fmt.Errorf("the type %s cannot be read", f.Type)
	}
	k := &kind{name: name, class: class, native: string(name), scale: -1}
	var err error
	switch {
	case name == typeTimestamp && f.TimestampPrecision != nil && *f.TimestampPrecision >= picoseconds:
		err = fmt.Errorf("the type TIMESTAMP(%d) cannot be read exactly", *f.TimestampPrecision)
	case f.Precision > 0 && class == warehouse.Numeric:
		k.scale = int(f.Scale)
		k.native = fmt.Sprintf("%s(%d,%d)", name, f.Precision, f.Scale)
	case name == typeRange:
		err = k.addRange(f)
	case name == typeStruct:
		err = k.addFields(f)
	}
	if err != nil {
		return nil, err
	}
	if f.Mode == "REPEATED" {
		return &kind{name: typeArray, class: warehouse.JSON, native: "ARRAY<" + k.native + ">", scale: -1, children: []*kind{k}}, nil
	}
	return k, nil
}

func (k *kind) addRange(f *bq.TableFieldSchema) error {
	if f.RangeElementType == nil {
		return errors.New("the type RANGE does not say of what")
	}
	element, err := kindOf(&bq.TableFieldSchema{Type: f.RangeElementType.Type})
	if err != nil {
		return err
	}
	k.children, k.native = []*kind{element}, "RANGE<"+element.native+">"
	return nil
}

func (k *kind) addFields(f *bq.TableFieldSchema) error {
	parts := make([]string, len(f.Fields))
	for i, field := range f.Fields {
		child, err := kindOf(field)
		if err != nil {
			return err
		}
		k.names, k.children = append(k.names, field.Name), append(k.children, child)
		parts[i] = strings.TrimSpace(field.Name + " " + child.native)
	}
	k.order = sorted(k.names)
	k.native = "STRUCT<" + strings.Join(parts, ", ") + ">"
	return nil
}

// sorted returns the indices of names in the order of the names.
func sorted(names []string) []int {
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	return order
}
