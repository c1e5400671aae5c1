//go:build !noduckdb

package duckdb

import (
	"errors"
	"fmt"
	"strings"

	duck "github.com/duckdb/duckdb-go-bindings"

	"spillway/warehouse"
)

// kind is a type of DuckDB, with all that it takes to read its values.
type kind struct {
	id       duck.Type
	physical duck.Type // of an enum and a decimal: the integer that is stored
	class    warehouse.Type
	native   string
	scale    int      // of a decimal
	width    int      // of a value, in bytes; 0 where values differ in it
	length   int      // of an array
	names    []string // of an enum its values, of a struct and a union its members
	order    []int    // of a struct: the members in the order of their names
	children []*kind
}

// columnKind reads the type of a column and destroys t.
func columnKind(column string, t duck.LogicalType) (*kind, error) {
	k, err := kindOf(t)
	if err != nil {
		return nil, &warehouse.Error{
			Code: "Not implemented Error", Message: fmt.Sprintf("column %q: %s", column, err),
			Hint: "cast it to VARCHAR or JSON",
		}
	}
	return k, nil
}

func kindOf(t duck.LogicalType) (*kind, error) {
	defer duck.DestroyLogicalType(&t)
	k := &kind{id: duck.GetTypeId(t)}
	simple, ok := simpleTypes[k.id]
	if ok {
		k.class, k.native, k.width = simple.class, simple.native, width(k.id)
		if k.id == duck.TypeVarchar && duck.LogicalTypeGetAlias(t) == "JSON" {
			k.class, k.native = warehouse.JSON, "JSON"
		}
		return k, nil
	}
	switch k.id {
	case duck.TypeDecimal:
		k.class, k.scale, k.physical = warehouse.Numeric, int(duck.DecimalScale(t)), duck.DecimalInternalType(t)
		k.width = width(k.physical)
		k.native = fmt.Sprintf("DECIMAL(%d,%d)", duck.DecimalWidth(t), k.scale)
		return k, nil
	case duck.TypeEnum:
		k.class, k.physical, k.native = warehouse.String, duck.EnumInternalType(t), "ENUM"
		k.width = width(k.physical)
		for i := range duck.EnumDictionarySize(t) {
			k.names = append(k.names, duck.EnumDictionaryValue(t, duck.IdxT(i)))
		}
		return k, nil
	}
	return k, k.nest(t)
}

// nest completes a kind that is made of others.
func (k *kind) nest(t duck.LogicalType) error {
	k.class = warehouse.JSON
	var err error
	switch k.id {
	case duck.TypeList:
		if err = k.add(duck.ListTypeChildType(t)); err == nil {
			k.native = k.children[0].native + "[]"
		}
	case duck.TypeArray:
		k.length = int(duck.ArrayTypeArraySize(t))
		if err = k.add(duck.ArrayTypeChildType(t)); err == nil {
			k.native = fmt.Sprintf("%s[%d]", k.children[0].native, k.length)
		}
	case duck.TypeMap:
		if err = k.add(duck.MapTypeKeyType(t), duck.MapTypeValueType(t)); err == nil {
			k.native = fmt.Sprintf("MAP(%s, %s)", k.children[0].native, k.children[1].native)
		}
	case duck.TypeStruct:
		for i := range duck.StructTypeChildCount(t) {
			k.names = append(k.names, duck.StructTypeChildName(t, i))
			if err = k.add(duck.StructTypeChildType(t, i)); err != nil {
				return err
			}
		}
		k.order = sorted(k.names)
		k.native = "STRUCT(" + k.members() + ")"
	case duck.TypeUnion:
		for i := range duck.UnionTypeMemberCount(t) {
			k.names = append(k.names, duck.UnionTypeMemberName(t, i))
			if err = k.add(duck.UnionTypeMemberType(t, i)); err != nil {
				return err
			}
		}
		k.native = "UNION(" + k.members() + ")"
	case duck.TypeVariant:
		err = errors.New("the type VARIANT cannot be read")
	case duck.TypeGeometry:
		err = errors.New("the type GEOMETRY cannot be read")
	default:
		err = fmt.Errorf("DuckDB's type number %d cannot be read", k.id)
	}
	return err
}

func (k *kind) add(types ...duck.LogicalType) error {
	for i, t := range types {
		child, err := kindOf(t)
		if err != nil {
			for _, rest := range types[i+1:] {
				duck.DestroyLogicalType(&rest)
			}
			return err
		}
		k.children = append(k.children, child)
	}
	return nil
}

func (k *kind) members() string {
	parts := make([]string, len(k.names))
	for i, name := range k.names {
		parts[i] = name + " " + k.children[i].native
	}
	return strings.Join(parts, ", ")
}

// simpleType is a type without parts.
type simpleType struct {
	class  warehouse.Type
	native string
}

var simpleTypes = map[duck.Type]simpleType{
	duck.TypeSQLNull:     {warehouse.String, "NULL"},
	duck.TypeBoolean:     {warehouse.Bool, "BOOLEAN"},
	duck.TypeTinyInt:     {warehouse.Int, "TINYINT"},
	duck.TypeSmallInt:    {warehouse.Int, "SMALLINT"},
	duck.TypeInteger:     {warehouse.Int, "INTEGER"},
	duck.TypeBigInt:      {warehouse.Int, "BIGINT"},
	duck.TypeHugeInt:     {warehouse.Int, "HUGEINT"},
	duck.TypeUTinyInt:    {warehouse.Int, "UTINYINT"},
	duck.TypeUSmallInt:   {warehouse.Int, "USMALLINT"},
	duck.TypeUInteger:    {warehouse.Int, "UINTEGER"},
	duck.TypeUBigInt:     {warehouse.Int, "UBIGINT"},
	duck.TypeUHugeInt:    {warehouse.Int, "UHUGEINT"},
	duck.TypeBigNum:      {warehouse.Int, "BIGNUM"},
	duck.TypeFloat:       {warehouse.Float, "FLOAT"},
	duck.TypeDouble:      {warehouse.Float, "DOUBLE"},
	duck.TypeVarchar:     {warehouse.String, "VARCHAR"},
	duck.TypeBlob:        {warehouse.Bytes, "BLOB"},
	duck.TypeBit:         {warehouse.String, "BIT"},
	duck.TypeUUID:        {warehouse.String, "UUID"},
	duck.TypeDate:        {warehouse.Day, "DATE"},
	duck.TypeTime:        {warehouse.String, "TIME"},
	duck.TypeTimeNS:      {warehouse.String, "TIME_NS"},
	duck.TypeTimeTZ:      {warehouse.String, "TIME WITH TIME ZONE"},
	duck.TypeTimestamp:   {warehouse.Time, "TIMESTAMP"},
	duck.TypeTimestampS:  {warehouse.Time, "TIMESTAMP_S"},
	duck.TypeTimestampMS: {warehouse.Time, "TIMESTAMP_MS"},
	duck.TypeTimestampNS: {warehouse.Time, "TIMESTAMP_NS"},
	duck.TypeTimestampTZ: {warehouse.Time, "TIMESTAMP WITH TIME ZONE"},
	duck.TypeInterval:    {warehouse.String, "INTERVAL"},
}
