package mysql

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// kind says how the values of one column are read.
type kind struct {
	class  warehouse.Type
	native string
	read   func(driver.Value) (warehouse.Value, error) // of a value that is not null, which is the driver's own
}

// columnTypes is what the driver says of a result's columns.
type columnTypes interface {
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypePrecisionScale
}

func kindOf(types columnTypes, column int) kind {
	name := types.ColumnTypeDatabaseTypeName(column)
	k := kind{native: strings.ToLower(name)}
	if bare, ok := strings.CutPrefix(name, "UNSIGNED "); ok {
		k.native = strings.ToLower(bare) + " unsigned"
		name = bare
	}
	switch name {
	case "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "YEAR":
		k.class, k.read = warehouse.Int, integer
	case "BIT":
		k.class, k.read = warehouse.Int, bit
	case "FLOAT", "DOUBLE":
		k.class, k.read = warehouse.Float, float
	case "DECIMAL":
		k.class, k.read = warehouse.Numeric, decimal
		if precision, scale, ok := types.ColumnTypePrecisionScale(column); ok {
			k.native = fmt.Sprintf("decimal(%d,%d)", precision, scale)
		}
	case "DATE":
		k.class, k.read = warehouse.Day, day
	case "DATETIME", "TIMESTAMP":
		k.class, k.read = warehouse.Time, instant
	case "TIME":
		k.class, k.read = warehouse.String, clock
	case "JSON":
		k.class, k.read = warehouse.JSON, document
	case "BINARY", "VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "GEOMETRY", "VECTOR":
		k.class, k.read = warehouse.Bytes, bytes
	default: // CHAR, VARCHAR, the TEXTs, ENUM, SET, NULL, and what the driver does not know
		k.class, k.read = warehouse.String, text
	}
	if k.native == "" {
		k.native = "unknown"
	}
	return k
}

var errDriver = errors.New("the driver gave a value that is not of the column's type")

func integer(v driver.Value) (warehouse.Value, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case []byte: // an unsigned integer beyond int64
		return warehouse.Decimal(v), nil
	}
	return nil, errDriver
}

// errBit is a value that cannot be read for certain: of a column MariaDB sends the bits, of an expression over one the
// digits of its number, and calls both a BIT.
var errBit = errors.New("the bits cannot be told from digits: select the column as a number, with + 0")

// bit is the integer of a bit field, whose bytes come with the greatest first.
func bit(v driver.Value) (warehouse.Value, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, errDriver
	}
	if len(b) > 0 && strings.Trim(string(b), "0123456789") == "" {
		return nil, errBit
	}
	n := new(big.Int).SetBytes(b)
	if n.IsInt64() {
		return n.Int64(), nil
	}
	return warehouse.Decimal(n.String()), nil
}

func float(v driver.Value) (warehouse.Value, error) {
	switch v := v.(type) {
	case float32:
		return sqldb.Float32(v), nil
	case float64:
		return v, nil
	}
	return nil, errDriver
}

func decimal(v driver.Value) (warehouse.Value, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, errDriver
	}
	return warehouse.Decimal(b), nil
}

func text(v driver.Value) (warehouse.Value, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, errDriver
	}
	return string(b), nil
}

// bytes copies, for the driver reads the next row into the same memory.
func bytes(v driver.Value) (warehouse.Value, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, errDriver
	}
	return append([]byte{}, b...), nil
}

func document(v driver.Value) (warehouse.Value, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, errDriver
	}
	return sqldb.Document(b), nil
}
